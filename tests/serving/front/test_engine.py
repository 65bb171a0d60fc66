"""What the front does about a vLLM that ignores adapters, corrupts them in its sleep, or was started anew."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from raft_core.answering.compare import compare
from raft_core.errors import EndpointError, ModelError
from raft_core.jobs.turns import gpu_turn, wait_for_turn
from raft_core.progress import Progress, silent
from raft_core.records import Source
from raft_core.serving.client import ModelServer
from raft_core.serving.front.app import Front
from raft_core.serving.front.engine import VllmEngine
from raft_core.serving.local import LOOPBACK, _running, listen
from raft_core.settings import Endpoint, Settings
from tests.openai_server import OpenAIServer
from tests.serving.adapters import make_adapter
from tests.serving.front.faulty_vllm import FaultyVllm

Start = Callable[..., ModelServer]


@pytest.fixture
def vllm() -> FaultyVllm:
    return FaultyVllm()


@pytest.fixture
def start(vllm: FaultyVllm, tiny_model: Path) -> Iterator[Start]:
    """Starts the front before the stand-in, over a real socket."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / "vllm.sock"
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(path))
        listening.listen(64)
        stack.enter_context(_running(vllm.app(), listening))

        def run(*endpoints: Endpoint, max_loaded: int = 8, **adapters: Path) -> ModelServer:
            engine = VllmEngine(
                str(tiny_model), str(tiny_model), path, vllm, adapters, max_loaded=max_loaded, max_rank=64
            )
            front = stack.enter_context(listen(LOOPBACK, 0))
            stack.enter_context(_running(Front(engine, endpoints).app(), front))
            server = ModelServer(f"http://{LOOPBACK}:{front.getsockname()[1]}/v1")
            while not httpx.get(server.url.replace("/v1", "/health")).is_success:
                time.sleep(0.01)
            return server

        yield run


def say(server: ModelServer, model: str, **more: object) -> httpx.Response:
    return httpx.post(
        f"{server.url}/completions", json={"model": model, "prompt": "a", "max_tokens": 1, **more}
    )


def test_an_adapter_that_vllm_ignores(start: Start, vllm: FaultyVllm, adapter_folders: tuple[Path, Path]):
    """It is an error, the adapter is unloaded again and not listed, and the base goes on."""
    vllm.ignores = True
    server = start()
    with pytest.raises(ModelError, match="vLLM took adapter 'raft-1' and answers as the base does"):
        server.load_adapter("raft-1", adapter_folders[0])
    assert vllm.calls == ["load raft-1@1", "unload raft-1@1"]
    assert server.models() == ["base"]
    assert say(server, "base").json()["choices"][0]["text"] == "1"


def test_adapters_known_from_the_start(
    start: Start, vllm: FaultyVllm, adapter_folders: tuple[Path, Path], tmp_path: Path
):
    """They are listed and loaded when asked for; one that cannot be served is left out, and the others go on."""
    first, second = adapter_folders
    server = start(first=first, second=second, broken=tmp_path)
    assert server.models() == ["base", "first", "second"]
    assert vllm.calls == []
    assert say(server, "second").json()["model"] == "second"
    assert vllm.calls == ["load second@1"]
    assert say(server, "broken").status_code == 404


def test_least_recently_used_leaves(start: Start, vllm: FaultyVllm, adapter_folders: tuple[Path, Path]):
    """Past the limit the one asked longest ago leaves, and comes back under a new name."""
    first, second = adapter_folders
    server = start(max_loaded=1, first=first, second=second)
    for name in ("first", "second", "first", "first"):
        assert say(server, name).is_success
    assert vllm.calls == [
        *("load first@1", "load second@2", "unload first@1", "load first@3", "unload second@2"),
    ]


def test_started_anew(start: Start, vllm: FaultyVllm, adapter_folders: tuple[Path, Path]):
    """What vLLM held is loaded again when asked for, under a new name."""
    server = start(first=adapter_folders[0])
    assert say(server, "first").is_success
    vllm.restart()
    assert say(server, "first").is_success
    assert vllm.calls == ["load first@1", "restart", "load first@2"]


