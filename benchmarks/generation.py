"""Time the endpoint generator against the official algorithm and against what the concurrency allows.

    python -m benchmarks.generation

A local server answers every call after 300 ms. The official code (ShishirPatil/gorilla, raft/raft.py)
makes two calls a row, questions then answer, with two workers by default. The ideal is rows x calls x
latency / concurrency: nobody ever waits for anything but the server. A call costs about 3 ms of
processor time here, so the ratio to the ideal means something only while a core is free: see load_1m.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from raft_core.dataset.builder import BuildSettings, build
from raft_core.dataset.generators.endpoint import Endpoint
from raft_core.dataset.generators.responses import ResponseFile
from raft_core.records import Chunk

LATENCY_S = 0.3
CONCURRENCY = 32
OFFICIAL_WORKERS = 2
CALLS_A_ROW = 2


def measure(rows: int = 640, official_rows: int = 24) -> dict[str, float]:
    """Return rows a second of both, the ideal, and the two ratios; the official loop is timed on fewer rows."""
    chunks = [_chunk(number) for number in range(rows)]
    with _server() as url, tempfile.TemporaryDirectory() as folder:
        official_s = _official(url, chunks[:official_rows])
        _ours(url, chunks[:CONCURRENCY], Path(folder) / "warm-up")
        ours_s = _ours(url, chunks, Path(folder) / "run")
    ideal_s = rows * CALLS_A_ROW * LATENCY_S / CONCURRENCY
    return {
        "load_1m": round(os.getloadavg()[0], 2),
        "rows": rows,
        "latency_s": LATENCY_S,
        "concurrency": CONCURRENCY,
        "ours_s": round(ours_s, 3),
        "ideal_s": round(ideal_s, 3),
        "over_ideal": round(ours_s / ideal_s, 3),
        "rows_per_s": round(rows / ours_s, 2),
        "official_rows": official_rows,
        "official_rows_per_s": round(official_rows / official_s, 2),
        "times_official": round((rows / ours_s) / (official_rows / official_s), 2),
    }


def _ours(url: str, chunks: list[Chunk], folder: Path) -> float:
    generator = Endpoint(
        url, "teacher", None, ResponseFile(folder / "responses.jsonl"), concurrency=CONCURRENCY
    )
    start = time.perf_counter()
    info = build(chunks, BuildSettings(generator=url), generator, folder, "bench")
    took = time.perf_counter() - start
    if info.rows != len(chunks):
        raise RuntimeError(f"{info.rejected} of {len(chunks)} rows were rejected")
    return took


def _official(url: str, chunks: list[Chunk]) -> float:
    """Time the official algorithm: a chunk a worker, a call for the question, then a call for its answer."""
    from openai import OpenAI

    client = OpenAI(base_url=url, api_key="none", max_retries=0)

    def complete(prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        reply = client.chat.completions.create(model="teacher", messages=messages)  # type: ignore[arg-type]  # plain dicts do
        return reply.choices[0].message.content or ""

    def row(chunk: Chunk) -> str:
        question = complete(f"Generate 1 example question.\nText:\n{chunk.text}")
        return complete(f"Quote in ##begin_quote##.\nText:\n{chunk.text}\n\nQuestion: {question}")

    start = time.perf_counter()
    with ThreadPoolExecutor(OFFICIAL_WORKERS) as workers:
        list(workers.map(row, chunks))
    return time.perf_counter() - start


@contextmanager
def _server() -> Iterator[str]:
    """Run the server in a process of its own, so that it does not share our interpreter."""
    command = [sys.executable, "-m", "tests.openai_server", "--latency", str(LATENCY_S)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server's pipes were not made")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def _chunk(number: int) -> Chunk:
    text = f"Town{number} was founded in {1000 + number} by Arlo Venn. It lies on the river Sarn. " * 8
    return Chunk(f"{number:016x}", f"{number // 10:016x}", f"Town{number}", text.strip(), None, 0, 0, 120)


def main() -> None:
    """Print the measurement."""
    for name, value in measure().items():
        print(f"{name:22} {value:>10}")


if __name__ == "__main__":
    main()
