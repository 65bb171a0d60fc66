"""The evaluations of all guilds, with every question's scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

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
