"""Question files as people have them: the same records in every layout are the same questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raft_core.dataset.formats import to_row
from raft_core.errors import BadRecord, EvaluationError
from raft_core.evaluation.contexts import gold_shown, pool, with_distractors
from raft_core.evaluation.questions import lacking, read_contexts, read_gold, read_questions, to_record
from raft_core.records import NO_ANSWER, Question, RaftExample

Json = dict[str, Any]

OFFICIAL: Json = {
    "_id": "r1",
    "question": "Which city is the capital of Norway?",
    "answer": "Oslo",
    "type": "bridge",
    "supporting_facts": [["AT&amp;T", 1]],
    "context": [["AT&amp;T", ["One.", " Two."]], ["Norway", ["Oslo is its capital."]]],
}
MUSIQUE: Json = {
    "id": "2hop__1_2",
    "question": "Who leads it?",
    "answer": "Bach",
    "answer_aliases": ["J. S. Bach", "Bach", "Johann Sebastian Bach"],
    "answerable": True,
    "question_decomposition": [{"id": 1, "question": "?", "answer": "?"}],
    "paragraphs": [
        {"idx": 0, "title": "Leipzig", "paragraph_text": "A city.", "is_supporting": False},
        {"idx": 1, "title": "Leipzig", "paragraph_text": "Bach led it.", "is_supporting": True},
        {"idx": 2, "title": "Bach", "paragraph_text": "A man.", "is_supporting": True},
    ],
}
SQUAD: Json = {
    "version": "v2.0",
    "data": [
        {
            "title": "Normans",
            "paragraphs": [
                {
                    "context": "They live in Normandy.",
                    "qas": [
                        {
                            "id": "s1",
                            "question": "Where?",
                            "is_impossible": False,
                            "answers": [{"text": "Normandy", "answer_start": 13}, {"text": "in Normandy"}, {"text": "Normandy"}],
                        },
                        {"id": "s2", "question": "Why?", "is_impossible": True, "answers": [], "plausible_answers": [{"text": "x"}]},
                    ],
                },
                {"context": "They rowed.", "qas": [{"id": "s3", "question": "How?", "answers": [{"text": "rowed"}]}]},
            ],
        }
    ],
}  # fmt: skip


def to_hub(record: Json) -> Json:
    """Return an official record in the hub's columns."""
    facts = record.get("supporting_facts", [])
    return {
        "id": record["_id"],
        **{name: record[name] for name in ("question", "answer", "type")},
        "level": "hard",
        "supporting_facts": {"title": [title for title, _ in facts], "sent_id": [index for _, index in facts]},
        "context": {"title": [title for title, _ in record["context"]], "sentences": [texts for _, texts in record["context"]]},
    }  # fmt: skip


def to_texts(record: Json) -> Json:
    """Return an official record as tables hold 2WikiMultihopQA's: lists as JSON text."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in record.items()}


def to_objects(record: Json) -> Json:
    """Return an official record with an object a paragraph and a fact."""
    context = [{"title": title, "content": texts} for title, texts in record["context"]]
    facts = [{"title": title, "sent_id": index} for title, index in record["supporting_facts"]]
    return {**record, "context": context, "supporting_facts": facts, "evidences": [["a", "b", "c"]]}


def as_json(path: Path, records: list[Json]) -> None:
    path.write_text(json.dumps(records), encoding="utf-8")


def as_lines(path: Path, records: list[Json]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def as_parquet(path: Path, records: list[Json]) -> None:
    pq.write_table(pa.Table.from_pylist(records), path)


FORMS: list[Callable[[Path, list[Json]], None]] = [as_json, as_lines, as_parquet]


def read(folder: Path, value: Any) -> list[Question]:
    path = folder / "questions.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return read_questions(path)


@pytest.mark.parametrize("write", FORMS)
@pytest.mark.parametrize("layout", [to_hub, to_texts, to_objects])
def test_real_records_read_the_same_in_every_layout(
    tmp_path: Path, real_data: Path, layout: Callable[[Json], Json], write: Callable[[Path, list[Json]], None]
) -> None:
    """Questions, gold titles and facts of all 141, whatever the file's name says."""
    path = real_data / "hotpotqa" / "dev_distractor_sample.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    write(tmp_path / "questions", [layout(record) for record in records])
    assert read_questions(tmp_path / "questions") == read_questions(path)
    assert read_gold(tmp_path / "questions") == read_gold(path)
    assert list(read_contexts(tmp_path / "questions")) == list(read_contexts(path))


