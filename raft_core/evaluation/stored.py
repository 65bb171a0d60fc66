"""Reads an evaluation back from its folder: evaluation.json, samples.jsonl and questions.json."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from raft_core.errors import EvaluationError
from raft_core.evaluation.harness import Run, Sample
from raft_core.evaluation.result import Circumstances, Evaluation
from raft_core.files import read_json
from raft_core.records import Difference, Question, Score


def load_evaluation(folder: Path) -> Evaluation:
    """Return the evaluation kept in a folder, with every answer and, where they were kept, the questions.

    Raises:
        EvaluationError: the folder does not hold a whole evaluation.
    """
    try:
        value = read_json(folder / "evaluation.json")
        lines = (folder / "samples.jsonl").read_text(encoding="utf-8").split("\n")
        file = folder / "questions.json"
        questions = tuple(_question(each) for each in read_json(file)) if file.is_file() else ()
        return _evaluation(value, _runs(value, [json.loads(line) for line in lines if line]), questions)
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise EvaluationError(
            f"{folder} holds no whole evaluation: {' '.join(str(error).split())[:200]}",
            remedy="evaluate again; answers that were kept are not asked for twice",
        ) from error


def _evaluation(value: dict[str, Any], runs: tuple[Run, ...], questions: tuple[Question, ...]) -> Evaluation:
    scores = TypeAdapter(dict[str, Score])
    return Evaluation(
        circumstances=TypeAdapter(Circumstances).validate_python(value),
        baseline=value["baseline"],
        models=scores.validate_python(value["models"]),
        prompts={name: scores.validate_python(each["prompts"]) for name, each in value["models"].items()},
        differences=tuple(TypeAdapter(list[Difference]).validate_python(value["differences"])),
        runs=runs,
        questions=questions,
    )


def _runs(value: dict[str, Any], samples: list[dict[str, Any]]) -> tuple[Run, ...]:
    known = {field.name for field in fields(Sample)}
    grouped: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        kept = {name: each for name, each in sample.items() if name in known}
        grouped.setdefault((sample["model"], sample["prompt"]), []).append(Sample(**kept))
    return tuple(
        Run(model, prompt, tuple(each), value["models"][model]["prompts"][prompt]["seconds"])
        for (model, prompt), each in grouped.items()
    )


def _question(record: dict[str, Any]) -> Question:
    """Return a question from a record that we wrote; unlike a gold record it may show no paragraphs."""
    return Question(
        record["_id"],
        record["question"],
        record["answer"],
        tuple((title, tuple(sentences)) for title, sentences in record["context"]),
        record["type"],
        tuple((title, index) for title, index in record.get("supporting_facts", ())),
        tuple(record.get("answer_aliases", ())),
        tuple(record.get("supporting_paragraphs", ())),
    )
