"""Which services a home needs, on which ports, and how each is told where the others are."""

from __future__ import annotations

import importlib.util
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx

from raft_core.errors import SettingsError
from raft_core.machine.process import Output, Service
from raft_core.machine.supervisor import ServiceStatus, now
from raft_core.serving.local import LOOPBACK, listen
from raft_core.settings import Settings
from raft_core.urls import authorization

CHROMA_HEARTBEAT = "/api/v2/heartbeat"
CHROMA_IDENTITY = "/api/v2/auth/identity"
READY = "ready"
"""The line that worker and bot print once they can be used."""
_RAFTBOT = (sys.executable, "-m", "raft_core.cli.main")
_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, what not and why, and the settings by which other commands find the servers."""

    services: tuple[Service, ...]
    left_out: tuple[ServiceStatus, ...]
    servers: Mapping[str, str] = field(repr=False)


def plan(settings: Settings, chroma_port: int = 0, port: int = 0) -> Plan:
    """Plan the services of one home; a port of 0 takes a free one.

    Raises:
        SettingsError: a port is taken.
    """
    chroma_port, port = free_ports(settings, chroma_port, port)
    servers = {
        "chroma_url": settings.chroma_url or f"http://{LOOPBACK}:{chroma_port}",
        "model_server_url": settings.model_server_url or f"http://{LOOPBACK}:{port}/v1",
    }
    # Without a key other users of this machine could load adapters, and read and change all guilds' documents.
    for name, given in (("chroma", settings.chroma_key), ("model_server", settings.model_server_key)):
        key = given.get_secret_value() if given else ""
        if not getattr(settings, f"{name}_url"):
            key = key or secrets.token_urlsafe(32)
        if key:
            servers[f"{name}_key"] = key
    env = {f"RAFTBOT_{name.upper()}": value for name, value in servers.items()}
    env["RAFTBOT_HOME"] = str(settings.home.absolute())
    services: list[Service] = []
    left_out: list[ServiceStatus] = []
    for name, make, reason in _wanted(settings):
        if reason:
            left_out.append(ServiceStatus(name, "left out", now(), detail=reason))
        else:
            services.append(make(settings, env))
    return Plan(tuple(services), tuple(left_out), servers)


_Make = Callable[[Settings, Mapping[str, str]], Service]


def _wanted(settings: Settings) -> Iterator[tuple[str, _Make, str]]:
    """Yield every service in the order of their start, and why it is left out where it is."""
    yield "chroma", _chroma, "RAFTBOT_CHROMA_URL is set" if settings.chroma_url else ""
    given = "RAFTBOT_MODEL_SERVER_URL is set" if settings.model_server_url else ""
    yield "model-server", _model_server, given
    yield "worker", _worker, ""
    token = "" if settings.discord_token else "RAFTBOT_DISCORD_TOKEN is not set"
    yield "bot", _bot, token or _absent("bot.__main__")


def _chroma(settings: Settings, env: Mapping[str, str]) -> Service:
    url = env["RAFTBOT_CHROMA_URL"]
    program = (sys.executable, "-m", "raft_core.machine.chroma")
    return Service(
        name="chroma",
        argv=(*program, str(settings.chroma_dir.absolute()), str(httpx.URL(url).port)),
        is_ready=lambda _: answers(url + CHROMA_HEARTBEAT),
        is_alive=lambda: answers(url + CHROMA_HEARTBEAT),
        env={"RAFTBOT_CHROMA_KEY": env["RAFTBOT_CHROMA_KEY"]},
        url=url,
    )


def _model_server(_: Settings, env: Mapping[str, str]) -> Service:
    url = env["RAFTBOT_MODEL_SERVER_URL"]
    health = f"{url.removesuffix('/v1')}/health"
    return Service(
        name="model-server",
        argv=(*_RAFTBOT, "serve", "--port", str(httpx.URL(url).port)),
        is_ready=lambda _: answers(health),
        is_alive=lambda: answers(health),
        env=env,
        url=url,
        start_timeout_s=900,  # a large base from a slow disk
    )


def _worker(_: Settings, env: Mapping[str, str]) -> Service:
    return Service(
        name="worker",
        argv=(*_RAFTBOT, "worker"),
        is_ready=says_ready,
        env=env,
        start_timeout_s=180,
        grace_s=30,  # a training writes its checkpoint
    )


def _bot(_: Settings, env: Mapping[str, str]) -> Service:
    return Service(name="bot", argv=(*_RAFTBOT, "bot"), is_ready=says_ready, env=env, start_timeout_s=180)


def says_ready(output: Output) -> bool:
    """Tell whether a service has said that it is ready."""
    return READY in output.text().splitlines()


def answers(url: str) -> bool:
    """Tell whether a server of this machine answers well; asked past any proxy."""
    try:
        return httpx.get(url, timeout=_ANSWER_S, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def chroma_status(url: str, key: str | None) -> int | None:
    """Return the status with which a Chroma server takes a key; None where none answers."""
    try:
        with httpx.Client(base_url=url.rstrip("/"), timeout=_ANSWER_S, headers=authorization(key)) as client:
            status = client.get(CHROMA_HEARTBEAT).status_code
            return client.get(CHROMA_IDENTITY).status_code if status == httpx.codes.OK else status
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def _absent(module: str) -> str:
    return "" if importlib.util.find_spec(module) else "not in this version"


def free_ports(settings: Settings, chroma_port: int = 0, port: int = 0) -> tuple[int, int]:
    """Return a port each for Chroma and the model server, held together so that they differ; 0 takes any.

    Raises:
        SettingsError: a port is taken. That of a server which runs elsewhere is not looked at.
    """
    with ExitStack() as held:

        def hold(option: str, number: int) -> int:
            try:
                listening = held.enter_context(listen(LOOPBACK, number))
            except SettingsError as error:
                remedy = (
                    f"choose another with {option}, leave it out for a free one, or stop what is using it"
                )
                raise SettingsError(str(error), remedy=remedy) from error
            return int(listening.getsockname()[1])

        return (
            hold("--chroma-port", 0 if settings.chroma_url else chroma_port),
            hold("--port", 0 if settings.model_server_url else port),
        )
