"""`raftbot up`, `raftbot doctor` and `raftbot status`: one machine, run and checked."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from raft_core.cli.common import Guild, Json, command, emit, settings, stderr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.table import Table

    from raft_core.machine.check import Check
    from raft_core.machine.status import Status
    from raft_core.machine.supervisor import ServiceStatus, Supervisor
    from raft_core.settings import Settings

ChromaPort = Annotated[int, typer.Option(min=0, max=65535, help="Chroma's port; 0 takes a free one.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The model server's port; 0 takes a free one.")]
_STYLES = {"healthy": "green", "starting": "yellow", "silent": "yellow", "stopping": "yellow", "down": "red"}


@command
def up(chroma_port: ChromaPort = 0, port: Port = 0) -> None:
    """Run Chroma, the model server, a worker and the bot until interrupted; restart what dies."""
    from raft_core.machine.state import only_one_up

    home = settings().home
    with only_one_up(home):
        # Read anew: what another `raftbot up` had written may have been part of the settings till now.
        interrupted = _run_services(settings(), chroma_port, port)
    if interrupted:
        raise typer.Exit(130)


def _run_services(chosen: Settings, chroma_port: int, port: int) -> bool:
    """Run until a signal comes; return whether it was Ctrl-C."""
    from rich.console import Console

    from raft_core.errors import ServiceFailed
    from raft_core.machine.services import plan
    from raft_core.machine.state import write_up
    from raft_core.machine.supervisor import Supervisor
    from raft_core.markup import printable

    planned = plan(chosen, chroma_port, port)
    logs = chosen.home / "logs"
    with _Board(Console(highlight=False), planned.left_out, logs) as board:

        def tell(services: tuple[ServiceStatus, ...]) -> None:
            write_up(chosen.home, planned.servers, (*services, *planned.left_out))
            board.show(services)

        supervisor = Supervisor(planned.services, logs, tell)
        received = _stop_on_signals(supervisor)
        try:
            supervisor.run()
        except ServiceFailed as error:
            board.close()
            stderr().print(printable(error.tail), style="dim", markup=False, soft_wrap=True)
            raise
    return signal.SIGINT in received


def _stop_on_signals(supervisor: Supervisor) -> list[int]:
    """Have Ctrl-C, SIGTERM and a closed terminal stop it; return the list in which signals are noted."""
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        supervisor.request_stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup's wish
            signal.signal(number, stop)
    return received


class _Board:
    """The status table, live on a terminal; elsewhere a line for each change."""

    def __init__(self, console: Console, left_out: Sequence[ServiceStatus], logs: Path) -> None:
        from rich.live import Live

        self._console = console
        self._left_out = tuple(left_out)
        self._logs = logs
        self._services: tuple[ServiceStatus, ...] = ()
        self._shown: set[ServiceStatus] = set()
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=2)

    def __enter__(self) -> _Board:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._print(self._left_out)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the last table where it is."""
        self._live.stop()

    def show(self, services: tuple[ServiceStatus, ...]) -> None:
        """Show the services as they are now."""
        self._services = services
        if self._console.is_terminal:
            self._live.refresh()
        else:
            self._print([service for service in services if service not in self._shown])
            self._shown.update(services)

    def _table(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        below = Text(f"logs in {self._logs}; Ctrl-C stops all", style="dim")
        return Group(_services_table((*self._services, *self._left_out)), below)

    def _print(self, services: Sequence[ServiceStatus]) -> None:
        for service in services:
            where = service.detail or service.url
            line = f"{service.since} {service.name} {service.state}{': ' if where else ''}{where}"
            self._console.print(line, markup=False, soft_wrap=True)
        sys.stdout.flush()


def _services_table(services: Sequence[ServiceStatus]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("service", "state", "for", "pid", "restarts", "where"):
        table.add_column(name, justify="right" if name in ("pid", "restarts") else "left")
    for service in services:
        table.add_row(
            service.name,
            Text(service.state, style=_STYLES.get(service.state, "dim")),
            _age(service.since),
            str(service.pid or ""),
            str(service.restarts or ""),
            Text(service.detail or service.url),
        )
    return table


def _age(since: str) -> str:
    return _span((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())


def _span(seconds: float) -> str:
    """Return a time in its largest whole unit."""
    whole = max(int(seconds), 0)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= length:
            return f"{whole // length} {unit}"
    return f"{whole} s"


@command
def doctor(chroma_port: ChromaPort = 0, port: Port = 0, *, as_json: Json = False) -> None:
    """Check this machine and its settings; say for each failure what to do."""
    from raft_core.machine.doctor import examine

    checks = list(examine(settings(), chroma_port, port))
    emit(checks, as_json=as_json, human=lambda console: _draw_checks(console, checks))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _draw_checks(console: Console, checks: Sequence[Check]) -> None:
    from rich.text import Text

    width = max(len(check.check) for check in checks)
    for check in checks:
        mark, style = ("✓", "green") if check.ok else ("✗", "red")
        line = Text.assemble((f"{mark} ", style), (f"{check.check:<{width}}  ", "bold"), check.detail)
        console.print(line, soft_wrap=True)
        if check.remedy:
            console.print(Text(f"{'':<{width + 4}}→ {check.remedy}"), soft_wrap=True)
    failed = sum(not check.ok for check in checks)
    console.print(f"{failed} of {len(checks)} checks failed" if failed else "all is well", style="bold")


@command
def status(*, guild: Guild = "local", as_json: Json = False) -> None:
    """Show what runs, the jobs, what the guild has, and the disk."""
    from raft_core.jobs.catalogue import open_registry
    from raft_core.machine.status import status as look

    chosen = settings()
    with open_registry(chosen, guild) as registry:
        found = look(chosen, guild, registry)
    emit(found, as_json=as_json, human=lambda console: _draw_status(console, found))


def _draw_status(console: Console, found: Status) -> None:
    if found.pid is None:
        console.print("not up; start with: raftbot up", markup=False)
    else:
        console.print(f"up as process {found.pid}, logs in {found.home}/logs", markup=False, soft_wrap=True)
        console.print(_services_table(found.services))
    counts = f"{found.documents} documents, {found.datasets} data sets, {found.adapters} adapters"
    console.print(f"guild {found.guild}: {counts}", markup=False)
    for worker in found.workers:
        seen = f"heard of {_span(worker.silent_s)} ago"
        console.print(f"worker {worker.id}: process {worker.pid} on {worker.host}, {seen}", markup=False)
    if found.jobs:
        console.print("jobs: " + ", ".join(f"{count} {state}" for state, count in found.jobs.items()))
    used, free = (f"{size / 1e9:.1f} GB" for size in (found.used_bytes, found.free_bytes))
    console.print(f"disk: {used} used in {found.home}, {free} free", markup=False, soft_wrap=True)
