"""The questions that one model answered better or worse than another, for the HTML report.

Each can be opened: what both models said, with their quotes checked, and the paragraphs they were shown,
where quoted sentences are marked and the supporting facts underlined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from raft_core.evaluation.facts import facts_of
from raft_core.evaluation.harness import Sample
from raft_core.evaluation.questions import paragraphs
from raft_core.evaluation.result import Evaluation
from raft_core.evaluation.svg import text
from raft_core.markup import BEGIN_QUOTE, END_QUOTE, find_quotes
from raft_core.records import Difference, Question

SHOWN = 200
"""How many changed questions a page holds, those that changed most; samples.jsonl holds them all."""
_QUOTED = re.compile(f"{BEGIN_QUOTE}(.*?){END_QUOTE}", re.DOTALL)


def changes_section(evaluation: Evaluation, difference: Difference) -> str:
    """Return the list of changed questions of a difference, with its filters."""
    pairs = list(zip(evaluation.samples(difference.a), evaluation.samples(difference.b), strict=True))
    changed = sorted((p for p in pairs if p[0].f1 != p[1].f1), key=lambda p: -abs(p[1].f1 - p[0].f1))
    better = sum(b.f1 > a.f1 for a, b in changed)
    counts = (
        f"{better} questions better, {len(changed) - better} worse, {len(pairs) - len(changed)} the same."
    )
    if len(changed) > SHOWN:
        counts += f" Shown are the {SHOWN} that changed most."
    asked = {question.id: question for question in evaluation.questions}
    rows = [_row(a, b, difference, asked.get(a.id)) for a, b in changed[:SHOWN]]
    types = sorted({a.type for a, _ in changed[:SHOWN]})
    return (
        f'<section class="changes"><h2>{text(difference.b)} against {text(difference.a)}, question by question</h2>'
        f'<p class="muted">{counts}</p>{_filter(types) if rows else ""}{"".join(rows)}</section>\n'
    )


def _filter(types: Sequence[str]) -> str:
    options = "".join(f'<option value="{text(each)}">{text(each) or "no type"}</option>' for each in types)
    return (
        '<div class="filter"><input type="search" placeholder="Words in question, answers or paragraphs" '
        'aria-label="Words to look for"><select aria-label="Change"><option value="">better and worse</option>'
        '<option value="better">better</option><option value="worse">worse</option></select>'
        f'<select aria-label="Kind of question"><option value="">every kind</option>{options}</select>'
        '</div><p class="muted count"></p>'
    )


def _row(a: Sample, b: Sample, difference: Difference, question: Question | None) -> str:
    change = "better" if b.f1 > a.f1 else "worse"
    answers = "".join(
        _said(sample, name, question) for sample, name in ((a, difference.a), (b, difference.b))
    )
    context = _context(question, a, b) if question else ""
    return (
        f'<details data-change="{change}" data-type="{text(a.type)}"><summary>'
        f'<span class="tag {change}">{change}</span><span>{text(a.question)}</span>'
        f'<span class="said"><b>{text(a.gold)}</b> is right · {_short(a, difference.a)} · {_short(b, difference.b)}'
        f'</span></summary><div class="inside"><div class="pair">{answers}</div>{context}</div></details>'
    )


def _short(sample: Sample, name: str) -> str:
    said = sample.prediction if len(sample.prediction) <= 120 else sample.prediction[:119] + "…"
    return f"{text(name)}: <b>{text(said) or 'nothing'}</b> (F1 {sample.f1:.2f})"


def _said(sample: Sample, name: str, question: Question | None) -> str:
    flaws = [
        word for word, is_so in (("cut off", sample.truncated), ("no answer tag", not sample.tagged)) if is_so
    ]
    note = f' <span class="muted">({", ".join(flaws)})</span>' if flaws else ""
    return f"<div><h3>{text(name)}{note}</h3><pre>{''.join(_marked(sample.text, question))}</pre></div>"


def _marked(said: str, question: Question | None) -> Iterator[str]:
    """Yield a model's words with each quote marked: verbatim in a paragraph, or not."""
    quotes = iter(find_quotes(said, paragraphs(question) if question else ()))
    end = 0
    for match, quote in zip(_QUOTED.finditer(said), quotes, strict=False):
        yield text(said[end : match.start()])
        style = (
            ""
            if quote.source is not None or question is None
            else ' class="doubt" title="not in any paragraph"'
        )
        yield f" <mark{style}>{text(match.group(1).strip())}</mark> "
        end = match.end()
    yield text(said[end:])


def _context(question: Question, a: Sample, b: Sample) -> str:
    if not question.context:
        return '<p class="muted">No paragraphs were shown.</p>'
    quoted = {*facts_of(a.text, question), *facts_of(b.text, question)}
    gold = set(question.supporting_facts)
    items = []
    for title, sentences in question.context:
        parts = []
        for index, sentence in enumerate(sentences):
            words = sentence.lstrip()
            parts.append(sentence[: len(sentence) - len(words)])
            part = text(words)
            part = f"<u>{part}</u>" if (title, index) in gold else part
            parts.append(f"<mark>{part}</mark>" if (title, index) in quoted else part)
        items.append(f"<li><b>{text(title)}.</b> {''.join(parts)}</li>")
    told = "marked: quoted by a model" + ("; underlined: supporting facts" if gold else "")
    return f'<h3>Paragraphs shown <span class="muted">({told})</span></h3><ol>{"".join(items)}</ol>'
