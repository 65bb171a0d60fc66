from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from raft_core.cli.main import app
from raft_core.dataset.formats import export
from raft_core.records import RaftExample
from raft_core.settings import Settings
from tests.dataset.world import town_chunks
from tests.jobs.test_build import settings_with
from tests.openai_server import Fault, OpenAIServer


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["dataset", *map(str, arguments)])


def value(*arguments: object) -> Any:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def filled(home: Path) -> Settings:
    return settings_with(home, town_chunks())


def test_build_list_show(filled: Settings) -> None:
    """build, list and show print one JSON document each, with the agreed keys."""
    built = value(
        "build", "--distractors", 2, "--p", 0.5, "--seed", 7, "--absent-label", "abstain", "--chunks", 6
    )
    assert {
        "id",
        "rows",
        "rejected",
        "content_hash",
        "tokens",
        "cost_usd",
        "rejected_by_reason",
        "path",
    } <= set(built)
    assert built["rows"] == 6
    assert built["settings"]["absent_label"] == "abstain"
    again = value(
        "build", "--distractors", 2, "--p", 0.5, "--seed", 7, "--absent-label", "abstain", "--chunks", 6
    )
    assert again == built
    (listed,) = value("list")
    assert listed["id"] == built["id"]
    assert {"stale", "forgotten"} <= set(listed)
    shown = value("show", built["id"][:7])
    assert shown["content_hash"] == built["content_hash"]
    assert list(shown["sample"]) == [
        "id",
        "type",
        "question",
        "context",
        "oracle_context",
        "cot_answer",
        "instruction",
    ]
    assert value("list", "--guild", "other") == []


def test_what_people_see(filled: Settings) -> None:
    """Without --json the same commands print text: the counts, the table, the card."""
    assert "no data sets yet" in call("list").stdout
    built = call("build", "--hard")
    assert "10 rows, 0 rejected" in built.stdout
    assert built.stdout.split(":")[0] in call("list").stdout
    assert "without a language model" in " ".join(call("show", built.stdout.split(":")[0]).stdout.split())


def test_export_and_import(filled: Settings, tmp_path: Path) -> None:
    """Each format and type is written where it is asked for; what is exported can be imported."""
    built = value("build")
    for form in ("raft", "completion", "chat", "eval"):
        lines, table = tmp_path / f"{form}.jsonl", tmp_path / f"{form}.parquet"
        exported = value("export", built["id"], "--format", form, "--out", lines)
        assert (exported["rows"], exported["format"], exported["path"]) == (10, form, str(lines))
        value("export", built["id"], "--format", form, "--type", "parquet", "--out", table)
        rows = [json.loads(line) for line in lines.read_text().splitlines()]
        assert pq.read_table(table).to_pylist() == rows
    imported = value("import", tmp_path / "raft.jsonl", "--guild", "other")
    assert (imported["rows"], imported["rejected"], imported["guild"]) == (10, 0, "other")
    assert value("import", tmp_path / "chat.parquet")["rows"] == 10


def test_an_endpoint_that_fails_keeps_what_was_finished(filled: Settings) -> None:
    """A server that dies in the middle is one line and exit code 1; the next run goes on."""
    with OpenAIServer(fault=lambda number: Fault(401) if number > 7 else None) as server:
        failed = call("build", "--generator", server.url, "--generator-model", "teacher")
        assert failed.exit_code == 1
        assert failed.stdout == ""
        assert "refuses the key (401" in failed.stderr
        server.fault = lambda _: None
        assert value("build", "--generator", server.url)["rows"] == 10
        assert len(server.requests) < 20 + 20


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["build", "--p", "2"], 2, "--p"),
        (["build", "--questions", "0"], 2, "--questions"),
        (["build", "--absent-label", "no"], 2, "absent-label"),
        (["build", "--generator", "gpt"], 1, "no generator 'gpt'"),
        (["build", "--generator", "self"], 1, "million parameters: too few to write its own questions"),
        (["build", "--guild", "empty"], 1, "has no documents"),
        (["build", "--distractors", "50"], 1, "10 chunks are too few"),
        (["show", "ds-nothing"], 1, "no data set 'ds-nothing'"),
        (["export", "ds-nothing"], 2, "--out"),
        (["export", "ds-nothing", "--out", "x"], 1, "no data set"),
        (["import", "nowhere.jsonl"], 1, "nowhere.jsonl"),
        (["build", "--guild", "../x"], 2, "letters"),
    ],
)
def test_wrong_use(filled: Settings, arguments: list[str], code: int, words: str) -> None:
    """What goes wrong is told on stderr, with exit code 2 for wrong use and 1 for the rest."""
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert words in " ".join(result.stderr.split())


def test_the_card_is_safe_to_print(home: Path, tmp_path: Path) -> None:
    """Control characters in a row that somebody made do not reach the terminal."""
    sly = "Belmo \x1b[2J was founded in 1873. [red]x[/red]"
    row = RaftExample(
        "\x1b]0;x", f"What?\x1b[2J {sly}?", (sly,), ("\x1b[31m",), sly, "<ANSWER>: 1873", "1873"
    )
    export([row], "raft", "jsonl", tmp_path / "x.jsonl")
    imported = value("import", tmp_path / "x.jsonl")
    assert "\x1b" not in call("show", imported["id"]).stdout
