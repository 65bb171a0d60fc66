"""Answers that survive whatever happens to the process."""

from __future__ import annotations

from pathlib import Path

from raft_core.evaluation.answers import AnswerFile, Reply

REPLY = Reply("two\nlines \ud800 and \u2028", True, 4, 0.25)


def test_kept_and_found_again(tmp_path: Path) -> None:
    """What one process kept another finds, exactly, odd characters too; other keys are unknown."""
    with AnswerFile(tmp_path / "a.jsonl") as answers:
        answers.add("k", REPLY)
        assert answers.get("k") == REPLY
    with AnswerFile(tmp_path / "a.jsonl") as answers:
        assert (answers.get("k"), answers.get("other")) == (REPLY, None)


def test_a_torn_line_is_asked_again(tmp_path: Path) -> None:
    """A crash in the middle of a line costs that answer only, and what is added after it is whole."""
    path = tmp_path / "a.jsonl"
    with AnswerFile(path) as answers:
        answers.add("whole", REPLY)
        answers.add("torn", REPLY)
    path.write_bytes(path.read_bytes()[:-20])
    with AnswerFile(path) as answers:
        assert (answers.get("whole"), answers.get("torn")) == (REPLY, None)
        answers.add("next", REPLY)
    with AnswerFile(path) as answers:
        assert (answers.get("whole"), answers.get("next")) == (REPLY, REPLY)


def test_rubbish_is_passed_over(tmp_path: Path) -> None:
    """Lines that are no answers, whoever wrote them, are ignored."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        'nonsense\n[]\n"text"\n{"key": "k"}\n{"key": "k", "text": "x", "more": 1}\n', encoding="utf-8"
    )
    with AnswerFile(path) as answers:
        assert answers.get("k") is None


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    """Lines of two writers do not mix."""
    with AnswerFile(tmp_path / "a.jsonl") as one, AnswerFile(tmp_path / "a.jsonl") as two:
        for number in range(200):
            (one if number % 2 else two).add(str(number), REPLY)
    with AnswerFile(tmp_path / "a.jsonl") as answers:
        assert all(answers.get(str(number)) == REPLY for number in range(200))
