"""Does a stored evaluation hold? Everything is computed again from the questions and the stored texts.

    stored text ─▶ short answer ─▶ EM, F1, … of every sample ─▶ means, intervals, groups, differences
    stored questions ─▶ hash of the data

What a text was made by is not tried again: that would be another evaluation.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from raft_core.evaluation.contexts import gold_shown
from raft_core.evaluation.groups import is_refusal, kind_of, score_reply
from raft_core.evaluation.result import Evaluation, judge
from raft_core.files import content_hash, to_json
from raft_core.markup import short_answer

if TYPE_CHECKING:
    from raft_core.evaluation.harness import Run, Sample
    from raft_core.records import Question

TOLD = 20
"""How many faults are told; all are counted."""
_CLOSE = 1e-9
"""Sums of thousands of numbers may differ so much between two machines' libraries."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A number that is not what comes out: where it stands, what is stored, what was computed."""

    where: str
    stored: Any
    computed: Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying found: `samples` were scored again; it `holds` when there is no fault.

    `unchecked` says what could not be looked at, `notes` what changed since without making it wrong.
    """

    id: str
    samples: int
    faults: tuple[Fault, ...]
    found: int
    unchecked: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything that could be checked came out the same."""
        return self.found == 0

    def as_json(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {**asdict(self), "holds": self.holds}


def verify(stored: Evaluation, told: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """Compute an evaluation again and compare it with all results that were `told` of it, by where they stand."""
    faults: list[Fault] = []
    unchecked: list[str] = []
    questions = {question.id: question for question in stored.questions}
    if not questions:
        unchecked.append("the questions were not kept: their hash, and the gold answers in it")
    elif (data_hash := content_hash(stored.questions)) != stored.circumstances.data_hash:
        faults.append(Fault("data_hash", stored.circumstances.data_hash, data_hash))
    runs = []
    for run in stored.runs:
        again = replace(
            run, samples=tuple(_scored(sample, questions.get(sample.id)) for sample in run.samples)
        )
        faults += _sample_faults(run, again)
        if len(run.samples) != stored.n:
            faults.append(Fault(f"samples of {run.model}, {run.prompt}", len(run.samples), stored.n))
        runs.append(again)
    computed = judge(stored.circumstances, runs, stored.questions).as_json()
    computed = json.loads(to_json(computed))
    for where, result in told.items():
        faults += list(_compare(where, dict(result), computed))
    samples = sum(len(run.samples) for run in stored.runs)
    return Verdict(
        stored.id, samples, tuple(faults[:TOLD]), len(faults), tuple(unchecked), tuple(_notes(stored))
    )


def _scored(sample: Sample, question: Question | None) -> Sample:
    prediction, tagged = short_answer(sample.text)
    gold = question.answers if question else (sample.gold,)
    marks = score_reply(prediction, gold)
    scored = replace(
        sample,
        gold=gold[0],
        prediction=prediction,
        tagged=tagged,
        em=marks.em,
        f1=marks.f1,
        prec=marks.prec,
        recall=marks.recall,
        refused=is_refusal(prediction),
    )
    if question is None:
        return scored
    return replace(
        scored, question=question.question, type=kind_of(question), gold_shown=gold_shown(question)
    )


def _sample_faults(stored: Run, computed: Run) -> Iterator[Fault]:
    for before, after in zip(stored.samples, computed.samples, strict=True):
        where = f"{stored.model}, {stored.prompt}, {before.id}"
        yield from _compare(where, asdict(before), asdict(after))


def _compare(where: str, stored: Any, computed: Any) -> Iterator[Fault]:
    """Yield what differs of two JSON-like values; what an older version did not store yet is passed over."""
    if isinstance(stored, dict) and isinstance(computed, dict):
        for name in stored.keys() & computed.keys():
            yield from _compare(f"{where}: {name}", stored[name], computed[name])
    elif isinstance(stored, (list, tuple)) and isinstance(computed, (list, tuple)):
        if len(stored) != len(computed):
            yield Fault(where, len(stored), len(computed))
        for number, (before, after) in enumerate(zip(stored, computed, strict=False)):
            yield from _compare(f"{where} {number}", before, after)
    elif isinstance(stored, float) and isinstance(computed, (int, float)):
        if not math.isclose(stored, computed, rel_tol=_CLOSE, abs_tol=_CLOSE):
            yield Fault(where, stored, computed)
    elif stored != computed:
        yield Fault(where, stored, computed)


def _notes(stored: Evaluation) -> Iterator[str]:
    from raft_core.errors import SettingsError
    from raft_core.evaluation.harness import versions
    from raft_core.prompts import prompt_hash

    for prompt, then in stored.circumstances.prompt_hashes.items():
        try:
            now = prompt_hash(prompt)
        except SettingsError:
            now = "gone"
        if now != then:
            yield f"the prompt {prompt} is another by now"
    now_installed = versions()
    for name, version in stored.circumstances.versions.items():
        if now_installed.get(name) != version:
            yield f"{name} was {version}, now it is {now_installed.get(name, 'not installed')}"
