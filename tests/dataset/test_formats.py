from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from raft_core.dataset import checks
from raft_core.dataset.files import load_dataset, load_rejected
from raft_core.dataset.formats import FileType, Format, export, to_row
from raft_core.dataset.importing import import_file, read_rows
from raft_core.errors import BadRow, DatasetError
from raft_core.records import ABSTENTION, RaftExample

ROW = RaftExample(
    id="c0ffee-0",
    question="What is the capital of Norway?",
    documents=("Rome is in Italy.", "Oslo is the capital of Norway."),
    titles=("Rome", "Oslo"),
    oracle_context="Oslo is the capital of Norway.",
    cot_answer="##Reason: ##begin_quote## Oslo is the capital of Norway. ##end_quote## <ANSWER>: Oslo",
    answer="Oslo",
)
DOCUMENTS = "<DOCUMENT>Rome is in Italy.</DOCUMENT>\n<DOCUMENT>Oslo is the capital of Norway.</DOCUMENT>\n"
OFFICIAL: dict[str, Any] = {
    "id": "seed_task_0",
    "type": "general",
    "question": ROW.question,
    "context": {"title": [["placeholder_title"] * 2], "sentences": [list(ROW.documents)]},
    "oracle_context": ROW.oracle_context,
    "cot_answer": ROW.cot_answer,
    "instruction": DOCUMENTS + ROW.question,
}


def test_the_official_formats() -> None:
    """Keys, nesting and texts are those that the official code writes."""
    assert to_row(ROW, "raft") == {
        **OFFICIAL,
        "id": "c0ffee-0",
        "context": {"title": [["Rome", "Oslo"]], "sentences": [list(ROW.documents)]},
    }
    assert to_row(ROW, "completion") == {"prompt": DOCUMENTS + ROW.question, "completion": ROW.cot_answer}
    assert to_row(ROW, "chat") == {
        "messages": [
            {"role": "user", "content": DOCUMENTS + ROW.question},
            {"role": "assistant", "content": ROW.cot_answer},
        ]
    }
    assert to_row(ROW, "eval") == {
        "question": ROW.question,
        "gold_final_answer": "Oslo",
        "context": DOCUMENTS.removesuffix("\n"),
    }


@pytest.mark.parametrize("form", ["raft", "completion", "chat", "eval"])
def test_parquet_holds_the_same_rows(tmp_path: Path, form: Format) -> None:
    """Both types of file hold the same rows."""
    export([ROW, ROW], form, "parquet", tmp_path / "x.parquet")
    export([ROW, ROW], form, "jsonl", tmp_path / "x.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == lines == [to_row(ROW, form)] * 2


@pytest.mark.parametrize("form", ["raft", "completion", "chat"])
@pytest.mark.parametrize("file_type", ["jsonl", "parquet"])
def test_what_is_exported_can_be_imported(tmp_path: Path, form: Format, file_type: FileType) -> None:
    """A row comes back with its question, documents, oracle and answer."""
    export([ROW], form, file_type, tmp_path / "rows")
    path = (tmp_path / "rows").rename(tmp_path / f"rows.{file_type}")
    (row,), rejected = read_rows(path)
    assert rejected == []
    assert (row.question, row.documents, row.oracle_context) == (
        ROW.question,
        ROW.documents,
        ROW.oracle_context,
    )
    assert (row.cot_answer, row.answer) == (ROW.cot_answer, "Oslo")
    if form == "raft":
        assert row == ROW


def test_official_rows_are_read(tmp_path: Path) -> None:
    """Rows of the official code, its <STOP>, a tag without a space, and JSON arrays are all read."""
    tight = {**OFFICIAL, "cot_answer": ROW.cot_answer.replace(": Oslo", ":Oslo")}
    stopped = {"prompt": OFFICIAL["instruction"], "completion": ROW.cot_answer + "<STOP>"}
    (tmp_path / "x.json").write_text(json.dumps([OFFICIAL, tight, stopped]))
    rows, rejected = read_rows(tmp_path / "x.json")
    assert [(row.answer, row.oracle_context) for row in rows] == [("Oslo", ROW.oracle_context)] * 3
    assert rows[0].id == "seed_task_0"
    assert rejected == []


def test_abstentions_come_back(tmp_path: Path) -> None:
    """A row that abstains quotes nothing and is good all the same."""
    absent = {**OFFICIAL, "cot_answer": f"<ANSWER>: {ABSTENTION}", "oracle_context": "Not shown."}
    (tmp_path / "x.jsonl").write_text(json.dumps(absent))
    ((row,), _) = read_rows(tmp_path / "x.jsonl")
    assert (row.answer, row.has_oracle) == (ABSTENTION, False)


BAD_ROWS = [
    ("{not json", "not JSON"),
    ("[1]", "not a JSON object"),
    (json.dumps({"question": "x"}), "field 'context' is missing"),
    (json.dumps({**OFFICIAL, "question": None}), "field 'question' is missing, empty or no text"),
    (json.dumps({**OFFICIAL, "cot_answer": 7}), "field 'cot_answer' is missing, empty or no text"),
    (json.dumps({**OFFICIAL, "context": {"sentences": [[1]]}}), "field 'context.sentences' is not"),
    (json.dumps({**OFFICIAL, "cot_answer": "Oslo"}), checks.NO_TAG),
    (json.dumps({**OFFICIAL, "cot_answer": "x <ANSWER>: "}), checks.EMPTY_ANSWER),
    (json.dumps({**OFFICIAL, "cot_answer": ROW.cot_answer.replace("capital", "heart")}), checks.NOT_VERBATIM),
    (json.dumps({"messages": [{"role": "user", "content": "x"}]}), "lacks a user or an assistant message"),
    (json.dumps({"prompt": "Hi?", "completion": "<ANSWER>: x"}), "no documents found in the prompt"),
    (json.dumps({"prompt": DOCUMENTS, "completion": "<ANSWER>: x"}), "no question found in the prompt"),
    ("[" * 100_000, "not JSON"),
    ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "not JSON"),
]


