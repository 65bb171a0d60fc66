"""The sentences that a model quoted, as the supporting facts that HotpotQA scores.

    context  [("Norway", ("Oslo is its capital.", " Bergen is wet.")), …]
    answer   "##begin_quote## Oslo is its capital. ##end_quote## <ANSWER>: Oslo"
    facts    [("Norway", 0)]

A RAFT answer names its sources by quoting them. A quote that stands verbatim in a paragraph names every
sentence that it touches, whole or in part; one that stands nowhere names none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from raft_core.evaluation.harness import Run
from raft_core.evaluation.hotpotqa import Fact, Gold, Predictions, score_predictions
from raft_core.evaluation.questions import paragraphs
from raft_core.markup import find_quotes, neutralise
from raft_core.records import Question, Quote


def quoted_facts(quotes: Iterable[Quote], context: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[Fact, ...]:
    """Return the (title, sentence index) of each sentence that the quotes stand in, in order, none twice.

    `context` holds the paragraphs that the quotes' `source` counts from 1.
    """
    facts: dict[Fact, None] = {}
    for quote in quotes:
        if quote.source is not None:
            title, sentences = context[quote.source - 1]
            facts |= {(title, index): None for index in _touched(quote.text, sentences)}
    return tuple(facts)


def facts_of(text: str, question: Question) -> tuple[Fact, ...]:
    """Return the supporting facts that a model's whole text names, of the paragraphs it was shown."""
    return quoted_facts(find_quotes(text, paragraphs(question)), question.context)


def score_quotes(run: Run, questions: Sequence[Question]) -> dict[str, float | int]:
    """Return what the official script prints for a run: answers, supporting facts, and both together.

    Only questions whose supporting facts are known count; empty where there are none.
    """
    asked = {question.id: question for question in questions if question.supporting_facts}
    samples = [sample for sample in run.samples if sample.id in asked]
    if not samples:
        return {}
    gold = [
        Gold(sample.id, sample.gold, asked[sample.id].supporting_facts, asked[sample.id].aliases)
        for sample in samples
    ]
    answers = {sample.id: sample.prediction for sample in samples}
    facts = {sample.id: facts_of(sample.text, asked[sample.id]) for sample in samples}
    return score_predictions(gold, Predictions(answers, facts))


def _touched(words: str, sentences: Sequence[str]) -> Iterator[int]:
    """Yield the indices of the sentences in which the first occurrence of `words` has a character.

    Both are read as `find_quotes` reads them: white space collapsed, markup defused, which keeps lengths.
    """
    ends = [len(_collapsed("".join(sentences[: index + 1]))) for index in range(len(sentences))]
    start = neutralise(_collapsed("".join(sentences))).find(neutralise(words))
    if start < 0:
        return
    for index, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        if max(start, begin) < min(start + len(words), end):
            yield index


def _collapsed(text: str) -> str:
    return " ".join(text.split())
