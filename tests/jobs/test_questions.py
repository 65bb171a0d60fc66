"""What a guild can be evaluated on: the halves of the sample exam and its own files, under names that lead nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raft_core.errors import EvaluationError
from raft_core.evaluation.questions import read_questions
from raft_core.jobs.questions import SAMPLE, data_of, keep_questions, splits
from raft_core.sample import SPLITS, question_file
from raft_core.settings import Settings

RECORD = {
    "_id": "1",
    "question": "Where?",
    "answer": "Oslo",
    "context": [["Norway", ["Oslo is its capital."]]],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def handed_over(folder: Path, *records: object) -> Path:
    path = folder / "upload.tmp"
    path.write_text(json.dumps(records))
    return path


def test_a_file_is_kept_under_its_name(settings: Settings, tmp_path: Path) -> None:
    """With a hash, so that another file of that name is another split; the same one again is the same."""
    kept = keep_questions(settings, "one", handed_over(tmp_path, RECORD), "Our questions.json")
    assert kept == keep_questions(settings, "one", handed_over(tmp_path, RECORD), "Our questions.json")
    other = keep_questions(
        settings, "one", handed_over(tmp_path, {**RECORD, "_id": "2"}), "Our questions.json"
    )
    assert kept.startswith("Our_questions-") and other != kept
    assert splits(settings, "one") == [*SPLITS, *sorted([kept, other])]
    assert read_questions(Path(data_of(settings, "one", kept)))[0].answer == "Oslo"


def test_guilds_have_their_own(settings: Settings, tmp_path: Path) -> None:
    """Another guild's file is unknown, by its name and by any path to it."""
    kept = keep_questions(settings, "one", handed_over(tmp_path, RECORD), "q.json")
    assert splits(settings, "two") == [*SPLITS]
    for name in (kept, f"../../one/questions/{kept}", "/etc/passwd", ""):
        with pytest.raises(EvaluationError, match="there are no questions called"):
            data_of(settings, "two", name)


@pytest.mark.parametrize(
    "name", ["../../../evil.json", "\u202egnp.json", "  .json", "a" * 300 + ".json", "☃☃"]
)
def test_hostile_names_stay_in_the_folder(settings: Settings, tmp_path: Path, name: str) -> None:
    """They keep only plain letters, and a length that any file system takes."""
    kept = keep_questions(settings, "one", handed_over(tmp_path, RECORD), name)
    path = settings.guild_dir("one") / "questions" / kept
    assert path.is_file() and kept.isascii() and len(kept) < 70 and "/" not in kept


def test_faults_are_named_without_our_paths(settings: Settings, tmp_path: Path) -> None:
    """Record and field, and the name that the member knows."""
    with pytest.raises(EvaluationError) as told:
        keep_questions(settings, "one", handed_over(tmp_path, RECORD | {"answer": 5}), "mine.json")
    assert str(told.value) == "mine.json, record '1' (number 1), field 'answer': is a number, not a string"
    assert splits(settings, "one") == [*SPLITS]


def test_the_sample_exam_is_offered_to_every_guild(settings: Settings) -> None:
    """The reporting half first, which is the default, then the one to choose settings on; they share no question."""
    assert (SAMPLE, splits(settings, "one")) == ("sample", ["sample", "sample-development"])
    asked = [
        {each.id for each in read_questions(question_file(data_of(settings, "one", name)))} for name in SPLITS
    ]
    assert [len(ids) for ids in asked] == [200, 100]
    assert not asked[0] & asked[1]


def test_other_layouts_are_kept_in_hotpotqas(settings: Settings, tmp_path: Path) -> None:
    """A Parquet file in the hub's columns, whatever its name: titles, facts and aliases stay."""
    row = {
        "id": "1",
        "question": "Where?",
        "answer": "Oslo",
        "answer_aliases": ["Christiania"],
        "supporting_facts": {"title": ["A &amp; B"], "sent_id": [0]},
        "context": {"title": ["A &amp; B"], "sentences": [["Oslo."]]},
    }
    path = tmp_path / "upload.tmp"
    pq.write_table(pa.Table.from_pylist([row]), path)
    kept = keep_questions(settings, "one", path, "validation-00000-of-00001.parquet")
    assert kept.startswith("validation-00000-of-00001-") and kept.endswith(".json")
    (question,) = read_questions(Path(data_of(settings, "one", kept)))
    assert (question.answers, question.context) == (("Oslo", "Christiania"), (("A & B", ("Oslo.",)),))
    assert question.supporting_facts == (("A & B", 0),)


def test_a_file_that_fills_the_memory_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child that reads it ends at its limit; the message has the member's name for the file."""
    path = tmp_path / "upload.tmp"
    path.write_text(f"[{'[],' * 4_000_000}[]]", encoding="utf-8")  # 12 MB of text, 300 MB of lists
    monkeypatch.setattr("raft_core.evaluation.uploads.MEMORY_MB", 256)
    with pytest.raises(EvaluationError, match=r"reading bomb\.json takes more than 60 s or 256 MB"):
        keep_questions(settings, "one", path, "bomb.json")
    assert splits(settings, "one") == [*SPLITS]
