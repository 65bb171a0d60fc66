"""`raftbot worker`: does the work that waits in the queues."""

from __future__ import annotations

import os
import signal
import sys

import typer

from raft_core.cli.common import command, settings


@command
def worker() -> None:
    """Do queued jobs until stopped; prints `ready` once it takes them. Start as many as there are GPUs."""
    from raft_core.jobs.worker import Worker
    from raft_core.registry.registry import Registry

    chosen = settings()
    with Registry(chosen.registry_url) as registry:
        working = Worker(chosen, registry)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: working.interrupt())
        working.start()
        typer.echo("ready")
        working.run()
        working.stop()
    # Threads that wait for the end of a job would keep an orderly exit waiting too.
    sys.stdout.flush()
    os._exit(0)
