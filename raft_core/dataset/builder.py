"""Chunk → RaftExample: drafts from a generator, distractors, checks, and a data set in its folder.

A row depends on its chunk, the seed, its number and the pool of distractors, not on how many other
rows are built or in which order; but for questions that repeat one another (see `_choose`). Method: Zhang et al. 2024 (arXiv 2403.10131).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from raft_core.dataset import checks, files
from raft_core.dataset.distractors import Distractors, Nearest, distinct
from raft_core.dataset.files import Rejected
from raft_core.dataset.generators import RULES, Draft, Drafts, Generator, canonical
from raft_core.errors import BadReply, DatasetError, SettingsError, TooFewChunks
from raft_core.files import content_hash
from raft_core.markup import ANSWER_TAG, short_answer
from raft_core.progress import Progress, Report, silent
from raft_core.records import ABSTENTION, AbsentLabel, Chunk, DatasetInfo, RaftExample

ABSTAINING_ANSWER = f"##Reason: None of the documents answers the question. {ANSWER_TAG} {ABSTENTION}"
TOO_FEW_OTHERS = "too few other chunks that do not hold the quote"

TOO_COMMON = "a tenth of the rows already ask for the same column or kind of list"
CAP = 10
"""At most one row in so many has one form of question where forms are capped."""

BAD_IN_A_ROW = 10
"""So many chunks without one usable answer, and the model server is taken for broken."""


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What to build. `chunks` limits how many chunks are asked about; all are distractors.

    Raises:
        SettingsError: a value is out of range.
    """

    questions: int = 1
    distractors: int = 3
    p: float = 1.0
    seed: int = 0
    distractor_choice: Literal["random", "hard"] = "random"
    absent_label: AbsentLabel = "answer"
    chunks: int | None = None
    generator: str = RULES
    generator_model: str = ""
    force: bool = False
    """Let a small base write its own questions; no part of a data set's id."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "generator", canonical(self.generator))
        for name, good, wanted in (
            ("questions", self.questions >= 1, "at least 1"),
            ("distractors", self.distractors >= 0, "at least 0"),
            ("p", 0 <= self.p <= 1, "between 0 and 1"),
            ("chunks", self.chunks is None or self.chunks >= 1, "at least 1"),
        ):
            if not good:
                raise SettingsError(f"{name} must be {wanted}, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build will do: the data set's id, the chunks it asks about in order, and all it may show."""

    dataset_id: str
    asked: tuple[Chunk, ...]
    pool: tuple[Chunk, ...]


def plan(
    chunks: Sequence[Chunk], settings: BuildSettings, generator: Generator, nearest_by: str = ""
) -> Plan:
    """Return what to build from `chunks`; `nearest_by` names the embeddings that find hard distractors.

    Raises:
        TooFewChunks: fewer different chunks than one row needs.
    """
    pool = distinct(chunks)
    if len(pool) < settings.distractors + 1 + (settings.p < 1):
        raise TooFewChunks(len(pool), settings.distractors, stand_in=settings.p < 1)
    inputs = [(chunk.id, chunk.title, chunk.text) for chunk in pool]
    by = nearest_by if settings.distractor_choice == "hard" else ""
    chosen = {name: value for name, value in asdict(settings).items() if name != "force"}
    key = content_hash(inputs, chosen, generator.fingerprint, by, length=8)
    asked = sorted(pool, key=lambda chunk: content_hash(settings.seed, chunk.id))[: settings.chunks]
    return Plan(f"ds-{key}", tuple(asked), tuple(pool))


def draft(
    chunks: Sequence[Chunk], settings: BuildSettings, generator: Generator, report: Report = silent
) -> list[Drafts]:
    """Return what the generator drafts about each chunk, `generator.concurrency` chunks at a time.

    Runs an event loop of its own: call it from a thread where none is running.

    Raises:
        EndpointError: the generator cannot go on; what it had finished is used by the next run.
    """
    return asyncio.run(_draft_all(chunks, settings, generator, report))


