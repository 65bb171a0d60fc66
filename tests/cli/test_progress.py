"""Progress where nobody looks at a terminal."""

from __future__ import annotations

import pytest

from raft_core.cli import common
from raft_core.progress import Progress


def test_a_log_has_the_first_the_last_and_some_lines_between(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step an hour is told each time, a thousand steps a second are not."""
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with common.progress() as report:
        for done in range(1001):
            report(Progress("fast", done, 1000))
            clock[0] += 0.001
        for done in range(3):
            report(Progress("slow", done, 3, f"adapter {done}"))
            clock[0] += 3600
    assert capsys.readouterr().err.splitlines() == [
        "fast 0/1000",
        "fast 1000/1000",
        "slow 0/3 adapter 0",
        "slow 1/3 adapter 1",
        "slow 2/3 adapter 2",
    ]