def test_bad_rows_are_left_out_with_their_reasons(tmp_path: Path) -> None:
    """One good row among bad ones makes a data set; each bad row is named with its fault."""
    lines = [json.dumps(OFFICIAL), *(line for line, _ in BAD_ROWS)]
    (tmp_path / "x.jsonl").write_text("\n".join(lines), encoding="latin-1")
    info = import_file(tmp_path / "x.jsonl", tmp_path / "datasets", "local")
    _, rows = load_dataset(tmp_path / "datasets" / info.id)
    rejected = load_rejected(tmp_path / "datasets" / info.id)
    assert (info.rows, info.rejected, len(rows)) == (1, len(BAD_ROWS), 1)
    for number, (item, (_, reason)) in enumerate(zip(rejected, BAD_ROWS, strict=True), 2):
        assert item.what == f"x.jsonl, row {number}"
        assert reason in item.reason
    assert import_file(tmp_path / "x.jsonl", tmp_path / "datasets", "local") == info


@pytest.mark.parametrize(("line", "reason"), BAD_ROWS)
def test_only_bad_rows_are_an_error(tmp_path: Path, line: str, reason: str) -> None:
    """Where no row is good the error names the file, the first bad row and its fault."""
    path = tmp_path / "x.jsonl"
    path.write_text("\n" + line if not line.startswith("[") else "\n \n{}\n" + line, encoding="latin-1")
    with pytest.raises(BadRow) as caught:
        read_rows(path)
    assert f"{path}, row 1: " in str(caught.value)
    assert reason in str(caught.value) or line.startswith("[")


@pytest.mark.parametrize(("data", "error"), [(b"", BadRow), (b"[1, 2", DatasetError), (b"PAR1 no parquet", DatasetError), (None, DatasetError)])  # fmt: skip
def test_files_that_cannot_be_read(tmp_path: Path, data: bytes | None, error: type[DatasetError]) -> None:
    """An empty, broken or missing file is an error that names it."""
    path = tmp_path / "x.jsonl"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(error, match=r"x\.jsonl"):
        read_rows(path)


def test_public_chat_rows(real_data: Path) -> None:
    """Of 49 real chat rows those with an empty answer or an invented quote are rejected; documents and titles are found."""
    counts: dict[str, int] = {}
    for path in sorted((real_data / "raft").glob("msrs_raft_*.jsonl")):
        rows, rejected = read_rows(path)
        for reason in ["good"] * len(rows) + [item.reason for item in rejected]:
            counts[reason] = counts.get(reason, 0) + 1
        for row in rows:
            assert len(row.documents) == len(row.titles) >= 4
            assert not row.documents[-1].rstrip().endswith("final answer.")
            assert "Question:" not in row.question and row.answer
    assert sum(counts.values()) == 49
    assert counts[checks.EMPTY_ANSWER] == 22
    assert counts["good"] + counts[checks.NOT_VERBATIM] == 27
    assert counts["good"] >= 5
