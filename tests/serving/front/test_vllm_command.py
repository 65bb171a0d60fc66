"""Which command starts vLLM, and when it is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.errors import SettingsError
from raft_core.serving.front.vllm import choose_engine, has_vllm, max_rank, vllm_command, vllm_environment
from raft_core.settings import load_settings

SOCKET = Path("/run/vllm.sock")


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """Settings of nobody else."""


def command(*ranks: int, gpu: bool = True, **settings: object) -> list[str]:
    chosen = load_settings(**{"vllm_python": "/opt/vllm/bin/python", "base_model": "org/model", **settings})
    return list(vllm_command(chosen, ranks, SOCKET, gpu=gpu))


def test_the_command():
    """The base under the name `base`, adapters allowed, on a socket and on no port."""
    assert command(16) == [
        *("/opt/vllm/bin/python", "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", "org/model", "--served-model-name", "base", "--uds", "/run/vllm.sock"),
        *("--enable-lora", "--max-lora-rank", "64", "--max-loras", "8"),
        *("--stream-interval", "4", "--enable-sleep-mode"),
    ]


def test_a_cpu_computes_as_the_embedded_engine():
    """Without a GPU weights are float32, and there is no sleep mode to enable."""
    assert command(gpu=False)[-2:] == ["--dtype", "float32"]
    assert "--enable-sleep-mode" not in command(gpu=False)


def test_settings_become_flags():
    """Four bits, the number of adapters, and whatever else is wanted."""
    flags = command(load_in_4bit=True, vllm_max_loras=2, vllm_flags="--max-model-len 4096 --seed=7")
    assert flags[flags.index("--quantization") + 1] == "bitsandbytes"
    assert flags[flags.index("--max-loras") + 1] == "2"
    assert flags[-3:] == ["--max-model-len", "4096", "--seed=7"]


@pytest.mark.parametrize("flags", ["--port 80", "--api-key=x", "--lora-modules a=b", "--model 'x"])
def test_flags_that_the_front_depends_on(flags: str):
    """What would break the front, or cannot be read, is refused by name."""
    with pytest.raises(SettingsError, match="RAFTBOT_VLLM_FLAGS"):
        command(vllm_flags=flags)


@pytest.mark.parametrize(
    ("ranks", "expected"), [((), 64), ((8,), 64), ((65,), 128), ((256, 300), 320), ((512,), 512)]
)
def test_the_largest_rank_has_room(ranks: tuple[int, ...], expected: int):
    """The flag is the smallest value that vLLM takes and that holds all adapters and the recipes' 64."""
    assert max_rank(ranks) == expected


def test_a_rank_that_vllm_never_takes_makes_no_room():
    """One adapter of rank 1024 keeps no other from being served."""
    assert max_rank([1024, 128]) == 128


def test_the_environment():
    """Run-time adapters and sleep are on, and nobody is told of it."""
    assert vllm_environment(gpu=True) == {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_SERVER_DEV_MODE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }


def test_a_cpu_s_memory_is_left_to_others(monkeypatch: pytest.MonkeyPatch):
    """By itself vLLM's CPU build would take nearly all of it; who says how much is heard."""
    name = "VLLM_CPU_KVCACHE_SPACE"
    monkeypatch.delenv(name, raising=False)
    assert vllm_environment(gpu=False)[name] == "2"
    monkeypatch.setenv(name, "16")
    assert vllm_environment(gpu=False)[name] == "16"


def test_the_engine_chosen(tmp_path: Path):
    """Auto takes vLLM where a GPU and the package are; what is asked for and missing is an error with a remedy."""
    python = tmp_path / "bin" / "python"
    package = tmp_path / "lib" / "python3.11" / "site-packages" / "vllm" / "__init__.py"
    for file in (python, package):
        file.parent.mkdir(parents=True)
        file.touch(mode=0o755)
    there = load_settings(vllm_python=python)
    assert [choose_engine(there, gpu=lambda gpu=gpu: gpu) for gpu in (True, False)] == ["vllm", "embedded"]
    package.unlink()
    assert not has_vllm(there)
    assert choose_engine(there, gpu=lambda: True) == "embedded"
    with pytest.raises(SettingsError, match="vLLM is not installed") as caught:
        choose_engine(load_settings(vllm_python=python, engine="vllm"), gpu=lambda: True)
    assert "RAFTBOT_VLLM_PYTHON" in caught.value.remedy
    with pytest.raises(SettingsError, match="needs endpoints"):
        choose_engine(load_settings(engine="remote"), gpu=lambda: False)
