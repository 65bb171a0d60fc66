"""What happens beside the training steps: progress, the time spent, and when to keep a checkpoint."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from raft_core.files import read_json, write_json
from raft_core.progress import Progress, Report
from raft_core.training.curve import HISTORY, add_point, add_validation, go_back

WRITE_EVERY_S = 5.0
"""How much of the time spent a kill may lose."""


KEPT = 2
"""Checkpoints kept: the newest, and the one before in case the next is cut off while it is written."""


BEST, BEST_RECORD = "best", "best.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"


def checkpoints(folder: Path) -> list[Path]:
    """Return a training's checkpoint folders, whole or not, oldest first."""
    return sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def world_size() -> int:
    """Return how many processes train together, as their launcher says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class Clock:
    """The seconds that a training took over all its runs, kept in a file so that a kill does not lose them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = float(read_json(path)["seconds"]) if path.is_file() else 0.0
        self._start = self._written = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds spent so far, earlier runs included."""
        return self._before + time.monotonic() - self._start

    def tick(self, *, force: bool = False) -> None:
        """Write the seconds down, if it was not done just now."""
        now = time.monotonic()
        if force or now - self._written >= WRITE_EVERY_S:
            self._written = now
            write_json(self._path, {"seconds": self.seconds})


class TrainingCallback(TrainerCallback):
    """Report each step with its loss, speed and time left; ask for a checkpoint every `checkpoint_s` seconds.

    `tokens` is the number of tokens of the whole training.
    """

    def __init__(self, report: Report, clock: Clock, tokens: int, checkpoint_s: float) -> None:
        self._report = report
        self._clock = clock
        self._tokens = tokens
        self._checkpoint_s = checkpoint_s
        self._start = self._saved = time.monotonic()
        self._first_step = 0
        self._validation = ""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Start the watch; a resumed training begins at its checkpoint's step."""
        self._start = self._saved = time.monotonic()
        self._first_step = state.global_step
        if state.is_world_process_zero:
            go_back(Path(str(args.output_dir)) / HISTORY, state.global_step)
        again = f"going on after step {state.global_step}" if state.global_step else ""
        self._report(Progress("train", state.global_step, state.max_steps, again))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Ask for a checkpoint when it is time; the last step needs none."""
        now = time.monotonic()
        due = now - self._saved >= self._checkpoint_s and state.global_step < state.max_steps
        if _agreed(due):
            self._saved = now
            control.should_save = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Report a step with its loss, and keep it in the history of the losses."""
        if not state.is_world_process_zero:
            return
        self._clock.tick()
        if logs and "eval_loss" in logs:
            self._validation = f", validation loss {logs['eval_loss']:.3f}"
            add_validation(Path(str(args.output_dir)) / HISTORY, state.global_step, logs["eval_loss"])
        if logs and "loss" in logs:
            add_point(Path(str(args.output_dir)) / HISTORY, _point(state, logs))
            self._report(
                Progress("train", state.global_step, state.max_steps, self._detail(state, logs["loss"]))
            )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Write the time down with each checkpoint, and remove those that it replaces."""
        if not state.is_world_process_zero:
            return
        self._clock.tick(force=True)
        for old in checkpoints(Path(str(args.output_dir)))[:-KEPT]:
            shutil.rmtree(old)

    def _detail(self, state: TrainerState, loss: float) -> str:
        seconds = time.monotonic() - self._start
        steps = max(state.global_step - self._first_step, 1)
        speed = self._tokens * steps / state.max_steps / seconds
        left = seconds / steps * (state.max_steps - state.global_step)
        epoch = f"epoch {state.epoch or 0:.1f} of {state.num_train_epochs}"
        return f"{epoch}, loss {loss:.3f}{self._validation}, {speed:,.0f} tokens/s, {left:.0f} s left"


class BestWeights(TrainerCallback):
    """Keep the weights with the lowest validation loss; end the training after `patience` epochs without a lower one.

    They are in <output_dir>/best, with their step and loss in best.json: a training that is resumed compares with them.
    """

    def __init__(self, patience: int | None) -> None:
        self._patience = patience
        self._without = 0

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        model: Any = None,
        **_: Any,
    ) -> None:
        """Compare the validation loss with the lowest so far."""
        loss = (metrics or {})["eval_loss"]
        folder = Path(str(args.output_dir))
        record = folder / BEST_RECORD
        if record.is_file() and read_json(record)["loss"] <= loss:
            self._without += read_json(record)["step"] != state.global_step
            control.should_training_stop |= self._patience is not None and self._without >= self._patience
            return
        self._without = 0
        if state.is_world_process_zero:
            model.save_pretrained(str(folder / f"{BEST}.partial"))
            record.unlink(missing_ok=True)
            shutil.rmtree(folder / BEST, ignore_errors=True)
            (folder / f"{BEST}.partial").rename(folder / BEST)
            write_json(record, {"step": state.global_step, "loss": loss})


def use_best(folder: Path, weights: Path) -> None:
    """Replace the finished `weights` by those with the lowest validation loss, where they are others."""
    if (folder / BEST_RECORD).is_file():
        shutil.copyfile(folder / BEST / ADAPTER_WEIGHTS, weights / ADAPTER_WEIGHTS)


def _point(state: TrainerState, logs: dict[str, float]) -> dict[str, Any]:
    told = {"loss": logs["loss"], "learning_rate": logs.get("learning_rate")}
    return {"step": state.global_step, "epoch": state.epoch, **told}


def _agreed(due: bool) -> bool:
    """Return what the first of the processes that train together says: they save a checkpoint together."""
    if world_size() == 1:
        return due
    import torch

    said = torch.tensor([int(due)], device="cuda" if torch.cuda.is_available() else "cpu")
    torch.distributed.broadcast(said, src=0)
    return bool(said.item())
