"""Time the scoring of 100,000 predictions against HotpotQA's official algorithm written plainly.

    python -m benchmarks.scoring

Answers are as long and as repetitive as HotpotQA's: names, dates, numbers, yes and no; a third of the
predictions are right but for case and punctuation, a third overlap, the others are wrong or whole
sentences. Both sides score answers, supporting facts and both together, from the same objects in
memory, and must come to the same twelve means.
"""

from __future__ import annotations

import random
import re
import string
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from raft_core.evaluation.hotpotqa import Gold, Predictions, score_predictions

N = 100_000
WORDS = [
    "the",
    "river",
    "a",
    "harbour",
    "stone",
    "green",
    "north",
    "old",
    "mill",
    "anna",
    "gate",
    "of",
    "otto",
    "lake",
    "seven",
    "hill",
]
ROUNDS = 5
NAMES = ("em", "f1", "prec", "recall")
SHAPES = (str.upper, "The {}.".format, "{}, of course".format, "It was {} who did it".format)


def measure(n: int = N) -> dict[str, float | str]:
    """Return both times (of the processor, the best of five rounds) and their ratio."""
    records, predicted = _data(n)
    gold = [Gold(each["_id"], each["answer"], each["supporting_facts"]) for each in records]
    predictions = Predictions(predicted["answer"], predicted["sp"])
    theirs = ours = float("inf")
    for _ in range(ROUNDS):  # in turns, so that a neighbour's load falls on both
        seconds, expected = _timed(lambda: official(records, predicted))
        theirs = min(theirs, seconds)
        seconds, found = _timed(lambda: score_predictions(gold, predictions))
        ours = min(ours, seconds)
    worst = max(abs(found[name] - value) for name, value in expected.items())
    if worst > 1e-9:
        raise RuntimeError(f"the means differ by {worst}")
    return {
        "predictions": float(n),
        "official_s": round(theirs, 3),
        "ours_s": round(ours, 3),
        "predictions_per_s": round(n / ours),
        "times_official": round(theirs / ours, 2),
        "largest_difference": f"{worst:.1e}",
    }


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def _data(n: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    rng = random.Random(0)
    kinds = (
        lambda: " ".join(rng.choices(WORDS, k=rng.choice((1, 2, 2, 3)))).title(),
        lambda: str(rng.randrange(1700, 2026)),
        lambda: f"{rng.randrange(2, 900):,}",
    )
    pool = [rng.choice(kinds)() for _ in range(n // 2)]
    records, answers, facts = [], {}, {}
    for number in range(n):
        answer = rng.choice(("yes", "no")) if rng.random() < 0.06 else rng.choice(pool)
        right = [(f"Title {number}", 0), (f"Title {number + 1}", rng.randrange(4))]
        records.append({"_id": f"{number:024x}", "answer": answer, "supporting_facts": right})
        said = answer if rng.random() < 2 / 3 else rng.choice(pool)
        answers[f"{number:024x}"] = rng.choice(SHAPES)(said)
        facts[f"{number:024x}"] = [right[0], (f"Title {number + 1}", rng.randrange(4))]
    return records, {"answer": answers, "sp": facts}


def official(gold: list[dict[str, Any]], prediction: dict[str, Any]) -> dict[str, float]:
    """Return the means as hotpot_evaluate_v1.py computes them, step by step."""
    metrics = {f"{prefix}{name}": 0.0 for prefix in ("", "sp_", "joint_") for name in NAMES}
    for record in gold:
        said = prediction["answer"][record["_id"]]
        em = _exact(said, record["answer"])
        f1, prec, recall = _overlap(said, record["answer"])
        sp_em, sp_f1, sp_prec, sp_recall = _facts(prediction["sp"][record["_id"]], record["supporting_facts"])
        joint = (em * sp_em, _f1(prec * sp_prec, recall * sp_recall), prec * sp_prec, recall * sp_recall)
        values = (em, f1, prec, recall, sp_em, sp_f1, sp_prec, sp_recall, *joint)
        for name, value in zip(metrics, values, strict=True):
            metrics[name] += value
    return {name: value / len(gold) for name, value in metrics.items()}


def _normalise(text: str) -> str:
    punctuation = set(string.punctuation)
    text = "".join(character for character in text.lower() if character not in punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def _exact(said: str, right: str) -> float:
    return float(_normalise(said) == _normalise(right))


def _overlap(said: str, right: str) -> tuple[float, float, float]:
    said, right = _normalise(said), _normalise(right)
    if said != right and (said in {"yes", "no", "noanswer"} or right in {"yes", "no", "noanswer"}):
        return 0.0, 0.0, 0.0
    same = sum((Counter(said.split()) & Counter(right.split())).values())
    if same == 0:
        return 0.0, 0.0, 0.0
    prec, recall = same / len(said.split()), same / len(right.split())
    return _f1(prec, recall), prec, recall


def _facts(said: list[Any], right: list[Any]) -> tuple[float, float, float, float]:
    named, wanted = set(map(tuple, said)), set(map(tuple, right))
    tp = sum(fact in wanted for fact in named)
    fp = sum(fact not in wanted for fact in named)
    fn = sum(fact not in named for fact in wanted)
    prec = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    return float(fp + fn == 0), _f1(prec, recall), prec, recall


def _f1(prec: float, recall: float) -> float:
    return 2 * prec * recall / (prec + recall) if prec + recall > 0 else 0.0


def main() -> None:
    """Print the measurement."""
    for name, value in measure().items():
        print(f"{name:22} {value:>12}")


if __name__ == "__main__":
    main()
