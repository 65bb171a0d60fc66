"""The whole evaluation, against a strict server that answers as two models would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from raft_core.errors import BadRecord, EndpointError, EvaluationError, SettingsError, UnknownModel
from raft_core.jobs.evaluate import EvaluationSettings, answer, count_questions, evaluate, judge_runs, merge
from raft_core.progress import Progress
from raft_core.records import Score
from raft_core.settings import Settings
from tests.evaluation.chat_server import ChatServer, chat_server

COLOURS = ["red", "blue", "dark green", "yes"] * 10


def reader(model: str, message: str) -> str:
    """The base reads only the first half, and under the RAFT prompt nothing; the tuned model all of it."""
    number = int(message.rsplit("house ", 1)[1].split("?", maxsplit=1)[0])
    if model == "base" and "<DOCUMENT>" in message:
        return "I do not know"
    if model == "base" and number >= 20:
        return "<ANSWER>: black"
    return f"<ANSWER>: {COLOURS[number]}"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(reader, models=("base", "tuned")) as running:
        yield running


@pytest.fixture
def settings(home: Path, server: ChatServer) -> Settings:
    return Settings(home=home, model_server_url=server.url, max_new_tokens=60, price_per_gpu_hour_usd=3600.0)


@pytest.fixture
def data(tmp_path: Path) -> str:
    records: list[dict[str, Any]] = [
        {
            "_id": f"q{number}",
            "question": f"What is the colour of house {number}?",
            "answer": colour,
            "context": [["House", [f"House {number} is {colour}."]]],
        }
        for number, colour in enumerate(COLOURS)
    ]
    path = tmp_path / "houses.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return str(path)


def asked(data: str, *models: str, **options: Any) -> EvaluationSettings:
    return EvaluationSettings(data, models, **options)


def test_scores_are_exact_and_everything_is_kept(settings: Settings, data: str, tmp_path: Path) -> None:
    """The base counts with the better prompt, the tuned model is compared with it, all files are written."""
    seen: list[Progress] = []
    out = tmp_path / "out"
    result = evaluate(settings, "local", asked(data, "base", "tuned", seed=5), out=out, report=seen.append)
    value = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert (value["n"], value["available"], value["seed"], value["max_new_tokens"]) == (40, 40, 5, 60)
    assert (value["models"]["base"]["f1"], value["models"]["base"]["prompt"]) == (0.5, "rag")
    assert (value["models"]["base"]["prompts"]["raft"]["f1"], value["models"]["tuned"]["em"]) == (0.0, 1.0)
    assert value["models"]["base"]["prompts"]["raft"]["untagged"] == 1.0
    assert [(d["a"], d["b"], d["f1"]) for d in value["differences"]] == [("base", "tuned", 0.5)]
    assert value["cost_usd"] == pytest.approx(value["seconds"], abs=1e-3)
    assert set(value["prompt_hashes"]) == {"rag", "raft"} and value["versions"]["lm-eval"]
    kept = settings.guild_dir("local") / "evaluations" / result.id
    for folder in (kept, out):
        assert {path.name for path in folder.iterdir()} == {
            "evaluation.json",
            "report.md",
            "f1.png",
            "samples.jsonl",
        }
    assert len((kept / "samples.jsonl").read_text(encoding="utf-8").splitlines()) == 160
    assert [update.stage for update in seen if update.done == update.total] == [
        "base · rag",
        "base · raft",
        "tuned · rag",
        "tuned · raft",
    ]


def test_the_limit_draws_by_seed(settings: Settings, data: str, server: ChatServer) -> None:
    """The same seed asks the same questions and has the same id, another seed others."""
    drawn = []
    for seed in (1, 1, 2):
        result = evaluate(settings, "local", asked(data, "tuned", limit=6, seed=seed, prompt="raft"))
        drawn.append((result.id, [sample.id for sample in result.samples("tuned")]))
        assert result.n == 6
        assert result.circumstances.available == 40
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[2][0] and drawn[0][1] != drawn[2][1]
    assert len(server.requests) == 18


def test_pocket_questions_are_held_out_and_answerable(settings: Settings, server: ChatServer) -> None:
    """`pocket` draws n questions from the held-out world, each with its answer in its articles."""
    server.reply = lambda model, message: "<ANSWER>: nothing"
    result = evaluate(settings, "local", asked("pocket", "base", limit=5, prompt="raft"))
    assert (result.n, result.circumstances.data) == (5, "pocket")
    assert all(sample.id.startswith("heldout-0-") for sample in result.samples("base"))


def test_bad_input_fails_before_any_request(settings: Settings, tmp_path: Path, server: ChatServer) -> None:
    """A bad record, an unknown model, no model, a twice named one: each is its own error."""
    bad = tmp_path / "bad.json"
    bad.write_text('[{"_id": "a", "question": "Who?", "context": [["T", ["s"]]]}]', encoding="utf-8")
    with pytest.raises(BadRecord, match="'answer': is missing"):
        evaluate(settings, "local", asked(str(bad), "base"))
    with pytest.raises(UnknownModel, match="no model 'nobody'"):
        evaluate(settings, "local", asked("pocket", "base", "nobody", limit=1))
    with pytest.raises(SettingsError):
        evaluate(settings, "local", asked("pocket", "base", "base", limit=1))
    with pytest.raises(EvaluationError, match="leaves no question"):
        evaluate(settings, "local", asked("pocket", "base", limit=0))
    assert server.requests == []


def test_without_a_server_only_known_models_are_taken(home: Path) -> None:
    """Before anything is started, a name nobody has is refused."""
    with pytest.raises(UnknownModel) as caught:
        evaluate(Settings(home=home), "local", asked("pocket", "raft-00000000", limit=1))
    assert caught.value.remedy == "known models: base"


def test_a_failing_server_leaves_no_score(settings: Settings, data: str, server: ChatServer) -> None:
    """If one request fails for good there is no evaluation, not one with zeros."""
    server.fail = [400]
    with pytest.raises(EndpointError, match="told to fail"):
        evaluate(settings, "local", asked(data, "base"))
    assert not (settings.guild_dir("local") / "evaluations").exists()


def test_slices_make_the_same_scores(settings: Settings, data: str) -> None:
    """Answers gathered in slices, as workers do, give the evaluation that one run gives."""
    what = asked(data, "base", "tuned", seed=5)
    assert count_questions(what) == 40
    slices = [answer(settings, "local", what, start=start, stop=start + 16) for start in (0, 16, 32)]
    sliced = judge_runs(settings, "local", what, merge(slices), 1.0)
    whole = evaluate(settings, "local", what)
    assert sliced.circumstances.id == whole.circumstances.id
    assert [asdict(score) for score in map(_untimed, sliced.models.values())] == [
        asdict(score) for score in map(_untimed, whole.models.values())
    ]


def _untimed(score: Score) -> Score:
    return replace(score, seconds=0.0)
