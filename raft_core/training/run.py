"""One training from rows to a finished adapter. A kill costs at most what came after the last checkpoint.

adapters/.raft-1a2b3c4d.partial/   checkpoint-*, spent.json, loss.jsonl, and at the end adapter/
adapters/raft-1a2b3c4d/            that adapter/, renamed: it is there whole or not at all
"""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import math
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from raft_core.compute import keep_memory
from raft_core.errors import AlreadyTraining, MissingExtra, TrainingError
from raft_core.files import content_hash, read_json, translated_os_errors
from raft_core.models import fingerprint, is_local, resolve_base
from raft_core.progress import Progress, Report, silent
from raft_core.records import AdapterInfo, DatasetInfo, RaftExample
from raft_core.training.adapters import INFO, load_adapter
from raft_core.training.card import write_card
from raft_core.training.curve import HISTORY, Curve
from raft_core.training.recipe import Recipe
from raft_core.training.rows import Row, fit, tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from raft_core.training.lora import LossPoint


def train(
    dataset: DatasetInfo,
    examples: Sequence[RaftExample],
    recipe: Recipe,
    adapters: Path,
    *,
    guild: str,
    home: Path,
    price_per_hour_usd: float = 0.0,
    processes: int = 1,
    accelerate_config: Path | None = None,
    curve: Curve | None = None,
    report: Report = silent,
) -> AdapterInfo:
    """Train a LoRA adapter and put it into `adapters` under an id made from its inputs; `curve` draws its loss.

    `home` holds converted base models.

    More than one of `processes` train together, each on a GPU of its own, as `accelerate_config` says.

    The same inputs after a kill go on from the last checkpoint; once finished they return at once.

    Raises:
        TrainingError: no rows, rows that are too long, no memory left, or another process is at it.
        ModelError: the base model cannot be loaded.
        MissingExtra: the libraries that train are not installed.
        StorageError: the disk is full.
    """
    if not examples:
        raise TrainingError(f"the data set {dataset.id} has no rows", remedy="build it from more documents")
    recipe = dataclasses.replace(recipe, base=_full_path(recipe.base))
    adapter_id = f"raft-{content_hash(dataset.content_hash, recipe, fingerprint(recipe.base), length=8)}"
    finished = adapters / adapter_id
    if (finished / INFO).is_file():
        return load_adapter(adapters, adapter_id)
    if importlib.util.find_spec("trl") is None:
        raise MissingExtra("worker", "trl")
    with _alone(adapters, adapter_id):
        if not (finished / INFO).is_file():  # another process may have finished it just now
            blank = AdapterInfo(
                id=adapter_id,
                guild=guild,
                base=recipe.base,
                dataset=dataset.id,
                loss=0.0,
                tokens=0,
                seconds=0.0,
                cost_usd=0.0,
                path=str(finished),
                rank=recipe.r,
                dataset_hash=dataset.content_hash,
                created_at="",
            )
            _train(
                blank,
                dataset,
                examples,
                recipe,
                home=home,
                price_per_hour_usd=price_per_hour_usd,
                processes=processes,
                accelerate_config=accelerate_config,
                curve=curve,
                report=report,
            )
    return load_adapter(adapters, adapter_id)


