"""All checks, each within its time, none with a secret in what it says."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from raft_core.machine import connections, hardware, software
from raft_core.machine.check import Check, failed
from raft_core.markup import printable
from raft_core.settings import Settings, read_up

LIMIT_S = 90.0
"""A check that takes longer hangs: a network disk that is away, a driver that does not return."""


def examine(settings: Settings, chroma_port: int = 0, port: int = 0) -> Iterator[Check]:
    """Yield what each check finds, in a fixed order."""
    up_pid = (read_up(settings.home) or {}).get("pid")
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("python", software.check_python),
        ("packages", lambda: software.check_packages("", software.requirements())),
        ("packages [worker]", lambda: software.check_worker_extra(settings, software.requirements())),
        ("packages [gpu]", lambda: software.check_gpu_extra(software.requirements())),
        ("gpu", software.check_gpu),
        ("precision", software.check_precision),
        ("disk", lambda: hardware.check_disk(settings.home)),
        ("memory", hardware.check_memory),
        ("home", lambda: hardware.check_home(settings.home)),
        ("ports", lambda: hardware.check_ports(settings, up_pid, chroma_port, port)),
        ("database", lambda: connections.check_database(settings)),
        ("chroma", lambda: connections.check_chroma(settings)),
        ("model server", lambda: connections.check_model_server(settings)),
        ("endpoints", lambda: connections.check_endpoints(settings)),
        ("generator", lambda: connections.check_generator(settings)),
        ("embeddings", lambda: connections.check_embeddings(settings)),
        ("discord token", lambda: connections.check_discord(settings)),
        ("artifacts", lambda: connections.check_artifacts(settings)),
    ]
    hide = _hider(settings)  # and what a server says may hold a terminal's control characters
    for name, check in checks:
        found = in_time(name, check)
        yield replace(found, detail=printable(hide(found.detail)), remedy=hide(found.remedy))


def in_time(name: str, check: Callable[[], Check], limit_s: float = LIMIT_S) -> Check:
    """Return what a check finds, or that it hung or broke."""
    found: list[Check] = []

    def run() -> None:
        try:
            found.append(check())
        except Exception as error:  # a check that breaks is a finding, and the others go on
            reason = f"could not be checked: {type(error).__name__}: {error}"
            found.append(failed(name, reason, "this is a fault of raftbot: please report it"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if found:
        return found[0]
    return failed(
        name,
        f"took longer than {limit_s:g} s",
        "see whether a disk, a driver or a server hangs, and try again",
    )


def _hider(settings: Settings) -> Callable[[str], str]:
    """Return what takes every secret of the settings out of a text, whatever library wrote it there."""
    values = [getattr(settings, name) for name in type(settings).model_fields]
    values += [endpoint.key for endpoint in settings.endpoints]
    secrets = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    urls = [value for value in (*values, *secrets) if isinstance(value, str) and "://" in value]
    passwords = {urlsplit(url).password for url in urls} - {None}
    hidden = secrets | passwords | {unquote(password) for password in passwords if password}
    longest_first = sorted((re.escape(text) for text in hidden if text), key=len, reverse=True)
    if not longest_first:
        return lambda text: text
    pattern = re.compile("|".join(longest_first))
    return lambda text: pattern.sub("***", text)
