"""An evaluation that was tampered with does not hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from raft_core.evaluation.harness import Run, Sample
from raft_core.evaluation.hotpotqa import score_answer
from raft_core.evaluation.result import Evaluation, judge
from raft_core.evaluation.verify import verify
from raft_core.files import content_hash, to_json
from raft_core.records import Question
from tests.evaluation.test_result import circumstances

QUESTIONS = tuple(
    Question(f"q{number}", f"Who is {number}?", answer, (("T", ("s",)),), "bridge", (("T", 0),))
    for number, answer in enumerate(["Ann", "Bo Li", "yes", "1923"])
)


def run_of(model: str, answers: list[str]) -> Run:
    samples = []
    for question, said in zip(QUESTIONS, answers, strict=True):
        marks = score_answer(said, question.answer)
        scores = (marks.f1, marks.em, marks.prec, marks.recall)
        text = f"##Reason: so. <ANSWER>: {said}"
        told = (question.id, question.question, question.answer, said, text)
        kind = "yes/no" if question.answer == "yes" else "bridge"
        samples.append(Sample(*told, *scores, False, True, 3, 0.1, kind, False, True))
    return Run(model, "raft", tuple(samples), 1.0)


@pytest.fixture
def evaluation() -> Evaluation:
    told = replace(circumstances(4), data_hash=content_hash(QUESTIONS), prompt_hashes={})
    runs = [run_of("base", ["Ann", "Li", "no", "1900"]), run_of("tuned", ["Ann", "Bo Li", "yes", "x"])]
    return judge(told, runs, QUESTIONS)


def result_of(evaluation: Evaluation) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(to_json(evaluation.as_json()))
    return value


def test_an_untouched_evaluation_holds(evaluation: Evaluation) -> None:
    """Every score, interval and p-value comes out again, to the last bit that JSON keeps."""
    verdict = verify(evaluation, {"evaluation.json": result_of(evaluation)})
    assert (verdict.holds, verdict.samples, verdict.faults, verdict.unchecked) == (True, 8, (), ())
    assert verdict.as_json()["holds"] is True


def test_a_changed_score_is_found(evaluation: Evaluation) -> None:
    """A mean, an interval or a p-value in a result that the samples do not give."""
    for path in (
        ("models", "tuned", "f1"),
        ("models", "base", "prompts", "raft", "em_high"),
        ("differences", 0, "p"),
    ):
        told = result_of(evaluation)
        place: Any = told
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = 0.123
        verdict = verify(evaluation, {"registry": told})
        assert (verdict.holds, [fault.stored for fault in verdict.faults]) == (False, [0.123])


def test_a_changed_answer_is_found(evaluation: Evaluation) -> None:
    """A sample whose text does not give its answer and marks, and all the means behind it."""
    first = evaluation.runs[0]
    forged = replace(first.samples[2], prediction="yes", f1=1.0, em=1.0, prec=1.0, recall=1.0)
    runs = (replace(first, samples=(*first.samples[:2], forged, *first.samples[3:])), evaluation.runs[1])
    verdict = verify(replace(evaluation, runs=runs), {"evaluation.json": result_of(evaluation)})
    assert {fault.where for fault in verdict.faults} == {
        f"base, raft, q2: {name}" for name in ("prediction", "f1", "em", "prec", "recall")
    }


def test_changed_questions_are_found(evaluation: Evaluation) -> None:
    """Another gold answer changes the data's hash; a question that is gone, the number of samples."""
    questions = (replace(QUESTIONS[0], answer="Bob"), *QUESTIONS[1:])
    verdict = verify(replace(evaluation, questions=questions), {})
    assert "data_hash" in {fault.where for fault in verdict.faults}
    short = replace(evaluation.runs[0], samples=evaluation.runs[0].samples[:3])
    unpaired = replace(
        evaluation, runs=(short, replace(evaluation.runs[1], samples=evaluation.runs[1].samples[:3]))
    )
    assert {fault.where for fault in verify(unpaired, {}).faults} == {
        "samples of base, raft",
        "samples of tuned, raft",
    }


def test_what_cannot_be_checked_is_told(evaluation: Evaluation) -> None:
    """Without the questions their hash is unchecked; another version or prompt is a note, no fault."""
    told = replace(evaluation.circumstances, prompt_hashes={"rag": "0" * 16}, versions={"scipy": "0.1"})
    verdict = verify(replace(evaluation, questions=(), circumstances=told), {})
    assert verdict.holds
    assert verdict.unchecked[0].startswith("the questions were not kept")
    assert verdict.notes[0] == "the prompt rag is another by now"
    assert verdict.notes[1].startswith("scipy was 0.1, now it is ")
