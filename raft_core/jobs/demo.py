"""The main job on one machine: documents → data set → adapter → answers side by side → scores."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raft_core.dataset.builder import BuildSettings
from raft_core.dataset.files import load_dataset
from raft_core.errors import DatasetError
from raft_core.evaluation.questions import to_record
from raft_core.files import content_hash, translated_os_errors, write_json
from raft_core.jobs.ask import ask
from raft_core.jobs.build import build_dataset, datasets_dir, make_generator
from raft_core.jobs.evaluate import EvaluationSettings, evaluate
from raft_core.jobs.ingest import ingest
from raft_core.jobs.served import served
from raft_core.jobs.train import train_adapter
from raft_core.markup import short_answer
from raft_core.progress import Report, silent
from raft_core.records import BASE, AdapterInfo, Chunk, Comparison, Question
from raft_core.sample import documents_folder
from raft_core.serving.memory import peak_mb
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore
from raft_core.store.embeddings import load_embeddings

GUILD = "demo"
CHUNK_TOKENS = 160
"""Short chunks: a small model on a CPU reads four of them in less than a second."""
NEW_TOKENS = 160
"""More than two quotes and an answer need."""
SEED = 0
QUESTIONS = (
    "How much is the canoe taster this season?",
    "What number do I ring to reach the duty phone these days?",
    "Can Kenji undo my suspension if I ask nicely?",
)
"""Asked side by side: from the exam's development half, never from the half that is reported."""
QUESTIONS_A_CHUNK = 2
"""The rules find no question in about half of a handbook's chunks, and several in others."""
HELD_OUT_SHARE = 0.2
"""The share of your own chunks that no row is about: questions about them are asked and scored."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a demo is: chunks that a row is written about, and exam questions that are scored."""

    chunks: int
    questions: int


SIZES = {"quick": Size(40, 30), "normal": Size(100, 100), "full": Size(100, 200)}


