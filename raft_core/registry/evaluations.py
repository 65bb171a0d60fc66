"""The evaluations of all guilds, with every question's scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.orm import Session, aliased

from raft_core.errors import EvaluationError
from raft_core.registry.database import Database
from raft_core.registry.queries import add_guild, matching, of_guild, upsert
from raft_core.registry.tables import Evaluation, Sample

_SCORES = (
    "question",
    "gold",
    "prediction",
    "f1",
    "em",
    "prec",
    "recall",
    "truncated",
    "tagged",
    "tokens",
    "seconds",
)


_NEWEST = (Evaluation.created_at.desc(), Evaluation.id)

RECENT = 50
"""Evaluations that are looked through for a model's latest score."""


@dataclass(frozen=True, slots=True)
class EvaluationName:
    """What a choice of evaluations shows of one."""

    id: str
    data: str
    n: int
    created_at: str


@dataclass(frozen=True, slots=True)
class LatestScore:
    """A model's F1 in the newest evaluation that it took part in, with its 95 % interval."""

    evaluation: str
    data: str
    n: int
    f1: float
    f1_low: float
    f1_high: float


@dataclass(frozen=True, slots=True)
class Change:
    """A question that one model answered better than the other: `a` before, `b` after; `number` counts from 0."""

    number: int
    id: str
    question: str
    gold: str
    a: str
    b: str
    a_f1: float
    b_f1: float


class Evaluations:
    """Keep evaluations as `raftbot eval --json` prints them, and their samples as in samples.jsonl."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, result: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        """Register an evaluation; its samples are in the questions' order within each model and prompt.

        The same evaluation made again replaces the one before.
        """
        with self._database.write() as session:
            add_guild(session, result["guild"])
            register_evaluation(session, result, samples)

    def list(self, guild: str) -> list[dict[str, Any]]:
        """Return the results of a guild's evaluations, the oldest first."""
        with self._database.read() as session:
            return [row.result for row in of_guild(session, Evaluation, guild)]

    def get(self, guild: str, evaluation_id: str) -> dict[str, Any]:
        """Return the result of the evaluation whose id is, or alone begins with, `evaluation_id`.

        Raises:
            EvaluationError: there is none, or several begin so.
        """
        with self._database.read() as session:
            found = matching(session, Evaluation, guild, evaluation_id)
        if len(found) != 1:
            raise EvaluationError(
                f"no evaluation {evaluation_id!r} in guild {guild!r}",
                remedy="see the ids with: raftbot eval list",
            )
        return found[0].result

    def recent(self, guild: str, limit: int = RECENT) -> Sequence[dict[str, Any]]:
        """Return the results of a guild's last evaluations, the newest first."""
        query = select(Evaluation.result).where(Evaluation.guild == guild)
        with self._database.read() as session:
            return list(session.scalars(query.order_by(*_NEWEST).limit(limit)))

    def latest_scores(self, guild: str) -> dict[str, LatestScore]:
        """Return the latest score of each model of a guild, by its name."""
        found: dict[str, LatestScore] = {}
        for result in self.recent(guild):
            for model, score in result["models"].items():
                spread = score["f1"], score["f1_low"], score["f1_high"]
                found.setdefault(model, LatestScore(result["id"], result["data"], result["n"], *spread))
        return found

    def search(self, guild: str, text: str, limit: int) -> Sequence[EvaluationName]:
        """Return a guild's evaluations whose id begins so or whose data is named so, the newest first."""
        names = (Evaluation.id, Evaluation.data, Evaluation.n, Evaluation.created_at)
        fits = or_(
            Evaluation.id.startswith(text, autoescape=True), Evaluation.data.icontains(text, autoescape=True)
        )
        query = select(*names).where(Evaluation.guild == guild, fits).order_by(*_NEWEST).limit(limit)
        with self._database.read() as session:
            return [EvaluationName(*row) for row in session.execute(query)]

    def changes(
        self, guild: str, evaluation_id: str, a: tuple[str, str], b: tuple[str, str], *, fixed: bool
    ) -> Sequence[Change]:
        """Return the questions on which `b` has a higher F1 than `a`, or a lower one; the largest change first.

        `a` and `b` are a model and its prompt each.
        """
        old, new = aliased(Sample), aliased(Sample)
        asked = (old.guild == guild, old.evaluation == evaluation_id, old.model == a[0], old.prompt == a[1])
        same = (new.guild == old.guild, new.evaluation == old.evaluation, new.number == old.number)
        gain = new.f1 - old.f1 if fixed else old.f1 - new.f1
        query = select(old, new).join(new, and_(*same, new.model == b[0], new.prompt == b[1]))
        with self._database.read() as session:
            rows = session.execute(query.where(*asked, gain > 0).order_by(gain.desc(), old.number)).all()
        return [
            Change(
                before.number,
                before.question_id,
                before.question,
                before.gold,
                before.prediction,
                after.prediction,
                before.f1,
                after.f1,
            )
            for before, after in rows
        ]

    def samples(self, guild: str, evaluation_id: str) -> Sequence[dict[str, Any]]:
        """Return an evaluation's samples by its full id: keys as in samples.jsonl, without the whole text."""
        own = (Sample.guild == guild, Sample.evaluation == evaluation_id)
        order = (Sample.model, Sample.prompt, Sample.number)
        with self._database.read() as session:
            rows = session.scalars(select(Sample).where(*own).order_by(*order)).all()
        return [
            {"model": row.model, "prompt": row.prompt, "id": row.question_id}
            | {name: getattr(row, name) for name in _SCORES}
            for row in rows
        ]


def register_evaluation(
    session: Session, result: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]
) -> None:
    """Add an evaluation within a session's transaction."""
    own = {"guild": result["guild"], "evaluation": result["id"]}
    columns = {name: result[name] for name in ("guild", "id", "data", "n", "seed", "created_at")}
    upsert(session, Evaluation, [columns | {"result": dict(result)}])
    session.execute(delete(Sample).filter_by(**own))
    counts: dict[tuple[str, str], int] = {}
    rows = []
    for sample in samples:
        run = (sample["model"], sample["prompt"])
        number = counts[run] = counts.get(run, -1) + 1
        named = {"model": run[0], "prompt": run[1], "number": number, "question_id": sample["id"]}
        rows.append(own | named | {name: sample[name] for name in _SCORES})
    if rows:
        session.execute(insert(Sample), rows)
