from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_core.dataset import checks
from raft_core.dataset.generators.clauses import parse
from raft_core.dataset.generators.extractive import NOTHING_TO_ASK, Extractive
from raft_core.dataset.generators.questions import ask
from raft_core.dataset.generators.sentences import is_clean, split_sentences
from raft_core.dataset.generators.spans import find_spans
from raft_core.documents.readers import read_document
from raft_core.documents.splitting import Splitter
from raft_core.markup import find_quotes, short_answer
from tests.dataset.world import chunk, town_chunks


def questions_about(sentence: str) -> dict[str, str]:
    clause = parse(sentence, "", frozenset())
    return {made.question: made.answer for made in ask(clause)} if clause else {}


def drafts(text: str, questions: int = 1, seed: int = 0) -> list[tuple[str, str, str]]:
    made = asyncio.run(Extractive().draft(chunk(text), questions, seed)).drafts
    return [(draft.question, draft.cot_answer, draft.fault) for draft in made]


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("Belmo was founded in 1873.", "In what year was Belmo founded?", "1873"),
        ("Belmo was founded in 1873.", "What was founded in 1873?", "Belmo"),
        ("Oslo is the capital of Norway.", "Oslo is the capital of what?", "Norway"),
        ("Belmo makes glass lamps.", "Belmo makes what?", "glass lamps"),
        ("Dastok wrote The Gray Lantern in 1902.", "Dastok wrote The Gray Lantern in what year?", "1902"),
        ("Dastok wrote The Gray Lantern in 1902.", "Who wrote The Gray Lantern in 1902?", "Dastok"),
        ("The capital of Norvia is Belmo.", "What is the capital of Norvia?", "Belmo"),
        ("The head of Dastok Press is Mira Solt.", "Who is the head of Dastok Press?", "Mira Solt"),
        ("Belmo has 300 inhabitants.", "How many inhabitants does Belmo have?", "300"),
        ("In 1873, Arlo Venn founded Belmo.", "Who founded Belmo in 1873?", "Arlo Venn"),
        ("Belmo, a city in Orvia, was founded by Arlo Venn.", "By whom was Belmo founded?", "Arlo Venn"),
        ("Arlo Venn lives in Belmo.", "Arlo Venn lives where?", "Belmo"),
        ("The river Sarn is 45 km long.", "How many km long is the river Sarn?", "45"),
        ("Arlo Venn (born 1871) was an Orvian painter.", "Who was Arlo Venn?", "an Orvian painter"),
        ("Acme paid $3.5 million to Belmo.", "Acme paid how much money to Belmo?", "$3.5 million"),
        ("The jug is made of clay.", "The jug is made of what?", "clay"),
    ],
)
def test_questions_of_each_style(sentence: str, question: str, answer: str) -> None:
    """The rules ask what a person would ask."""
    assert questions_about(sentence).get(question) == answer


@pytest.mark.parametrize(
    "sentence", ["He was born in 1871.", "Running is fun in 1999.", "It has 300 inhabitants."]
)
def test_sentences_without_a_named_subject_are_left_alone(sentence: str) -> None:
    """A question must say what it is about."""
    assert questions_about(sentence) == {}


def test_spans_have_kinds() -> None:
    """Dates, years, counted numbers and names are told apart and do not overlap."""
    found = list(
        find_spans("On 12 March 1871 the United Nations counted 300 ships in Belmo, and 45% left in 1902.")
    )
    assert [(span.kind, span.text, span.counted) for span in found] == [
        ("date", "12 March 1871", ""),
        ("percent", "45%", ""),
        ("year", "1902", ""),
        ("number", "300", "ships"),
        ("name", "United Nations", ""),
        ("name", "Belmo", ""),
    ]


def test_sentences() -> None:
    """Abbreviations, initials and decimals end no sentence; headings and list marks belong to none."""
    text = "# Towns\nDr. J. Venn came to St. Belmo at 3.5 km/h. He left!\n- Belmo has a mill.\nHeading\n------\nThe mill\nis old."
    assert list(split_sentences(text)) == [
        "Dr. J. Venn came to St. Belmo at 3.5 km/h.",
        "He left!",
        "Belmo has a mill.",
        "The mill is old.",
    ]
    assert not is_clean("| a | b | c | d |.")
    assert not is_clean("Archived from the original on January 27 of that year.")
    assert not is_clean("see https://example.org for all of it.")


def test_sentences_of_a_page() -> None:
    """Footnote marks end no sentence and begin none; headings and captions are no part of the text below."""
    text = (
        "University of Belmo\nThe University of Belmo was built beside the old river\nin 1873.[3][4] It has two\n[5]\n"
        "mills.\n[6]\nResults We find that every lamp of the two towns is green.\nid: one\nkind: A lamp of glass."
    )
    assert list(split_sentences(text)) == [
        "The University of Belmo was built beside the old river in 1873.",
        "It has two [5] mills.",
        "We find that every lamp of the two towns is green.",
        "kind: A lamp of glass.",
    ]


