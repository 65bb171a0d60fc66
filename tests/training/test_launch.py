from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from raft_core.errors import TrainingError
from raft_core.progress import Progress
from raft_core.training.launch import train_in_processes
from raft_core.training.recipe import Recipe
from raft_core.training.run import train
from tests.tiny_model import small_base
from tests.training.examples import dataset, example

ROWS = [example(number) for number in range(6)]
RECIPE = Recipe(
    base=str(small_base()),
    r=4,
    num_train_epochs=1,
    per_device_train_batch_size=1,
    gradient_accumulation_steps=2,
    learning_rate=1e-3,
    precision="fp32",
)


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Two processes of one row each make the updates of one process that gathers two, to rounding."""
    import torch
    from safetensors.torch import load_file

    seen: list[Progress] = []
    alone = train(dataset(ROWS), ROWS, RECIPE, tmp_path / "alone", guild="g", home=tmp_path)
    config = tmp_path / "accelerate.yaml"
    config.write_text("distributed_type: MULTI_GPU\nnum_machines: 1\nmixed_precision: 'no'\nuse_cpu: false\n")
    together = train(
        dataset(ROWS),
        ROWS,
        RECIPE,
        tmp_path / "together",
        guild="g",
        home=tmp_path,
        processes=2,
        accelerate_config=config,
        report=seen.append,
    )
    assert together.loss == pytest.approx(alone.loss, rel=1e-4)
    assert (together.tokens, together.rows) == (alone.tokens, alone.rows)
    assert [each.stage for each in seen][-1] == "train"
    one, two = (load_file(Path(info.path) / "adapter_model.safetensors") for info in (alone, together))
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_a_process_that_fails_is_told(tmp_path: Path) -> None:
    """The error says how many processes there were and what to check."""
    with pytest.raises(TrainingError, match="training in 2 processes failed") as caught:
        train_in_processes(
            2, [], replace(RECIPE, base=str(tmp_path)), str(tmp_path), tmp_path, report=lambda _: None
        )
    assert "RAFTBOT_TRAINING_PROCESSES" in caught.value.remedy
