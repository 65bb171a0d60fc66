"""Time an evaluation against the bare throughput of the engine that answers it.

    python -m benchmarks.evaluation

The packaged model answers the sample exam, under one prompt. Bare is a client that sends the same messages, as many
at a time, and throws the answers away; an evaluation draws the questions, asks through lm-eval, keeps each
answer, scores, makes intervals, report and chart. Both run in one process with the engine, in turns; the
CPU time says less about a neighbour's load than the wall clock.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from raft_core import prompts
from raft_core.evaluation.questions import paragraphs, read_questions
from raft_core.jobs.draw import EvaluationSettings
from raft_core.jobs.engine import AT_ONCE
from raft_core.jobs.evaluate import evaluate
from raft_core.sample import questions
from raft_core.serving.client import ModelServer
from raft_core.serving.local import model_server
from raft_core.settings import Settings

NEW_TOKENS = 64
SEED = 1


def measure(n: int = 40, rounds: int = 3) -> dict[str, float | str]:
    """Return seconds of both (medians over `rounds`), the overhead, and the time of an evaluation asked before."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), model_server_url=None)
        with model_server(settings, []) as server:
            numbers = iter(range(rounds + 1))
            work: dict[str, Callable[[], object]] = {
                "bare": lambda: _bare(server, n),
                "evaluation": lambda: _evaluate(settings, f"g{next(numbers)}", n, server),
            }
            times: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
            for number in range(rounds + 1):
                for name, run in work.items():
                    taken = _timed(run)
                    if number:  # the first round warms up
                        times[name].append(taken)
            again, _ = _timed(lambda: _evaluate(settings, "g0", n, server))
    wall = {name: statistics.median(each for each, _ in taken) for name, taken in times.items()}
    cpu = {name: statistics.median(each for _, each in taken) for name, taken in times.items()}
    return {
        "questions": n,
        "bare_s": wall["bare"],
        "evaluation_s": wall["evaluation"],
        "answers_per_s": n / wall["evaluation"],
        "overhead (target at most 0.10)": wall["evaluation"] / wall["bare"] - 1,
        "overhead by CPU time": cpu["evaluation"] / cpu["bare"] - 1,
        "all_answers_cached_s": again,
    }


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    start, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - cpu


def _evaluate(settings: Settings, guild: str, n: int, server: ModelServer) -> None:
    what = EvaluationSettings("sample", ("base",), n, SEED, "raft", NEW_TOKENS)
    evaluate(settings, guild, what, server=server)


def _bare(server: ModelServer, n: int) -> None:
    import httpx

    asked = [
        prompts.render("raft", each.question, paragraphs(each))
        for each in read_questions(questions("reporting"))[:n]
    ]
    limits = httpx.Limits(max_connections=AT_ONCE["raftbot"])
    with (
        httpx.Client(base_url=server.url, timeout=900, limits=limits) as client,
        ThreadPoolExecutor(AT_ONCE["raftbot"]) as threads,
    ):

        def ask(text: str) -> str:
            messages = [{"role": "user", "content": text}]
            body = {"model": "base", "messages": messages, "max_tokens": NEW_TOKENS, "temperature": 0}
            reply = client.post("/chat/completions", json=body).raise_for_status().json()
            return str(reply["choices"][0]["message"]["content"])

        list(threads.map(ask, asked))


def main() -> None:
    """Print the measurement."""
    for name, value in measure().items():
        print(f"{name:32} {value:>10.3f}" if isinstance(value, float) else f"{name:32} {value:>10}")


if __name__ == "__main__":
    main()
