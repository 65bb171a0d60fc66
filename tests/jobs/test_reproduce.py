"""The write-up's experiment with a small random base and few records: every stage runs for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raft_core.cli.main import app
from tests.tiny_model import small_base


def records() -> list[dict[str, object]]:
    """Four records over eight paragraphs about towns, two gold ones each."""
    towns = ["Arlow", "Bexley", "Corran", "Dunmere", "Elstow", "Farrow", "Garsby", "Hollin"]
    founders = ["Anna Reed", "Boris Kent", "Clara Holt", "David Nash", "Emma Frost", "Frank Moss", "Grace Lund", "Henry Vale"]  # fmt: skip
    context = []
    for number, (town, founder) in enumerate(zip(towns, founders, strict=True), 1):
        mayor = founders[number - 2]
        sentences = [f"{town} is a town in Norland.", f" {town} was founded by {founder} in 18{number}0."]
        context.append([town, [*sentences, f" The mayor of {town} is {mayor}."]])
    return [
        {
            "_id": f"r{number}",
            "question": f"Which person began {towns[number]}?",
            "answer": founders[number],
            "type": "bridge",
            "supporting_facts": [[towns[number], 1], [towns[number + 1], 0]],
            "context": context,
        }
        for number in range(4)
    ]


@pytest.mark.slow
def test_the_whole_experiment_and_again(home: Path, tmp_path: Path) -> None:
    """Rows, two seeds, both settings, table, report and pictures; the second run trains and asks nothing again."""
    data, out = tmp_path / "records.json", tmp_path / "out"
    data.write_text(json.dumps(records()), encoding="utf-8")
    call = [
        "reproduce",
        "hotpotqa",
        "--data",
        str(data),
        "--base",
        str(small_base()),
        "--seeds",
        "0,1",
        "--epochs",
        "1",
    ]
    call += ["--paragraphs", "8", "--limit", "3", "--max-new-tokens", "12", "--out", str(out)]
    done = CliRunner().invoke(app, [*call, "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result == json.loads((out / "reproduction.json").read_text(encoding="utf-8"))
    assert (result["paragraphs"], result["dataset"]["generator"]) == (8, "rules (no language model)")
    assert 4 <= result["dataset"]["rows"] <= 8 and result["dataset"]["seconds"] > 0
    assert [adapter["seed"] for adapter in result["adapters"]] == [0, 1]
    assert list(result["settings"]) == ["distractor", "gold+2"]
    for name, scores in result["settings"].items():
        assert (scores["n"], scores["lacks"], scores["answers"]) == (3, {}, 3 * 4)
        assert [each["seed"] for each in scores["seeds"]] == [0, 1]
        assert scores["all"]["f1"] == pytest.approx(sum(each["f1"] for each in scores["seeds"]) / 2)
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    report = (out / "report.md").read_text(encoding="utf-8")
    assert report.count("| distractor |") == report.count("| gold+2 |") == 3
    assert "| training, seed 1 |" in report and "The write-up: 100 rows" in report
    again = CliRunner().invoke(app, call)
    assert again.exit_code == 0, again.output
    assert "gold+2" in again.stdout and "report.md" in again.stdout
    kept = json.loads((out / "reproduction.json").read_text(encoding="utf-8"))
    assert (kept["dataset"], kept["adapters"]) == (result["dataset"], result["adapters"])
    before, after = (each["settings"]["distractor"] for each in (result, kept))
    assert (after["evaluation"], after["seeds"]) == (before["evaluation"], before["seeds"])
    assert after["seconds"] >= before["seconds"] > 0  # not those of the answers that were stored


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--data", "nowhere.json"], 1, "cannot read nowhere.json"),
        (["--data", "sample", "--setting", "open"], 1, "no setting 'open'"),
        (["--data", "sample", "--seeds", "x"], 2, "give numbers"),
        ([], 2, "--data"),
    ],
)
@pytest.mark.usefixtures("home")
def test_wrong_use(arguments: list[str], code: int, said: str) -> None:
    """Told before anything is read or trained, and nothing is on stdout."""
    result = CliRunner().invoke(app, ["reproduce", "hotpotqa", *arguments])
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
