"""The whole loop with vLLM: a worker builds, trains while vLLM sleeps, hot-loads the adapter and evaluates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.jobs.workers import LIBRARY, Bench, Worker, chroma
from tests.vllm.conftest import Serving


@pytest.fixture
def bench(serving: Serving, tmp_path: Path) -> Iterator[Bench]:
    """A community's home, whose model server is vLLM."""
    with (
        chroma(tmp_path / "chroma") as running,
        Bench(tmp_path / "home", chroma_url=running.url, model_server_url=serving.url) as bench,
    ):
        yield bench


def test_pipeline(bench: Bench, serving: Serving):
    """Base and tuned are scored by vLLM, which slept while the adapter was trained and has it now."""
    before = len(serving.log.read_text())
    bench.run_apart("docs", "add", *LIBRARY[:4])
    with Worker(bench).ready():
        job = bench.enqueue(
            "pipeline", "--chunks", 6, "--distractors", 1, "--recipe", bench.recipe(), "--limit", 4
        )
        bench.wait(job)
    (adapter,) = (info.id for info in bench.registry.adapters.list("local"))
    assert adapter in {model["id"] for model in httpx.get(f"{serving.url}/models").json()["data"]}
    words = serving.log.read_text()[before:]
    assert words.index("asleep: training on") < words.index(": awake") < words.index(f"{adapter} is loaded")
    (evaluation,) = bench.registry.evaluations.list("local")
    assert {"base", adapter} <= set(evaluation["models"])
    found = bench.run_apart("ask", "Who founded it?", "--models", f"base,{adapter}")
    assert [answer["model"] for answer in found["answers"]] == ["base", adapter]
