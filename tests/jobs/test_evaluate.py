"""The whole evaluation, against a strict server that answers as two models would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from raft_core.dataset.files import rows_hash, save
from raft_core.errors import BadRecord, EndpointError, EvaluationError, SettingsError, UnknownModel
from raft_core.evaluation.questions import read_questions
from raft_core.files import to_json, write_json
from raft_core.jobs.catalogue import register_adapter, register_dataset
from raft_core.jobs.draw import EvaluationSettings, draw
from raft_core.jobs.evaluate import answer, evaluate, judge_runs, merge
from raft_core.jobs.plans import PLANS
from raft_core.jobs.units import UNITS
from raft_core.progress import Progress, silent
from raft_core.records import AdapterInfo, DatasetInfo, RaftExample, Score
from raft_core.sample import question_file
from raft_core.settings import Settings
from tests.evaluation.chat_server import ChatServer, chat_server
from tests.store.embedding_server import MODEL, embedding_server

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
    assert value["memory_mb"] == {}
    assert set(value["prompt_hashes"]) == {"rag", "raft"} and value["versions"]["lm-eval"]
    kept = settings.guild_dir("local") / "evaluations" / result.id
    for folder in (kept, out):
        whole = {"evaluation.json", "report.md", "f1.png", "questions.json", "samples.jsonl"}
        assert whole <= {path.name for path in folder.iterdir()}
    assert len((kept / "samples.jsonl").read_text(encoding="utf-8").splitlines()) == 160
    assert [update.stage for update in seen if update.done == update.total] == [
        "base · rag",
        "base · raft",
        "tuned · rag",
        "tuned · raft",
    ]


def test_the_memory_that_the_server_tells_is_kept(settings: Settings, data: str, server: ChatServer) -> None:
    """In MB by kind, beside the scores."""
    server.memory_mb = {"weights": 4.5, "server": 900}
    result = evaluate(settings, "local", asked(data, "base", limit=2))
    assert result.circumstances.memory_mb == {"weights": 4.5, "server": 900.0}


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


def test_the_sample_exam_is_asked_by_its_name(settings: Settings, server: ChatServer) -> None:
    """`sample` are the 200 questions to report, of which the seed takes `limit`; development is apart."""
    server.reply = lambda model, message: "<ANSWER>: nothing"
    ids: dict[str, set[str]] = {}
    for name, available in (("sample", 200), ("sample-development", 100)):
        result = evaluate(settings, "local", asked(name, "base", limit=5, prompt="raft"))
        ran = result.circumstances
        assert (result.n, ran.available, ran.data) == (5, available, name)
        ids[name] = {sample.id for sample in result.samples("base")}
    assert not ids["sample"] & {each.id for each in read_questions(question_file("sample-development"))}
    assert not ids["sample-development"] & {each.id for each in read_questions(question_file("sample"))}


def test_bad_input_fails_before_any_request(settings: Settings, tmp_path: Path, server: ChatServer) -> None:
    """A bad record, an unknown model, no model, a twice named one: each is its own error."""
    bad = tmp_path / "bad.json"
    bad.write_text('[{"_id": "a", "question": "Who?", "context": [["T", ["s"]]]}]', encoding="utf-8")
    with pytest.raises(BadRecord, match="'answer': is missing"):
        evaluate(settings, "local", asked(str(bad), "base"))
    with pytest.raises(UnknownModel, match="no model 'nobody'"):
        evaluate(settings, "local", asked("sample", "base", "nobody", limit=1))
    with pytest.raises(SettingsError):
        evaluate(settings, "local", asked("sample", "base", "base", limit=1))
    with pytest.raises(EvaluationError, match="leaves no question"):
        evaluate(settings, "local", asked("sample", "base", limit=0))
    assert server.requests == []


def test_without_a_server_only_known_models_are_taken(home: Path) -> None:
    """Before anything is started, a name nobody has is refused."""
    with pytest.raises(UnknownModel) as caught:
        evaluate(Settings(home=home), "local", asked("sample", "raft-00000000", limit=1))
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
    drawn = draw(settings, "local", what, {"base": None, "tuned": None})
    assert len(drawn.positions) == 40
    slices = [answer(settings, "local", what, drawn.slice(start, start + 16)) for start in (0, 16, 32)]
    sliced = judge_runs(settings, "local", what, drawn, merge(slices), 1.0)
    whole = evaluate(settings, "local", what)
    assert sliced.circumstances.id == whole.circumstances.id
    assert [asdict(score) for score in map(_untimed, sliced.models.values())] == [
        asdict(score) for score in map(_untimed, whole.models.values())
    ]


def _untimed(score: Score) -> Score:
    return replace(score, seconds=0.0)


@pytest.fixture
def marked(tmp_path: Path) -> str:
    """Twelve houses, each record with its own paragraph as gold among three others."""
    records = [
        {
            "_id": f"q{number}",
            "question": f"What is the colour of house {number}?",
            "answer": COLOURS[number],
            "type": "bridge",
            "supporting_facts": [[f"House {number}", 0]],
            "context": [
                [f"House {each % 12}", [f"House {each % 12} is {COLOURS[each % 12]}."]]
                for each in range(number - 1, number + 3)
            ],
        }
        for number in range(12)
    ]
    path = tmp_path / "marked.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return str(path)


def contents(server: ChatServer) -> list[str]:
    return [request["messages"][0]["content"] for request in server.requests]


def test_the_oracle_alone_and_a_dial_of_distractors(
    settings: Settings, marked: str, server: ChatServer
) -> None:
    """The oracle setting shows one paragraph, two distractors three; nine, where records have three, are told."""
    for options, shown in (({"setting": "oracle"}, 1), ({"distractors": 2}, 3), ({"distractors": 9}, 4)):
        server.requests.clear()
        result = evaluate(settings, "local", asked(marked, "tuned", prompt="raft", **options))
        assert {text.count("<DOCUMENT>") for text in contents(server)} == {shown}
        assert all(sample.gold_shown for sample in result.samples("tuned"))
        assert result.circumstances.fewer == (12 if shown == 4 else 0)
        assert (result.models["tuned"].f1, result.circumstances.setting) == (
            1.0,
            options.get("setting", "distractor"),
        )


def test_a_closed_book(settings: Settings, marked: str, server: ChatServer) -> None:
    """No paragraph is shown and the prompts are others; what the weights know is scored."""
    result = evaluate(settings, "local", asked(marked, "base", "tuned", setting="closed-book"))
    assert not any("is red" in text or "<DOCUMENT>" in text for text in contents(server))
    assert set(result.circumstances.prompt_hashes) == {"closed", "closed_raft"}
    assert set(result.prompts["base"]) == {"closed", "closed_raft"}
    assert all(question.context == () for question in result.questions)
    assert {sample.gold_shown for sample in result.samples("base")} == {False}


def test_retrieval_from_all_paragraphs(settings: Settings, marked: str, server: ChatServer) -> None:
    """The nearest of all twelve paragraphs are shown in their order, and their recall is told."""
    with embedding_server() as embeddings:
        there = settings.model_copy(update={"embeddings": embeddings.url, "embeddings_model": MODEL})
        result = evaluate(there, "local", asked(marked, "tuned", prompt="raft", setting="retrieval", top_k=3))
        embedded = embeddings.embedded
        again = evaluate(there, "local", asked(marked, "tuned", prompt="raft", setting="retrieval", top_k=3))
        assert (embedded, embeddings.embedded) == (24, 36)  # the second time only the questions
    assert result.circumstances.data_hash == again.circumstances.data_hash
    recall = result.circumstances.recall_at_k
    assert list(recall) == ["1", "2", "3"] and recall["1"] <= recall["2"] <= recall["3"] <= 1
    assert {text.count("<DOCUMENT>") for text in contents(server)} == {3}
    found = sum(sample.gold_shown is True for sample in result.samples("tuned")) / 12
    assert found == recall["3"]
    assert sum(part.n for part in result.models["tuned"].by["gold"].values()) == 12


@pytest.mark.parametrize(
    "options",
    [
        {"setting": "open"},
        {"prompt": "poem"},
        {"distractors": -1},
        {"setting": "oracle", "distractors": 2},
        {"top_k": 3},
        {"setting": "retrieval", "top_k": 0},
    ],
)
def test_settings_that_make_no_sense(options: dict[str, Any]) -> None:
    """What does not belong together is refused before anything is read."""
    with pytest.raises(EvaluationError):
        asked("sample", "base", **options)


@pytest.fixture
def trained(settings: Settings, marked: str) -> str:
    """An adapter whose data set asked question 3 and holds the paragraph of house 7; its weights are no matter."""
    questions = read_questions(Path(marked))
    rows = [
        RaftExample("r1", questions[3].question, ("Nothing.",), ("T",), "Nothing.", "<ANSWER>: yes", "yes"),
        RaftExample("r2", "Other?", ("House 7 is yes.",), ("T",), "House 7 is yes.", "<ANSWER>: x", "x"),
    ]
    info = DatasetInfo("ds-12345678", "local", 2, 0, rows_hash(rows), 0, 0.0, "test", {}, (), "2026-01-01")
    save(settings.guild_dir("local") / "datasets" / info.id, info, rows, [])
    register_dataset(settings, info)
    folder = settings.guild_dir("local") / "adapters" / "raft-12345678"
    adapter = AdapterInfo(
        folder.name,
        "local",
        "org/base",
        info.id,
        0.1,
        1,
        1.0,
        0.0,
        str(folder),
        4,
        info.content_hash,
        "2026-01-01",
    )
    write_json(folder / "adapter.json", adapter)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    register_adapter(settings, adapter)
    return folder.name


def test_what_was_trained_on_is_left_out(
    settings: Settings, marked: str, trained: str, server: ChatServer
) -> None:
    """The question asked in training goes, and the four that show the paragraph; kept on request, told either way."""
    server.models = ("base", trained)
    result = evaluate(settings, "local", asked(marked, "base", trained))
    left = [sample.id for sample in result.samples(trained)]
    assert sorted(left) == ["q0", "q1", "q10", "q11", "q2", "q4", "q9"]
    report = result.circumstances.leaks
    assert report is not None
    assert (report.datasets, report.unknown, report.checked, report.questions) == (
        ("ds-12345678",),
        (),
        12,
        5,
    )
    assert {(leak.id, leak.kind) for leak in report.leaks} == {
        ("q3", "question"),
        *((f"q{number}", "context") for number in (5, 6, 7, 8)),
    }
    kept = evaluate(settings, "local", asked(marked, "base", trained, keep_leaked=True))
    assert (kept.n, kept.circumstances.leaks and kept.circumstances.leaks.questions) == (12, 5)
    assert kept.id != result.id
    few = evaluate(settings, "local", asked(marked, "base", trained, limit=7))
    assert sorted(sample.id for sample in few.samples(trained)) == sorted(left)


def test_nothing_is_left(
    settings: Settings, marked: str, trained: str, tmp_path: Path, server: ChatServer
) -> None:
    """Where all questions were trained on, it is an error that says how to ask them all the same."""
    server.models = ("base", trained)
    path = tmp_path / "one.json"
    path.write_text(json.dumps(json.loads(Path(marked).read_text(encoding="utf-8"))[3:4]), encoding="utf-8")
    with pytest.raises(EvaluationError, match="all 1 questions") as caught:
        evaluate(settings, "local", asked(str(path), "base", trained))
    assert "--keep-leaked" in caught.value.remedy


def test_several_adapters_against_one_base(settings: Settings, data: str, server: ChatServer) -> None:
    """The p-values of three comparisons are corrected for three, and so is the advice."""
    server.models = ("base", "a", "b", "c")
    server.reply = lambda model, message: reader("base" if model in {"base", "c"} else "tuned", message)
    result = evaluate(settings, "local", asked(data, "base", "a", "b", "c", prompt="rag"))
    assert [(each.b, each.comparisons, each.significant) for each in result.differences] == [
        ("a", 3, True),
        ("b", 3, True),
        ("c", 3, False),
    ]
    first, _, last = result.differences
    assert first.p_holm == pytest.approx(3 * first.p)
    assert (last.f1, last.p_holm, last.needs) == (0.0, 1.0, None)
    assert first.needs is not None and first.needs > 1000


def test_answers_of_a_server_that_nobody_knows_are_dropped(
    settings: Settings, data: str, server: ChatServer
) -> None:
    """Killed and run again the evaluation goes on; once it is done nothing is kept that might be stale."""
    server.fail = [400]
    with pytest.raises(EndpointError):
        evaluate(settings, "local", asked(data, "tuned", prompt="raft"))
    answers = settings.guild_dir("local") / "answers"
    had = sum(
        len(path.read_text(encoding="utf-8").split("\n\n"))
        for path in answers.iterdir()
        if path.stat().st_size
    )
    result = evaluate(settings, "local", asked(data, "tuned", prompt="raft"))
    assert result.models["tuned"].cached == had
    assert list(answers.iterdir()) == []


def test_a_job_of_an_older_version_goes_on(settings: Settings, data: str) -> None:
    """A spec and a plan without what is newer are filled up: the questions are drawn where they are needed."""
    old = {
        "data": data,
        "models": ["base", "tuned"],
        "limit": 8,
        "seed": 1,
        "prompt": "raft",
        "max_new_tokens": None,
    }
    Path(settings.home / "q.json").parent.mkdir(parents=True, exist_ok=True)
    (settings.home / "q.json").write_text(Path(data).read_text(encoding="utf-8"), encoding="utf-8")
    spec: dict[str, Any] = {"evaluation": {**old, "data": "q.json"}}
    slices = [
        UNITS["answer"](settings, "local", {**spec, "start": start, "stop": start + 4}, silent)
        for start in (0, 4)
    ]
    judged = UNITS["judge"](settings, "local", {**spec, "slices": slices, "job": ""}, silent)
    planned = UNITS["plan evaluation"](settings, "local", spec, silent)
    results = {"plan evaluation": [json.loads(to_json(planned))]}
    new = [
        UNITS["answer"](settings, "local", args, silent) for args in PLANS["evaluate"][1].args(spec, results)
    ]
    again = PLANS["evaluate"][2].args(spec, {**results, "answer": new})[0]
    whole = UNITS["judge"](settings, "local", {**again, "job": ""}, silent)
    assert (judged["id"], judged["n"]) == (whole["id"], 8)
    assert judged["models"]["tuned"]["f1"] == whole["models"]["tuned"]["f1"]