def assemble(
    planned: Plan,
    drafts: Sequence[Drafts],
    settings: BuildSettings,
    datasets: Path,
    guild: str,
    *,
    generator: str,
    nearest: Nearest | None = None,
    price_per_1k_tokens_usd: float = 0.0,
    price_per_request_usd: float = 0.0,
) -> DatasetInfo:
    """Check the drafts, add distractors, and write the data set into `datasets`/ID.

    `generator` is the name for the card; `nearest` finds hard distractors.

    Raises:
        DatasetError: not one row passed the checks.
        StorageError: the disk is full or not writable.
    """
    hard = settings.distractor_choice == "hard"
    distractors = Distractors(planned.pool, nearest if hard else None)
    rows, rejected = _assemble(planned.asked, drafts, settings, distractors)
    if not rows:
        reasons = files.count_reasons(rejected)
        raise DatasetError(
            f"not one of {len(rejected)} rows passed the checks: {', '.join(f'{why} ({n})' for why, n in reasons.items())}",
            remedy="add documents of running text, or use a stronger generator",
        )
    tokens = sum(draft.tokens for draft in drafts)
    requests = sum(draft.requests for draft in drafts)
    info = DatasetInfo(
        id=planned.dataset_id,
        guild=guild,
        rows=len(rows),
        rejected=len(rejected),
        content_hash=files.rows_hash(rows),
        tokens=tokens,
        cost_usd=round(tokens / 1000 * price_per_1k_tokens_usd + requests * price_per_request_usd, 6),
        generator=generator,
        settings=asdict(settings),
        documents=_documents_of(rows, planned.pool),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    files.save(datasets / planned.dataset_id, info, rows, rejected)
    return info


def build(
    chunks: Sequence[Chunk],
    settings: BuildSettings,
    generator: Generator,
    datasets: Path,
    guild: str,
    *,
    nearest: Nearest | None = None,
    nearest_by: str = "",
    price_per_1k_tokens_usd: float = 0.0,
    report: Report = silent,
) -> DatasetInfo:
    """Plan, draft and assemble a data set in one go, or return it at once where the same one is there.

    Raises:
        TooFewChunks, EndpointError, DatasetError, StorageError: as the three steps say.
    """
    planned = plan(chunks, settings, generator, nearest_by)
    if files.is_complete(datasets / planned.dataset_id):
        return files.load_info(datasets / planned.dataset_id)
    return assemble(
        planned,
        draft(planned.asked, settings, generator, report),
        settings,
        datasets,
        guild,
        generator=generator.name,
        nearest=nearest,
        price_per_1k_tokens_usd=price_per_1k_tokens_usd,
    )


async def _draft_all(
    chunks: Sequence[Chunk], settings: BuildSettings, generator: Generator, report: Report
) -> list[Drafts]:
    """Draft all chunks, `generator.concurrency` at a time; each goes from question to answer without waiting for others."""
    drafts: dict[int, Drafts] = {}
    waiting = iter(enumerate(chunks))
    failures: list[BadReply] = []

    async def work() -> None:
        for number, chunk in waiting:
            try:
                drafts[number] = await generator.draft(chunk, settings.questions, settings.seed)
                failures.clear()
            except BadReply as error:
                failures.append(error)
                if len(failures) >= min(BAD_IN_A_ROW, len(chunks)):
                    raise
                drafts[number] = Drafts((Draft("", "", str(error)),) * settings.questions)
            report(Progress("dataset", len(drafts), len(chunks)))

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(generator.concurrency, len(chunks))):
                workers.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        await generator.close()
    return [drafts[number] for number in range(len(chunks))]


def _assemble(
    chunks: Sequence[Chunk], drafts: Sequence[Drafts], settings: BuildSettings, distractors: Distractors
) -> tuple[list[RaftExample], list[Rejected]]:
    rows: list[RaftExample] = []
    rejected: list[Rejected] = []
    for chunk, number, draft, fault in _chosen(chunks, drafts):
        row_id = f"{chunk.id}-{number}"
        row = None if fault else _row(row_id, chunk, draft, settings, distractors)
        if row is None:
            rejected.append(Rejected(row_id, fault or TOO_FEW_OTHERS, draft.question, draft.cot_answer))
        else:
            rows.append(row)
    return rows, rejected


