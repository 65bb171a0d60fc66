"""LoRA with TRL and PEFT: rows → adapter weights, going on from the last checkpoint after a kill.

Imports torch, transformers and trl: only what trains imports this module.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from peft.helpers import disable_input_dtype_casting
from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback
from transformers.utils import logging as transformers_logging
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from raft_core.errors import TrainingError
from raft_core.files import translated_os_errors, write_json
from raft_core.models import hub_id
from raft_core.progress import Report
from raft_core.training.base import check_devices, load_model, use_bf16
from raft_core.training.callback import (
    BestWeights,
    Clock,
    TrainingCallback,
    checkpoints,
    use_best,
    world_size,
)
from raft_core.training.recipe import Recipe
from raft_core.training.rows import Row

WEIGHTS = "adapter"
"""The folder of the finished weights inside a training's folder."""

MEMORY = "memory.json"
"""Beside the weights: what the base's took as it was loaded, measured, and what they take in 16 bits."""


@dataclass(frozen=True, slots=True)
class LossPoint:
    """The loss of one update, the mean over its completion tokens. `accuracy` is of single tokens.

    `validation_loss` is that of the validation rows, where it was measured after this update.
    """

    step: int
    epoch: float
    loss: float
    accuracy: float
    learning_rate: float
    validation_loss: float | None = None


class _Trainer(SFTTrainer):
    """TRL's trainer without what it does beside training."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Leave the card to `raft_core.training.card`, which knows the lineage."""

    def _send_telemetry(self) -> None:
        """Tell nobody of the training: TRL would report it to its makers."""


def train_lora(
    rows: Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    path: str,
    folder: Path,
    *,
    clock: Clock,
    report: Report,
    validation: Sequence[Row] = (),
) -> list[LossPoint]:
    """Train the recipe's base at `path` on `rows` and save the weights in `folder`/adapter; return the loss curve.

    With `validation` rows the loss on them is measured after each epoch, and the weights with the lowest are saved.

    Checkpoints are kept in `folder`: called again after a kill, the training goes on from the last one
    and ends with the weights that it would have had undisturbed.

    Raises:
        TrainingError: no memory is left, or PEFT or TRL refuse the recipe.
        ModelError: the base model cannot be loaded.
        StorageError: the disk is full.
    """
    check_devices()
    with _translated(folder), _quiet():
        model = load_model(recipe, path)
        weights = int(model.get_memory_footprint())  # type: ignore[no-untyped-call]  # transformers' own
        memory = {"weights_bytes": weights, "in_16_bits": 2 * model.num_parameters()}
        trainer = _trainer(rows, validation, tokenizer, model, recipe, folder)
        trainer.remove_callback(PrinterCallback)  # it prints the losses on stdout
        tokens = sum(len(row.ids) for row in rows) * recipe.num_train_epochs
        trainer.add_callback(TrainingCallback(report, clock, tokens, recipe.checkpoint_s))
        if validation:
            trainer.add_callback(BestWeights(recipe.early_stopping_patience))
        last = _last_checkpoint(folder)
        # PEFT would copy the input of every layer to fp32; autocast computes LoRA in bf16 without the copies.
        with disable_input_dtype_casting(cast(PeftModel, trainer.model), active=use_bf16(recipe)):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        if trainer.is_world_process_zero():
            shutil.rmtree(folder / WEIGHTS, ignore_errors=True)  # of a run killed while it wrote them
            trained = cast(PeftModel, trainer.model)
            for (
                config
            ) in trained.peft_config.values():  # where this machine keeps the base concerns nobody else
                config.base_model_name_or_path = hub_id(recipe.base)
            trained.save_pretrained(str(folder / WEIGHTS))
            if validation:
                use_best(folder, folder / WEIGHTS)
            write_json(folder / WEIGHTS / MEMORY, memory)
    return _points(trainer.state.log_history)


def _points(entries: Sequence[dict[str, float]]) -> list[LossPoint]:
    validated = {int(entry["step"]): entry["eval_loss"] for entry in entries if "eval_loss" in entry}
    return [
        LossPoint(
            int(entry["step"]),
            entry["epoch"],
            entry["loss"],
            entry["mean_token_accuracy"],
            entry["learning_rate"],
            validated.get(int(entry["step"])),
        )
        for entry in entries
        if "loss" in entry
    ]


def _dataset(rows: Sequence[Row]) -> Dataset:
    return Dataset.from_dict({"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]})


def _trainer(
    rows: Sequence[Row],
    validation: Sequence[Row],
    tokenizer: PreTrainedTokenizerBase,
    model: PreTrainedModel,
    recipe: Recipe,
    folder: Path,
) -> SFTTrainer:
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.r,
        lora_alpha=recipe.lora_alpha,  # type: ignore[arg-type]  # PEFT only divides by it: a float will do
        lora_dropout=recipe.lora_dropout,
        target_modules=recipe.target_modules
        if isinstance(recipe.target_modules, str)
        else list(recipe.target_modules),
    )
    try:
        return _Trainer(
            model=model,
            args=_arguments(recipe, folder, validate=bool(validation)),
            train_dataset=_dataset(rows),
            eval_dataset=_dataset(validation) if validation else None,
            processing_class=tokenizer,
            peft_config=lora,
        )
    except ValueError as error:
        raise TrainingError(
            f"{recipe.base} cannot be trained with this recipe: {error}",
            remedy="see the recipe's target_modules, bits and precision",
        ) from error


def _arguments(recipe: Recipe, folder: Path, *, validate: bool) -> SFTConfig:
    return SFTConfig(
        output_dir=str(folder),
        num_train_epochs=recipe.num_train_epochs,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        gradient_accumulation_steps=max(
            1, recipe.gradient_accumulation_steps // world_size()
        ),  # the same rows an update
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="constant_with_warmup"
        if recipe.lr_scheduler_type == "constant"
        else recipe.lr_scheduler_type,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        bf16=use_bf16(recipe),
        gradient_checkpointing=recipe.gradient_checkpointing,
        ddp_find_unused_parameters=False,
        max_length=None,  # the rows were measured and fitted before: nothing may be cut here
        seed=recipe.seed,
        data_seed=recipe.seed,
        logging_steps=1,
        save_strategy="no",  # TrainingCallback asks for checkpoints by the clock
        eval_strategy="epoch" if validate else "no",
        per_device_eval_batch_size=recipe.per_device_train_batch_size,
        report_to=list(recipe.report_to) or "none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
    )


def _last_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint; those that a kill left half-written are removed."""
    for checkpoint in reversed(checkpoints(folder)):
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))  # is written last
        except (OSError, ValueError):
            shutil.rmtree(checkpoint, ignore_errors=True)
        else:
            return checkpoint
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' own bars off stderr, where our progress is."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Turn a full disk and missing memory into errors that say what to do."""
    try:
        with translated_os_errors(folder):
            try:
                yield
            except (RuntimeError, SafetensorError) as error:
                if _disk_is_full(error):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                raise
    except (RuntimeError, MemoryError) as error:
        # The CPU's allocator has no error class of its own.
        if not isinstance(error, (torch.OutOfMemoryError, MemoryError)) and "allocate memory" not in str(
            error
        ):
            raise
        raise TrainingError(
            "the training ran out of memory",
            remedy="halve per_device_train_batch_size and double gradient_accumulation_steps, set gradient_checkpointing, or train with --bits 4",
        ) from error


def _disk_is_full(error: Exception) -> bool:
    """Tell it by the words: safetensors wraps the system's error, and torch's zip writer says but where it broke."""
    return any(words in str(error) for words in ("No space left", "inline_container"))
