"""A training run in one YAML file.

    rank: 64
    alpha: 64
    epochs: 3
    learning_rate: 0.0002

What a file leaves out keeps the value below. The recipe as it was resolved is saved beside the
adapter, and the adapter's id depends on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from raft_core.errors import TrainingError
from raft_core.settings import DEFAULT_BASE, POCKET, Settings


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one LoRA training; `base` is a name that `raftbot models list` shows, a folder, or a hub id.

    `accumulation` batches make one update. `warmup` is a share of all updates, `schedule` what follows it. `max_length` bounds a
    row's tokens below what the model can read (its memory); rows over it are refused, or left out and
    counted with `skip_long`. A checkpoint is kept every `checkpoint_s` seconds.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    base: str = DEFAULT_BASE
    bits: Literal[4, 16] = 16
    rank: Annotated[int, Field(ge=1, le=1024)] = 64
    alpha: Annotated[float, Field(gt=0)] = 64.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"
    epochs: Annotated[int, Field(ge=1)] = 3
    batch_size: Annotated[int, Field(ge=1)] = 4
    accumulation: Annotated[int, Field(ge=1)] = 1
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    gradient_checkpointing: bool = False
    max_length: Annotated[int, Field(ge=1)] | None = None
    skip_long: bool = False
    checkpoint_s: Annotated[float, Field(ge=0)] = 60.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


def load_recipe(path: Path | None = None, *, settings: Settings | None = None, **overrides: object) -> Recipe:
    """Resolve a recipe: `overrides` that are not None, then the file, then the settings' base and bits.

    Without a file the base chooses one that ships in the package: pocket.yaml for pocket, else default.yaml.

    Raises:
        TrainingError: the file cannot be read, has a key that no recipe has, or a value out of range.
    """
    given: dict[str, Any] = {}
    if settings is not None:
        given = {"base": settings.base_model, "bits": 4 if settings.load_in_4bit else 16}
    chosen = {name: value for name, value in overrides.items() if value is not None}
    if path is None:
        base = chosen.get("base", given.get("base", DEFAULT_BASE))
        source = "pocket.yaml" if base == POCKET else "default.yaml"
        text = (files("recipes") / source).read_text(encoding="utf-8")
    else:
        source, text = str(path), _read(path)
    return _validate({**given, **_parse(source, text), **chosen}, source)


def to_yaml(recipe: Recipe) -> str:
    """Return a recipe as the YAML that `load_recipe` reads back to the same recipe."""
    values = asdict(recipe)
    if isinstance(recipe.target_modules, tuple):
        values["target_modules"] = list(recipe.target_modules)
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise TrainingError(f"cannot read the recipe {path}: {reason}", remedy="give a YAML file") from error


def _parse(source: str, text: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TrainingError(f"the recipe {source} is not YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise TrainingError(
            f"the recipe {source} is not a list of settings", remedy="write lines like rank: 64"
        )
    return values


def _validate(values: dict[str, Any], source: str) -> Recipe:
    known = [field.name for field in fields(Recipe)]
    unknown = [str(key) for key in values if key not in known]
    if unknown:
        raise TrainingError(
            f"the recipe {source} has no setting {unknown[0]!r}", remedy=f"settings: {', '.join(known)}"
        )
    try:
        return TypeAdapter(Recipe).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(
            f"the recipe's {first['loc'][0]} cannot be {values.get(str(first['loc'][0]))!r}: {first['msg']}",
            remedy=f"change it in {source}, or give it as an option",
        ) from error
