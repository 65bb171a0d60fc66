"""A unit of work in a process of its own: clean memory, killable at any moment, its output kept as a log.

The child writes JSON lines into a pipe, and ends when it hears no more from the worker through its lifeline:
at once where the worker has gone, however that went, and after a while where it only stands still:

    {"progress": ["train", 3, 75, "loss 0.412"]}
    {"result": {"id": "raft-1f2e3d4c", …}}
    {"error": {"type": "StoreError", "message": "…", "remedy": "…", "retryable": true}}

Children are forked from a server that has imported the heavy libraries already (multiprocessing's
forkserver), so that one starts in milliseconds and none inherits threads or a GPU.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.errors import AlreadyTraining, EndpointError, RaftError, StoreError, WorkFailed, WorkStopped
from raft_core.files import to_json, translated_os_errors
from raft_core.progress import Progress, Report

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    from raft_core.settings import Settings

GRACE_S = 2.0
"""How long a child may take to end by itself before it is killed."""
ALONE_S = 15.0
"""A child whose worker says nothing for so long ends itself: sooner than others take the worker's jobs over."""
DIED = "ProcessDied"
"""The `type` of a WorkFailed whose process ended without a word."""
ENOUGH_MEMORY = "is there enough memory?"
LOST_STATUS = 255
"""What multiprocessing says of a child whose fork server has been killed."""
REPORT_EVERY_S = 0.2
NICENESS = 5
"""A training must not slow the bot's answers on the same cores."""


def run_in_child(
    unit: str,
    settings: Settings,
    guild: str,
    args: dict[str, Any],
    *,
    log: Path,
    report: Report,
    stop: threading.Event,
) -> dict[str, Any]:
    """Run a unit of work in a process of its own and return its result; `stop` ends it within seconds.

    Raises:
        WorkFailed: the work raised an error, or its process died.
        WorkStopped: `stop` was set.
    """
    with translated_os_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
    context = fork_server()
    reading, writing = context.Pipe(duplex=False)
    lifeline, holding = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(unit, settings, guild, args, log, writing, lifeline))
    with contextlib.ExitStack() as open_ends:
        open_ends.callback(reading.close)
        open_ends.callback(holding.close)
        try:
            child.start()
        except (OSError, EOFError) as error:  # the fork server was killed: the next start makes a new one
            raise WorkFailed(
                DIED,
                f"the process of {unit!r} did not start: {str(error) or type(error).__name__}",
                ENOUGH_MEMORY,
            ) from error
        finally:
            writing.close()
            lifeline.close()
        try:
            for message in _messages(reading, holding, stop):
                if "progress" in message:
                    report(Progress(*message["progress"]))
                elif "error" in message:
                    raise WorkFailed(**message["error"])
                else:
                    result: dict[str, Any] = message["result"]
                    return result
            if stop.is_set():
                raise WorkStopped
            child.join(GRACE_S)
            raise _died(unit, child.exitcode, log)
        finally:
            _end(child)


def fork_server() -> ForkServerContext:
    """Return the context whose children are forked from a server that holds the heavy libraries."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["raft_core.jobs.preload"])
    return context


def warm_up() -> None:
    """Start the fork server and have it import what the work needs, so that the first unit need not wait."""
    child = fork_server().Process(target=os.getpid)
    with contextlib.suppress(OSError, EOFError):  # killed meanwhile: the first unit starts another
        child.start()
        child.join()


def _end(child: ForkServerProcess) -> None:
    """End a child and all that it started: by its own will, or by force when it does not listen."""
    pid = child.pid
    if pid is None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.is_alive():
            _signal(pid, number)
            child.join(GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # whatever it left behind


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has not begun its own group yet
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _messages(
    connection: Connection, lifeline: Connection, stop: threading.Event
) -> Iterator[dict[str, Any]]:
    """Yield the child's messages until it closes its end or `stop` is set; meanwhile let it know of us."""
    pending, told = b"", 0.0
    while not stop.is_set():
        now = time.monotonic()
        if now - told >= 1:
            told = now
            with contextlib.suppress(BrokenPipeError):  # the other pipe tells how it ended
                os.write(lifeline.fileno(), b".")
        ready = select.select([connection], [], [], 0.1)[0]
        if time.monotonic() - told > ALONE_S:  # this process stood still: the child has given it up
            raise WorkStopped
        if not ready:
            continue
        read = os.read(connection.fileno(), 1 << 20)
        if not read:
            return
        *lines, pending = (pending + read).split(b"\n")
        yield from map(json.loads, lines)


