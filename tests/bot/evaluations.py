"""Evaluations as a worker leaves them behind, without one."""

from __future__ import annotations

import base64
from typing import Any

from raft_core.files import to_json, write_bytes, write_text
from tests.jobs.workers import Bench

SPREAD = 0.125
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""One pixel."""
HOSTILE = "@everyone <@1> [x](https://evil.example) ```\u202e``` **b** \u200b||s|| <t:1:R> # h"


def score(model: str, prompt: str, f1: float) -> dict[str, Any]:
    """A model's score under one prompt."""
    means = {"f1": f1, "f1_low": f1 - SPREAD, "f1_high": f1 + SPREAD, "em": f1, "em_low": f1, "em_high": f1}
    return {
        "model": model,
        "prompt": prompt,
        "n": 4,
        **means,
        "truncated": 0.25,
        "untagged": 0.5,
        "tokens": 90,
    }


def result(
    guild: str = "one", number: int = 1, gain: float = 0.25, *, significant: bool = True, **more: Any
) -> dict[str, Any]:
    """An evaluation of the base and one tuned model, as `raftbot eval --json` prints it."""
    base, raft, tuned = (
        score("base", "rag", 0.5),
        score("base", "raft", 0.375),
        score("raft-1", "raft", 0.5 + gain),
    )
    models = {
        "base": base | {"prompts": {"rag": base, "raft": raft}},
        "raft-1": tuned | {"prompts": {"raft": tuned}},
    }
    difference = {
        "a": "base",
        "b": "raft-1",
        "f1": gain,
        "low": gain - SPREAD,
        "high": gain + SPREAD,
        "p": 0.0125,
    }
    told = {
        "id": f"eval-{number:08}",
        "guild": guild,
        "data": "sample",
        "n": 4,
        "available": 9,
        "limit": 4,
        "seed": 7,
    }
    rest = {"max_new_tokens": 24, "data_hash": "ab12", "seconds": 61.0, "cost_usd": 0.125, "baseline": "base"}
    at = {"created_at": f"2026-01-{number:02d}T00:00:00+00:00"}
    return (
        told
        | rest
        | at
        | {"models": models, "differences": [difference | {"significant": significant}]}
        | more
    )


def samples(count: int = 4, *, broken: int = 1) -> list[dict[str, Any]]:
    """What base and tuned model said: the last `broken` questions got worse, the first is the same, others better."""
    rows = []
    for number in range(count):
        gold, worse = f"gold {number}", number >= count - broken
        for model, prompt, right in (
            ("base", "rag", worse or number == 0),
            ("base", "raft", False),
            ("raft-1", "raft", not worse),
        ):
            said = gold if right else HOSTILE
            text = f"##Reason: ##begin_quote## {said} is quoted ##end_quote## <ANSWER>: {said}"
            f1 = float(right)
            told = {
                "model": model,
                "prompt": prompt,
                "id": f"q{number}",
                "question": f"Question {number}? {HOSTILE}",
            }
            scores = {"f1": f1, "em": f1, "prec": f1, "recall": f1, "truncated": False, "tagged": True}
            rows.append(
                told | scores | {"gold": gold, "prediction": said, "text": text, "tokens": 3, "seconds": 0.5}
            )
    return rows


def keep(bench: Bench, told: dict[str, Any], said: list[dict[str, Any]], *, chart: bool = True) -> None:
    """Register an evaluation, and write what lies beside it."""
    folder = bench.settings.guild_dir(told["guild"]) / "evaluations" / told["id"]
    write_text(folder / "samples.jsonl", "".join(to_json(row) + "\n" for row in said))
    asked = {row["id"]: row for row in said}.values()
    shown = [
        {
            "_id": row["id"],
            "question": row["question"],
            "answer": row["gold"],
            "context": [["Source", [f"{row['gold']} is quoted."]]],
        }
        for row in asked
    ]
    write_text(folder / "questions.json", to_json(shown))
    write_text(folder / "report.md", "# The report\n")
    if chart:
        write_bytes(folder / "f1-dark.png", PNG)
    bench.registry.evaluations.add(told, said)
