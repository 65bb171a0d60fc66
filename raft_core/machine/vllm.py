"""vLLM as a service of `raftbot serve`: started, watched, started again, and ended with it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from raft_core.errors import RaftError
from raft_core.machine.process import Service
from raft_core.machine.supervisor import ServiceStatus, Supervisor
from raft_core.models import resolve_base
from raft_core.openai.client import certificates
from raft_core.records import AdapterInfo
from raft_core.serving.adapter_files import CONFIG
from raft_core.serving.front.engine import VLLM, VllmEngine
from raft_core.serving.front.vllm import max_rank, vllm_command, vllm_environment
from raft_core.serving.local import has_gpu
from raft_core.serving.memory import held_mb
from raft_core.settings import Settings

log = logging.getLogger(__name__)

START_S = 1800.0
"""Weights of a large model from a slow disk, then compiling and capturing graphs."""
GRACE_S = 20.0
_HEALTH_S = 2.0


class VllmProcess:
    """One vLLM with the settings' base, room for the adapters given, and what the front needs of it."""

    def __init__(self, settings: Settings, adapters: Sequence[AdapterInfo]) -> None:
        folders = {info.id: Path(info.path) for info in adapters}
        ranks = [rank for folder in folders.values() if (rank := _rank(folder))]
        self._folder = Path(tempfile.mkdtemp(prefix="raftbot-"))  # short, for a socket's path; private
        self._socket = self._folder / "vllm.sock"
        self._failure: RaftError | None = None
        try:
            service = Service(
                name="vllm",
                argv=vllm_command(settings, ranks, self._socket, gpu=has_gpu()),
                is_ready=lambda _: self._answers(),
                is_alive=self._answers,
                env=vllm_environment(gpu=has_gpu()),
                start_timeout_s=START_S,
                grace_s=GRACE_S,
            )
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        self._supervisor = Supervisor([service], settings.home / "logs", self._tidy)
        self._thread = threading.Thread(target=self._run, name="vllm", daemon=True)
        self._on_failure: Callable[[], None] = lambda: None
        self.engine = VllmEngine(
            settings.base_model,
            resolve_base(settings.base_model, settings.home),
            self._socket,
            self,
            folders,
            max_loaded=settings.vllm_max_loras,
            max_rank=max_rank(ranks),
            devices=os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.request_stop()
        if self._thread.is_alive():
            self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, on_failure: Callable[[], None]) -> None:
        """Start it; `on_failure` is called where that fails, and `check` then says why."""
        self._on_failure = on_failure
        self._thread.start()

    def check(self) -> None:
        """Raise what it failed of.

        Raises:
            ServiceFailed: it did not start.
        """
        if self._failure is not None:
            raise self._failure

    @property
    def is_up(self) -> bool:
        """Whether it answers, or is too busy to say so."""
        return self._supervisor.status()[0].state in {"healthy", "silent"}

    @property
    def starts(self) -> int:
        """How often it was started again."""
        return self._supervisor.status()[0].restarts

    @property
    def memory_mb(self) -> float | None:
        """What it holds of the main memory; None where it does not run."""
        pid = self._supervisor.status()[0].pid
        return held_mb(pid) if pid is not None else None

    def restart(self) -> None:
        """End it; its supervisor starts it again."""
        pid = self._supervisor.status()[0].pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _run(self) -> None:
        try:
            self._supervisor.run()
        except RaftError as error:
            self._failure = error
            self._on_failure()

    def _tidy(self, services: tuple[ServiceStatus, ...]) -> None:
        """Remove the socket of one that was killed: the next one could not bind to it."""
        if services[0].state == "down":
            self._socket.unlink(missing_ok=True)

    def _answers(self) -> bool:
        transport = httpx.HTTPTransport(uds=str(self._socket), verify=certificates())
        try:
            with httpx.Client(transport=transport, timeout=_HEALTH_S) as client:
                return client.get(f"{VLLM}/health").is_success
        except httpx.HTTPError:
            return False


def _rank(folder: Path) -> int:
    """Return the rank that an adapter's config tells; 0 where it tells none: the front says what is wrong with it."""
    try:
        return int(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