_Choice = tuple[Chunk, int, Draft, str]
"""A chunk, the number of its row, the draft for it, and why that is not good enough ("" where it is)."""


def _chosen(chunks: Sequence[Chunk], drafts: Sequence[Drafts]) -> list[_Choice]:
    """Return the draft for each row, such that at most a tenth of the good ones have one capped form.

    What a form may be used depends on how many rows there are, and that on what was left out: the cap is
    lowered until both agree.
    """
    most = max(1, sum(len(drafted.drafts) for drafted in drafts) // CAP)
    while True:
        choices = [
            choice
            for chunk, drafted, asked, forms in _with_counts(chunks, drafts)
            for choice in _choose(chunk, drafted, asked, forms, most)
        ]
        good = sum(not fault for *_, fault in choices)
        used = Counter(draft.form for _, _, draft, fault in choices if draft.capped and not fault)
        if max(used.values(), default=0) <= max(1, good // CAP):
            return choices
        most = min(most - 1, max(1, good // CAP))


def _with_counts(
    chunks: Sequence[Chunk], drafts: Sequence[Drafts]
) -> Iterator[tuple[Chunk, Drafts, set[str], Counter[str]]]:
    """Yield each chunk and its drafts with the questions and forms of all rows so far, which the caller adds to."""
    asked: set[str] = set()
    forms: Counter[str] = Counter()
    for chunk, drafted in zip(chunks, drafts, strict=True):
        yield chunk, drafted, asked, forms


def _choose(
    chunk: Chunk, drafted: Drafts, asked: set[str], forms: Counter[str], most: int
) -> Iterator[_Choice]:
    """Yield a chunk's rows: its drafts, or spares where a draft repeats a question or a form is used up."""
    spares = list(drafted.spares)
    for number, draft in enumerate(drafted.drafts):
        chosen, fault = draft, _fault(chunk, draft, asked, forms, most)
        while fault in {checks.DUPLICATE, TOO_COMMON} and spares:
            spare = spares.pop(0)
            if not (other := _fault(chunk, spare, asked, forms, most)):
                chosen, fault = spare, other
        if not fault:
            asked.add(checks.normalised(chosen.question))
            forms[chosen.form] += 1
        yield chunk, number, chosen, fault


def _fault(chunk: Chunk, draft: Draft, asked: set[str], forms: Counter[str], most: int) -> str:
    if draft.fault:
        return draft.fault
    if not checks.is_question(draft.question):
        return checks.NOT_A_QUESTION
    if checks.normalised(draft.question) in asked:
        return checks.DUPLICATE
    if draft.capped and forms[draft.form] >= most:
        return TOO_COMMON
    return checks.answer_fault(draft.cot_answer, [chunk.text], quote_needed=True)


def _row(
    row_id: str, chunk: Chunk, draft: Draft, settings: BuildSettings, distractors: Distractors
) -> RaftExample | None:
    """Return the row, or None where too few chunks can be its distractors."""
    rng = random.Random(content_hash(settings.seed, row_id))
    absent = rng.random() >= settings.p
    others = distractors.pick(chunk, draft.cot_answer, settings.distractors + absent, rng)
    if len(others) < settings.distractors + absent:
        return None
    shown = others if absent else [chunk, *others]
    rng.shuffle(shown)
    abstains = absent and settings.absent_label == "abstain"
    return RaftExample(
        id=row_id,
        question=draft.question,
        documents=tuple(other.text for other in shown),
        titles=tuple(other.title for other in shown),
        oracle_context=chunk.text,
        cot_answer=ABSTAINING_ANSWER if abstains else draft.cot_answer,
        answer=ABSTENTION if abstains else short_answer(draft.cot_answer)[0],
        chunk_id=chunk.id,
    )


def _documents_of(rows: Sequence[RaftExample], pool: Sequence[Chunk]) -> tuple[str, ...]:
    """Return the ids of all documents that a model trained on the rows has seen something of."""
    shown = {text for row in rows for text in (row.oracle_context, *row.documents)}
    return tuple(sorted({chunk.document_id for chunk in pool if chunk.text in shown}))
