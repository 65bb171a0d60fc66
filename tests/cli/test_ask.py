from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raft_core.cli.main import app
from tests.evaluation.chat_server import chat_server

TEXT = "Oslo is the capital of Norway."
GOOD = f"##begin_quote## {TEXT} ##end_quote## <ANSWER>: Oslo"
SLY = "[red]\x1b[2J##begin_quote## [bold]Oslo[/bold] ##end_quote##[/red] <ANSWER>: [link=http://x]Rome"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    path = tmp_path / "norway.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_json_and_plain_output(home: Path, context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON is one document with the agreed keys; plain text shows the short answer first and checks quotes."""
    with chat_server(lambda model, _: GOOD if model == "tuned" else SLY, models=("base", "tuned")) as server:
        monkeypatch.setenv("RAFTBOT_MODEL_SERVER_URL", server.url)
        call = ["ask", "Capital?", "--models", "base,tuned", "--context", str(context)]
        as_json = CliRunner().invoke(app, [*call, "--json"])
        plain = CliRunner().invoke(app, call)
    assert as_json.exit_code == plain.exit_code == 0, as_json.output + plain.output
    value = json.loads(as_json.stdout)
    assert value["question"] == "Capital?"
    base, tuned = value["answers"]
    assert {"model", "text", "answer", "sources", "quotes", "tokens", "seconds"} <= set(tuned)
    assert (tuned["model"], tuned["answer"]) == ("tuned", "Oslo")
    assert tuned["quotes"] == [{"text": TEXT, "verified": True, "source": 1}]
    assert tuned["sources"][0]["title"] == "norway.txt"
    assert not base["quotes"][0]["verified"]
    assert "\x1b" not in plain.stdout
    lines = plain.stdout.splitlines()
    assert lines[0] == "== base"
    assert lines[1] == "[link=http://x]Rome"
    assert "✗ “[bold]Oslo[/bold]” stands in no source" in lines
    assert "no source used" in lines
    assert lines[lines.index("== tuned") + 1] == "Oslo"
    assert f"✓ “{TEXT}” [1]" in lines
    assert lines[-1] == "  [1] norway.txt"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Missing argument"),
        ([" "], 2, "empty"),
        (["Who?", "--models", "base,base"], 2, "each once"),
        (["Who?", "--prompt", "poem"], 2, "rag or raft"),
        (["Who?", "--top-k", "0"], 2, "top-k"),
        (["Who?"], 1, "raftbot docs add"),
        (["Who?", "--context", "nowhere.txt"], 1, "cannot read nowhere.txt"),
        (["Who?", "--models", "nobody"], 1, "no model 'nobody'"),
    ],
)
@pytest.mark.usefixtures("home")
def test_wrong_use(arguments: list[str], code: int, said: str) -> None:
    """Wrong use exits 2, a reason from the job 1; both say what to do, on stderr."""
    result = CliRunner().invoke(app, ["ask", *arguments])
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
