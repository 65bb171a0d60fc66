"""`raftbot eval report`, `grid` and `figure`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raft_core.cli.main import app
from raft_core.evaluation.questions import to_record
from raft_core.evaluation.report import samples_jsonl
from raft_core.evaluation.result import judge
from raft_core.files import write_json, write_text
from tests.evaluation.test_reports import N, questions, run
from tests.evaluation.test_result import circumstances


@pytest.fixture
def kept(home: Path) -> Path:
    """An evaluation in the guild's folder, which the registry finds there."""
    evaluation = judge(circumstances(N), [run("base", "raft", 10), run("good", "raft", 30)], questions())
    folder = home / "guilds" / "local" / "evaluations" / evaluation.id
    write_json(folder / "evaluation.json", evaluation.as_json())
    write_text(folder / "samples.jsonl", samples_jsonl(evaluation))
    write_json(folder / "questions.json", [to_record(question) for question in evaluation.questions])
    (folder / "f1-dark.png").write_bytes(b"\x89PNG dark")
    return folder


def test_report(kept: Path, tmp_path: Path) -> None:
    """A table for the terminal, Markdown and JSON on stdout, page and picture in a file; the ending chooses."""
    call = ["eval", "report", kept.name[:6]]
    assert "significant" in CliRunner().invoke(app, call).stdout
    assert (
        CliRunner().invoke(app, [*call, "--format", "md"]).stdout.startswith("# HotpotQA F1 · eval-00c0ffee")
    )
    value = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    assert value == json.loads((kept / "evaluation.json").read_text(encoding="utf-8"))
    page, picture = tmp_path / "r.html", tmp_path / "r.png"
    assert CliRunner().invoke(app, [*call, "--out", str(page)]).exit_code == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert CliRunner().invoke(app, [*call, "--out", str(picture), "--theme", "dark"]).exit_code == 0
    assert picture.read_bytes() == b"\x89PNG dark"  # the one that was drawn when the evaluation ended


def test_wrong_use(kept: Path) -> None:
    """A picture wants a file; an unknown id and another guild's are refused."""
    without_file = CliRunner().invoke(app, ["eval", "report", kept.name, "--format", "png"])
    assert (without_file.exit_code, without_file.stdout) == (2, "")
    for arguments in (["nope"], [kept.name, "--guild", "other"]):
        refused = CliRunner().invoke(app, ["eval", "report", *arguments])
        assert (refused.exit_code, refused.stdout) == (1, "") and "no evaluation" in refused.stderr


@pytest.mark.usefixtures("home")
def test_a_grid_is_told_before_it_is_run(tmp_path: Path) -> None:
    """Without a data set the command says what it would train; a file without results draws no figure."""
    result = CliRunner().invoke(app, ["eval", "grid", "recipes/grid-smollm2.yaml", "--json"])
    plan = json.loads(result.stdout)
    assert (len(plan["adapters"]), plan["max_new_tokens"]) == (16, [160])
    empty = tmp_path / "grid.json"
    empty.write_text("{}", encoding="utf-8")
    for path in (empty, tmp_path / "none.json"):
        refused = CliRunner().invoke(app, ["eval", "figure", str(path), "--out", str(tmp_path / "f.png")])
        assert (refused.exit_code, refused.stdout) == (1, "") and "raftbot eval grid" in refused.stderr
