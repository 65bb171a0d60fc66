"""How vLLM is started: its flags and environment, from the settings and the adapters that it will hold.

It listens on a socket in a private folder alone, so that its endpoints for sleep and adapters, which take no
key, are out of reach of other machines and of other users of this one.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from raft_core.errors import SettingsError
from raft_core.models import PLAIN_TEMPLATE, lacks_template, resolve_base
from raft_core.records import BASE
from raft_core.settings import Settings

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What --max-lora-rank takes: https://docs.vllm.ai/en/latest/features/lora/"""
DEFAULT_RANK = 64
"""The recipes' rank: an adapter that is trained while the server runs fits in."""
CPU_CACHE, CPU_CACHE_GIB = "VLLM_CPU_KVCACHE_SPACE", "2"
"""By itself the CPU build takes 92 % of the memory, and does not start where so much is not free."""
STREAM_INTERVAL = 4
"""Tokens a piece of a stream, after the first. What a client does for each piece costs more than a small model's token."""
OWN_FLAGS = ("--model", "--host", "--port", "--uds", "--served-model-name", "--lora-modules", "--api-key")
"""Flags that the front depends on: nobody may set them."""


def vllm_command(settings: Settings, ranks: Iterable[int], socket: Path, *, gpu: bool) -> tuple[str, ...]:
    """Return the command that serves the base, with room for adapters of these ranks.

    `vllm serve` of the CPU build fails on looking up its own version; the module works in both builds.

    Raises:
        SettingsError: RAFTBOT_VLLM_FLAGS cannot be used.
        ModelError: the base's folder is incomplete.
    """
    python = str(settings.vllm_python or sys.executable)
    base = resolve_base(settings.base_model, settings.home)
    return (
        *(python, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", base, "--served-model-name", BASE),
        *(("--chat-template", PLAIN_TEMPLATE) if lacks_template(Path(base)) else ()),
        *("--uds", str(socket)),
        *("--enable-lora", "--max-lora-rank", str(max_rank(ranks))),
        *("--max-loras", str(settings.vllm_max_loras)),
        *("--stream-interval", str(STREAM_INTERVAL)),
        # The CPU build knows no sleep mode, and takes the calls all the same; no type is faster than float32 there.
        *(("--enable-sleep-mode",) if gpu else ("--dtype", "float32")),
        *(("--quantization", "bitsandbytes") if settings.load_in_4bit else ()),
        *_flags(settings.vllm_flags),
    )


def vllm_environment(*, gpu: bool) -> dict[str, str]:
    """Return what vLLM needs in its environment beside what this process has."""
    space = {} if gpu else {CPU_CACHE: os.environ.get(CPU_CACHE, CPU_CACHE_GIB)}
    return {
        **space,
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_SERVER_DEV_MODE": "1",  # sleep; no stranger reaches the socket
        "VLLM_NO_USAGE_STATS": "1",
    }


def max_rank(ranks: Iterable[int]) -> int:
    """Return the smallest --max-lora-rank that holds adapters of these ranks and of the recipes' own.

    A rank above what vLLM takes makes no room: that adapter is refused, and the others are served.
    """
    largest = max([DEFAULT_RANK, *(rank for rank in ranks if rank <= RANKS[-1])])
    return next(rank for rank in RANKS if rank >= largest)


def choose_engine(settings: Settings, *, gpu: Callable[[], bool]) -> str:
    """Return the engine to serve with: what is set, or vLLM where a GPU and the package are.

    Raises:
        SettingsError: vLLM is asked for and not there.
    """
    there = has_vllm(settings)
    if settings.engine == "auto":
        return "vllm" if there and gpu() else "embedded"
    if settings.engine == "vllm" and not there:
        raise SettingsError(
            f"vLLM is not installed for {settings.vllm_python or sys.executable}",
            remedy='run: pip install "raftbot[gpu]", or set RAFTBOT_VLLM_PYTHON to the Python that has it',
        )
    if settings.engine == "remote" and not settings.endpoints:
        raise SettingsError(
            "the engine remote needs endpoints", remedy="set RAFTBOT_ENDPOINTS: see the README's table"
        )
    return settings.engine


def has_vllm(settings: Settings, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the Python that is to run vLLM has it; looks for its files, without importing anything."""
    if settings.vllm_python is None:
        import importlib.util

        return importlib.util.find_spec("vllm") is not None
    python = shutil.which(str(settings.vllm_python), path=environment.get("PATH"))
    if python is None:
        return False
    folder = Path(python).absolute().parents[1]  # not resolved: an environment's Python is a link
    return any(folder.glob("lib/python3*/site-packages/vllm/__init__.py"))


def _flags(given: str) -> list[str]:
    try:
        flags = shlex.split(given)
    except ValueError as error:
        raise SettingsError(f"RAFTBOT_VLLM_FLAGS: {error}", remedy="quote it as for a shell") from error
    taken = {flag.partition("=")[0] for flag in flags} & set(OWN_FLAGS)
    if taken:
        raise SettingsError(
            f"RAFTBOT_VLLM_FLAGS may not set {', '.join(sorted(taken))}",
            remedy="RAFTBOT_BASE_MODEL sets the model; raftbot serve has --host and --port",
        )
    return flags
