"""Evaluation questions in HotpotQA's shape from worlds that no training has seen."""

from __future__ import annotations

from raft_core.pocket.world import Split, World
from raft_core.records import Question


def questions(n: int, seed: int, distractors: int = 3, split: Split = "heldout") -> list[Question]:
    """Return `n` questions, each over one article that answers it and `distractors` that do not.

    Every question has articles of its own, in an order drawn by seed; half of the distractors are of
    the answering article's kind. Names are shared with no other split. One sentence is one fact; as in
    HotpotQA's files, all but an article's first begin with a space.
    """
    world = World(seed, split)
    made = []
    for number in range(n):
        oracle = world.article()
        item = world.single(oracle, plain=True)
        shown = [oracle]
        while len(shown) <= distractors:
            other = world.article(oracle.kind if world.rng.random() < 0.5 else None)
            if other.name not in {article.name for article in shown}:
                shown.append(other)
        world.rng.shuffle(shown)
        context = tuple((article.title, _spaced(article.sentences)) for article in shown)
        facts = tuple((oracle.title, oracle.sentences.index(quote)) for quote in item.quotes)
        identity = f"{split}-{seed}-{number}"
        made.append(Question(identity, item.question, item.answer, context, item.type, facts))
    return made


def _spaced(sentences: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sentence if number == 0 else f" {sentence}" for number, sentence in enumerate(sentences))
