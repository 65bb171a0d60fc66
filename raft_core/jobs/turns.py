"""One GPU in turns: the model server of this machine sleeps while something trains here."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from raft_core.errors import EndpointError
from raft_core.progress import Progress, Report
from raft_core.serving.client import ModelServer

if TYPE_CHECKING:
    from raft_core.settings import Settings

log = logging.getLogger(__name__)

RENEW_S = 10.0
"""The server takes the GPU back a minute after the last word."""
WAIT_S = 2.0


@contextmanager
def gpu_turn(settings: Settings, what: str, seconds: float, report: Report) -> Iterator[Report]:
    """Have this machine's model server sleep, and wake in the end; yields what to report progress to.

    A server elsewhere, one that uses another GPU, and one that knows no sleep go on.
    """
    server = _server_here(settings)
    turn = _Turn(server, what, seconds) if server else None
    if turn is None or not turn.begin():
        yield report
        return
    try:
        yield turn.watching(report)
    finally:
        turn.end()


def wait_for_turn(settings: Settings, report: Report) -> None:
    """Wait until the model server is awake: work in a queue has time, unlike people who ask.

    Raises:
        EndpointError: the server cannot be used.
    """
    if settings.model_server_url is None:
        return
    server = ModelServer(settings.model_server_url, settings.server_key)
    while why := server.asleep():
        report(Progress("wait for the model server", 0, 0, why))
        time.sleep(WAIT_S)


class _Turn:
    """A turn on the GPU, said again by a thread for as long as it lasts."""

    def __init__(self, server: ModelServer, what: str, seconds: float) -> None:
        self._server = server
        self._what = what
        self._ends = time.monotonic() + seconds
        self._started = time.monotonic()
        self._holder = uuid4().hex
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="gpu-turn", daemon=True)

    def begin(self) -> bool:
        """Ask for it; False where the server goes on beside the training."""
        if not self._say():
            return False
        self._thread.start()
        return True

    def end(self) -> None:
        """Give it back; where that fails the server takes it back by itself."""
        self._over.set()
        self._thread.join()
        _free_gpu()
        try:
            self._server.wake(self._holder)
        except EndpointError as error:
            log.warning("the model server was not woken, it wakes by itself in a minute: %s", error)

    def watching(self, report: Report) -> Report:
        """Return a report that also tells when the training will be done."""

        def told(progress: Progress) -> None:
            if progress.stage == "train" and progress.done:
                now = time.monotonic()
                left = (progress.total - progress.done) / progress.done * (now - self._started)
                self._ends = now + left
            report(progress)

        return told

    def _say(self) -> bool:
        seconds = max(self._ends - time.monotonic(), 0.0)
        devices = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        try:
            return self._server.sleep(self._holder, self._what, seconds, devices)
        except EndpointError as error:
            log.warning("the model server goes on beside the training: %s", error)
            return False

    def _renew(self) -> None:
        while not self._over.wait(RENEW_S):
            self._say()


def _free_gpu() -> None:
    """Give back what the training held: this process may live on, and the server wants all of it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def _server_here(settings: Settings) -> ModelServer | None:
    if settings.model_server_url is None:
        return None
    host = urlsplit(settings.model_server_url).hostname or ""
    try:
        here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        here = False
    return ModelServer(settings.model_server_url, settings.server_key) if here else None
