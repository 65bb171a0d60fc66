"""Time ingestion from file to store against embedding the same chunks and doing nothing else.

    python -m benchmarks.ingestion

Both use one loaded model and take turns; the ratios are medians over the rounds. On a machine with
other work the wall clock says more about that work than about ours: the ratio by CPU time is beside it.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from raft_core.documents.readers import read_document
from raft_core.documents.splitting import Splitter
from raft_core.jobs.ingest import ingest
from raft_core.records import Chunk
from raft_core.settings import Settings
from raft_core.store.embeddings import load_embeddings

FILES = 18
ROUNDS = 3
SENTENCES = 95
"""A file; about ten chunks."""
CHUNK_TOKENS = 128
"""A quarter of the default: with less to embed, everything else weighs more in the ratio."""
TARGET = 0.85
_WORDS = (
    "river",
    "old",
    "town",
    "crosses",
    "seven",
    "stone",
    "bridges",
    "before",
    "green",
    "hills",
    "farmers",
    "wool",
)


def measure() -> dict[str, float | str]:
    """Return chunks a second, end to end and bare, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(
            home=folder / "home", embeddings="minilm", chunk_tokens=CHUNK_TOKENS, chunk_overlap=0
        )
        embeddings = load_embeddings(settings)
        warm_up, texts = folder / "warm-up.txt", folder / "texts"
        warm_up.write_text("Load the model, Chroma and the tokenizer.")
        ingest([warm_up], settings, "warm-up", embeddings=embeddings)
        _write(texts)
        chunks = [chunk.text for path in sorted(texts.iterdir()) for chunk in _split(path)]

        rounds = []
        for number in range(ROUNDS):
            whole = _times(lambda: ingest([texts], settings, f"round-{number}", embeddings=embeddings))  # noqa: B023  # called at once
            bare = _times(lambda: embeddings.embed_documents(chunks))
            rounds.append((whole, bare))
    return {
        "chunks": float(len(chunks)),
        "end to end, chunks a second": len(chunks) / median(whole.wall_s for whole, _ in rounds),
        "bare embedding, chunks a second": len(chunks) / median(bare.wall_s for _, bare in rounds),
        "the ratio by CPU time": median(bare.cpu_s / whole.cpu_s for whole, bare in rounds),
        f"ingestion / bare embedding (target ≥ {TARGET})": median(
            bare.wall_s / whole.wall_s for whole, bare in rounds
        ),
    }


class _Times(NamedTuple):
    wall_s: float
    cpu_s: float


def _times(work: Callable[[], object]) -> _Times:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return _Times(time.perf_counter() - wall, time.process_time() - cpu)


def _split(path: Path) -> list[Chunk]:
    return Splitter(CHUNK_TOKENS).split(read_document(path))


def _write(folder: Path) -> None:
    """Write files of made-up sentences, the same ones every time."""
    folder.mkdir()
    rng = random.Random(0)
    for number in range(FILES):
        sentences = (" ".join(rng.choices(_WORDS, k=12)).capitalize() + "." for _ in range(SENTENCES))
        (folder / f"{number:02}.txt").write_text(" ".join(sentences))


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:<52} {value:.2f}" if isinstance(value, float) else f"{key:<52} {value}")
