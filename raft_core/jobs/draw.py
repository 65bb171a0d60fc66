"""Which questions an evaluation asks, and what is shown with each: drawn once, then the same on every worker."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from raft_core.errors import EvaluationError, UnknownDataset
from raft_core.evaluation.contexts import (
    RETRIEVING,
    SETTINGS,
    Setting,
    pool,
    recall_at,
    supporting_sentences,
    with_distractors,
)
from raft_core.evaluation.leaks import Leak, LeakReport
from raft_core.files import content_hash
from raft_core.progress import Progress, Report, silent
from raft_core.records import BASE, Paragraph

if TYPE_CHECKING:
    from raft_core.evaluation.contexts import Pool
    from raft_core.evaluation.leaks import Seen
    from raft_core.records import AdapterInfo, Question
    from raft_core.settings import Settings

MARGIN = 32
"""Paragraphs retrieved beyond those shown, so that of equally near ones always the same are."""
LEAKS_TOLD = 100
"""How many leaks a report names; it counts them all."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What to evaluate: `models` on `data`, a file of questions, or a half of the sample exam by its name.

    Adapters run under the prompt they were trained with; the base runs under both prompts and counts
    with its better one, unless `prompt` names one for all. What is shown with a question is said by the
    `setting` (see contexts.py); `distractors` are for the distractor setting, `top_k` is for retrieval.
    Questions that an adapter saw in training are left out, unless `keep_leaked`; so are those whose paragraphs it
    saw, unless they were `taught` on purpose, as the guild's own documents are.

    Raises:
        EvaluationError: the limit leaves no question, or there is no such setting or prompt.
    """

    data: str
    models: tuple[str, ...]
    limit: int | None = None
    seed: int = 0
    prompt: str | None = None
    max_new_tokens: int | None = None
    setting: Setting = "distractor"
    distractors: int | None = None
    top_k: int | None = None
    keep_leaked: bool = False
    taught: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise EvaluationError(
                f"a limit of {self.limit} leaves no question", remedy="give a limit of 1 or more"
            )
        if self.setting not in SETTINGS:
            raise EvaluationError(f"no setting {self.setting!r}", remedy=f"use {', '.join(SETTINGS)}")
        if self.prompt not in {None, "rag", "raft"}:
            raise EvaluationError(f"no prompt {self.prompt!r}", remedy="use rag or raft")
        if self.distractors is not None and (self.setting != "distractor" or self.distractors < 0):
            raise EvaluationError("a number of distractors, 0 or more, belongs to the distractor setting")
        if self.top_k is not None and (self.setting not in RETRIEVING or self.top_k < 1):
            raise EvaluationError("top-k, 1 or more, belongs to the retrieval setting")


@dataclass(frozen=True, slots=True)
class Drawn:
    """The places of the questions in the data, and by number the paragraphs retrieved for each.

    `chunks` are those of the guild's documents that were retrieved for any question, numbered by `shown` then. Of
    `available` questions; `fewer` of them have not as many distractors as were asked for.
    """

    positions: tuple[int, ...]
    shown: tuple[tuple[int, ...], ...] = ()
    chunks: tuple[Paragraph, ...] = ()
    available: int = 0
    fewer: int = 0
    recall_at_k: dict[str, float] = field(default_factory=dict)
    leaks: LeakReport | None = None

    def slice(self, start: int, stop: int) -> Drawn:
        """Return some of the questions."""
        return Drawn(self.positions[start:stop], self.shown[start:stop], self.chunks)


def drawn_of(values: Mapping[str, Any]) -> Drawn:
    """Return what was drawn from its JSON."""
    told = dict(values)
    told["positions"] = tuple(told["positions"])
    told["shown"] = tuple(tuple(each) for each in told.get("shown", ()))
    told["chunks"] = tuple((title, tuple(sentences)) for title, sentences in told.get("chunks", ()))
    if leaks := told.get("leaks"):
        named = {name: tuple(leaks[name]) for name in ("datasets", "unknown")}
        told["leaks"] = LeakReport(
            **{**leaks, **named, "leaks": tuple(Leak(**each) for each in leaks["leaks"])}
        )
    return Drawn(**told)


def draw(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    models: Mapping[str, AdapterInfo | None],
    report: Report = silent,
) -> Drawn:
    """Draw the questions by seed, leave out what the adapters were trained on, retrieve where that is asked.

    Raises:
        BadRecord: a record of the file does not fit the format.
        EvaluationError: no question is left, or a record does not say which its gold paragraphs are.
        StoreError: Chroma or the embeddings fail.
    """
    everything = read(what)
    order = list(range(len(everything)))
    random.Random(what.seed).shuffle(order)
    order, leaks = _without_leaks(settings, guild, what, models, everything, order)
    shown: tuple[tuple[int, ...], ...] = ()
    recall: dict[str, float] = {}
    chunks: tuple[Paragraph, ...] = ()
    if what.setting == "retrieval":
        shown, recall = _retrieve(settings, what, everything, order, report)
    elif what.setting == "documents":
        shown, chunks, recall = _retrieve_chunks(settings, guild, what, everything, order, report)
    drawn = Drawn(tuple(order), shown, chunks, len(everything), 0, recall, leaks)
    fewer = 0
    if what.distractors:
        asked = shown_questions(what, drawn)
        fewer = sum(_distractors(question) < what.distractors for question in asked)
    return replace(drawn, fewer=fewer)


def read(what: EvaluationSettings) -> list[Question]:
    """Return all questions of the data as its records have them."""
    from raft_core.evaluation.questions import read_questions

    return read_questions(what.data)


def shown_questions(what: EvaluationSettings, drawn: Drawn) -> list[Question]:
    """Return the drawn questions with the paragraphs that are shown; a closed book shows none.

    Raises:
        EvaluationError: a record does not say which its gold paragraphs are.
    """
    everything = read(what)
    asked = [everything[position] for position in drawn.positions]
    if what.setting == "closed-book":
        return [replace(question, context=()) for question in asked]
    if what.setting in RETRIEVING:
        paragraphs = drawn.chunks if what.setting == "documents" else pool(everything).paragraphs
        found = [tuple(paragraphs[number] for number in numbers) for numbers in drawn.shown]
        return [replace(question, context=context) for question, context in zip(asked, found, strict=True)]
    count = 0 if what.setting == "oracle" else what.distractors
    if count is None:
        return asked
    return [with_distractors(question, count, what.seed) for question in asked]


def _distractors(question: Question) -> int:
    return sum(title not in question.gold_titles for title, _ in question.context)


def _without_leaks(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    models: Mapping[str, AdapterInfo | None],
    everything: Sequence[Question],
    order: Sequence[int],
) -> tuple[list[int], LeakReport]:
    """Return the first `limit` places whose questions no model has seen, and what was found of them."""
    seen, datasets, unknown = _training_data(settings, guild, models)
    asked: list[int] = []
    leaks: list[Leak] = []
    leaked = checked = 0
    for position in order:
        if what.limit is not None and len(asked) == what.limit:
            break
        checked += 1
        # Documents that a guild is asked about are those that its models learned: only the questions may not be.
        question = everything[position]
        taught = what.taught or what.setting == "documents"
        asked_alone = replace(question, context=()) if taught else question
        found = seen.find(asked_alone) if datasets else []
        leaked += bool(found)
        leaks += found
        if not found or what.keep_leaked:
            asked.append(position)
    if not asked:
        raise EvaluationError(
            f"all {checked} questions, or their paragraphs, occur in the data that the models were trained on",
            remedy="take other questions, or ask these all the same with --keep-leaked",
        )
    report = LeakReport(
        tuple(datasets), tuple(unknown), checked, leaked, what.keep_leaked, tuple(leaks[:LEAKS_TOLD])
    )
    return asked, report


def _training_data(
    settings: Settings, guild: str, models: Mapping[str, AdapterInfo | None]
) -> tuple[Seen, list[str], list[str]]:
    """Return all rows that the models were trained on, the data sets' ids, and the models it is not known of."""
    from raft_core.dataset.files import load_dataset
    from raft_core.evaluation.leaks import Seen
    from raft_core.jobs.catalogue import find_dataset

    seen = Seen()
    datasets: dict[str, None] = {}
    unknown: list[str] = []
    for name, adapter in models.items():
        if adapter is None:
            unknown += [] if name == BASE else [name]
            continue
        if adapter.dataset in datasets:
            continue
        try:
            _, rows = load_dataset(find_dataset(settings, guild, adapter.dataset))
        except UnknownDataset:
            unknown.append(name)
            continue
        datasets[adapter.dataset] = None
        for row in rows:
            documents = {row.oracle_context, *row.documents}
            seen.add(adapter.dataset, row.id, row.question, row.answer, sorted(documents))
    return seen, list(datasets), unknown


