"""What is kept beside an adapter's weights: its info, recipe, lineage, loss curve and card."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from raft_core.files import read_json, to_json, write_json, write_text
from raft_core.models import fingerprint
from raft_core.records import AdapterInfo, DatasetInfo
from raft_core.training.curve import HISTORY, PICTURE, draw_losses
from raft_core.training.recipe import Recipe, to_yaml

if TYPE_CHECKING:
    from raft_core.training.lora import LossPoint

LIBRARIES = ("raftbot", "torch", "transformers", "peft", "trl")

CARD = """\
---
library_name: peft
tags: [raft, lora]
---
# {id}

A LoRA adapter for `{base}`, trained with RAFT on data set `{dataset}` ({rows} rows from {documents} documents).

| | |
|---|---|
| base | `{base}`, fingerprint `{fingerprint}` |
| data set | `{dataset}`, content hash `{dataset_hash}`, answers by {generator} |
| memory | {weights_mb:.1f} MB of base weights, {share:.0%} of what they take in 16 bits |
| rows | {rows} trained on, {left_out} left out as too long |
| LoRA | rank {r}, alpha {lora_alpha:g}, dropout {lora_dropout:g}, {target_modules} |
| training | {num_train_epochs} epochs, {tokens:,} tokens, {seconds:.0f} s, {cost_usd:.2f} USD |
| loss | {loss:.4f}, the mean of the last epoch{validation} |
| made | {created_at} |

The model is asked as it was trained: with the prompt `raft`, the documents before the question. It answers with a
quote between `##begin_quote##` and `##end_quote##`, then `<ANSWER>:` and a short answer. A low loss says nothing
about answers to new questions: measure them with `raftbot eval`.

Settings: `recipe.yaml`. Lineage: `lineage.json`. Loss of each update: `loss.jsonl`.

![The loss](loss.png)
"""


def write_card(
    folder: Path, info: AdapterInfo, recipe: Recipe, dataset: DatasetInfo, curve: Sequence[LossPoint]
) -> None:
    """Write README.md, recipe.yaml, lineage.json, loss.jsonl, loss.png and, last, adapter.json into `folder`.

    Beside the weights there lies memory.json already.

    `curve` holds one point an update; each becomes a line of loss.jsonl.

    Raises:
        StorageError: the disk is full.
    """
    modules = recipe.target_modules
    memory = read_json(folder / "memory.json")
    facts = {
        **asdict(recipe),
        **asdict(info),
        "target_modules": modules if isinstance(modules, str) else ", ".join(modules),
        "documents": len(dataset.documents),
        "generator": dataset.generator,
        "fingerprint": fingerprint(recipe.base),
        "weights_mb": memory["weights_bytes"] / 1e6,
        "validation": f"; validation {info.validation_loss:.4f} at step {info.best_step}, on {info.validation_rows} rows"
        if info.validation_loss is not None
        else "",
        "share": memory["weights_bytes"] / memory["in_16_bits"],
    }
    write_text(folder / "README.md", CARD.format(**facts))
    write_text(folder / "recipe.yaml", to_yaml(recipe))
    write_text(folder / HISTORY, "".join(to_json(point) + "\n" for point in curve))
    draw_losses([asdict(point) for point in curve], len(curve), folder / PICTURE)
    write_json(folder / "lineage.json", _lineage(recipe, dataset))
    write_json(folder / "adapter.json", info)


def _lineage(recipe: Recipe, dataset: DatasetInfo) -> dict[str, object]:
    return {
        "base": {"name": recipe.base, "fingerprint": fingerprint(recipe.base)},
        "dataset": {"id": dataset.id, "content_hash": dataset.content_hash, "settings": dataset.settings},
        "documents": dataset.documents,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }
