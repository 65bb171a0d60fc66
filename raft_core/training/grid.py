"""A grid of trainings and evaluations in one YAML file: every combination of what its lists hold.

    train:
      recipe: [llama-2-7b-chat.yaml, llama-3-8b-instruct.yaml]   # files beside this one
      bits: [16, 4]
      rank: [16, 64]
      target_modules: [all-linear, [q_proj, v_proj]]
    evaluate:
      max_new_tokens: [512, 800]
      limit: 1000
      seed: 0

Any setting of a recipe may be a list; what is not named keeps the recipe's value, alpha its ratio to the rank.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raft_core.errors import TrainingError
from raft_core.training.recipe import Recipe, load_recipe

Lengths = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]


class _Evaluate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    max_new_tokens: Lengths
    limit: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    train: dict[str, Any]
    evaluate: _Evaluate


@dataclass(frozen=True, slots=True)
class Grid:
    """The recipes to train, and how each adapter is scored: `limit` questions drawn with `seed`, for each length."""

    recipes: tuple[Recipe, ...]
    max_new_tokens: tuple[int, ...]
    limit: int | None
    seed: int

    def by_base(self) -> dict[tuple[str, int], list[Recipe]]:
        """Return the recipes by base model and bits: those that one server can serve together."""
        groups: dict[tuple[str, int], list[Recipe]] = {}
        for recipe in self.recipes:
            groups.setdefault((recipe.base, recipe.bits), []).append(recipe)
        return groups


def load_grid(path: Path) -> Grid:
    """Return the grid of a file, every combination once, in the file's order.

    Raises:
        TrainingError: the file is no grid, or a combination of it is no recipe.
    """
    try:
        file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f"cannot read the grid {path}: {' '.join(str(error).split())[:200]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise TrainingError(
            f"{path} is no grid: {where}: {first['msg']}", remedy="see recipes/grid.yaml for one"
        ) from error
    axes = {name: value if isinstance(value, list) else [value] for name, value in file.train.items()}
    empty = next((name for name, values in axes.items() if not values), None)
    if empty is not None or "recipe" not in axes:
        reason = f"train.{empty} is an empty list" if empty else "train.recipe names no recipe"
        raise TrainingError(f"{path} is no grid: {reason}", remedy="see recipes/grid.yaml for one")
    recipes = [
        _recipe(path, dict(zip(axes, values, strict=True))) for values in itertools.product(*axes.values())
    ]
    scored = file.evaluate
    return Grid(tuple(dict.fromkeys(recipes)), tuple(scored.max_new_tokens), scored.limit, scored.seed)


def _recipe(grid: Path, values: dict[str, Any]) -> Recipe:
    """Resolve one combination; with another rank alpha changes too, so that their ratio, the scale, does not."""
    file = grid.parent / str(values.pop("recipe"))
    plain = load_recipe(file)
    if "r" in values and "lora_alpha" not in values and isinstance(values["r"], int):
        values["lora_alpha"] = plain.lora_alpha * values["r"] / plain.r
    return load_recipe(file, **values)
