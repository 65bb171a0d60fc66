"""How much of bare vLLM's speed is left behind the front, and how soon a new adapter answers.

    RAFTBOT_VLLM_PYTHON=.venv-vllm/bin/python python -m benchmarks vllm

Answers of 64 tokens to prompts of about 100, 16 at once, over vLLM's own socket and through the front, in turns, streamed
as an asker gets them. Without a vLLM nothing is measured.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from raft_core.progress import silent
from raft_core.serving.client import ModelServer
from raft_core.serving.front.apart import vllm_apart
from raft_core.serving.front.vllm import has_vllm
from raft_core.settings import load_settings

AT_ONCE = 16
TOKENS = 64
WORDS = "Who founded the tower, and when was the harbour of the old town built? " * 5


def measure(rounds: int = 5) -> dict[str, float | str]:
    """Return tokens a second of both, their ratio, and the seconds from hot-load to first answer."""
    with tempfile.TemporaryDirectory() as name:
        chosen = load_settings(home=Path(name), vllm_flags=f"--max-num-seqs {AT_ONCE} --max-model-len 2048")
        if not has_vllm(chosen):
            return {"vllm": "not installed: set RAFTBOT_VLLM_PYTHON"}
        with vllm_apart(chosen, silent) as url:
            bare, front = asyncio.run(_speeds(url, _socket(), rounds))
            seconds = _hot_load(ModelServer(url), Path(name) / "adapter")
    return {
        "bare_tokens_per_s": bare,
        "front_tokens_per_s": front,
        "front_over_bare (target ≥ 0.9)": front / bare,
        "hot_load_to_first_answer_s": seconds,
    }


async def _speeds(url: str, socket: str, rounds: int) -> tuple[float, float]:
    direct = httpx.AsyncHTTPTransport(uds=socket)
    async with (
        httpx.AsyncClient(base_url="http://vllm/v1", transport=direct, timeout=600) as bare,
        httpx.AsyncClient(base_url=url, timeout=600) as front,
    ):
        taken: dict[str, list[float]] = {"bare": [], "front": []}
        for number in range(rounds + 1):
            for name, client in (("bare", bare), ("front", front)):
                began = time.perf_counter()
                await asyncio.gather(*(_ask(client, f"{number} {place} {WORDS}") for place in range(AT_ONCE)))
                if number:  # the first round warms up
                    taken[name].append(time.perf_counter() - began)
    bare_s, front_s = (statistics.median(taken[name]) for name in ("bare", "front"))
    return AT_ONCE * TOKENS / bare_s, AT_ONCE * TOKENS / front_s


async def _ask(client: httpx.AsyncClient, prompt: str) -> None:
    body = {"model": "base", "prompt": prompt, "max_tokens": TOKENS, "temperature": 0, "ignore_eos": True}
    async with client.stream("POST", "/completions", json={**body, "stream": True}) as answer:
        answer.raise_for_status()
        async for _ in answer.aiter_lines():
            pass


def _hot_load(server: ModelServer, folder: Path) -> float:
    from raft_core.models import resolve_base
    from tests.serving.adapters import make_adapter

    made = make_adapter(folder, Path(resolve_base("pocket")), seed=1, rank=64, scale=0.05)
    began = time.perf_counter()
    server.load_adapter("raft-new", made)
    body = {"model": "raft-new", "prompt": WORDS, "max_tokens": 1}
    httpx.post(f"{server.url}/completions", json=body, timeout=600).raise_for_status()
    return time.perf_counter() - began


def _socket() -> str:
    """Return the socket of the vLLM that is this process's."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        argv = process.cmdline()
        if "--uds" in argv:
            return argv[argv.index("--uds") + 1]
    raise RuntimeError("no vLLM is running")
