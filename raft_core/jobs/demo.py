"""The whole loop on one machine: library → data set → adapter → answers side by side → scores."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from raft_core.dataset.builder import BuildSettings
from raft_core.dataset.files import load_dataset
from raft_core.errors import DatasetError
from raft_core.files import translated_os_errors, write_json
from raft_core.jobs.ask import ask
from raft_core.jobs.build import build_dataset, datasets_dir, make_generator
from raft_core.jobs.evaluate import EvaluationSettings, evaluate
from raft_core.jobs.ingest import ingest
from raft_core.jobs.questions import SAMPLE
from raft_core.jobs.served import served
from raft_core.jobs.train import train_adapter
from raft_core.progress import Report, silent
from raft_core.records import BASE, AdapterInfo, Comparison
from raft_core.serving.memory import peak_mb
from raft_core.settings import POCKET, Settings
from raft_core.store.chunks import ChunkStore
from raft_core.store.embeddings import load_embeddings

GUILD = "demo"
CHUNKS = 100
"""Chunks asked about, one question each; every chunk may be a distractor, and those left are asked about side by side."""
CHUNK_TOKENS = 128
"""Pocket reads short passages."""
QUESTIONS = 800
"""Held-out questions: enough to tell a gain of about three points from chance."""
SEED = 1
"""The questions of seed 0 were asked while the demo was made (docs/log.md)."""
NEW_TOKENS = 128
"""More than pocket needs for two quotes and an answer."""
ASKED = 3


@dataclass
class Demo:
    """What the demo made, stage by stage; `seconds` tells each stage's time."""

    summary: dict[str, Any] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    rejected: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a stage."""
        began = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - began, 1)


def demo_settings(settings: Settings, out: Path) -> Settings:
    """Return the settings of a demo: pocket and the embedded defaults, all data under `out`/home."""
    fixed = {"home": out / "home", "base_model": POCKET, "chunk_tokens": CHUNK_TOKENS, "chunk_overlap": 0}
    here = {
        "database_url": None,
        "model_server_url": None,
        "chroma_url": None,
        "embeddings": "minilm",
        "load_in_4bit": False,
    }
    return settings.model_copy(update=fixed | here | {"max_new_tokens": NEW_TOKENS})


def run_demo(
    settings: Settings,
    out: Path,
    *,
    docs: Path | None = None,
    seed: int = SEED,
    questions: int = QUESTIONS,
    report: Report = silent,
    on_comparison: Callable[[Comparison], None] = lambda _: None,
) -> Demo:
    """Run every stage on the sample library, or on the folder `docs`, and write `summary.json` and `f1.png`.

    Data of an earlier demo under `out`/home is removed first, so that the times told are whole.

    Raises:
        DatasetError: no document of `docs` could be read.
        StorageError: `out` cannot be written.
    """
    began = time.perf_counter()
    settings, demo = demo_settings(settings, out), Demo()
    with translated_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(settings.home, ignore_errors=True)
    with demo.timed("ingest"), _library(docs) as folder:
        ingested = ingest([folder], settings, GUILD, report=report)
    demo.rejected = tuple(f"{item.what}: {item.reason}" for item in ingested.rejected)
    if not ingested.added:
        raise DatasetError(f"{docs} has no document that can be read", remedy="; ".join(demo.rejected[:3]))
    with demo.timed("dataset"):
        build = BuildSettings(chunks=CHUNKS, distractors=3, seed=seed)
        dataset = build_dataset(settings, GUILD, build, report)
    with demo.timed("train"):
        from raft_core.training.recipe import load_recipe

        recipe = load_recipe(settings=settings, seed=seed)
        adapter = train_adapter(settings, GUILD, dataset.id, recipe, report)
    models = [BASE, adapter.id]
    with served(settings, {BASE: None, adapter.id: adapter}, report) as server:
        there = settings.model_copy(update={"model_server_url": server.url})
        with demo.timed("ask"):
            embeddings = load_embeddings(settings)
            for question in _questions(settings, dataset.id, seed):
                comparison = ask(there, GUILD, question, models, embeddings=embeddings)
                demo.comparisons += (comparison,)
                on_comparison(comparison)
        with demo.timed("evaluate"):
            what = EvaluationSettings(SAMPLE, tuple(models), limit=questions, seed=seed)
            evaluation = evaluate(settings, GUILD, what, out=out, server=server, report=report)
    demo.summary = _summary(evaluation.as_json(), adapter, rows=dataset.rows) | {
        "documents": len(ingested.added),
        "chunks": sum(info.chunks for info in ingested.added),
        "stages": demo.seconds,
        "seconds": round(time.perf_counter() - began, 1),
        "peak_memory_mb": round(peak_mb()),
    }
    write_json(out / "summary.json", demo.summary)
    return demo


@contextmanager
def _library(docs: Path | None) -> Iterator[Path]:
    if docs is not None:
        yield docs
        return
    with as_file(files("raft_core.pocket") / "library") as folder:
        yield folder


def _questions(settings: Settings, dataset_id: str, seed: int) -> list[str]:
    """Return questions about chunks that the adapter was not trained to answer, as far as there are any."""
    _, rows = load_dataset(datasets_dir(settings, GUILD) / dataset_id)
    trained = {row.chunk_id for row in rows}
    with ChunkStore(settings, GUILD) as store:
        chunks = store.all()
    random.Random(seed).shuffle(chunks)
    chunks.sort(key=lambda chunk: chunk.id in trained)
    generator = make_generator(settings, GUILD, BuildSettings())
    asked: list[str] = []
    for chunk in chunks:
        drafts = asyncio.run(generator.draft(chunk, 1, seed + 1)).drafts
        asked += [draft.question for draft in drafts if draft.question and draft.question not in asked]
        if len(asked) >= ASKED:
            break
    return asked[:ASKED]


def _summary(evaluation: dict[str, Any], adapter: AdapterInfo, *, rows: int) -> dict[str, Any]:
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
        **scores,
        "difference": {key: difference[key] for key in ("f1", "low", "high", "p", "significant")},
        "adapter": adapter.id,
        "rows": rows,
        "tokens": {"trained": adapter.tokens, "generated": sum(m["tokens"] for m in models.values())},
    }