def _train(
    blank: AdapterInfo,
    dataset: DatasetInfo,
    examples: Sequence[RaftExample],
    recipe: Recipe,
    *,
    home: Path,
    price_per_hour_usd: float,
    processes: int,
    accelerate_config: Path | None,
    curve: Curve | None,
    report: Report,
) -> None:
    """Train, complete the info in `blank`, and move the adapter to its place."""
    report(Progress("load", 0, 0, recipe.base))
    keep_memory()
    # PEFT imports bitsandbytes, which warns at each import that the hub has a faster kernel.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    from raft_core.training.base import context_tokens, load_tokenizer  # torch, only from here on
    from raft_core.training.callback import Clock
    from raft_core.training.launch import train_in_processes
    from raft_core.training.lora import WEIGHTS, train_lora

    finished = Path(blank.path)
    partial = finished.with_name(f".{blank.id}.partial")
    clock = Clock(partial / "spent.json")
    path = resolve_base(recipe.base, home, report)
    tokenizer = load_tokenizer(path)
    limit = min(context_tokens(path, tokenizer), recipe.max_length or 2**62)
    rows, left_out = fit(_rows(examples, tokenizer, path, report), limit, skip_long=recipe.skip_long)
    rows, validation = _split(rows, recipe)
    told = curve.following(report, partial / HISTORY) if curve else report
    if processes > 1:
        points = train_in_processes(
            processes,
            rows,
            recipe,
            path,
            partial,
            config=accelerate_config,
            report=told,
            validation=validation,
        )
    else:
        points = train_lora(
            rows, tokenizer, recipe, path, partial, clock=clock, report=told, validation=validation
        )
    info = dataclasses.replace(
        blank,
        loss=_last_epoch(points, recipe.num_train_epochs),
        tokens=sum(len(row.ids) for row in rows) * recipe.num_train_epochs,
        seconds=round(clock.seconds, 3),
        cost_usd=round(clock.seconds / 3600 * price_per_hour_usd, 6),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=len(rows),
        left_out=left_out,
        validation_rows=len(validation),
        **_best(partial),
    )
    write_card(partial / WEIGHTS, info, recipe, dataset, points)
    if curve:
        curve.draw(partial / HISTORY, len(points))
    _move(partial / WEIGHTS, finished)
    shutil.rmtree(partial, ignore_errors=True)


def _rows(
    examples: Sequence[RaftExample], tokenizer: PreTrainedTokenizerBase, path: str, report: Report
) -> list[Row]:
    from raft_core.training.base import end_tokens

    ends = end_tokens(path, tokenizer)
    rows = []
    for number, example in enumerate(examples, 1):
        rows.append(tokenise(example, tokenizer, ends))
        report(Progress("tokenise", number, len(examples)))
    return rows


def _split(rows: list[Row], recipe: Recipe) -> tuple[list[Row], list[Row]]:
    """Return the rows to train on and those to validate with, chosen by the recipe's seed."""
    count = round(len(rows) * recipe.validation_share)
    if recipe.validation_share and not 0 < count < len(rows):
        raise TrainingError(
            f"{len(rows)} rows are too few for a validation share of {recipe.validation_share:g}",
            remedy="build a larger data set, or set validation_share to 0",
        )
    chosen = set(random.Random(recipe.seed).sample(range(len(rows)), count))
    return [row for at, row in enumerate(rows) if at not in chosen], [rows[at] for at in sorted(chosen)]


def _best(partial: Path) -> dict[str, Any]:
    from raft_core.training.callback import BEST_RECORD

    if not (partial / BEST_RECORD).is_file():
        return {}
    record = read_json(partial / BEST_RECORD)
    return {"validation_loss": record["loss"], "best_step": record["step"]}


def _last_epoch(points: Sequence[LossPoint], epochs: int) -> float:
    """Return the mean loss of the last epoch that was trained: what a resumed training reports too."""
    last = min(epochs, math.ceil(max(point.epoch for point in points)))
    return fmean(point.loss for point in points if point.epoch > last - 1)


def _full_path(base: str) -> str:
    """Return a folder's full path, so that the adapter finds its base from anywhere; other names as they are."""
    return str(Path(base).expanduser().resolve()) if is_local(base) else base


def _move(source: Path, target: Path) -> None:
    """Rename a folder after its files have reached the disk."""
    with translated_os_errors(target):
        for path in source.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        source.rename(target)


@contextmanager
def _alone(adapters: Path, adapter_id: str) -> Iterator[None]:
    """Keep a second process off the same training; the lock ends with its process, however that ends."""
    from filelock import FileLock, Timeout

    with translated_os_errors(adapters):
        adapters.mkdir(parents=True, exist_ok=True)
        lock = FileLock(adapters / f".{adapter_id}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise AlreadyTraining(adapter_id) from error
    try:
        yield
    finally:
        lock.release()
