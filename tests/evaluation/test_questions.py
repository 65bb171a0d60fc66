from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_core.errors import BadRecord, EvaluationError
from raft_core.evaluation.predictions import read_predictions
from raft_core.evaluation.questions import paragraphs, read_gold, read_questions, to_record


def record(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "_id": "r1",
        "question": "Which city is the capital?",
        "answer": "Oslo",
        "type": "bridge",
        "supporting_facts": [["Tunnels &amp; Trolls", 0]],
        "context": [["Tunnels &amp; Trolls", ["Oslo is ", "the capital. ", ""]], ["Rome", [" Rome."]]],
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_reads_paragraphs(tmp_path: Path) -> None:
    """Titles are unescaped, sentences joined as they stand, two paragraphs and empty sentences are fine."""
    (question,) = read_questions(write(tmp_path / "g.json", [record()]))
    assert (question.id, question.answer, question.type) == ("r1", "Oslo", "bridge")
    assert question.context[0] == ("Tunnels & Trolls", ("Oslo is ", "the capital. ", ""))
    assert paragraphs(question) == ("Oslo is the capital.", "Rome.")


def test_gold_titles_stay_as_they_are(tmp_path: Path) -> None:
    """The official script compares raw titles, so the metric sees the entity."""
    (gold,) = read_gold(write(tmp_path / "g.json", [record()]))
    assert gold.facts == (("Tunnels &amp; Trolls", 0),)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"_id": 17}, "_id", "a number"),
        ({"_id": ...}, "_id", "missing$"),
        ({"_id": ..., "id": 17}, "id", "a number"),
        ({"question": ...}, "question", "missing"),
        ({"question": None}, "question", "null"),
        ({"answer": ["Oslo"]}, "answer", "a list"),
        ({"answer": ...}, "answer", "missing"),
        ({"context": ...}, "context", "missing"),
        ({"context": {}}, "context", "an object"),
        ({"context": []}, "context", "no paragraphs"),
        ({"context": [["Rome", "Rome."]]}, "context", "paragraph 1"),
        ({"context": [["A", ["a"]], ["Rome", ["a", 5]]]}, "context", "paragraph 2"),
        ({"type": 3}, "type", "a number"),
        ({"question": "\ud800"}, "question", "surrogate"),
    ],
)
def test_faults_name_record_and_field(
    tmp_path: Path, changes: dict[str, Any], field: str, reason: str
) -> None:
    """A bad field is an error that names the record by number and id, the field, and what is wrong."""
    path = write(tmp_path / "g.json", [record(_id="r0"), record(**changes)])
    with pytest.raises(BadRecord, match=reason) as caught:
        read_questions(path)
    assert caught.value.field == field
    assert "number 2" in caught.value.record
    assert "_id" in changes or "'r1'" in caught.value.record


def test_duplicate_ids_are_refused(tmp_path: Path) -> None:
    """Two records of one id are an error that names both."""
    path = write(tmp_path / "g.json", [record(), record(_id="r2"), record()])
    with pytest.raises(BadRecord, match=r"record number 3.*'r1' is also that of number 1"):
        read_questions(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"_id": "r1", "quest', "is no JSON: Unterminated string.* in line 1, column 16"),
        ('[{"_id": "r1"}', "Expecting ',' delimiter in line 1, column 15"),
        ("", "is empty"),
        (" \n", "is empty"),
        ('{"_id": "r1"}\n{"_id": "r2"', "Expecting ',' delimiter in line 2, column 13"),
        ('{"_id": "r1"}\n\nfive', "Expecting value in line 3, column 1"),
        ('[{"_id": "r1", "answer": "a", "answer": "b"}]', "has 'answer' twice in one object"),
        ("[" + "1" * 5000 + "]", "is no JSON that can be read"),
        ("[]", "an empty list"),
        ("{}", "an object, not a list"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    """A truncated, empty or foreign file is an error that says where and why."""
    path = tmp_path / "g.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvaluationError, match=reason):
        read_questions(path)


def test_one_record_a_line(tmp_path: Path) -> None:
    """A file with a record a line reads as the list does, also where there is but one; blank lines are none."""
    path = tmp_path / "g.jsonl"
    lines = [json.dumps(record(_id=f"r{number}", answer="a\u2028b"), ensure_ascii=False) for number in (1, 2)]
    path.write_text("\n\n".join(lines) + "\r\n", encoding="utf-8")
    assert [(question.id, question.answer) for question in read_questions(path)] == [
        ("r1", "a\u2028b"),
        ("r2", "a\u2028b"),
    ]
    path.write_text(lines[0] + "\n", encoding="utf-8")
    assert [each.id for each in read_gold(path)] == ["r1"]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is an error, a byte order mark is not."""
    path = tmp_path / "g.json"
    path.write_bytes(b"\xff\xfe[")
    with pytest.raises(EvaluationError, match="UTF-8"):
        read_questions(path)
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([record()]).encode())
    assert len(read_questions(path)) == 1


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is an error with its name."""
    with pytest.raises(EvaluationError, match=r"nowhere\.json: No such file"):
        read_gold(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], 'no object "answer"'),
        ({"sp": {}}, 'no object "answer"'),
        ({"answer": {"r1": 5}}, "record r1, field 'answer': is a number"),
        ({"answer": {}, "sp": []}, '"sp" is a list'),
        ({"answer": {}, "sp": {"r1": [["A", 0.5]]}}, "record r1, field 'sp'"),
        ({"answer": {}, "sp": {"r1": [["A", "0"]]}}, "record r1, field 'sp'"),
        ({"answer": {}, "sp": {"r1": [["A", True]]}}, "record r1, field 'sp'"),
        ({"answer": {}, "sp": {"r1": "A"}}, "record r1, field 'sp'"),
    ],
)
def test_bad_predictions(tmp_path: Path, value: Any, reason: str) -> None:
    """A prediction file's fault names the id and the part."""
    with pytest.raises(EvaluationError, match=reason):
        read_predictions(write(tmp_path / "p.json", value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["_id", "answer", "context"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """No JSON value makes the readers fail in any other way than with EvaluationError."""
    path = write(tmp_path_factory.mktemp("json") / "g.json", value)
    for read in (read_questions, read_gold, read_predictions):
        try:
            read(path)
        except EvaluationError as error:
            assert "\n" not in str(error)


def test_real_records_survive_the_round_trip(tmp_path: Path, real_data: Path) -> None:
    """All real records are read, and written in the official format they read the same."""
    questions = read_questions(real_data / "hotpotqa" / "dev_distractor_sample.json")
    assert len(questions) == 141
    assert not any("&amp;" in title for question in questions for title, _ in question.context)
    again = read_questions(write(tmp_path / "again.json", [to_record(question) for question in questions]))
    assert again == questions
