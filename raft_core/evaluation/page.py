"""An evaluation as one HTML file that needs nothing else: charts, tables, and every question that changed.

Documents and models' words are untrusted: all text is escaped, the page may load nothing, and only its own
script may run, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files

from raft_core.evaluation.changes import changes_section
from raft_core.evaluation.report import GROUPS, quote_scores
from raft_core.evaluation.result import Evaluation
from raft_core.evaluation.significance import METHOD, RESAMPLES
from raft_core.evaluation.svg import Bar, Mean, Series, bars, dots, legend, text
from raft_core.evaluation.wording import coverage, headline, memory, notes, short_verdict, shown
from raft_core.records import Part, Score

COLOURS = 6
"""Grey for the baseline and five others; from the seventh model on they come again."""
DIALS = {
    "distractors": "F1 against the number of distractors",
    "top_k": "F1 against the number of paragraphs retrieved",
    "setting": "F1 by what was shown",
}
HEADINGS = ("model", "prompt", "F1", "95 %", "EM", "95 %", "cut off", "no tag", "refused", "F1 answering", "tokens", "seconds")  # fmt: skip


def html(evaluation: Evaluation, others: Sequence[Evaluation] = ()) -> str:
    """Return the page; `others` asked the same questions of the same models and showed other paragraphs."""
    title = f"{headline(evaluation)} · {evaluation.id}"
    body = [
        _head(evaluation),
        _section("F1 of each model", _bars(evaluation)),
        *(_dial([evaluation, *others], axis, title) for axis, title in DIALS.items()),
        *(_groups(evaluation, table, name) for table, name in GROUPS.items()),
        _section("Scores", _scores(evaluation)),
        _facts(evaluation),
        *(changes_section(evaluation, difference) for difference in evaluation.differences),
        _section("What this rests on", _circumstances(evaluation)),
    ]
    style, script = _asset("report.css"), _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"{''.join(part for part in body if part)}<script>{script}</script>\n</body>\n</html>\n"
    )


def _head(evaluation: Evaluation) -> str:
    c = evaluation.circumstances
    verdicts = []
    for each in evaluation.differences:
        style = ("better" if each.f1 > 0 else "worse") if each.significant else "open"
        words, _, word = short_verdict(each).rpartition(": ")
        told = f"{text(each.b)} minus {text(each.a)}: F1 {text(words)}: <b>{text(word)}</b>"
        verdicts.append(f'<p class="verdict {style}">{told}</p>')
    remarks = [f'<p class="muted">{text(note)}</p>' for note in notes(evaluation)]
    return (
        f"<h1>{text(headline(evaluation))}</h1>"
        f'<p class="lead">{text(c.data)} · {text(coverage(c))} Shown with each: {text(shown(c))}.</p>'
        f"{''.join(verdicts)}{''.join(remarks)}"
    )


def _bars(evaluation: Evaluation) -> str:
    rows = []
    for number, (name, prompts) in enumerate(evaluation.prompts.items()):
        for score in prompts.values():
            best = score.prompt == evaluation.models[name].prompt
            note = f"{score.prompt} prompt" + (", the better one" if best and len(prompts) > 1 else "")
            rows.append(Bar(name, note, _mean(score), _colour(number), faint=not best))
    reference = evaluation.models[evaluation.baseline].f1 if evaluation.differences else None
    return _figure(
        bars(rows, reference),
        f"Mean HotpotQA answer F1 of {evaluation.n} questions, seed {evaluation.circumstances.seed}; "
        "lines are 95 % bootstrap intervals.",
    )


def _dial(evaluations: Sequence[Evaluation], axis: str, title: str) -> str:
    """Return F1 against what the evaluations differ in, where at least two values of it were tried."""
    found = {value: each for each in reversed(evaluations) if (value := _value(each, axis)) is not None}
    if len(found) < 2 or _value(evaluations[0], axis) is None:
        return ""
    ordered = [found[value] for value in sorted(found, key=lambda value: (len(value), value))]
    groups = [(f"{_value(each, axis)}", f"n = {each.n}") for each in ordered]
    series = [
        Series(name, _colour(number), tuple(_mean(each.models[name]) for each in ordered))
        for number, name in enumerate(ordered[0].models)
    ]
    chart = legend(series) + dots(groups, series, joined=axis != "setting")
    return _section(title, _figure(chart, "The same questions and models; means with 95 % intervals."))


def _value(evaluation: Evaluation, axis: str) -> str | None:
    """Return where an evaluation stands on an axis; on that of settings only where nothing else was set."""
    c = evaluation.circumstances
    if axis == "setting":
        return c.setting if c.distractors is None else None
    value = getattr(c, axis)
    return None if value is None else str(value)


def _groups(evaluation: Evaluation, table: str, name: str) -> str:
    tables = {model: score.by.get(table, {}) for model, score in evaluation.models.items()}
    names = list(dict.fromkeys(group for groups in tables.values() for group in groups))
    if len(names) < 2:
        return ""
    first = next(iter(tables.values()))
    groups = [(group, f"n = {first[group].n}") for group in names]
    series = [
        Series(model, _colour(number), tuple(_mean(parts[group]) for group in names))
        for number, (model, parts) in enumerate(tables.items())
    ]
    chart = legend(series) + dots(groups, series, joined=table == "length")
    return _section(
        f"F1 by {name}", _figure(chart, "Means with 95 % intervals; a model under its better prompt.")
    )


def _scores(evaluation: Evaluation) -> str:
    rows = []
    for score in (score for prompts in evaluation.prompts.values() for score in prompts.values()):
        answering = "none" if score.answered_f1 is None else f"{score.answered_f1:.3f}"
        rates = (f"{share:.1%}" for share in (score.truncated, score.untagged, score.refused))
        f1 = (f"{score.f1:.3f}", f"{score.f1_low:.3f} to {score.f1_high:.3f}")
        em = (f"{score.em:.3f}", f"{score.em_low:.3f} to {score.em_high:.3f}")
        rows.append(
            (
                score.model,
                score.prompt,
                *f1,
                *em,
                *rates,
                answering,
                f"{score.tokens:,}",
                f"{score.seconds:.1f}",
            )
        )
    told = "Answers without an answer tag are scored whole; the plain prompt asks for none, so it is no fault there."
    return table(HEADINGS, rows) + f'<p class="muted">{told}</p>'


def _facts(evaluation: Evaluation) -> str:
    names = ("sp_f1", "sp_prec", "sp_recall", "sp_em", "joint_f1", "joint_em")
    rows = [
        (*run, *(f"{score[name]:.3f}" for name in names)) for run, score in quote_scores(evaluation).items()
    ]
    if not rows:
        return ""
    headings = ("model", "prompt", "facts F1", "precision", "recall", "EM", "joint F1", "joint EM")
    told = "What a model quotes verbatim counts as the supporting facts that it names, scored as HotpotQA scores them."
    return _section("Supporting facts", f'<p class="muted">{told}</p>{table(headings, rows)}')


def _circumstances(evaluation: Evaluation) -> str:
    c = evaluation.circumstances
    rows = [
        ("evaluation", c.id),
        ("data", f"{c.data}, hash {c.data_hash}"),
        ("base model", f"{c.base_model} {c.base_fingerprint}".strip()),
        *((f"weights of {name}", value) for name, value in c.model_hashes.items()),
        *((f"prompt {name}", value) for name, value in c.prompt_hashes.items()),
        (
            "answers",
            f"greedy, at most {c.max_new_tokens} new tokens" + (f", by {c.engine}" if c.engine else ""),
        ),
        ("memory", memory(c) or "not told"),
        ("intervals, p-values", f"{METHOD}, {RESAMPLES:,} resamples, seed {c.seed}"),
        ("made", f"{c.created_at}, {c.seconds:.1f} seconds, {c.cost_usd:.4f} USD"),
        ("versions", ", ".join(f"{name} {version}" for name, version in c.versions.items())),
    ]
    return table(("", ""), rows)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; from the third column on, cells are numbers."""

    def cells(tag: str, values: Sequence[str]) -> Iterator[str]:
        for column, value in enumerate(values):
            style = ' class="number"' if column > 1 else ""
            yield f"<{tag}{style}>{text(value)}</{tag}>"

    head = f"<thead><tr>{''.join(cells('th', headings))}</tr></thead>" if any(headings) else ""
    body = "".join(f"<tr>{''.join(cells('td', row))}</tr>" for row in rows)
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{text(title)}</h2>{content}</section>\n"


def _figure(chart: str, told: str) -> str:
    return f'<figure>{chart}<figcaption class="muted">{text(told)}</figcaption></figure>'


def _mean(of: Score | Part) -> Mean:
    return Mean(of.f1, of.f1_low, of.f1_high)


def _colour(number: int) -> int:
    return number if number == 0 else (number - 1) % (COLOURS - 1) + 1


def _asset(name: str) -> str:
    return (files("raft_core") / "evaluation" / "assets" / name).read_text(encoding="utf-8")
