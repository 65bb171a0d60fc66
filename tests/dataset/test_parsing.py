"""The questions in what models write, in any form and script; debris is no question."""

# ruff: noqa: RUF001  # other scripts are the subject

from __future__ import annotations

import json

import pytest

from raft_core.dataset.checks import is_question
from raft_core.dataset.generators.parsing import parse_questions

A, B = "Who opens the mill?", "What opens at noon?"

MARKS = """
1. |1) |(1) |[1] |1: |1 - |1- |1/ |1.) |1 . |#1. |No. 1: |Nr. 1: |- 1. |1. - |**1.** |1、|１．|１） |①|① |⑴ |1️⃣ |١. |١- |۱) |१. |一、|（一）|I. |i) |(ii) |Ⅰ. |
a) |A) |(a) |a. |A. |A: |- |* |• |– |-|*|+ |> |# |### |- [ ] |[x] |→ |‣ |« |"|“|1. "|1. **|<question>|
Q: |Q1: |Q1. |Q1) |Q.1 |Q 1 - |[Q1] |(Q1) |Q1 |Question: |Question 1: |**Question 1:** |QUESTION 1 – |Question #1: |Question n° 1 : |Frage 1: |Frage: |Pregunta 1.- |
Вопрос №1. |Ερώτηση 1: |سؤال ١: |السؤال ١: |שאלה 1: |Câu hỏi 1: |प्रश्न १: |ข้อ 1. |คำถามที่ 1: |Kysymys 1: |Galdera 1: |Soru 1) |問1 |問１：|問一、|第1問：|第一题：|质问1：|질문 1: |질문1. |
""".replace("\n", "").split("|")[:-1]  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
def test_what_stands_before_a_question_is_no_part_of_it(mark: str) -> None:
    """Numbers, letters, labels, bullets and quotes, in any script."""
    assert parse_questions(f"{mark}{A}") == [A]


@pytest.mark.parametrize(
    "tail", ['"', "”", "**", ".", " (easy)", " [1]", '",', " Odo.", "</question>", "  ", "`"]
)
def test_what_stands_behind_a_question_is_no_part_of_it(tail: str) -> None:
    """Closing marks, answers and remarks."""
    assert parse_questions(A + tail) == [A]


LISTS = {
    "lines": f"{A}\n{B}",
    "numbered": f"Here are 2 questions:\n\n1. {A}\n2. {B}\n\nLet me know if you need more!",
    "labels count": f"Kysymys 1: {A}\nKysymys 2: {B}",
    "a label again": f"Galdera 1: {A}\nnothing\nGaldera 5: {B}",
    "one line": f"{A} {B}",
    "one line, numbered": f"1. {A} 2. {B}",
    "one line, other marks": f"{A}; {B}",
    "slash": f"{A} / {B}",
    "answers between": f"Q: {A}\nA: Who knows? Odo.\nQ: {B}\nA: The gate.",
    "table": f"| # | question |\n|---|---|\n| 1 | {A} |\n| 2 | {B} |",
    "tags": f"<questions>\n<question>{A}</question>\n<question>{B}</question>\n</questions>",
    "html": f"<ol><li>{A}</li><li>{B}</li></ol>",
    "quoted": f"1. “{A}”\n2. “{B}”",
    "fenced": f"```\n{A}\n{B}\n```",
    "chatter": f"Sure!\n{A}\n{B}\nWould you like more questions?",
    "twice": f"{A}\n{B}\n{A}",
    "array": json.dumps([A, B]),
    "array in lines": json.dumps([A, B], indent=2),
    "objects": json.dumps([{"question": A, "answer": "Is it Odo?"}, {"question": B}]),
    "wrapped": json.dumps({"questions": [A, B]}),
    "wrapped objects": json.dumps({"data": {"items": [{"Question": A}, {"Question": B}]}}),
    "numbered keys": json.dumps({"1": A, "2": B}),
    "one key each": json.dumps({"question_1": A, "question_2": B}),
    "other language": json.dumps([{"pregunta": A}, {"pregunta": B}]),
    "nested": json.dumps([[A], [B]]),
    "with thoughts": json.dumps({"reasoning": "What to ask?", "questions": [A, B]}),
    "numbered strings": json.dumps([f"1. {A}", f"2. {B}"]),
    "one string": json.dumps({"questions": f"1. {A}\n2. {B}"}),
    "json lines": f"{json.dumps({'question': A})}\n{json.dumps({'question': B})}",
    "json, fenced": f"Here they are:\n```json\n{json.dumps([A, B])}\n```\nEnjoy!",
    "json behind words": f"Sure: {json.dumps([A, B])}",
    "python": str([A, B]),
    "comma too many": f'["{A}", "{B}",]',
    "cut off": f'["{A}", "{B}", "What is',
    "objects, cut off": f'[{{"question": "{A}"}}, {{"question": "{B}"',
}  # fmt: skip


