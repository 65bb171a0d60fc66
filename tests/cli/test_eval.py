from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raft_core.cli.main import app
from tests.evaluation.chat_server import chat_server

RECORD = {
    "_id": "a",
    "question": "Capital?",
    "answer": "Oslo",
    "supporting_facts": [["Norway", 0]],
    "context": [["Norway", ["Oslo is the capital."]]],
}


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.json"
    path.write_text(json.dumps([RECORD, RECORD | {"_id": "b", "answer": "yes"}]), encoding="utf-8")
    return path


def test_score(gold: Path, tmp_path: Path) -> None:
    """`score` prints the official keys, tells missing predictions on stderr, and adds sp and joint."""
    pred = tmp_path / "pred.json"
    pred.write_text('{"answer": {"a": "Oslo city", "z": "?"}}', encoding="utf-8")
    result = CliRunner().invoke(app, ["score", "--gold", str(gold), "--pred", str(pred), "--json"])
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert {key: value[key] for key in ("n", "em", "prec", "recall")} == {
        "n": 2,
        "em": 0,
        "prec": 0.25,
        "recall": 0.5,
    }
    assert value["f1"] == pytest.approx(1 / 3)
    assert (
        "1 of 2 questions have no prediction and score 0; 1 predictions belong to no question"
        in result.stderr
    )
    pred.write_text('{"answer": {"a": "Oslo", "b": "Yes"}, "sp": {"a": [["Norway", 0]]}}', encoding="utf-8")
    result = CliRunner().invoke(app, ["score", "--gold", str(gold), "--pred", str(pred)])
    assert result.stdout.splitlines()[1] == "em           1.0000"
    assert "joint_f1     0.5000" in result.stdout


def test_eval(home: Path, gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`eval` prints one JSON document on stdout, or a table, and copies everything to --out."""
    with chat_server(lambda *_: "<ANSWER>: Oslo") as server:
        monkeypatch.setenv("RAFTBOT_MODEL_SERVER_URL", server.url)
        call = [
            "eval",
            "--data",
            str(gold),
            "--models",
            "base",
            "--limit",
            "9",
            "--out",
            str(tmp_path / "out"),
        ]
        as_json = CliRunner().invoke(app, [*call, "--json"])
        table = CliRunner().invoke(app, call)
    assert as_json.exit_code == table.exit_code == 0, as_json.output + table.output
    value = json.loads(as_json.stdout)
    assert (value["n"], value["models"]["base"]["f1"], value["differences"]) == (2, 0.5, [])
    assert "The limit of 9 is more than there are: all were asked." in table.stdout
    assert "base" in table.stdout and "0.500" in table.stdout
    assert (tmp_path / "out" / "f1.png").is_file()
    assert (home / "guilds" / "local" / "evaluations" / value["id"] / "report.md").is_file()
    listed = CliRunner().invoke(app, ["eval", "list", "--json"])
    assert [each["id"] for each in json.loads(listed.stdout)] == [value["id"]]
    shown = json.loads(CliRunner().invoke(app, ["eval", "show", value["id"][:6], "--json"]).stdout)
    samples = [(each["prompt"], each["id"], each["f1"]) for each in shown.pop("samples")]
    assert sorted(samples) == [("raft", "a", 1), ("raft", "b", 0), ("rag", "a", 1), ("rag", "b", 0)]
    kept = home / "guilds" / "local" / "evaluations" / value["id"] / "evaluation.json"
    assert shown == json.loads(kept.read_text(encoding="utf-8"))
    assert "0.500" in CliRunner().invoke(app, ["eval", "show", value["id"]]).stdout
    elsewhere = CliRunner().invoke(app, ["eval", "show", value["id"], "--guild", "other"])
    assert (elsewhere.exit_code, elsewhere.stdout) == (1, "")


def test_task_path() -> None:
    """`eval task-path` prints the folder that holds the tasks."""
    result = CliRunner().invoke(app, ["eval", "task-path"])
    assert (Path(result.stdout.strip()) / "hotpotqa_raft" / "hotpotqa_raft.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["eval", "--data", "nowhere.json"], 1, "cannot read nowhere.json"),
        (["eval", "--models", "nobody"], 1, "no model 'nobody'"),
        (["eval", "--limit", "0"], 2, "limit"),
        (["eval", "--prompt", "poem"], 2, "rag or raft"),
        (["eval", "--setting", "open"], 2, "no setting"),
        (["eval", "--setting", "oracle", "--distractors", "2"], 2, "belongs to the distractor"),
        (["eval", "sweep"], 2, "give one of"),
        (["eval", "sweep", "--distractors", "0,x"], 2, "give numbers"),
        (["eval", "verify", "eval-00"], 1, "no evaluation"),
        (["score", "--gold", "nowhere.json", "--pred", "p.json"], 1, "cannot read nowhere.json"),
        (["score"], 2, "--gold"),
    ],
)
@pytest.mark.usefixtures("home")
def test_wrong_use(arguments: list[str], code: int, said: str) -> None:
    """Wrong use exits 2, bad input 1 with its reason, and nothing is on stdout."""
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_sweep_and_verify(home: Path, gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep is one evaluation a value; `verify` recomputes each, and exits with 1 where one was changed."""
    records = [
        record | {"supporting_facts": [["Norway", 0]]}
        for record in json.loads(gold.read_text(encoding="utf-8"))
    ]
    gold.write_text(json.dumps(records), encoding="utf-8")
    runner = CliRunner()
    with chat_server(lambda *_: "<ANSWER>: Oslo") as server:
        monkeypatch.setenv("RAFTBOT_MODEL_SERVER_URL", server.url)
        call = ["eval", "sweep", "--data", str(gold), "--setting", "distractor,oracle,closed-book", "--json"]
        swept = runner.invoke(app, [*call, "--out", str(tmp_path / "out")])
    assert swept.exit_code == 0, swept.output
    value = json.loads(swept.stdout)
    assert value == json.loads((tmp_path / "out" / "sweep.json").read_text(encoding="utf-8"))
    assert value["axis"] == "setting"
    assert [each["setting"] for each in value["evaluations"]] == ["distractor", "oracle", "closed-book"]
    assert [each["models"]["base"]["f1"] for each in value["evaluations"]] == [0.5, 0.5, 0.5]
    first = value["evaluations"][0]["id"]
    held = runner.invoke(app, ["eval", "verify", first, "--json"])
    assert (held.exit_code, json.loads(held.stdout)["holds"]) == (0, True)
    path = home / "guilds" / "local" / "evaluations" / first / "samples.jsonl"
    path.write_text(
        path.read_text(encoding="utf-8").replace("<ANSWER>: Oslo", "<ANSWER>: Rome"), encoding="utf-8"
    )
    changed = runner.invoke(app, ["eval", "verify", first])
    assert changed.exit_code == 1
    assert "does not hold" in changed.stdout and "stored 'Oslo', computed 'Rome'" in changed.stdout
    path.write_text("{", encoding="utf-8")
    broken = runner.invoke(app, ["eval", "verify", first])
    assert (broken.exit_code, broken.stdout) == (1, "") and "holds no whole evaluation" in broken.stderr