@pytest.mark.parametrize("write", FORMS)
@pytest.mark.parametrize("layout", [to_hub, to_texts, to_objects])
def test_layouts_of_one_record(
    tmp_path: Path, layout: Callable[[Json], Json], write: Callable[[Path, list[Json]], None]
) -> None:
    """Titles are unescaped for reading and stay as they are for the metric."""
    write(tmp_path / "q.parquet", [layout(OFFICIAL)])
    context = (("AT&T", ("One.", " Two.")), ("Norway", ("Oslo is its capital.",)))
    assert read_questions(tmp_path / "q.parquet") == [
        Question("r1", OFFICIAL["question"], "Oslo", context, "bridge", (("AT&T", 1),))
    ]
    assert read_gold(tmp_path / "q.parquet")[0].facts == (("AT&amp;T", 1),)


def test_musique(tmp_path: Path) -> None:
    """Aliases are kept once, gold are paragraphs and no sentences, and two of one title are told apart."""
    hopeless = {**MUSIQUE, "id": "3hop1__7", "answerable": False}
    first, second = read(tmp_path, [MUSIQUE, hopeless])
    assert (first.answers, first.type) == (("Bach", "J. S. Bach", "Johann Sebastian Bach"), "2hop")
    assert [title for title, _ in first.context] == ["Leipzig", "Leipzig (2)", "Bach"]
    assert (first.supporting_facts, first.gold_titles) == ((), {"Leipzig (2)", "Bach"})
    assert [title for title, _ in with_distractors(first, 0, 0).context] == ["Leipzig (2)", "Bach"]
    assert (second.answers, second.type, second.gold_titles) == ((NO_ANSWER,), "unanswerable", frozenset())
    assert lacking([first, second]) == {"supporting facts": 1}
    assert [(gold.aliases, gold.facts) for gold in read_gold(tmp_path / "questions.json")] == [
        (("J. S. Bach", "Johann Sebastian Bach"), None),
        ((), None),
    ]


def test_squad(tmp_path: Path) -> None:
    """Each question has its paragraph, which is gold; the impossible one is kept with the answer noanswer."""
    asked = read(tmp_path, SQUAD)
    assert [(each.id, each.answers, each.type) for each in asked] == [
        ("s1", ("Normandy", "in Normandy"), ""),
        ("s2", (NO_ANSWER,), "unanswerable"),
        ("s3", ("rowed",), ""),
    ]
    assert [each.context for each in asked] == [
        (("Normans", ("They live in Normandy.",)),),
        (("Normans", ("They live in Normandy.",)),),
        (("Normans (2)", ("They rowed.",)),),
    ]
    assert [each.gold_titles for each in asked] == [{"Normans"}, frozenset(), {"Normans (2)"}]
    assert len(pool(asked).paragraphs) == 2
    assert lacking(asked) == {"supporting facts": 2}


@pytest.mark.parametrize("write", FORMS)
def test_squad_of_the_hub(tmp_path: Path, write: Callable[[Path, list[Json]], None]) -> None:
    """Its columns read as the official file's articles do; no answers mean that there is none."""
    rows = [
        {
            "id": asked["id"],
            "title": article["title"],
            "context": paragraph["context"],
            "question": asked["question"],
            "answers": {"text": [each["text"] for each in asked["answers"]], "answer_start": [0] * len(asked["answers"])},
        }
        for article in SQUAD["data"]
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]  # fmt: skip
    write(tmp_path / "squad", rows)
    assert read_questions(tmp_path / "squad") == read(tmp_path, SQUAD)


