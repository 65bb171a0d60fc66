"""Who has the GPU, and that the server never stays asleep."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from raft_core.serving.front import turns
from raft_core.serving.front.turns import SleepRequest, Turns
from raft_core.serving.web.protocol import ApiError


class Engine:
    """Notes what is done to it; `fails` makes the next calls fail."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails = 0

    async def sleep(self) -> None:
        self._do("sleep")

    async def wake(self) -> None:
        self._do("wake")

    def _do(self, what: str) -> None:
        if self.fails:
            self.fails -= 1
            raise ApiError(502, "broken")
        self.done.append(what)


def asked(holder: str = "a", seconds: float = 600, devices: str = "") -> SleepRequest:
    return SleepRequest(holder=holder, what="training on ds-1", seconds=seconds, devices=devices)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def who(engine: Engine) -> Turns:
    return Turns(engine.sleep, engine.wake, "0,1")


async def test_asleep_and_awake(who: Turns, engine: Engine):
    """The first trainer has the server sleep, the last one has it wake; askers are told until when."""
    assert who.refusal is None
    assert await who.begin(asked("a", 60))
    assert await who.begin(asked("b", 600))
    assert await who.begin(asked("a", 50))
    refusal = who.refusal
    assert refusal is not None
    clock = time.strftime("%H:%M", time.gmtime(time.time() + 600))
    assert (refusal.status, refusal.code, str(refusal)) == (
        503,
        "asleep",
        f"training on ds-1 until about {clock} UTC",
    )
    assert 590 <= refusal.retry_after_s <= 600
    await who.end("b")
    assert who.refusal is not None
    await who.end("a")
    assert who.refusal is None
    assert engine.done == ["sleep", "wake"]


async def test_another_gpu(who: Turns, engine: Engine):
    """A training on a GPU that the server does not use lets it go on; one that names none may use any."""
    assert not await who.begin(asked(devices="2,3"))
    assert who.refusal is None
    assert await who.begin(asked(devices="1"))
    assert engine.done == ["sleep"]


async def test_a_trainer_that_died(who: Turns, engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """Nobody wakes the server, and it wakes when the lease ends, even where the first try fails."""
    monkeypatch.setattr(turns, "LEASE_S", 0.02)
    monkeypatch.setattr(turns, "TICK_S", 0.01)
    await who.begin(asked())
    engine.fails = 1
    minding = asyncio.create_task(who.mind())
    while who.refusal is not None:
        await asyncio.sleep(0.01)
    minding.cancel()
    assert engine.done == ["sleep", "wake"]


async def test_the_engine_restarts_while_it_sleeps(
    who: Turns, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """What was started anew is awake, and is put to sleep again while the training goes on."""
    monkeypatch.setattr(turns, "TICK_S", 0.01)
    await who.begin(asked())
    who.restarted()
    assert who.refusal is not None
    minding = asyncio.create_task(who.mind())
    while engine.done != ["sleep", "sleep"]:
        await asyncio.sleep(0.01)
    minding.cancel()
    with suppress(asyncio.CancelledError):
        await minding


async def test_sleep_that_fails(who: Turns, engine: Engine):
    """A server that cannot sleep goes on, and the trainer is told."""
    engine.fails = 1
    with pytest.raises(ApiError, match="broken"):
        await who.begin(asked())
    assert who.refusal is None
