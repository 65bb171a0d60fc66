"""How much of bare vLLM's speed the whole ask path keeps, and how soon a new adapter answers.

    RAFTBOT_VLLM_PYTHON=.venv-vllm/bin/python python -m benchmarks vllm

Questions about the sample library, sixteen at a time, three ways in turns, streamed as an asker gets them: the finished
prompts over vLLM's own socket; the same prompts through the front; and `jobs.ask`, which embeds the question, looks in
Chroma, goes through LangChain and the front, and checks the quotes. Greedy, so that all three write the same tokens.
Without a vLLM nothing is measured.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from raft_core import prompts
from raft_core.jobs.ask import ask
from raft_core.jobs.ingest import ingest
from raft_core.models import resolve_base
from raft_core.progress import silent
from raft_core.records import BASE, Answer
from raft_core.sample import documents_folder
from raft_core.serving.apart import server_apart
from raft_core.serving.client import ModelServer
from raft_core.serving.front.vllm import has_vllm
from raft_core.settings import Settings, load_settings
from raft_core.store.embeddings import load_embeddings
from tests.jobs.workers import chroma

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

AT_ONCE = 16
ASKED = 48
"""Three times as many: throughput, in which one question is looked up while others are answered."""
TOKENS = 64
GUILD = "local"


def measure(rounds: int = 3) -> dict[str, float | str]:
    """Return tokens a second of all three and the ratios, and the seconds from hot-load to answer."""
    with tempfile.TemporaryDirectory() as name, chroma(Path(name) / "chroma") as store:
        home = Path(name)
        flags = f"--max-num-seqs {AT_ONCE} --max-model-len 2048"
        chosen = load_settings(home=home, chroma_url=store.url, vllm_flags=flags, max_new_tokens=TOKENS)
        if not has_vllm(chosen):
            return {"vllm": "not installed: set RAFTBOT_VLLM_PYTHON"}
        embeddings = load_embeddings(chosen)
        articles = sorted(documents_folder().iterdir())
        ingest(articles, chosen, GUILD, embeddings=embeddings)
        questions = [f"What is said of {path.stem.replace('-', ' ').title()}?" for path in articles[:ASKED]]
        seen: dict[str, float | str] = {}
        with server_apart(chosen, silent) as url:
            there = chosen.model_copy(update={"model_server_url": url})
            one = partial(_asked, there, embeddings)
            speeds = asyncio.run(_speeds(one, url, _socket(), questions, rounds))
            base = Path(resolve_base(chosen.base_model, home))
            seen["hot_load_to_first_answer_s"] = _hot_load(ModelServer(url), base, home / "adapter")
        seen |= {f"{way}_tokens_per_s": speed for way, speed in speeds.items()}
        seen["gateway_over_bare"] = speeds["front"] / speeds["bare"]
        seen["ask_over_bare (target ≥ 0.9)"] = speeds["ask"] / speeds["bare"]
        return seen


def _asked(settings: Settings, embeddings: Embeddings, question: str) -> Answer:
    return ask(settings, GUILD, question, [BASE], embeddings=embeddings).answers[0]


async def _speeds(
    asked: Callable[[str], Answer], url: str, socket: str, questions: Sequence[str], rounds: int
) -> dict[str, float]:
    direct = httpx.AsyncHTTPTransport(uds=socket)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        async with (
            httpx.AsyncClient(base_url="http://vllm/v1", transport=direct, timeout=600) as bare,
            httpx.AsyncClient(base_url=url, timeout=600) as front,
        ):
            loop = asyncio.get_running_loop()

            async def whole(question: str) -> Answer:
                return await loop.run_in_executor(pool, asked, question)

            first = await asyncio.gather(*(whole(question) for question in questions))
            shown = [
                prompts.render("raft", question, [source.text for source in answer.sources])
                for question, answer in zip(questions, first, strict=True)
            ]
            turns = asyncio.Semaphore(AT_ONCE)
            ways: dict[str, Callable[[], list[Awaitable[object]]]] = {
                "bare": lambda: [_chat(bare, prompt, turns) for prompt in shown],
                "front": lambda: [_chat(front, prompt, turns) for prompt in shown],
                "ask": lambda: [whole(question) for question in questions],
            }
            taken: dict[str, list[float]] = {way: [] for way in ways}
            for number in range(rounds + 1):
                for way, started in ways.items():
                    began = time.perf_counter()
                    await asyncio.gather(*started())
                    if number:  # the first round warms up
                        taken[way].append(time.perf_counter() - began)
    tokens = sum(answer.tokens for answer in first)
    return {way: tokens / statistics.median(each) for way, each in taken.items()}


async def _chat(client: httpx.AsyncClient, prompt: str, turns: asyncio.Semaphore) -> None:
    message = {"role": "user", "content": prompt}
    body = {"model": BASE, "messages": [message], "max_tokens": TOKENS, "temperature": 0, "stream": True}
    async with turns, client.stream("POST", "/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for _ in answer.aiter_lines():
            pass


def _hot_load(server: ModelServer, base: Path, folder: Path) -> float:
    from tests.serving.adapters import make_adapter

    made = make_adapter(folder, base, seed=1, rank=64, scale=0.05)
    began = time.perf_counter()
    server.load_adapter("raft-new", made)
    body = {"model": "raft-new", "prompt": "Who founded it?", "max_tokens": 1}
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
