"""Questions by rule: needs no language model, no network and no money. English only."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from raft_core.dataset.generators import Draft, Drafts
from raft_core.dataset.generators.rules.building import Candidate
from raft_core.dataset.generators.rules.clauses import find_clauses
from raft_core.dataset.generators.rules.english import check_installed, is_english, is_latin
from raft_core.dataset.generators.rules.prose import Paragraph, paragraphs
from raft_core.dataset.generators.rules.questions import ask
from raft_core.dataset.generators.rules.tables import ask_tables
from raft_core.dataset.generators.rules.topic import chain, find_topic, plain_title
from raft_core.files import content_hash
from raft_core.markup import neutralise, write_answer
from raft_core.records import Chunk

RULES = 4
"""Count up when the rules change: data sets made by other rules are other data sets."""

NOTHING_TO_ASK = "no sentence that a question can be made of by rule"
NOT_ENGLISH = "not in English: the rules know no other language (a language model does)"

_SPREAD = 0.8
"""How much worse than the best question one may be that is taken instead, so that forms vary."""
_SPARES = 4
_RUNNING = 8
"""Words from which on a text is long enough to tell its language."""


class Rules:
    """Asks about a name, a date or a number in a sentence, and answers with that sentence as the quote.

    Raises:
        MissingExtra: spaCy or its English model is not installed.
    """

    name = "rules (no language model)"
    fingerprint = f"rules-{RULES}"
    concurrency = 1

    def __init__(self) -> None:
        check_installed()

    async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
        """Return up to `questions` drafts about different answers; the n-th does not depend on how many are asked for."""
        drafts = [_draft(quote, found) for quote, found in _pick(chunk, seed, questions + _SPARES)]
        if not drafts:
            reason = NOTHING_TO_ASK if _may_be_english(chunk.text) else NOT_ENGLISH
            return Drafts((Draft("", "", reason),) * questions)
        missing = [Draft("", "", NOTHING_TO_ASK)] * (questions - len(drafts))
        return Drafts((*drafts[:questions], *missing), spares=tuple(drafts[questions:]))

    async def close(self) -> None:
        """Let go of nothing."""


def _draft(quote: str, found: Candidate) -> Draft:
    answer = write_answer(neutralise(quote), neutralise(found.answer))
    return Draft(
        neutralise(found.question), answer, form=found.pattern, capped=found.pattern.startswith(_LISTED)
    )


_LISTED = ("column ", "step", "stands for")


def _is_readable(title: str) -> bool:
    """Tell whether a title can stand in a question: words, no name of a file."""
    return "_" not in title and len(title) <= 80 and bool(re.search(r"[a-z]{3}", title)) and '"' not in title


def _may_be_english(text: str) -> bool:
    """Tell whether the running text of a chunk is English; of tables and a few words nobody can tell."""
    running = " ".join(line for line in text.splitlines() if " | " not in line)
    few = len(re.findall(r"[^\W\d_]+", running)) < _RUNNING
    return is_latin(text) and (few or is_english(running))


def candidates(chunk: Chunk) -> list[tuple[str, Candidate]]:
    """Return all questions about a chunk with their quotes, those of its sentences first."""
    if not _may_be_english(chunk.text):
        return []
    title = plain_title(chunk.title)
    found: dict[str, tuple[str, Candidate]] = {}
    for paragraph in paragraphs(chunk.text, title):
        for quote, candidate in _of_paragraph(paragraph, title):
            found.setdefault(candidate.question, (quote, candidate))
    for quote, candidate in ask_tables(chunk.text, title, whole_start=chunk.start == 0):
        found.setdefault(candidate.question, (quote, candidate))
    return [(quote, candidate) for quote, candidate in found.values() if candidate.answer in quote]


def _of_paragraph(paragraph: Paragraph, title: str) -> Iterator[tuple[str, Candidate]]:
    sentences = paragraph.sentences
    topic = find_topic(title, sentences)
    sure = chain(topic, sentences) if topic else 0
    for number, sentence in enumerate(sentences):
        if not sentence.clean:
            continue
        for clause in find_clauses(sentence, topic, sure=number <= sure):
            for candidate in ask(clause, title if _is_readable(title) else ""):
                yield sentence.quote, candidate


def _pick(chunk: Chunk, seed: int, wanted: int) -> Iterator[tuple[str, Candidate]]:
    """Yield questions with different answers: each time one of the best that are left, by chance."""
    rng = random.Random(content_hash(seed, chunk.id))
    left = candidates(chunk)
    while left and wanted:
        best = max(candidate.score for _, candidate in left)
        good = [pair for pair in left if pair[1].score >= best - _SPREAD]
        quote, chosen = rng.choice(good)
        yield quote, chosen
        wanted -= 1
        left = [
            pair
            for pair in left
            if pair[1].answer.lower() != chosen.answer.lower() and pair[1].question != chosen.question
        ]
