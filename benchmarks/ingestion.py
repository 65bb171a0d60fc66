"""Time ingestion from file to store against embedding the same chunks and doing nothing else.

    python -m benchmarks.ingestion

Both use one loaded model. They run in the order ingest, embed, embed, ingest, so that a machine that
slowly gets busier or freer does not decide the ratio.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from raft_core.jobs.ingest import ingest
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore
from raft_core.store.embeddings import load_embeddings

FILES = 20
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

        whole_s = _seconds(lambda: ingest([texts], settings, "first", embeddings=embeddings))
        with ChunkStore(settings, "first", embeddings) as store:
            chunks = [chunk.text for chunk in store.all()]
        bare_s = _seconds(lambda: embeddings.embed_documents(chunks))
        bare_s += _seconds(lambda: embeddings.embed_documents(chunks))
        whole_s += _seconds(lambda: ingest([texts], settings, "second", embeddings=embeddings))
    return {
        "chunks": float(len(chunks)),
        "end to end, chunks a second": 2 * len(chunks) / whole_s,
        "bare embedding, chunks a second": 2 * len(chunks) / bare_s,
        f"ingestion / bare embedding (target ≥ {TARGET})": bare_s / whole_s,
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


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
