"""A training run in one YAML file, whose keys are PEFT's and TRL's own.

    r: 64
    lora_alpha: 64
    num_train_epochs: 3
    learning_rate: 0.0002

A key that is left out keeps the value below. The resolved recipe is saved beside the adapter, and the adapter's id
depends on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from raft_core.errors import TrainingError
from raft_core.settings import DEFAULT_BASE, Settings


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one LoRA training; `base` is a name that `raftbot models list` shows, a folder, or a hub id.

    `r`, `lora_alpha`, `lora_dropout` and `target_modules` are PEFT's; `warmup_steps` below 1 is a share of all updates.
    `precision: auto` computes in bf16 where the hardware does, else in fp32. `max_length` bounds a row's tokens below
    what the model can read (its memory); longer rows are refused, or left out and counted with `skip_long`. A
    checkpoint is kept every `checkpoint_s` seconds.

    `validation_share` of the rows are not trained on: their loss is measured after each epoch, and the weights with the
    lowest one are kept. `early_stopping_patience` epochs without a lower one end the training. `report_to` names
    trackers that transformers knows (trackio, tensorboard, wandb).
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    base: str = DEFAULT_BASE
    bits: Literal[4, 16] = 16
    r: Annotated[int, Field(ge=1, le=1024)] = 64
    lora_alpha: Annotated[float, Field(gt=0)] = 64.0
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"
    num_train_epochs: Annotated[int, Field(ge=1)] = 3
    per_device_train_batch_size: Annotated[int, Field(ge=1)] = 4
    gradient_accumulation_steps: Annotated[int, Field(ge=1)] = 1
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    lr_scheduler_type: Literal["constant", "linear", "cosine"] = "cosine"
    warmup_steps: Annotated[float, Field(ge=0)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    gradient_checkpointing: bool = False
    max_length: Annotated[int, Field(ge=1)] | None = None
    skip_long: bool = False
    validation_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    early_stopping_patience: Annotated[int, Field(ge=1)] | None = None
    report_to: tuple[Literal["trackio", "tensorboard", "wandb"], ...] = ()
    checkpoint_s: Annotated[float, Field(ge=0)] = 60.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


OWN_RECIPES = (DEFAULT_BASE,)
"""Bases whose recipe in `recipes/` is used without being named."""
RENAMED = {
    "rank": "r",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
    "epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "accumulation": "gradient_accumulation_steps",
    "schedule": "lr_scheduler_type",
    "warmup": "warmup_steps",
}
"""Keys of recipes before they became PEFT's and TRL's own."""


def load_recipe(path: Path | None = None, *, settings: Settings | None = None, **overrides: object) -> Recipe:
    """Resolve a recipe: `overrides` that are not None, then the file, then the settings' base and bits.

    Without a file the base chooses one that ships in the package: its own where there is one, else default.yaml.

    Raises:
        TrainingError: the file cannot be read, has a key that no recipe has, or a value out of range.
    """
    given: dict[str, Any] = {}
    if settings is not None:
        given = {"base": settings.base_model, "bits": 4 if settings.load_in_4bit else 16}
    chosen = {name: value for name, value in overrides.items() if value is not None}
    if path is None:
        base = chosen.get("base", given.get("base", DEFAULT_BASE))
        source = f"{base}.yaml" if base in OWN_RECIPES else "default.yaml"
        text = (files("recipes") / source).read_text(encoding="utf-8")
    else:
        source, text = str(path), _read(path)
    return _validate({**given, **_parse(source, text), **chosen}, source)


def to_yaml(recipe: Recipe) -> str:
    """Return a recipe as the YAML that `load_recipe` reads back to the same recipe."""
    values = {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(recipe).items()
    }
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
        raise TrainingError(f"the recipe {source} is not a list of settings", remedy="write lines like r: 64")
    return values


def _validate(values: dict[str, Any], source: str) -> Recipe:
    known = [field.name for field in fields(Recipe)]
    unknown = [str(key) for key in values if key not in known]
    if unknown and unknown[0] in RENAMED:
        raise TrainingError(
            f"the recipe {source} uses the old key {unknown[0]!r}",
            remedy=f"write {RENAMED[unknown[0]]} instead",
        )
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
