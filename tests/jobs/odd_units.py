"""Units of work that misbehave. A child knows them because its settings are of a class that lives here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from raft_core.errors import DatasetError, EndpointError
from raft_core.jobs.units import UNITS
from raft_core.progress import Progress, Report
from raft_core.settings import Settings

Json = dict[str, Any]
SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"


class OddSettings(Settings):
    """Unpickling it imports this module."""


def add(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Add two numbers, with progress and some words on both streams."""
    report(Progress("adding", 0, 2, "one"))
    sys.stdout.write("said on stdout\n")
    sys.stderr.write("said on stderr\n")
    report(Progress("adding", 1, 2, "dropped: too soon after the one before"))
    report(Progress("adding", 2, 2, "two"))
    return {"sum": sum(args["numbers"]), "guild": guild, "pid": os.getpid(), "group": os.getpgrp()}


def fail(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Raise what the arguments say."""
    errors: dict[str, Exception] = {
        "ours": DatasetError("no rows", remedy="add documents"),
        "passing": EndpointError("http://x/v1", "is down", retryable=True),
        "unexpected": ZeroDivisionError("division by zero"),
        "surrogate": DatasetError("a lone \ud800 surrogate"),
    }
    raise errors[args["error"]]


def die(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """End the process as the arguments say."""
    sys.stderr.write("the last words\n")
    sys.stderr.flush()
    if args["signal"]:
        os.kill(os.getpid(), args["signal"])
    os._exit(args["status"])


def hold_on(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Ignore SIGTERM, as does the process started here, and tell both process ids through a file."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    grandchild = subprocess.Popen([sys.executable, "-c", SLEEPER])  # noqa: S603  # our own code
    Path(args["told"]).write_text(f"{os.getpid()} {grandchild.pid}\n")
    report(Progress("holding on", 0, 0))
    time.sleep(1000)
    return {}


def leave_one(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Finish, and leave a process behind."""
    return {"left": subprocess.Popen([sys.executable, "-c", SLEEPER]).pid}  # noqa: S603  # our own code


def big(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Return more than a pipe holds, with text that is hard to carry."""
    return {"text": "x" * 3_000_000 + "\0\n\ud800ž"}


def nap(settings: Settings, guild: str, args: Json, report: Report) -> Json:
    """Say that it has begun, and finish once a file is there."""
    report(Progress("napping", 1, 2))
    while not Path(args["until"]).exists():
        time.sleep(0.01)
    return {"pid": os.getpid()}


UNITS.update(
    {"nap": nap, "add": add, "fail": fail, "die": die, "hold on": hold_on, "leave one": leave_one, "big": big}
)