def _retrieve(
    settings: Settings,
    what: EvaluationSettings,
    everything: Sequence[Question],
    order: Sequence[int],
    report: Report,
) -> tuple[tuple[tuple[int, ...], ...], dict[str, float]]:
    """Return the numbers of the paragraphs nearest to each question, and the recall of the gold ones."""
    from raft_core.store.chunks import ChunkStore

    paragraphs = pool(everything)
    chunks = _chunks(paragraphs)
    numbers = {chunk.id: chunk.index for chunk in chunks}
    top_k = what.top_k or settings.top_k
    found: list[tuple[int, ...]] = []
    with ChunkStore(settings, f"evaluation-{content_hash(paragraphs.paragraphs)}") as store:
        store.add(chunks, report)
        for done, position in enumerate(order, 1):
            hits = store.retrieve(everything[position].question, top_k + MARGIN)
            nearest = sorted((-round(hit.score, 5), numbers[hit.chunk.id]) for hit in hits)
            found.append(tuple(number for _, number in nearest[:top_k]))
            report(Progress("retrieving", done, len(order)))
    gold = [paragraphs.gold(everything[position]) for position in order]
    return tuple(found), recall_at(found, gold)


def _retrieve_chunks(
    settings: Settings,
    guild: str,
    what: EvaluationSettings,
    everything: Sequence[Question],
    order: Sequence[int],
    report: Report,
) -> tuple[tuple[tuple[int, ...], ...], tuple[Paragraph, ...], dict[str, float]]:
    """Return the chunks of the guild's documents nearest to each question, by number, and the recall.

    Recall is the share of a question's supporting sentences that stand in its chunks.

    Raises:
        EvaluationError: the guild has no documents.
    """
    from raft_core.store.chunks import ChunkStore

    numbers: dict[Paragraph, int] = {}
    found: list[list[Paragraph]] = []
    with ChunkStore(settings, guild) as store:
        for done, position in enumerate(order, 1):
            hits = store.retrieve(everything[position].question, what.top_k or settings.top_k)
            found.append([(hit.chunk.title, (hit.chunk.text,)) for hit in hits])
            report(Progress("retrieving", done, len(order)))
    if not any(found):
        raise EvaluationError(
            f"guild {guild!r} has no documents to answer from", remedy="add documents first"
        )
    for paragraph in (each for hits in found for each in hits):
        numbers.setdefault(paragraph, len(numbers))
    shown = tuple(tuple(numbers[paragraph] for paragraph in hits) for hits in found)
    return shown, tuple(numbers), _sentence_recall([everything[position] for position in order], found)


def _sentence_recall(asked: Sequence[Question], found: Sequence[Sequence[Paragraph]]) -> dict[str, float]:
    """Return by k the mean share of supporting sentences that stand in the first k chunks."""
    known = [
        ([" ".join(text.split()) for _, (text,) in hits], [" ".join(each.split()) for each in wanted])
        for question, hits in zip(asked, found, strict=True)
        if (wanted := supporting_sentences(question))
    ]
    deepest = max((len(texts) for texts, _ in known), default=0)
    return {
        str(k): sum(
            sum(any(sentence in text for text in texts[:k]) for sentence in wanted) / len(wanted)
            for texts, wanted in known
        )
        / len(known)
        for k in range(1, deepest + 1)
    }


def _chunks(paragraphs: Pool) -> list[Any]:
    """Return every paragraph as a chunk, its title before its text as in an article."""
    from raft_core.records import Chunk

    return [
        Chunk(
            id=content_hash(number, title, sentences),
            document_id=content_hash(title, sentences),
            title=title,
            text=f"{title}\n{''.join(sentences).strip()}",
            page=None,
            index=number,
            start=0,
            tokens=0,
        )
        for number, (title, sentences) in enumerate(paragraphs.paragraphs)
    ]
