from __future__ import annotations

import time
from pathlib import Path

import pytest

from raft_core.machine import connections, doctor
from raft_core.machine.check import Check, failed, passed
from raft_core.settings import load_settings

NAMES = [
    *(
        "python",
        "packages",
        "packages [worker]",
        "packages [gpu]",
        "gpu",
        "precision",
        "disk",
        "memory",
        "home",
        "ports",
    ),
    *(
        "database",
        "chroma",
        "model server",
        "endpoints",
        "generator",
        "embeddings",
        "discord token",
        "artifacts",
    ),
]


def test_every_check_is_made(home: Path):
    """All checks come once, in a fixed order; each failure has a remedy; looking makes no home."""
    checks = list(doctor.examine(load_settings()))
    assert [check.check for check in checks] == NAMES
    assert all(check.ok or check.remedy for check in checks)
    assert not home.exists()


def test_no_secret_is_shown(home: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever a library writes into its error, no secret of the settings comes through, nor a control character."""
    settings = load_settings(
        discord_token="t0ken",
        model_server_key="k3y",
        database_url="postgresql://raft:p%40ss@127.0.0.1:1/raft",
        artifacts_url="s3://user:st0re@bucket",
    )
    leak = failed("chroma", "t0ken k3y p%40ss p@ss st0re \x1b[2J", "not with t0ken")
    monkeypatch.setattr(connections, "check_chroma", lambda _: leak)
    found = next(check for check in doctor.examine(settings) if check.check == "chroma")
    assert found == Check("chroma", False, "*** *** *** *** *** [2J", "not with ***")


def test_a_check_that_hangs_or_breaks():
    """The others go on, and the failure says what happened."""
    hung = doctor.in_time("disk", lambda: (time.sleep(1), passed("disk", ""))[1], limit_s=0.05)
    assert (hung.check, hung.ok, hung.detail) == ("disk", False, "took longer than 0.05 s")
    broken = doctor.in_time("gpu", lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert broken.detail == "could not be checked: ZeroDivisionError: division by zero"
    assert broken.remedy