def test_rows_of_our_own_export(tmp_path: Path) -> None:
    """`dataset export --format eval` can be evaluated; ids are positions, titles and gold are not known."""
    row = RaftExample("row-1", "Capital?", ("Oslo is the capital.", "Rome."), ("N", "I"), "Oslo is the capital.", "<ANSWER>: Oslo", "Oslo")  # fmt: skip
    first, second = read(tmp_path, [to_row(row, "eval"), to_row(row, "eval")])
    assert (first.id, second.id, first.question, first.answer) == ("1", "2", "Capital?", "Oslo")
    assert first.context == (("", ("Oslo is the capital.",)), ("", ("Rome.",)))
    assert gold_shown(first) is None
    assert lacking([first, second]) == {"titles": 2, "supporting facts": 2, "gold paragraphs": 2}
    with pytest.raises(EvaluationError, match="'1' does not name the paragraphs"):
        with_distractors(first, 2, 0)


@pytest.mark.parametrize("value", [[MUSIQUE], SQUAD, [OFFICIAL], [to_hub(OFFICIAL)]])
def test_every_layout_survives_the_round_trip(tmp_path: Path, value: Any) -> None:
    """What is kept beside an evaluation, and handed to lm-eval, is the official layout and reads the same."""
    asked = read(tmp_path, value)
    assert read(tmp_path, [to_record(question) for question in asked]) == asked


def test_an_unanswerable_question_is_shown_distractors(tmp_path: Path) -> None:
    """It has no gold paragraph: as many others as asked for, and one where none were."""
    record = {**OFFICIAL, "answer": NO_ANSWER, "supporting_facts": []}
    (question,) = read(tmp_path, [record])
    assert [len(with_distractors(question, count, 0).context) for count in (0, 1, 2, 9)] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        ({"answers": "Oslo"}, "answers", "list of strings"),
        ({"answers": {}}, "answers", "list of strings"),
        ({"answers": {"text": ["a", None]}}, "answers", "list of strings"),
        ({"answers": [5]}, "answers", "list of strings"),
        ({"answer": "a", "answer_aliases": "b"}, "answer_aliases", "list of strings"),
        ({"answer": "a", "answer_aliases": ["\ud800"]}, "answer_aliases", "surrogate"),
        ({"answer": "a", "context": {"title": ["T"], "sentences": [["s"], ["t"]]}}, "context", "same length"),
        ({"answer": "a", "context": {"title": ["T"], "sentences": [[5]]}}, "context", "paragraph 1"),
        ({"answer": "a", "context": {"title": "T", "sentences": "s"}}, "context", "not lists"),
        ({"answer": "a", "context": [{"title": "T"}]}, "context", "paragraph 1"),
        ({"answer": "a", "context": "", "paragraphs": []}, "context", ""),
        ({"answer": "a", "supporting_facts": {"title": ["T"], "sent_id": []}}, "supporting_facts", "pairs"),
        (
            {"answer": "a", "supporting_facts": {"title": ["T"], "sent_id": ["0"]}},
            "supporting_facts",
            "pairs",
        ),
        ({"answer": "a", "supporting_facts": "[[]]"}, "supporting_facts", "pairs"),
        ({"answer": "a", "supporting_paragraphs": [5]}, "supporting_paragraphs", "list of strings"),
        ({"gold_final_answer": 5, "id": ...}, "gold_final_answer", "a number"),
    ],
)
def test_faults_of_other_layouts(tmp_path: Path, record: Json, field: str, reason: str) -> None:
    """Each names the record and its field; a text that is no list of paragraphs is one paragraph."""
    whole = {"id": "x", "question": "Q?", "context": [["T", ["s"]]], **record}
    value = [{name: each for name, each in whole.items() if each is not ...}]
    if not reason:
        assert read(tmp_path, value)[0].context == (("", ("",)),)
        return
    with pytest.raises(BadRecord, match=reason) as caught:
        read(tmp_path, value)
    assert caught.value.field == field and "number 1" in caught.value.record


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"data": []}, "an empty list"),
        ({"data": [{"title": "T", "paragraphs": ["x"]}]}, "article 1, field 'paragraphs': one has no list"),
        ({"data": [{"title": "T", "paragraphs": [{"qas": ["x"], "context": "c"}]}]}, "record is a string"),
        ({"data": [{"title": "T", "paragraphs": [{"qas": [{"id": "1", "question": "?", "answers": []}]}]}]}, "is null"),
        ({"data": {"a": 1}}, "an object, not a list"),
    ],
)  # fmt: skip
def test_broken_articles(tmp_path: Path, value: Any, reason: str) -> None:
    """A malformed SQuAD file is one error that says where."""
    with pytest.raises(EvaluationError, match=reason):
        read(tmp_path, value)


