"""An evaluation as Markdown for people and as JSON lines for whoever looks closer."""

from __future__ import annotations

from collections.abc import Iterator

from raft_core.evaluation.harness import Sample
from raft_core.evaluation.result import Circumstances, Evaluation
from raft_core.evaluation.significance import METHOD, RESAMPLES
from raft_core.files import to_json
from raft_core.records import Difference, Score

SHOWN = 20
"""How many fixed and broken questions the report lists; samples.jsonl holds them all."""


def samples_jsonl(evaluation: Evaluation) -> str:
    """Return every answer of every run as JSON lines, each with its model and prompt."""
    from dataclasses import asdict

    return "".join(
        to_json({"model": run.model, "prompt": run.prompt} | asdict(sample)) + "\n"
        for run in evaluation.runs
        for sample in run.samples
    )


def markdown(evaluation: Evaluation) -> str:
    """Return the report: scores, paired differences, what was fixed and broken, what it rests on."""
    parts = [
        f"# HotpotQA F1 · {evaluation.id}\n",
        f"{coverage(evaluation.circumstances)}\n",
        "![F1 of each model](f1.png)\n",
        "## Scores\n",
        "\n".join(_scores(evaluation)) + "\n",
        "Answers without an answer tag are scored as a whole. The plain prompt `rag` asks for no tag, so "
        "there a missing tag is no fault.\n",
    ]
    for difference in evaluation.differences:
        parts += [f"## {difference.b} against {difference.a}\n", f"{verdict(difference)}\n"]
        parts += list(_changes(evaluation, difference))
    parts += ["## What this rests on\n", "\n".join(_circumstances(evaluation)) + "\n"]
    return "\n".join(parts)


def coverage(circumstances: Circumstances) -> str:
    """Say how many questions were asked, of how many, and how they were chosen."""
    c = circumstances
    drawn = f"n = {c.n} of {c.available} questions, drawn with seed {c.seed}."
    if c.limit is not None and c.limit > c.available:
        drawn += f" The limit of {c.limit} is more than there are: all were asked."
    return drawn


def verdict(difference: Difference) -> str:
    """Say in one line how large a difference is, and whether it is significant."""
    word = "significant" if difference.significant else "not significant"
    interval = f"[{difference.low:+.3f}, {difference.high:+.3f}]"
    return (
        f"F1 {difference.f1:+.3f}, 95 % interval {interval}, p = {difference.p:.4f}: {word} "
        f"({difference.b} minus {difference.a}, paired over the same questions)."
    )


def _scores(evaluation: Evaluation) -> Iterator[str]:
    yield "| model | prompt | F1 | 95 % | EM | 95 % | cut off | no tag | tokens | seconds |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name, prompts in evaluation.prompts.items():
        for score in prompts.values():
            best = len(prompts) > 1 and score is evaluation.models[name]
            yield _row(score, "better prompt" if best else "")


def _row(score: Score, note: str) -> str:
    name = f"{score.model} ({note})" if note else score.model
    cells = (
        name,
        score.prompt,
        f"{score.f1:.3f}",
        f"{score.f1_low:.3f} to {score.f1_high:.3f}",
        f"{score.em:.3f}",
        f"{score.em_low:.3f} to {score.em_high:.3f}",
        f"{score.truncated:.1%}",
        f"{score.untagged:.1%}",
        f"{score.tokens}",
        f"{score.seconds:.1f}",
    )
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _changes(evaluation: Evaluation, difference: Difference) -> Iterator[str]:
    pairs = list(zip(evaluation.samples(difference.a), evaluation.samples(difference.b), strict=True))
    fixed = [(a, b) for a, b in pairs if b.f1 > a.f1]
    broken = [(a, b) for a, b in pairs if b.f1 < a.f1]
    same = len(pairs) - len(fixed) - len(broken)
    yield f"{len(fixed)} questions better, {len(broken)} worse, {same} the same.\n"
    for title, changed in (("Better", fixed), ("Worse", broken)):
        if changed:
            yield f"### {title}\n"
            yield "\n".join(_table(changed, difference)) + "\n"
            if len(changed) > SHOWN:
                yield f"… and {len(changed) - SHOWN} more in samples.jsonl\n"


def _table(pairs: list[tuple[Sample, Sample]], difference: Difference) -> Iterator[str]:
    yield f"| question | gold | {_cell(difference.a)} | F1 | {_cell(difference.b)} | F1 |"
    yield "|---|---|---|---|---|---|"
    pairs = sorted(pairs, key=lambda pair: -abs(pair[1].f1 - pair[0].f1))
    for a, b in pairs[:SHOWN]:
        cells = (a.question, a.gold, a.prediction, f"{a.f1:.2f}", b.prediction, f"{b.f1:.2f}")
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _circumstances(evaluation: Evaluation) -> Iterator[str]:
    c = evaluation.circumstances
    yield f"- data: {_cell(c.data)}, hash {c.data_hash}"
    yield f"- base model: {_cell(c.base_model)}; baseline: {evaluation.baseline}"
    for name, value in c.model_hashes.items():
        yield f"- weights of {name}: {value}"
    for name, value in c.prompt_hashes.items():
        yield f"- prompt {name}: {value}"
    yield f"- at most {c.max_new_tokens} new tokens, greedy"
    yield f"- intervals and p-values: {METHOD}, {RESAMPLES:,} resamples, seed {c.seed}"
    yield f"- {c.seconds:.1f} seconds, {c.cost_usd:.4f} USD, {c.created_at}"
    yield "- versions: " + ", ".join(f"{name} {version}" for name, version in c.versions.items())


def _cell(text: str) -> str:
    """Return untrusted text as one harmless Markdown table cell."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    for character in "\\`*_[]<>|":
        line = line.replace(character, f"\\{character}")
    return line if len(line) <= 160 else line[:159] + "…"
