from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raft_core.errors import ModelError, StorageError, TrainingError
from raft_core.progress import Progress, Report, silent
from raft_core.records import AdapterInfo
from raft_core.training.curve import HISTORY, read_points
from raft_core.training.recipe import Recipe, load_recipe
from raft_core.training.run import train
from tests.tiny_model import make_tiny_model
from tests.training.examples import dataset, example, recipe

EXAMPLES = [example(number) for number in range(12)]


def run(
    adapters: Path, chosen: Recipe, *, examples: list[Any] = EXAMPLES, report: Report = silent
) -> AdapterInfo:
    return train(
        dataset(examples),
        examples,
        chosen,
        adapters,
        guild="local",
        home=adapters,
        price_per_hour_usd=3600.0,
        report=report,
    )


def weights(info: AdapterInfo) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(Path(info.path) / "adapter_model.safetensors")


def assert_same_weights(left: AdapterInfo, right: AdapterInfo) -> None:
    import torch

    a, b = weights(left), weights(right)
    assert a.keys() == b.keys()
    for name, tensor in a.items():
        torch.testing.assert_close(tensor, b[name], rtol=1e-5, atol=1e-7)


def curve(info: AdapterInfo) -> list[dict[str, float]]:
    lines = (Path(info.path) / "loss.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def undisturbed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> AdapterInfo:
    """The adapter of a training that nothing interrupted, with a checkpoint at each step."""
    return run(tmp_path_factory.mktemp("undisturbed"), recipe(tiny_model))


def test_an_adapter_comes_with_all_that_made_it(undisturbed: AdapterInfo, tiny_model: Path) -> None:
    """Weights, info, recipe, lineage, loss curve and card, and nothing left of the training."""
    folder = Path(undisturbed.path)
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "adapter.json",
        "adapter_config.json",
        "adapter_model.safetensors",
        "lineage.json",
        "loss.jsonl",
        "loss.png",
        "memory.json",
        "recipe.yaml",
    }
    assert not list(folder.parent.glob(".*.partial"))
    assert load_recipe(folder / "recipe.yaml") == recipe(tiny_model)
    lineage = json.loads((folder / "lineage.json").read_text(encoding="utf-8"))
    assert lineage["dataset"]["content_hash"] == undisturbed.dataset_hash
    assert lineage["documents"] == ["d0", "d1"]
    assert undisturbed.id in (folder / "README.md").read_text(encoding="utf-8")
    assert [point["step"] for point in curve(undisturbed)] == [1, 2, 3, 4, 5, 6]


def test_the_numbers_are_those_of_the_training(undisturbed: AdapterInfo, tiny_model: Path) -> None:
    """Tokens are the rows' lengths once an epoch, the loss the last epoch's mean, the cost the time's."""
    from transformers import AutoTokenizer

    from raft_core.training.rows import tokenise

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_model)
    lengths = [len(tokenise(row, tokenizer, frozenset({tokenizer.eos_token_id})).ids) for row in EXAMPLES]
    assert undisturbed.tokens == 2 * sum(lengths)
    assert undisturbed.loss == pytest.approx(sum(point["loss"] for point in curve(undisturbed)[3:]) / 3)
    assert undisturbed.cost_usd == pytest.approx(undisturbed.seconds, rel=1e-3, abs=1e-2)
    assert (undisturbed.rows, undisturbed.left_out, undisturbed.rank) == (12, 0, 8)


def test_all_linear_layers_are_adapted(undisturbed: AdapterInfo) -> None:
    """Seven in each of the two layers, each with its A and B of rank 8; the output layer not."""
    found = weights(undisturbed)
    assert len(found) == 2 * 7 * 2
    assert all(tensor.shape[0 if "lora_A" in name else 1] == 8 for name, tensor in found.items())


def test_a_finished_training_returns_at_once(undisturbed: AdapterInfo, tiny_model: Path) -> None:
    """The same inputs are the same adapter; nothing is reported because nothing is done."""
    said: list[Progress] = []
    again = run(Path(undisturbed.path).parent, recipe(tiny_model), report=said.append)
    assert (again, said) == (undisturbed, [])


def test_it_learns(tiny_model: Path, tmp_path: Path) -> None:
    """A row seen often enough is known by heart: from a tenth of its tokens to nearly all."""
    chosen = recipe(
        tiny_model,
        num_train_epochs=50,
        per_device_train_batch_size=1,
        lora_alpha=64.0,
        lora_dropout=0.0,
        lr_scheduler_type="constant",
        checkpoint_s=1e9,
    )
    found = curve(run(tmp_path, chosen, examples=EXAMPLES[:1]))
    assert found[0]["accuracy"] < 0.1
    assert found[-1]["accuracy"] > 0.95


