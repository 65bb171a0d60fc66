"""Many recipes in one file."""

from __future__ import annotations

from pathlib import Path

import pytest

import recipes
from raft_core.errors import TrainingError
from raft_core.training.grid import load_grid
from raft_core.training.recipe import load_recipe

FOLDER = Path(recipes.__file__).parent


def test_the_write_ups_grid_has_every_combination() -> None:
    """Three models, 16 and 4 bits, rank 16 and 64, all layers or q and v only: 24 adapters at two lengths."""
    grid = load_grid(FOLDER / "grid.yaml")
    assert (len(grid.recipes), grid.max_new_tokens, grid.limit) == (24, (512, 800), 1000)
    assert len(set(grid.recipes)) == 24
    assert {recipe.r / recipe.lora_alpha for recipe in grid.recipes} == {1.0}
    assert {recipe.target_modules for recipe in grid.recipes} == {"all-linear", ("q_proj", "v_proj")}
    assert [len(group) for group in grid.by_base().values()] == [4] * 6


def test_the_reduced_grid_of_the_packaged_model() -> None:
    """Rank, layers and bits with two seeds at one length: 16 adapters, those of one precision served together."""
    grid = load_grid(FOLDER / "grid-smollm2.yaml")
    assert {recipe.seed for recipe in grid.recipes} == {0, 1}
    assert {(recipe.r, recipe.lora_alpha) for recipe in grid.recipes} == {(16, 16.0), (64, 64.0)}
    assert (len(set(grid.recipes)), grid.max_new_tokens) == (16, (160,))
    assert [(key, len(group)) for key, group in grid.by_base().items()] == [
        (("smollm2-135m", 16), 8),
        (("smollm2-135m", 4), 8),
    ]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.name)
def test_every_file_is_a_recipe_or_a_grid(file: Path) -> None:
    """Whatever ships in recipes/ can be run."""
    assert load_grid(file) if file.name.startswith("grid") else load_recipe(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no grid"),
        ("train: {recipe: r.yaml}", "evaluate: Field required"),
        ("train: {recipe: []}\nevaluate: {max_new_tokens: [8]}", "train.recipe is an empty list"),
        ("train: {rank: 8}\nevaluate: {max_new_tokens: [8]}", "train.recipe names no recipe"),
        ("train: {recipe: r.yaml}\nevaluate: {max_new_tokens: []}", "evaluate.max_new_tokens"),
        ("train: {recipe: r.yaml}\nevaluate: {max_new_tokens: [8], top: 1}", "evaluate.top"),
        ("train: {recipe: gone.yaml}\nevaluate: {max_new_tokens: [8]}", "gone.yaml: No such file"),
        ("train: {recipe: r.yaml, rang: [8]}\nevaluate: {max_new_tokens: [8]}", "no setting 'rang'"),
        ("train: {recipe: r.yaml, r: [0]}\nevaluate: {max_new_tokens: [8]}", "r cannot be 0"),
        ("a: [", "cannot read the grid"),
    ],
)
def test_what_is_no_grid_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """A fault of the file or of any combination names the place."""
    (tmp_path / "r.yaml").write_text("r: 4\nlora_alpha: 8\n", encoding="utf-8")
    path = tmp_path / "grid.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match=said):
        load_grid(path)


def test_alpha_keeps_its_ratio_to_the_rank(tmp_path: Path) -> None:
    """Another rank alone does not change how strongly an adapter acts."""
    (tmp_path / "r.yaml").write_text("r: 4\nlora_alpha: 8\n", encoding="utf-8")
    path = tmp_path / "grid.yaml"
    path.write_text("train: {recipe: r.yaml, r: [4, 16]}\nevaluate: {max_new_tokens: [8]}", encoding="utf-8")
    assert [(recipe.r, recipe.lora_alpha) for recipe in load_grid(path).recipes] == [(4, 8.0), (16, 32.0)]