@pytest.mark.parametrize("form", LISTS)
def test_questions_are_found_in_any_list(form: str) -> None:
    """Both questions, each once and in their order, and nothing else."""
    assert parse_questions(LISTS[form]) == [A, B]


@pytest.mark.parametrize(
    "question",
    [
        "3 Doors Down is what?",
        "1984 was written by whom?",
        "2.5 litres are how many millilitres?",
        "-5 degrees are how many kelvin?",
        "10:30 is the time of what?",
        "I. M. Pei designed what?",
        "J. R. R. Tolkien wrote what?",
        "C. elegans has how many cells?",
        "U.S. presidents live where?",
        "Apollo 11: when did it land?",
        "V is for what?",
        "Vi is what kind of editor?",
        "Q is played by whom?",
        "A Tale of Two Cities was written by whom?",
        "Question marks were invented when?",
        "C++ was designed by whom?",
        "X-rays were found by whom?",
        "#metoo began when?",
        "[Blue] was sung by whom?",
        '"Star Wars" was directed by whom?',
        'Who wrote "Who Framed Roger Rabbit?" in 1981?',
        "Where's Wally? is a book by whom?",
        "Who said 'Why me?' first?",
        "Кто сказал «Почему?» в фильме?",
        "¿Quién abre el molino?",
    ],
)
def test_what_belongs_to_a_question_stays(question: str) -> None:
    """Numbers, initials, titles and quotes that are a part of it."""
    assert parse_questions(f"1. {question}\n") == parse_questions(question) == [question]


@pytest.mark.parametrize(
    "question",
    ["誰が門を開けますか？", "誰が門を開けますか。", "من يفتح الباب؟", "Ποιος ανοίγει τον μύλο\u037e", "Ποιος ανοίγει τον μύλο;",
     "Ո՞վ է բացում դարպասը։", "በሩን ማን ይከፍታል።", "በሩን ማን ይከፍታል፧", "谁打开大门﹖", "Who opens it⁇"],
)  # fmt: skip
def test_question_marks_of_other_scripts(question: str) -> None:
    """Questions in other scripts are found and pass the check for questions."""
    assert parse_questions(f"1. {question}") == [question]
    assert is_question(question)


def test_two_questions_without_a_space() -> None:
    """Where a script writes none."""
    assert parse_questions("誰が門を開けますか？何時に開きますか？") == [
        "誰が門を開けますか？",
        "何時に開きますか？",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sure! I can help.\nOslo is a city.",
        "Here are the questions:",
        "Would you like more questions?",
        "Do you want me to go on?",
        "Should I ask about the keeper first?",
        "Is there anything else you need?",
        "How can I help you today?",
        "A: Odo",
        "እዚህ ጥያቄዎች አሉ።",
        '{"error": "no"}',
        "[]",
        "[[[[",
    ],
)
def test_debris_is_no_question(text: str) -> None:
    """Statements, headings, and what an assistant asks its user."""
    assert parse_questions(text) == []


def test_a_wrapped_question_is_one() -> None:
    """Its second line alone would be debris."""
    assert parse_questions("1. Who opens the mill\nof Harrow?\n2. What opens at noon?") == [
        "Who opens the mill of Harrow?",
        B,
    ]