def test_an_adapter_corrupted_in_sleep(start: Start, vllm: FaultyVllm, adapter_folders: tuple[Path, Path]):
    """It is loaded anew; one that is as it was stays."""
    server = start(first=adapter_folders[0], second=adapter_folders[1])
    before = {name: say(server, name).json()["choices"][0]["text"] for name in ("first", "second")}
    vllm.corrupts = {"first@1"}
    assert server.sleep("me", "training on ds-1", 60)
    server.wake("me")
    assert vllm.calls[2:] == ["sleep", "wake", "unload first@1"]
    assert say(server, "second").json()["choices"][0]["text"] == before["second"]
    assert say(server, "first").is_success
    assert vllm.calls[-1] == "load first@3"


def test_a_base_corrupted_in_sleep(start: Start, vllm: FaultyVllm, adapter_folders: tuple[Path, Path]):
    """Nothing but a restart helps, and it is done."""
    server = start(first=adapter_folders[0])
    say(server, "first")
    vllm.corrupts = {"base"}
    server.sleep("me", "training on ds-1", 60)
    server.wake("me")
    assert vllm.calls[-1] == "restart"
    assert say(server, "first").is_success


def test_token_limits_are_clamped(start: Start):
    """vLLM refuses a limit above the context; an answer may fill it all the same."""
    server = start()
    assert say(server, "base", max_tokens=5000).json()["limit"] == 512


@pytest.mark.parametrize("more", [{"prompt_logprobs": 0}, {"echo": True, "logprobs": 1}])
def test_what_vllm_dies_of(start: Start, more: dict[str, object]):
    """Log-probabilities of a prompt are refused: beside another request they take vLLM down for everybody."""
    refused = say(start(), "base", **more)
    assert (refused.status_code, "log-probabilities of prompts" in refused.text) == (400, True)


def test_bad_files(start: Start, tiny_model: Path, tmp_path: Path):
    """A rank above the server's and patterns that vLLM ignores are refused with a remedy."""
    server = start()
    with pytest.raises(ModelError, match=r"rank 65.*up to 64; restart it"):
        server.load_adapter("high", make_adapter(tmp_path / "high", tiny_model, seed=1, rank=65))
    uneven = make_adapter(tmp_path / "uneven", tiny_model, seed=1, rank_pattern={"q_proj": 2})
    with pytest.raises(ModelError, match="rank_pattern, which vLLM does not"):
        server.load_adapter("uneven", uneven)


def test_a_training_takes_the_gpu(start: Start, vllm: FaultyVllm):
    """The server sleeps while it trains, its end is told from the steps done, and askers are told until when."""
    server = start()
    settings = Settings(model_server_url=server.url)
    with gpu_turn(settings, "training on ds-1", 600, silent) as report:
        report(Progress("train", 1, 2))
        assert "training on ds-1 until about" in server.asleep()
        with pytest.raises(EndpointError, match="sleeps: training on ds-1 until about") as caught:
            compare("Who?", lambda _: [Source(1, "t", None, "", "x")], ["base"], url=server.url)
        assert caught.value.retryable
    assert server.asleep() == ""
    wait_for_turn(settings, silent)
    assert vllm.calls == ["sleep", "wake"]


def test_an_endpoint_answers_meanwhile(start: Start):
    """While vLLM sleeps, an endpoint named `base` answers for it; adapters have nobody."""
    with OpenAIServer(lambda _: "elsewhere") as other:
        server = start(Endpoint(url=other.url, model="teacher"))
        server.sleep("me", "training on ds-1", 60)
        chat = {"model": "base", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 9}
        said = httpx.post(f"{server.url}/chat/completions", json=chat).json()
        assert said["choices"][0]["message"]["content"] == "elsewhere"


async def test_servers_elsewhere_never_sleep(start: Start):
    """A server on another machine, and one that knows no sleep, go on beside a training."""
    report = lambda _: None  # noqa: E731  # to be told apart
    for url in ("http://192.0.2.1:9/v1", None):
        with gpu_turn(Settings(model_server_url=url), "training", 1, report) as told:
            assert told is report
    with OpenAIServer() as other:
        settings = Settings(model_server_url=other.url)
        with gpu_turn(settings, "training", 1, report) as told:
            assert told is report
        await asyncio.to_thread(wait_for_turn, settings, silent)
