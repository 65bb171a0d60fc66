"""What all commands share: options, output, progress, errors and exit codes.

stdout carries the result, stderr logs and progress. Exit codes: 0 done, 1 failed with a reason,
2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer

from raft_core.errors import RaftError

if TYPE_CHECKING:
    from rich.console import Console

    from raft_core.progress import Progress, Report
    from raft_core.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

SAY_S = 10.0
"""How often a stage is told of where stderr is no terminal."""

log = logging.getLogger(__name__)


def _guild(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise typer.BadParameter("use 1 to 64 letters, digits, _ or -, beginning with a letter or digit")
    return name


Guild = Annotated[str, typer.Option("--guild", metavar="NAME", help="Whose data this is.", callback=_guild)]
Enqueue = Annotated[
    bool, typer.Option("--enqueue", help="Leave it to a worker: print the job's id and return.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def stderr() -> Console:
    """Return the console for people: logs and progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def settings(**overrides: object) -> Settings:
    """Return the settings of this run; loads pydantic only now, to keep `--help` fast."""
    from raft_core.settings import load_settings

    return load_settings(**overrides)


def user() -> str:
    """Return who runs the command; empty where the system has no name for them."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def emit(value: object, *, as_json: bool, human: Callable[[Console], None]) -> None:
    """Print the result: one JSON document, or whatever `human` draws."""
    from rich.console import Console

    from raft_core.files import to_json

    if as_json:
        sys.stdout.write(to_json(value, indent=2) + "\n")
    else:
        human(Console(highlight=False))


@contextmanager
def progress() -> Iterator[Report]:
    """Show live bars on stderr, one a stage; where stderr is no terminal, plain lines: first, last, some between."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    console = stderr()
    if not console.is_terminal:
        said: dict[str, float] = {}

        def say(update: Progress) -> None:
            now = time.monotonic()
            ended = update.total and update.done == update.total
            if ended or now - said.get(update.stage, -SAY_S) >= SAY_S:
                said[update.stage] = now
                count = f" {update.done}/{update.total}" if update.total else ""
                console.print(f"{update.stage}{count} {update.detail}".rstrip(), markup=False)

        yield say
        return
    columns = (
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[detail]}"),
    )
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def draw(update: Progress) -> None:
            if update.stage not in tasks:
                tasks[update.stage] = bars.add_task(update.stage, total=None, detail="")
            bars.update(
                tasks[update.stage],
                completed=update.done,
                total=update.total or None,
                detail=update.detail.replace("[", r"\["),
            )

        yield draw


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what goes wrong in a command into one line on stderr and the right exit code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except RaftError as error:
            _fail(str(error), error.remedy)
        except KeyboardInterrupt:
            stderr().print("interrupted; what was finished is kept, run the command again to go on")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output has gone: nothing left to say, nobody to say it to
            raise typer.Exit(1) from None
        raise AssertionError("unreachable")

    return run


def _fail(message: str, remedy: str) -> None:
    console = stderr()
    console.print(f"error: {' '.join(message.split())}", style="red", markup=False, soft_wrap=True)
    if remedy:
        console.print(f"  → {remedy}", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def set_up_logging(verbose: bool) -> None:
    """Configure logs on stderr: ours from INFO or DEBUG on, other libraries' from WARNING on."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("raft_core").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns of optional kernels nobody misses
