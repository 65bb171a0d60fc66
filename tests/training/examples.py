"""Hand-made RAFT rows and a recipe small enough for a few quick steps."""

from __future__ import annotations

from pathlib import Path

from raft_core.files import content_hash
from raft_core.records import DatasetInfo, RaftExample
from raft_core.training.recipe import Recipe


def example(number: int, words: int = 4) -> RaftExample:
    """Return a row over three documents whose first is the oracle."""
    documents = tuple(
        " ".join(["the quick brown fox jumps over"] * (words // 4))
        + f" The word of town {town} is fox{town}."
        for town in range(number, number + 3)
    )
    return RaftExample(
        id=f"row-{number}",
        question=f"What is the word of town {number}?",
        documents=documents,
        titles=("Towns",) * 3,
        oracle_context=documents[0],
        cot_answer=f"##Reason: ##begin_quote## {documents[0]} ##end_quote## <ANSWER>: fox{number}",
        answer=f"fox{number}",
    )


def dataset(examples: list[RaftExample]) -> DatasetInfo:
    """Return the info of a data set with these rows."""
    return DatasetInfo(
        id="ds-00000001",
        guild="local",
        rows=len(examples),
        rejected=0,
        content_hash=content_hash(examples),
        tokens=0,
        cost_usd=0.0,
        generator="rules",
        settings={"distractors": 2},
        documents=("d0", "d1"),
        created_at="2026-01-01T00:00:00+00:00",
    )


def recipe(base: Path, **values: object) -> Recipe:
    """Return a recipe of six updates over twelve rows, with dropout, so that the random state counts."""
    given: dict[str, object] = {
        "base": str(base),
        "r": 8,
        "lora_alpha": 8.0,
        "lora_dropout": 0.1,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 4,
        "learning_rate": 5e-3,
        "precision": "fp32",
        "checkpoint_s": 0.0,
        **values,
    }
    return Recipe(**given)  # type: ignore[arg-type]