def _died(unit: str, status: int | None, log: Path) -> WorkFailed:
    why = ""
    if status is not None and status < 0:
        how, why = f"was killed by {signal.Signals(-status).name}", f"{ENOUGH_MEMORY} "
    elif status == LOST_STATUS:
        how = "ended, and so did the fork server that knew how"
    else:
        how = f"ended with status {status}"
    tail = log.read_text(errors="replace").strip().splitlines()[-1:] if log.is_file() else []
    message = f"the process of {unit!r} {how}{': ' if tail else ''}{''.join(tail)}"
    return WorkFailed(DIED, message, f"{why}see jobs logs; jobs retry goes on from what is done")


def _work(
    unit: str,
    settings: Settings,
    guild: str,
    args: dict[str, Any],
    log: Path,
    writing: Connection,
    lifeline: Connection,
) -> None:
    """Be the child: do the work, tell of it, and exit."""
    os.setsid()
    os.nice(NICENESS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the worker's terminal is the worker's to handle
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()
    _log_into(log)
    channel = _Channel(writing)
    try:
        from raft_core.jobs.units import UNITS

        result = UNITS[unit](settings, guild, args, channel.report)
        channel.send({"result": result})
    except RaftError as error:
        logging.getLogger(__name__).error("%s (%s)", error, error.remedy)
        channel.send({"error": _described(error)})
    except Exception as error:  # whatever it is, the worker must hear of it
        logging.getLogger(__name__).exception("unexpected")
        message = f"unexpected {type(error).__name__}: {error}"
        channel.send({"error": {"type": type(error).__name__, "message": message, "remedy": "see jobs logs"}})
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # what libraries leave to atexit must not keep a finished job waiting


def _watch(lifeline: Connection) -> None:
    """End this process and its group when the other end of the lifeline closes, or is silent for long."""
    with contextlib.suppress(OSError):
        while select.select([lifeline], [], [], ALONE_S)[0] and os.read(lifeline.fileno(), 1024):
            pass
    os.killpg(0, signal.SIGKILL)


def _log_into(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    logging.getLogger("raft_core").setLevel(logging.INFO)


def _described(error: RaftError) -> dict[str, Any]:
    passing = isinstance(error, (StoreError, AlreadyTraining)) or (
        isinstance(error, EndpointError) and error.retryable
    )
    return {
        "type": type(error).__name__,
        "message": str(error),
        "remedy": error.remedy,
        "retryable": passing,
    }


class _Channel:
    """Writes messages; of the progress only so much that reading it costs nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._told = ("", 0.0)

    def send(self, message: dict[str, Any]) -> None:
        data = to_json(message).encode() + b"\n"
        while data:
            data = data[os.write(self._connection.fileno(), data) :]

    def report(self, progress: Progress) -> None:
        now = time.monotonic()
        stage, before = self._told
        finished = progress.total > 0 and progress.done == progress.total
        if progress.stage == stage and now - before < REPORT_EVERY_S and not finished:
            return
        self._told = (progress.stage, now)
        log.info("%s %d/%d %s", progress.stage, progress.done, progress.total, progress.detail)
        self.send({"progress": [progress.stage, progress.done, progress.total, progress.detail]})


log = logging.getLogger(__name__)
