"""An evaluation as Markdown for people and as JSON lines for whoever looks closer."""

from __future__ import annotations

from collections.abc import Iterator

from raft_core.evaluation.facts import score_quotes
from raft_core.evaluation.harness import Sample
from raft_core.evaluation.result import Evaluation
from raft_core.evaluation.significance import METHOD, RESAMPLES
from raft_core.evaluation.wording import coverage, headline, memory, notes, shown, verdict
from raft_core.files import to_json
from raft_core.records import Difference, Score

NOTE = 1000
"""Characters of a sentence of ours, which may hold a model's name."""
GROUPS = {"type": "kind of question", "length": "length of the gold answer", "gold": "gold paragraphs"}
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
    c = evaluation.circumstances
    parts = [
        f"# HotpotQA F1 · {evaluation.id}\n",
        f"**{_cell(headline(evaluation))}.** {coverage(c)} Shown with each: {shown(c)}.\n",
        *(f"- {_cell(note, NOTE)}\n" for note in notes(evaluation)),
        "![F1 of each model](f1.png)\n",
        "## Scores\n",
        "\n".join(_scores(evaluation)) + "\n",
        "Answers without an answer tag are scored as a whole. The plain prompt `rag` asks for no tag, so "
        "there a missing tag is no fault.\n",
        *_facts(evaluation),
        *_groups(evaluation),
    ]
    for difference in evaluation.differences:
        parts += [
            f"## {_cell(difference.b)} against {_cell(difference.a)}\n",
            f"{_cell(verdict(difference), NOTE)}\n",
        ]
        parts += list(_changes(evaluation, difference))
    parts += ["## What this rests on\n", "\n".join(_circumstances(evaluation)) + "\n"]
    return "\n".join(parts)


def quote_scores(evaluation: Evaluation) -> dict[tuple[str, str], dict[str, float | int]]:
    """Return supporting-fact and joint scores by model and prompt, where a run names any source."""
    scores = {(run.model, run.prompt): score_quotes(run, evaluation.questions) for run in evaluation.runs}
    return {run: score for run, score in scores.items() if score.get("sp_prec")}


def _scores(evaluation: Evaluation) -> Iterator[str]:
    yield "| model | prompt | F1 | 95 % | EM | 95 % | cut off | no tag | refused | F1 when answering | tokens | seconds |"
    yield "|---" * 12 + "|"
    for name, prompts in evaluation.prompts.items():
        for score in prompts.values():
            best = len(prompts) > 1 and score.prompt == evaluation.models[name].prompt
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
        f"{score.refused:.1%}",
        "none" if score.answered_f1 is None else f"{score.answered_f1:.3f}",
        f"{score.tokens}",
        f"{score.seconds:.1f}",
    )
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _facts(evaluation: Evaluation) -> Iterator[str]:
    scores = quote_scores(evaluation)
    if not scores:
        return
    yield "## Supporting facts\n"
    yield "What a model quotes verbatim counts as the supporting facts that it names; joint scores want answer and facts.\n"
    yield "| model | prompt | facts F1 | precision | recall | EM | joint F1 | joint EM |\n" + "|---" * 8 + "|"
    names = ("sp_f1", "sp_prec", "sp_recall", "sp_em", "joint_f1", "joint_em")
    for (model, prompt), score in scores.items():
        cells = (_cell(model), _cell(prompt), *(f"{score[name]:.3f}" for name in names))
        yield f"| {' | '.join(cells)} |"
    yield ""


def _groups(evaluation: Evaluation) -> Iterator[str]:
    """Yield F1 by kind of question and by length of the gold answer, a column a model."""
    models = evaluation.models
    for table, title in GROUPS.items():
        groups = dict.fromkeys(group for score in models.values() for group in score.by.get(table, {}))
        if len(groups) < 2:
            continue
        yield f"## F1 by {title}\n"
        yield f"| {title} | n | {' | '.join(map(_cell, models))} |\n" + "|---" * (len(models) + 2) + "|"
        for group in groups:
            parts = [score.by[table][group] for score in models.values()]
            cells = (f"{part.f1:.3f} [{part.f1_low:.3f}, {part.f1_high:.3f}]" for part in parts)
            yield f"| {_cell(group)} | {parts[0].n} | {' | '.join(cells)} |"
        yield ""


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
    yield f"- data: {_cell(c.data)}, hash {c.data_hash}; setting: {c.setting}"
    yield f"- engine: {_cell(c.engine) or 'not told'}"
    yield f"- memory: {memory(c) or 'not told'}"
    yield f"- base model: {_cell(c.base_model)}; baseline: {_cell(evaluation.baseline)}"
    for name, value in c.model_hashes.items():
        yield f"- weights of {_cell(name)}: {value}"
    for name, value in c.prompt_hashes.items():
        yield f"- prompt {name}: {value}"
    yield f"- at most {c.max_new_tokens} new tokens, greedy"
    yield f"- intervals and p-values: {METHOD}, {RESAMPLES:,} resamples, seed {c.seed}"
    yield f"- {c.seconds:.1f} seconds, {c.cost_usd:.4f} USD, {c.created_at}"
    yield "- versions: " + ", ".join(f"{name} {version}" for name, version in c.versions.items())


def _cell(text: str, limit: int = 160) -> str:
    """Return untrusted text as one harmless Markdown table cell."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    for character in "\\`*_[]<>|":
        line = line.replace(character, f"\\{character}")
    return line if len(line) <= limit else line[: limit - 1] + "…"
