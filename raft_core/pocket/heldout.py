"""Evaluation questions in HotpotQA's shape from worlds that no training has seen."""

from __future__ import annotations

from collections.abc import Iterator

from raft_core.pocket.world import Article, Split, World
from raft_core.records import Question

DISTRACTORS = 3
"""As in a training row: with the answering article there are four."""


def questions(n: int, seed: int, distractors: int = DISTRACTORS, split: Split = "heldout") -> list[Question]:
    """Return `n` questions, each over one article that answers it and `distractors` that do not.

    Every question has articles of its own, in an order drawn by seed; half of the distractors are of
    the answering article's kind. Names are shared with no other split. One sentence is one fact; as in
    HotpotQA's files, all but an article's first begin with a space. The questions are the same whatever
    the number of distractors, and the fewer distractors are among the more.
    """
    world = World(seed, split)
    made = []
    for number in range(n):
        oracle = world.article()
        item = world.single(oracle, plain=True)
        articles = [oracle, *_others(world, oracle, DISTRACTORS, {oracle.name})]
        order = list(range(len(articles)))
        world.rng.shuffle(order)
        shown = [articles[place] for place in order if place <= distractors]
        more = World(-(seed * 1_000_000 + number + 1), split)
        for other in _others(more, oracle, distractors - DISTRACTORS, {each.name for each in articles}):
            shown.insert(more.rng.randint(0, len(shown)), other)
        context = tuple((article.title, _spaced(article.sentences)) for article in shown)
        facts = tuple((oracle.title, oracle.sentences.index(quote)) for quote in item.quotes)
        identity = f"{split}-{seed}-{number}"
        made.append(Question(identity, item.question, item.answer, context, item.type, facts))
    return made


def _others(world: World, oracle: Article, count: int, known: set[str]) -> Iterator[Article]:
    """Yield articles under names that are not `known`, half of them of the oracle's kind."""
    while count > 0:
        other = world.article(oracle.kind if world.rng.random() < 0.5 else None)
        if other.name not in known:
            known, count = known | {other.name}, count - 1
            yield other


def _spaced(sentences: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sentence if number == 0 else f" {sentence}" for number, sentence in enumerate(sentences))