@pytest.mark.parametrize("cut", [4, 40, 400])
def test_broken_parquet(tmp_path: Path, cut: int) -> None:
    """A truncated file, and one that only begins like Parquet, is one line that names it."""
    as_parquet(tmp_path / "q", [to_hub(OFFICIAL)])
    (tmp_path / "q").write_bytes((tmp_path / "q").read_bytes()[:cut])
    with pytest.raises(EvaluationError, match="q is no Parquet file that can be read") as caught:
        read_questions(tmp_path / "q")
    assert "\n" not in str(caught.value)


def test_a_small_parquet_file_of_huge_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text written once and used in every row is refused before it fills the memory."""
    monkeypatch.setattr("raft_core.evaluation.sources.MOST_BYTES", 1 << 20)
    text = pa.array(["x" * 100_000] * 500)
    pq.write_table(pa.table({"id": text}), tmp_path / "q")
    assert (tmp_path / "q").stat().st_size < 10_000
    with pytest.raises(EvaluationError, match="more than 1 MB of values"):
        read_questions(tmp_path / "q")


def test_a_data_set_of_the_hub_without_a_network() -> None:
    """One line that says that neither a file nor the hub has it."""
    with pytest.raises(EvaluationError, match="no file nobody/nothing:x, and the hub's data set") as caught:
        read_questions("nobody/nothing:x")
    assert "\n" not in str(caught.value) and "Parquet" in caught.value.remedy
    with pytest.raises(EvaluationError, match=r"cannot read nobody/nothing\.json"):
        read_questions("nobody/nothing.json")


def test_a_data_set_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configuration and split are those named, else `distractor` and the first of validation, dev, test, train."""
    import datasets

    asked: list[tuple[Any, ...]] = []

    def load_dataset(*args: Any, split: str) -> list[Json]:
        asked.append((*args, split))
        return [to_hub(OFFICIAL)]

    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name: ["distractor", "fullwiki"])
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda name, config: ["train", "validation"])
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    for source in ("hotpotqa/hotpot_qa", "hotpotqa/hotpot_qa:fullwiki:train"):
        assert [question.id for question in read_questions(source)] == ["r1"]
    assert asked == [
        ("hotpotqa/hotpot_qa", "distractor", "validation"),
        ("hotpotqa/hotpot_qa", "fullwiki", "train"),
    ]


def test_paragraphs_alone(tmp_path: Path) -> None:
    """For documents a record needs nothing but its context; what is not looked at may be malformed."""
    path = tmp_path / "q.json"
    as_json(path, [{"context": OFFICIAL["context"]}, {"_id": 5, "context": "x"}, {}])
    read_one = read_contexts(path)
    assert [next(read_one) for _ in range(3)] == [
        ("AT&amp;T", ("One.", " Two.")),
        ("Norway", ("Oslo is its capital.",)),
        ("", ("x",)),
    ]
    with pytest.raises(BadRecord, match="number 3, field 'context': is missing"):
        next(read_one)
