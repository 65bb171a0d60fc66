"""Questions by rule: needs no language model, no network and no money."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from raft_core.dataset.generators import Draft, Drafts
from raft_core.dataset.generators.clauses import parse
from raft_core.dataset.generators.cloze import cloze
from raft_core.dataset.generators.fields import ask_fields
from raft_core.dataset.generators.questions import Candidate, ask
from raft_core.dataset.generators.sentences import is_clean, split_sentences
from raft_core.files import content_hash
from raft_core.markup import neutralise, write_answer
from raft_core.records import Chunk

RULES = 3
"""Count up when the rules change: data sets made by other rules are other data sets."""

NOTHING_TO_ASK = "no sentence that a question can be made of by rule"

_LOOKED_AT = 12
"""Sentences of a chunk that are tried before the best question so far is taken."""

_GOOD = 3.0
"""From this score on a question is taken as it comes, so that styles vary."""

_POOR = 0.2
"""Below this score a sentence with a hole may be the better question."""

_PASSABLE = -0.5
"""Below this score a question is too vague to be worth a row."""


class Extractive:
    """Asks about a name, a date or a number in a sentence, and answers with that sentence as the quote."""

    name = "extractive (rules, no language model)"
    fingerprint = f"extractive-{RULES}"
    concurrency = 1

    async def draft(self, chunk: Chunk, questions: int, seed: int) -> Drafts:
        """Return up to `questions` drafts about different spans; the n-th does not depend on how many are asked for."""
        picked = list(_pick(chunk, seed, questions))
        drafts = [
            Draft(neutralise(found.question), write_answer(neutralise(sentence), neutralise(found.answer)))
            for sentence, found in picked
        ]
        missing = [Draft("", "", NOTHING_TO_ASK)] * (questions - len(drafts))
        return Drafts((*drafts, *missing))

    async def close(self) -> None:
        """Nothing to let go of."""


def _pick(chunk: Chunk, seed: int, wanted: int) -> Iterator[tuple[str, Candidate]]:
    rng = random.Random(content_hash(seed, chunk.id))
    found = _candidates(chunk, rng)
    used: set[str] = set()
    for _ in range(wanted):
        fresh = [
            (sentence, candidate) for sentence, candidate in found if candidate.answer.lower() not in used
        ]
        if not fresh:
            return
        best = max(candidate.score for _, candidate in fresh)
        good = [pair for pair in fresh if pair[1].score >= min(best, _GOOD) - 0.3]
        sentence, candidate = rng.choice(good)
        used.add(candidate.answer.lower())
        yield sentence, candidate


def _candidates(chunk: Chunk, rng: random.Random) -> list[tuple[str, Candidate]]:
    """Return quotes and questions: of sentences, of fields and tables, and with holes where these are poor."""
    sentences = list(split_sentences(chunk.text))
    clean = [number for number, sentence in enumerate(sentences) if is_clean(sentence)]
    rng.shuffle(clean)
    found = _natural(chunk.text, sentences, clean)
    found += ask_fields(chunk.text, whole_start=chunk.start == 0)
    if max((candidate.score for _, candidate in found), default=_PASSABLE) < _POOR:
        found += [(sentences[number], made) for number in clean for made in cloze(sentences[number])]
    return [
        (sentence, candidate)
        for sentence, candidate in found
        if candidate.score >= _PASSABLE and candidate.answer in sentence
    ]


def _natural(text: str, sentences: Sequence[str], order: Sequence[int]) -> list[tuple[str, Candidate]]:
    """Return questions about whole clauses, from the sentences in this order, until there are enough."""
    lower_words = frozenset(re.findall(r"\b[a-z]{2,}\b", text))
    found: list[tuple[str, Candidate]] = []
    tried = 0
    for number in order:
        following = sentences[number + 1] if number + 1 < len(sentences) else ""
        clause = parse(sentences[number], following, lower_words)
        if clause is None:
            continue
        found += [(sentences[number], candidate) for candidate in ask(clause)]
        tried += 1
        if tried >= _LOOKED_AT and found:
            break
    return found