def test_what_is_reported(tiny_model: Path, tmp_path: Path) -> None:
    """Loading, tokenising, each update with its loss, speed and time left; stdout stays empty."""
    said: list[Progress] = []
    run(tmp_path, recipe(tiny_model, num_train_epochs=1, checkpoint_s=1e9), report=said.append)
    assert [(update.stage, update.done, update.total) for update in said if update.stage != "tokenise"] == [
        ("load", 0, 0),
        ("train", 0, 3),
        ("train", 1, 3),
        ("train", 2, 3),
        ("train", 3, 3),
    ]
    assert all(word in said[-1].detail for word in ("epoch 1.0 of 1", "loss 5.", "tokens/s", "0 s left"))


@pytest.mark.slow  # the process to be killed imports torch and trl for itself
def test_a_killed_training_goes_on_and_ends_the_same(
    undisturbed: AdapterInfo, tiny_model: Path, tmp_path: Path
) -> None:
    """SIGKILL after the fourth update; the second run repeats that one alone, to the same weights and losses."""
    code = f"""
import os, signal
from pathlib import Path
from tests.training.examples import recipe
from tests.training.test_run import run
def report(update):
    if update.stage == "train" and update.done == 4:
        os.kill(os.getpid(), signal.SIGKILL)
run(Path({str(tmp_path)!r}), recipe(Path({str(tiny_model)!r})), report=report)
"""
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", code], cwd=root, env=os.environ, check=False)  # noqa: S603  # our own code
    assert killed.returncode == -signal.SIGKILL
    partial = tmp_path / f".{undisturbed.id}.partial"
    assert sorted(path.name for path in partial.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-3"]
    spent = json.loads((partial / "spent.json").read_text(encoding="utf-8"))["seconds"]

    said: list[Progress] = []
    resumed = run(tmp_path, recipe(tiny_model), report=said.append)
    assert [update.done for update in said if update.stage == "train"] == [3, 4, 5, 6]
    assert resumed.id == undisturbed.id
    assert_same_weights(resumed, undisturbed)
    assert [point["loss"] for point in curve(resumed)] == pytest.approx(
        [point["loss"] for point in curve(undisturbed)], rel=1e-5
    )
    assert resumed.seconds > spent


def interrupt_at(step: int, act: Callable[[], None]) -> Report:
    def report(update: Progress) -> None:
        if update.stage == "train" and update.done == step:
            act()

    return report


def stop() -> None:
    raise KeyboardInterrupt


def test_a_half_written_checkpoint_is_passed_over(
    undisturbed: AdapterInfo, tiny_model: Path, tmp_path: Path
) -> None:
    """Killed while it writes one, a training goes on from the one before; Ctrl-C keeps them too."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, recipe(tiny_model), report=interrupt_at(4, stop))
    partial = tmp_path / f".{undisturbed.id}.partial"
    (partial / "checkpoint-3" / "trainer_state.json").write_text('{"epoch": 1.0, "gl', encoding="utf-8")
    said: list[Progress] = []
    resumed = run(tmp_path, recipe(tiny_model), report=said.append)
    assert next(update.done for update in said if update.stage == "train") == 2
    assert_same_weights(resumed, undisturbed)


def test_two_processes_cannot_train_the_same(tiny_model: Path, tmp_path: Path) -> None:
    """The second is told so, while the first goes on."""
    refused: list[str] = []

    def again() -> None:
        with pytest.raises(TrainingError) as caught:
            run(tmp_path, recipe(tiny_model, num_train_epochs=1))
        refused.append(str(caught.value))

    info = run(tmp_path, recipe(tiny_model, num_train_epochs=1), report=interrupt_at(1, again))
    assert refused == [f"{info.id} is being trained by another process"]


def test_the_seed_decides(undisturbed: AdapterInfo, tiny_model: Path, tmp_path: Path) -> None:
    """Another seed gives another adapter under another id."""
    other = run(tmp_path, recipe(tiny_model, seed=1, checkpoint_s=1e9))
    assert other.id != undisturbed.id
    assert other.loss != undisturbed.loss


def test_a_four_bit_base_can_be_trained(undisturbed: AdapterInfo, tiny_model: Path, tmp_path: Path) -> None:
    """NF4 through bitsandbytes, on a CPU too: near the loss of 16 bits, and not the same."""
    info = run(tmp_path, recipe(tiny_model, bits=4, checkpoint_s=1e9))
    assert info.loss == pytest.approx(undisturbed.loss, abs=0.1)
    assert info.loss != undisturbed.loss


def test_a_base_without_pad_token_or_chat_template(tmp_path: Path) -> None:
    """Llama's tokenizers have no pad token, base models no chat template."""
    base = make_tiny_model(tmp_path / "base", chat_template=False)
    for name in ("tokenizer_config.json", "config.json"):
        values = json.loads((base / name).read_text(encoding="utf-8"))
        del values["pad_token" if name.startswith("tok") else "pad_token_id"]
        (base / name).write_text(json.dumps(values), encoding="utf-8")
    info = run(tmp_path / "adapters", recipe(base, num_train_epochs=1, checkpoint_s=1e9))
    assert info.rows == 12


def test_rows_over_the_limit_are_refused_or_counted(tiny_model: Path, tmp_path: Path) -> None:
    """The limit is what the base can read, 2048 tokens here, or the recipe's."""
    rows = [*EXAMPLES[:4], example(4, words=2000)]
    with pytest.raises(TrainingError, match="1 of 5 rows are longer than 2048 tokens"):
        run(tmp_path, recipe(tiny_model), examples=rows)
    with pytest.raises(TrainingError, match="5 of 5 rows are longer than 20 tokens"):
        run(tmp_path, recipe(tiny_model, max_length=20, skip_long=True), examples=rows)
    info = run(
        tmp_path, recipe(tiny_model, num_train_epochs=1, skip_long=True, checkpoint_s=1e9), examples=rows
    )
    assert (info.rows, info.left_out) == (4, 1)
    assert "1 left out as too long" in (Path(info.path) / "README.md").read_text(encoding="utf-8")


def test_no_rows_no_training(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="ds-00000001 has no rows"):
        run(tmp_path, recipe(tiny_model), examples=[])


def test_a_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A folder that is none, and a hub id while offline."""
    with pytest.raises(ModelError, match="no model folder"):
        run(tmp_path, recipe(tmp_path / "nowhere"))
    hub = dataclasses.replace(recipe(tmp_path), base="raftbot-tests/absent")
    with pytest.raises(ModelError, match="the base model raftbot-tests/absent cannot be loaded") as caught:
        run(tmp_path, hub)
    assert "give a folder" in caught.value.remedy
    assert "HF_HUB_OFFLINE" in caught.value.remedy


def test_layers_that_the_base_lacks_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be trained with this recipe: Target modules"):
        run(tmp_path, recipe(tiny_model, target_modules=("c_attn",)))


def write_to_a_full_disk() -> None:
    with Path("/dev/full").open("w") as full:
        full.write("x")


def ask_for_a_petabyte() -> None:
    import torch

    torch.empty(2**50)


def break_torch_writer() -> None:
    import torch

    torch.save(torch.zeros(10**6), "/dev/full")


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (write_to_a_full_disk, StorageError, "the disk is full"),
        (break_torch_writer, StorageError, "the disk is full"),
        (ask_for_a_petabyte, TrainingError, "ran out of memory"),
    ],
)
def test_a_full_disk_and_missing_memory_are_told_plainly(
    tiny_model: Path, tmp_path: Path, act: Callable[[], None], error: type[Exception], message: str
) -> None:
    """With the system's and torch's real errors, raised in the middle of a training."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("needs Linux's /dev/full")
    with pytest.raises(error, match=message):
        run(tmp_path, recipe(tiny_model), report=interrupt_at(1, act))


def test_the_best_weights_by_validation_are_kept(tmp_path: Path, tiny_model: Path) -> None:
    """A share of rows is not trained on; training that only gets worse ends early with the best epoch's weights."""
    chosen = recipe(
        tiny_model,
        num_train_epochs=10,
        learning_rate=0.05,  # too high: the loss soon stops falling
        lr_scheduler_type="constant",
        validation_share=0.25,
        early_stopping_patience=2,
    )
    info = run(tmp_path, chosen)
    points = read_points(Path(info.path) / HISTORY)
    measured = {point["step"]: point["validation_loss"] for point in points if point["validation_loss"]}
    assert (info.rows, info.validation_rows) == (9, 3)
    assert info.validation_loss == min(measured.values()) == measured[info.best_step]
    assert list(measured)[-1] < 10 * 3  # it ended early
    assert list(measured).index(info.best_step) == len(measured) - 3
    once = run(tmp_path / "again", chosen)
    assert {name: each.tolist() for name, each in weights(once).items()} == {
        name: each.tolist() for name, each in weights(info).items()
    }


def test_too_few_rows_to_validate_are_refused(tmp_path: Path, tiny_model: Path) -> None:
    """A validation share that leaves no row on one side is an error that says what to do."""
    with pytest.raises(TrainingError, match="12 rows are too few for a validation share"):
        run(tmp_path, recipe(tiny_model, validation_share=0.01))
