from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.errors import TrainingError
from raft_core.settings import load_settings
from raft_core.training.recipe import Recipe, load_recipe, to_yaml


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_pocket_is_trained_with_its_own_recipe() -> None:
    """Without a file the base decides: pocket.yaml has one batch an update, default.yaml sixteen rows."""
    pocket, real = load_recipe(base="pocket"), load_recipe(base="meta-llama/Llama-2-7b-chat-hf")
    assert (pocket.base, pocket.rank, pocket.target_modules) == ("pocket", 64, "all-linear")
    assert (real.rank, real.target_modules, real.batch_size * real.accumulation) == (64, "all-linear", 16)
    assert 1e-4 <= real.learning_rate <= 2e-4


def test_overrides_beat_the_file_and_the_file_beats_the_settings(tmp_path: Path) -> None:
    """An option that was not given changes nothing."""
    settings = load_settings(base_model="from-settings", load_in_4bit=True)
    path = write(tmp_path, "base: from-file\nrank: 16\nepochs: 2\n")
    assert load_recipe(path, settings=settings, rank=8, epochs=None) == Recipe(
        base="from-file", bits=4, rank=8, epochs=2
    )
    assert load_recipe(write(tmp_path, "rank: 16"), settings=settings).base == "from-settings"
    assert load_recipe(settings=settings, bits=16).bits == 16


def test_yaml_writes_small_numbers_as_people_do(tmp_path: Path) -> None:
    """5e-4 without a point is text to YAML, and a learning rate to us."""
    assert load_recipe(write(tmp_path, "learning_rate: 5e-4")).learning_rate == 5e-4


@given(
    rank=st.integers(1, 1024),
    alpha=st.floats(1e-3, 1e3),
    rate=st.floats(1e-8, 1.0),
    bits=st.sampled_from([4, 16]),
    modules=st.sampled_from(["all-linear", ("q_proj", "v_proj")]),
    base=st.text(min_size=1).filter(str.isprintable),
)
def test_a_saved_recipe_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    rank: int,
    alpha: float,
    rate: float,
    bits: int,
    modules: str | tuple[str, ...],
    base: str,
) -> None:
    """Whatever was resolved is what the file beside the adapter says."""
    recipe = Recipe(
        base=base,
        bits=bits,  # type: ignore[arg-type]
        rank=rank,
        alpha=alpha,
        learning_rate=rate,
        target_modules=modules,
    )
    path = write(tmp_path_factory.getbasetemp(), to_yaml(recipe))
    assert load_recipe(path) == recipe


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rnak: 3", "has no setting 'rnak'"),
        ("rank: 0", "rank cannot be 0"),
        ("bits: 8", "bits cannot be 8"),
        ("epochs: 1.5", "epochs cannot be 1.5"),
        ("alpha: .inf", "alpha cannot be inf"),
        ("learning_rate: -1", "learning_rate cannot be -1"),
        ("schedule: circle", "schedule cannot be 'circle'"),
        ("- rank", "is not a list of settings"),
        ("rank: [", "is not YAML"),
        ("rank: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    """Typos, values out of range and code are named, not ignored."""
    with pytest.raises(TrainingError, match=reason):
        load_recipe(write(tmp_path, text))


def test_a_missing_recipe_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(TrainingError, match=r"none\.yaml: No such file"):
        load_recipe(tmp_path / "none.yaml")