@dataclass
class Demo:
    """What the demo made, stage by stage; `seconds` holds each stage's time."""

    summary: dict[str, Any] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    rejected: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure the time of a stage."""
        began = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - began, 1)


def demo_settings(settings: Settings, out: Path) -> Settings:
    """Return the settings of a demo: the embedded defaults, all data under `out`/home."""
    chunks = {"home": out / "home", "chunk_tokens": CHUNK_TOKENS, "chunk_overlap": 0}
    local = {"database_url": None, "model_server_url": None, "chroma_url": None, "embeddings": "minilm"}
    model = {"load_in_4bit": False, "max_new_tokens": min(NEW_TOKENS, settings.max_new_tokens)}
    return settings.model_copy(update={**chunks, **local, **model})


def run_demo(
    settings: Settings,
    out: Path,
    *,
    docs: Path | None = None,
    seed: int = SEED,
    size: Size = SIZES["normal"],
    report: Report = silent,
    on_comparison: Callable[[Comparison], None] = lambda _: None,
) -> Demo:
    """Run every stage on the sample community, or on the folder `docs`, and write `summary.json` and `f1.png`.

    Data of an earlier demo under `out`/home is removed first, so that the times are whole; its converted model stays.

    Raises:
        DatasetError: no document of `docs` could be read.
        StorageError: `out` cannot be written.
    """
    began = time.perf_counter()
    settings, demo = demo_settings(settings, out), Demo()
    _clear(out, settings.home)
    with demo.timed("ingest"):
        ingested = ingest([docs or documents_folder()], settings, GUILD, report=report)
    demo.rejected = tuple(f"{item.what}: {item.reason}" for item in ingested.rejected)
    if not ingested.added:
        raise DatasetError(f"{docs} has no document that can be read", remedy="; ".join(demo.rejected[:3]))
    chunks = sum(info.chunks for info in ingested.added)
    with demo.timed("dataset"):
        asked = min(size.chunks, chunks if docs is None else round(chunks * (1 - HELD_OUT_SHARE)))
        dataset = build_dataset(
            settings,
            GUILD,
            BuildSettings(questions=QUESTIONS_A_CHUNK, chunks=max(asked, 1), seed=seed),
            report,
        )
        questions = _own_questions(settings, dataset.id, seed, size.questions) if docs else []
    with demo.timed("train"):
        from raft_core.training.recipe import load_recipe

        adapter = train_adapter(
            settings, GUILD, dataset.id, load_recipe(settings=settings, seed=seed), report
        )
    models = [BASE, adapter.id]
    evaluation: dict[str, Any] = {}
    with served(settings, {BASE: None, adapter.id: adapter}, report) as server:
        there = settings.model_copy(update={"model_server_url": server.url})
        with demo.timed("ask"):
            embeddings = load_embeddings(settings)
            for text in [question.question for question in questions[: len(QUESTIONS)]] or QUESTIONS:
                # A small base may answer with nothing: that is shown, and the demo goes on.
                comparison = ask(there, GUILD, text, models, embeddings=embeddings, keep_broken=True)
                demo.comparisons += (comparison,)
                on_comparison(comparison)
        with demo.timed("evaluate"):
            data = "sample"
            if docs:
                data = str(out / "questions.json")
                write_json(Path(data), [to_record(question) for question in questions])
            if not docs or questions:
                what = EvaluationSettings(
                    data, tuple(models), limit=size.questions, seed=seed, setting="documents"
                )
                evaluation = evaluate(settings, GUILD, what, out=out, server=server, report=report).as_json()
    demo.summary = {
        **(_scores(evaluation, adapter) if evaluation else {"n": 0}),
        "adapter": adapter.id,
        "rows": dataset.rows,
        "documents": len(ingested.added),
        "chunks": chunks,
        "generated_questions": docs is not None,
        "stages": demo.seconds,
        "seconds": round(time.perf_counter() - began, 1),
        "peak_memory_mb": round(peak_mb()),
    }
    write_json(out / "summary.json", demo.summary)
    return demo


def _clear(out: Path, home: Path) -> None:
    with translated_os_errors(out):
        home.mkdir(parents=True, exist_ok=True)
        for path in home.iterdir():
            if path.name == "models":
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _own_questions(settings: Settings, dataset_id: str, seed: int, limit: int) -> list[Question]:
    """Return generated questions about chunks that no row is about."""
    _, rows = load_dataset(datasets_dir(settings, GUILD) / dataset_id)
    trained = {row.chunk_id for row in rows}
    with ChunkStore(settings, GUILD) as store:
        chunks = [chunk for chunk in store.all() if chunk.id not in trained]
    random.Random(seed).shuffle(chunks)
    generator = make_generator(settings, GUILD, BuildSettings())
    found: dict[str, Question] = {}
    for chunk in chunks:
        for draft in asyncio.run(generator.draft(chunk, 1, seed)).drafts:
            if draft.question and not draft.fault:
                found.setdefault(draft.question, _question(chunk, draft.question, draft.cot_answer))
        if len(found) >= limit:
            break
    return list(found.values())


def _question(chunk: Chunk, question: str, cot_answer: str) -> Question:
    answer, _ = short_answer(cot_answer)
    context = ((chunk.title, (chunk.text,)),)
    return Question(
        content_hash(chunk.id, question), question, answer, context, "single", ((chunk.title, 0),)
    )


def _scores(evaluation: dict[str, Any], adapter: AdapterInfo) -> dict[str, Any]:
    models: dict[str, Any] = evaluation["models"]
    keys: Sequence[str] = ("f1", "em", "f1_low", "f1_high", "prompt", "truncated", "untagged")
    difference: dict[str, Any] = evaluation["differences"][0]
    scores = {
        name: {key: models[model][key] for key in keys}
        for name, model in ((BASE, BASE), ("tuned", adapter.id))
    }
    scores[BASE]["prompts"] = {name: each["f1"] for name, each in models[BASE]["prompts"].items()}
    return {
        "n": evaluation["n"],
        "seed": evaluation["seed"],
        "recall_at_k": evaluation.get("recall_at_k"),
        **scores,
        "difference": {key: difference[key] for key in ("f1", "low", "high", "p", "significant")},
        "tokens": {"trained": adapter.tokens, "generated": sum(m["tokens"] for m in models.values())},
    }
