from __future__ import annotations

import itertools
import random
import re

from raft_core.pocket import heldout
from raft_core.pocket.game import GAME, GAME_WORDS
from raft_core.pocket.lexicon import KINDS, WORDS
from raft_core.pocket.phrases import random_kind
from raft_core.pocket.samples import FOLDER, library_articles
from raft_core.pocket.world import SPLITS, Article, Split, World, owner

INVENTED = ("person", "place", "river")


def invented(article: Article) -> set[str]:
    """The invented words of an article: in its name and in the values that are names."""
    patterns = {word for name in article.kind.names for word in name.split()}
    values = [fact.value for fact in article.facts if fact.relation.value in INVENTED]
    return {word for text in [article.name, *values] for word in text.split() if word not in patterns}


def articles(split: Split, n: int = 400) -> list[Article]:
    world = World(3, split)
    return [world.article() for _ in range(n)]


def test_splits_share_no_name_and_no_article():
    """Pretraining, library, development and held-out worlds are disjoint by construction."""
    names = {split: set[str]().union(*map(invented, articles(split))) for split in SPLITS}
    for index, split in enumerate(SPLITS):
        assert len(names[split]) > 500
        assert {owner(word) for word in names[split]} == {index}
    for a, b in itertools.combinations(SPLITS, 2):
        assert not names[a] & names[b]


def test_pretraining_never_reads_of_the_game():
    """The game's own words stand in no article and no question that pocket is pretrained on."""
    world = World(3, "pretraining")
    made = [(article, world.single(article)) for article in (world.article() for _ in range(5000))]
    read = " ".join(f"{article.text} {item.question}" for article, item in made).lower()
    words = set(re.findall(r"\w+", read))
    named = {word for kind in GAME for name in kind.names for word in re.findall(r"\w+", name.lower())}
    assert named & words <= {"the", "of", "for", "from"}
    assert not [v for values in GAME_WORDS.values() for v in values if f" {v} " in read or f" {v}." in read]
    assert all(article.kind in GAME for split in SPLITS[1:] for article in articles(split, 50))


def test_shipped_library_is_what_its_seed_writes():
    """The files are there, hold the library world's articles, and share no name with held-out questions."""
    written = {name: made for name, _, made in library_articles()}
    assert {path.name for path in FOLDER.iterdir()} == set(written)
    assert sum(len(made) for made in written.values()) == 126
    for name, made in written.items():
        if name.endswith((".md", ".txt")):
            assert all(article.text in (FOLDER / name).read_text() for article in made)
    library = set[str]().union(*(invented(a) for made in written.values() for a in made))
    asked = " ".join(
        f"{q.question} {title} {' '.join(sentences)}"
        for q in heldout.questions(300, 0)
        for title, sentences in q.context
    )
    assert not library & set(re.findall(r"[A-Z][a-z]+", asked))


def test_every_fact_is_told_and_asked_exactly():
    """Values stand in their sentence, and every wording names the subject."""
    for article in articles("pretraining", 300) + articles("heldout", 100):
        for fact in article.facts:
            assert fact.value in fact.sentence
            assert fact.sentence in article.sentences
            assert article.name.lower() in fact.sentence.lower()
    rng = random.Random(0)
    for kind in (*KINDS, *GAME, *(random_kind(rng) for _ in range(200))):
        assert len({relation.questions for relation in kind.relations}) == len(kind.relations)
        for relation in kind.relations:
            assert all("{s}" in question and question.endswith("?") for question in relation.questions)
            assert all("{o}" in text and ("{s}" in text or "{S}" in text) for text in relation.sentences)
            assert (
                relation.value in {*INVENTED, "year", "thing"}
                or relation.value.startswith("count:")
                or (WORDS | GAME_WORDS)[relation.value]
            )


def test_held_out_questions_need_one_document_among_distractors():
    """The answer stands in exactly one of the documents that name the subject; order and names vary."""
    made = heldout.questions(200, 5, distractors=3)
    places = set()
    for question in made:
        titles = [title for title, _ in question.context]
        assert len(set(titles)) == 4
        oracles = [i for i, title in enumerate(titles) if title.lower() in question.question.lower()]
        assert len(oracles) == 1
        assert any(question.answer in sentence for sentence in question.context[oracles[0]][1])
        places.add(oracles[0])
    assert places == {0, 1, 2, 3}
    assert made == heldout.questions(200, 5, distractors=3)
    assert made != heldout.questions(200, 6, distractors=3)


def test_two_hops_need_both_articles():
    world = World(0, "pretraining")
    for _ in range(50):
        (first, second), item = world.two_hop()
        assert first.name in item.question
        assert second.name not in item.question
        assert item.quotes[0] in first.sentences
        assert item.quotes[1] in second.sentences
        assert second.name in item.quotes[0]


def test_held_out_paragraphs_read_as_those_that_pocket_learns_from():
    """Joined as evaluation joins them, sentences stand apart, and the supporting fact holds the answer."""
    for question in heldout.questions(50, 5):
        for _, sentences in question.context:
            assert "".join(sentences) == " ".join(sentence.strip() for sentence in sentences)
        ((title, index),) = question.supporting_facts
        assert question.answer in dict(question.context)[title][index]
