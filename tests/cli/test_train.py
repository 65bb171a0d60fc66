from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from raft_core.cli.main import app
from raft_core.settings import load_settings
from tests.jobs.test_train import saved_dataset
from tests.training.examples import recipe


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


@pytest.fixture
def made(home: Path) -> str:
    return saved_dataset(load_settings()).id


def test_train_prints_one_document_with_the_agreed_keys(made: str, tiny_model: Path, tmp_path: Path) -> None:
    """Progress goes to stderr; the options are in the recipe beside the adapter; --out gets a copy."""
    options = ["--dataset", made, "--base", tiny_model, "--rank", 4, "--epochs", 1, "--bits", 16, "--seed", 3]
    done = call(*options, "--learning-rate", "1e-3", "--batch-size", 2, "--out", tmp_path / "copy", "--json")
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert {"id", "base", "dataset", "loss", "tokens", "seconds", "cost_usd", "path"} <= set(value)
    assert (value["base"], value["dataset"], value["rows"], value["rank"]) == (str(tiny_model), made, 4, 4)
    assert "train 1/1" in done.stderr
    saved = (tmp_path / "copy" / "recipe.yaml").read_text(encoding="utf-8")
    assert all(line in saved for line in ("r: 4", "num_train_epochs: 1", "seed: 3", "learning_rate: 0.001"))

    again = call(*options, "--learning-rate", "1e-3", "--batch-size", 2, "--json")
    assert (json.loads(again.stdout), again.stderr) == (value, "")


def test_a_recipe_file_is_followed_and_people_get_words(made: str, tiny_model: Path, tmp_path: Path) -> None:
    """Without --json the result is a few lines that end in the adapter's folder."""
    from raft_core.training.recipe import to_yaml

    file = tmp_path / "mine.yaml"
    file.write_text(to_yaml(recipe(tiny_model, num_train_epochs=1)), encoding="utf-8")
    done = call("--dataset", made, "--recipe", file)
    assert done.exit_code == 0, done.output
    assert "trained on 4 rows of ds-00000001" in done.stdout
    assert Path(done.stdout.strip().splitlines()[-1]).is_dir()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing option '--dataset'"),
        (["--dataset", "ds-9"], 1, "no data set 'ds-9' in guild 'local'"),
        (["--dataset", "ds-0", "--guild", "a/b"], 2, "use 1 to 64 letters"),
        (["--dataset", "ds-0", "--rank", "none"], 2, "unable to parse string as an integer"),
        (["--dataset", "ds-0", "--rank", "0"], 2, "should be greater than or equal to 1"),
        (["--dataset", "ds-0", "--dropout", "2"], 1, "dropout cannot be 2.0"),
        (["--dataset", "ds-0", "--bits", "8"], 1, "bits cannot be 8"),
        (["--dataset", "ds-0", "--recipe", "none.yaml"], 1, "cannot read the recipe none.yaml"),
        (["--dataset", "ds-0", "--base", "/nowhere"], 1, "no model folder /nowhere"),
        (["--dataset", "ds-0", "--base", "raftbot-tests/absent"], 1, "cannot be loaded"),
    ],
)
def test_wrong_use_is_said_in_one_line(made: str, arguments: list[str], code: int, message: str) -> None:
    """2 for what typer refuses, 1 for what we do; nothing on stdout."""
    done = call(*arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_out_keeps_what_is_there(made: str, tiny_model: Path, tmp_path: Path) -> None:
    """A folder that is not empty is refused before anything is trained."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    done = call("--dataset", made, "--base", tiny_model, "--out", tmp_path / "full")
    assert done.exit_code == 1
    assert "exists and is not empty" in done.stderr
    assert "train" not in done.stderr.split("error")[0]
