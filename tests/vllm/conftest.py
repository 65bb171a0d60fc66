"""One real vLLM behind `raftbot serve`, for all tests that carry the marker: it takes a minute or two to start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from raft_core.files import write_json
from raft_core.jobs.catalogue import open_registry
from raft_core.serving.front.vllm import has_vllm
from raft_core.settings import Settings, load_settings
from tests.serving.adapters import make_adapter
from tests.serving.conftest import Served, info
from tests.tiny_model import small_base

NAMES = ("raft-first", "raft-second")
SERVE = [sys.executable, "-c", "from raft_core.cli.main import run; run()", "serve", "--engine", "vllm"]
FLAGS = "--enforce-eager --max-num-seqs 64 --max-model-len 2048"
"""Nothing is compiled: that takes longer than all tests."""
MAX_LORAS = 3
START_S = 900.0
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.vllm)


@dataclass(frozen=True)
class Serving:
    """`raftbot serve` as it runs."""

    url: str
    process: subprocess.Popen[str]
    home: Path
    log: Path

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    @property
    def vllm(self) -> psutil.Process:
        """The process that holds vLLM's HTTP side."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(each for each in children if "vllm.entrypoints" in " ".join(each.cmdline()[:4]))

    def post(self, path: str, **body: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/{path}", json=body, timeout=300)

    def say(self, model: str, prompt: str, tokens: int = 16, **more: Any) -> str:
        """Return what a model says next, greedily."""
        asked = {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0, **more}
        answer = self.post("completions", **asked)
        assert answer.is_success, answer.text
        return str(answer.json()["choices"][0]["text"])

    def load(self, name: str, folder: Path) -> httpx.Response:
        return self.post("load_lora_adapter", lora_name=name, lora_path=str(folder))

    def wait(self, until: Callable[[httpx.Response], bool]) -> None:
        """Return once the health is as wanted."""
        deadline = time.monotonic() + START_S
        while not until(httpx.get(f"{self.root}/health", timeout=30)):
            words = self.log.read_text()[-3000:]
            assert self.process.poll() is None, words
            assert time.monotonic() < deadline, words
            time.sleep(0.2)


@pytest.fixture(scope="session")
def base() -> Path:
    """The small base, whose name is its folder."""
    return small_base()


@pytest.fixture(scope="session")
def make(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes adapters of the small base; those with another seed answer otherwise."""
    folder = tmp_path_factory.mktemp("adapters")

    def adapter(name: str, **options: Any) -> Path:
        path = folder / name
        return path if path.exists() else make_adapter(path, base, **{"scale": 0.08, "seed": 1, **options})

    return adapter


@pytest.fixture(scope="session")
def serving(
    make: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch_session: pytest.MonkeyPatch,
) -> Iterator[Serving]:
    """`raftbot serve --engine vllm` on a home whose registry knows two adapters already."""
    python = os.environ.get("RAFTBOT_VLLM_PYTHON", "")
    if not python or not has_vllm(Settings(vllm_python=Path(python))):
        pytest.skip("RAFTBOT_VLLM_PYTHON names no Python with vLLM: make test-vllm")
    home = tmp_path_factory.mktemp("home")
    make("first", seed=1), make("second", seed=2, rank=8, use_rslora=True)
    for name, folder in zip(NAMES, (make("first"), make("second")), strict=True):
        target = home / "guilds" / "local" / "adapters" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_json(folder / "adapter.json", asdict(replace(info(name, folder), base=str(small_base()))))
        shutil.copytree(folder, target)  # a link is not served
    monkeypatch_session.setenv("RAFTBOT_HOME", str(home))
    with open_registry(load_settings(), "local"):
        pass  # a guild that it meets brings what lies in its folder
    log = home / "serve.log"
    env = {
        "RAFTBOT_VLLM_FLAGS": FLAGS,
        "RAFTBOT_VLLM_MAX_LORAS": str(MAX_LORAS),
    }
    with (
        log.open("w") as errors,
        subprocess.Popen(  # noqa: S603  # our own command
            [*SERVE, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **env},
        ) as process,
    ):
        assert process.stdout is not None
        running = Serving(process.stdout.readline().strip(), process, home, log)
        try:
            running.wait(lambda health: health.is_success)
            yield running
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def monkeypatch_session() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def server(serving: Serving, base: Path, make: Callable[..., Path]) -> Served:
    """What the contract is tested over."""
    return Served(serving.url, "base", NAMES, base, (make("first"), make("second")))
