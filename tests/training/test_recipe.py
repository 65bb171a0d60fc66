from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.errors import TrainingError
from raft_core.settings import load_settings
from raft_core.training.recipe import RENAMED, Recipe, load_recipe, to_yaml


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_packaged_base_is_trained_with_its_own_recipe() -> None:
    """Without a file the base decides: smollm2-135m.yaml has eight rows an update, default.yaml sixteen."""
    packaged, real = load_recipe(base="smollm2-135m"), load_recipe(base="meta-llama/Llama-2-7b-chat-hf")
    assert (packaged.base, packaged.r, packaged.target_modules) == ("smollm2-135m", 64, "all-linear")
    assert (
        real.r,
        real.target_modules,
        real.per_device_train_batch_size * real.gradient_accumulation_steps,
    ) == (64, "all-linear", 16)
    assert 1e-4 <= real.learning_rate <= 2e-4


def test_overrides_beat_the_file_and_the_file_beats_the_settings(tmp_path: Path) -> None:
    """An option that was not given changes nothing."""
    settings = load_settings(base_model="from-settings", load_in_4bit=True)
    path = write(tmp_path, "base: from-file\nr: 16\nnum_train_epochs: 2\n")
    assert load_recipe(path, settings=settings, r=8, num_train_epochs=None) == Recipe(
        base="from-file", bits=4, r=8, num_train_epochs=2
    )
    assert load_recipe(write(tmp_path, "r: 16"), settings=settings).base == "from-settings"
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
        r=rank,
        lora_alpha=alpha,
        learning_rate=rate,
        target_modules=modules,
    )
    path = write(tmp_path_factory.getbasetemp(), to_yaml(recipe))
    assert load_recipe(path) == recipe


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rnak: 3", "has no setting 'rnak'"),
        ("r: 0", "r cannot be 0"),
        ("bits: 8", "bits cannot be 8"),
        ("num_train_epochs: 1.5", "num_train_epochs cannot be 1.5"),
        ("lora_alpha: .inf", "lora_alpha cannot be inf"),
        ("learning_rate: -1", "learning_rate cannot be -1"),
        ("lr_scheduler_type: circle", "lr_scheduler_type cannot be 'circle'"),
        ("- rank", "is not a list of settings"),
        ("r: [", "is not YAML"),
        ("r: !!python/object/apply:os.getcwd []", "is not YAML"),
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


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_key_names_the_new_one(tmp_path: Path, old: str, new: str) -> None:
    """Keys are PEFT's and TRL's own; one from before is refused with the name that replaced it."""
    with pytest.raises(TrainingError, match=f"uses the old key '{old}'") as raised:
        load_recipe(write(tmp_path, f"{old}: 1"))
    assert raised.value.remedy == f"write {new} instead"
    assert new in {field.name for field in dataclasses.fields(Recipe)}
