"""Reads prediction files as HotpotQA's official script does.

{"answer": {"5a76…": "Oslo"}, "sp": {"5a76…": [["Norway", 0]]}}
"""

from __future__ import annotations

from pathlib import Path

from raft_core.errors import BadRecord, EvaluationError
from raft_core.evaluation.hotpotqa import Predictions
from raft_core.evaluation.questions import facts_of
from raft_core.evaluation.sources import kind, load


def read_predictions(path: Path) -> Predictions:
    """Return the answers and supporting facts of a prediction file.

    Raises:
        BadRecord: an answer is no string, or a supporting fact no [title, index] pair.
        EvaluationError: the file is not readable, or not an object with "answer".
    """
    value = load(path)
    answers = value.get("answer") if isinstance(value, dict) else None
    if not isinstance(answers, dict):
        raise EvaluationError(
            f'{path} is no prediction file: it has no object "answer"',
            remedy='write {"answer": {"<id>": "<short answer>"}}',
        )
    for identity, answer in answers.items():
        if not isinstance(answer, str):
            raise BadRecord(str(path), identity, "answer", f"is {kind(answer)}, not a string")
    if "sp" not in value:
        return Predictions(answers)
    if not isinstance(value["sp"], dict):
        raise EvaluationError(f'{path} is no prediction file: "sp" is {kind(value["sp"])}, not an object')
    facts = {identity: facts_of(str(path), identity, "sp", given) for identity, given in value["sp"].items()}
    return Predictions(answers, facts)
