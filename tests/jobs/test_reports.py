"""What evaluations left behind for people: found on this machine, or fetched from where all machines share it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raft_core.artifacts import Artifacts
from raft_core.files import to_json, write_bytes, write_text
from raft_core.jobs.reports import chart, evaluation_folder, history, redraw_history, report, texts
from raft_core.registry.registry import Registry
from raft_core.settings import Settings

SCORE = {"f1": 0.5, "f1_low": 0.25, "f1_high": 0.75}


def register(settings: Settings, models: dict[str, Any], guild: str = "one") -> None:
    told = {"id": "eval-1", "guild": guild, "data": "sample", "n": 9, "seed": 0, "baseline": "base"}
    with Registry(settings.registry_url) as registry:
        registry.evaluations.add(told | {"models": models, "created_at": "2026-01-01T00:00:00+00:00"}, [])


def test_charts_of_both_themes_and_of_old(tmp_path: Path) -> None:
    """The theme's own, else the one for all; the report with pictures in it before the plain one."""
    assert (chart(tmp_path), report(tmp_path), texts(tmp_path, "q1")) == (None, None, {})
    for name in ("f1.png", "report.md"):
        write_bytes(tmp_path / name, b"x")
    assert (chart(tmp_path), report(tmp_path)) == (tmp_path / "f1.png", tmp_path / "report.md")
    for name in ("f1-dark.png", "f1-light.png", "report.html"):
        write_bytes(tmp_path / name, b"x")
    assert (chart(tmp_path, "light"), chart(tmp_path)) == (
        tmp_path / "f1-light.png",
        tmp_path / "f1-dark.png",
    )
    assert report(tmp_path) == tmp_path / "report.html"


def test_texts_are_by_model_and_prompt(tmp_path: Path) -> None:
    """Of one question alone."""
    said = [("base", "rag", "q1"), ("base", "raft", "q1"), ("new", "raft", "q1"), ("new", "raft", "q2")]
    rows = [{"model": m, "prompt": p, "id": q, "text": f"{m} {p} {q}\u2028"} for m, p, q in said]
    write_text(tmp_path / "samples.jsonl", "".join(to_json(row) + "\n" for row in rows))
    assert texts(tmp_path, "q1") == {(m, p): f"{m} {p} q1\u2028" for m, p, q in said if q == "q1"}


def test_the_history_is_drawn_by_one_machine_and_seen_by_another(tmp_path: Path) -> None:
    """The newest each time; a guild without a tuned model has none, and another guild's is its own."""
    shared = f"file://{tmp_path / 'shared'}"
    worker = Settings(home=tmp_path / "worker", artifacts_url=shared)
    bot = Settings(home=tmp_path / "bot", artifacts_url=shared)
    register(worker, {"base": SCORE})
    redraw_history(worker, "one")
    assert history(bot, "one") is None
    register(worker, {"base": SCORE, "raft-1": SCORE})
    redraw_history(worker, "one")
    first = history(bot, "one")
    assert first is not None and first.read_bytes().startswith(b"\x89PNG")
    before = first.read_bytes()
    register(worker, {"base": SCORE, "raft-1": SCORE, "raft-2": SCORE})
    redraw_history(worker, "one")
    again = history(bot, "one")
    assert again == first and again.read_bytes() != before
    assert history(bot, "two") is None and history(bot, "one", "light") is not None


def test_an_evaluation_made_elsewhere_is_fetched(tmp_path: Path) -> None:
    """With everything in its folder."""
    shared = f"file://{tmp_path / 'shared'}"
    worker = Settings(home=tmp_path / "worker", artifacts_url=shared)
    folder = worker.guild_dir("one") / "evaluations" / "eval-1"
    write_bytes(folder / "f1.png", b"x")
    Artifacts(worker).push(folder)
    bot = Settings(home=tmp_path / "bot", artifacts_url=shared)
    assert (
        chart(evaluation_folder(bot, "one", "eval-1")) == bot.guild_dir("one") / "evaluations/eval-1/f1.png"
    )