def test_a_hole_is_the_last_resort() -> None:
    """What can be asked in a natural way is; what stands in the first person gets a hole."""
    ((natural, _, _),) = drafts(
        "We paid $300 for each of the green glass lamps. Belmo was founded by Arlo Venn."
    )
    ((hole, answer, _),) = drafts("We paid $300 for each of those green glass lamps that we bought.")
    assert natural in {"By whom was Belmo founded?", "What was founded by Arlo Venn?"}
    assert (
        hole
        == 'Which amount completes the sentence "We paid ____ for each of those green glass lamps that we bought."?'
    )
    assert short_answer(answer) == ("$300", True)


def test_the_answer_quotes_its_sentence() -> None:
    """The quote stands verbatim in the chunk, the answer in the quote, and the question does not hold it."""
    for made in town_chunks():
        ((question, cot_answer, fault),) = drafts(made.text)
        answer, tagged = short_answer(cot_answer)
        (quote,) = find_quotes(cot_answer, [made.text])
        assert fault == "" and tagged and quote.verified
        assert answer in quote.text and answer not in question


def test_the_nth_question_does_not_depend_on_how_many_are_asked_for() -> None:
    """Asking for more questions leaves the first as they are; each asks for another span."""
    text = town_chunks(1)[0].text
    many = drafts(text, 4)
    assert drafts(text, 2) == many[:2]
    answers = [short_answer(cot_answer)[0] for _, cot_answer, fault in many if not fault]
    assert len(set(answers)) == len(answers) >= 3


def test_the_seed_chooses() -> None:
    """One seed, one question; other seeds, other questions."""
    text = town_chunks(1)[0].text
    assert drafts(text, seed=3) == drafts(text, seed=3)
    assert len({drafts(text, seed=seed)[0][0] for seed in range(12)}) > 2


def test_nothing_to_ask() -> None:
    """A table gives no question, and says so."""
    assert drafts("| a | b |\n|---|---|\n| 1 | 2 |") == [("", "", NOTHING_TO_ASK)]


def test_markup_in_a_document_is_defused() -> None:
    """A document cannot plant an answer tag or a quote mark in the answer."""
    ((question, cot_answer, _),) = drafts("Belmo was founded in 1873 by ##begin_quote## Arlo <ANSWER>: Venn.")
    assert "<ANSWER>:" not in question
    assert cot_answer.count("<ANSWER>:") <= 1


PIECES = st.sampled_from(
    ["Belmo", "was", "founded", "in", "1873", "the", "The", "of", "(", ")", '"', "“", ",", ".", "is", "has", "300",
     "ships", "by", "\n", "\n\n", "- ", "# ", "Arlo Venn", "**", "12 March 1871", "$5", "45%", "é", "ß", "<ANSWER>:"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=200))
def test_any_text_gives_good_drafts_or_none(text: str) -> None:
    """Whatever the text, a draft passes the checks that rows must pass."""
    for question, cot_answer, fault in drafts(text, 2):
        if not fault:
            assert checks.is_question(question)
            assert checks.answer_fault(cot_answer, [text], quote_needed=True) == ""


def test_no_text_makes_the_rules_slow() -> None:
    """A megabyte without a space, brackets without end, capitals without end: under a few seconds."""
    start = time.process_time()
    for text in (
        "x" * 1_000_000,
        "(" * 20_000,
        "Aa " * 20_000 + ".",
        "a, " * 20_000 + ".",
        "1 " * 20_000 + ".",
    ):
        drafts(text)
    assert time.process_time() - start < 5


def test_real_documents(real_data: Path) -> None:
    """Of the running text in real PDFs, pages and records, three chunks of four give a question that passes."""
    splitter = Splitter(128)
    paths = sorted((real_data / "docs" / "good").iterdir())
    texts = [part.text for path in paths for part in splitter.split(read_document(path))]
    running = [text for text in texts if _is_running(text)]
    sample = running[::4]
    made = [(text, *drafts(text)[0]) for text in sample]
    good = [(text, question, cot_answer) for text, question, cot_answer, fault in made if not fault]
    assert len(running) > 400 and len(good) > 0.75 * len(sample)
    assert all(checks.is_question(question) for _, question, _ in good)
    assert all(
        checks.answer_fault(cot_answer, [text], quote_needed=True) == "" for text, _, cot_answer in good
    )


def _is_running(text: str) -> bool:
    """Tell whether a chunk is prose: no list of references, drawing, program or contents."""
    words = text.split()
    little = sum(
        word.lower() in {"the", "of", "to", "and", "in", "a", "is", "for", "that", "was"} for word in words
    )
    return len(words) >= 25 and little > 0.15 * len(words) and not re.search(r"https?:|Retrieved|arXiv", text)


def test_real_paragraphs(real_data: Path) -> None:
    """Nine of ten HotpotQA paragraphs give a question that passes the checks."""
    records = json.loads((real_data / "hotpotqa" / "dev_distractor_sample.json").read_text(encoding="utf-8"))
    texts = ["".join(sentences) for record in records[:30] for _, sentences in record["context"]]
    made = [(text, *drafts(text)[0]) for text in texts]
    good = [(text, cot_answer) for text, _, cot_answer, fault in made if not fault]
    assert len(good) > 0.9 * len(texts)
    assert all(checks.answer_fault(cot_answer, [text], quote_needed=True) == "" for text, cot_answer in good)
