"""The lm-eval task and the endpoint model, against a strict server."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raft_core import prompts
from raft_core.errors import EndpointError, EvaluationError
from raft_core.evaluation.answers import AnswerFile
from raft_core.evaluation.harness import run
from raft_core.evaluation.questions import paragraphs, to_record
from raft_core.progress import Progress
from raft_core.records import Question
from tests.evaluation.chat_server import chat_server
from tests.openai.scripted import Says, completion, scripted

QUESTIONS = [
    Question(
        f"q{number}",
        f"What is the colour of house {number}?",
        colour,
        (("House", (f" House {number} is {colour}. ", "It is old.")), ("Empty", ("", ""))),
    )
    for number, colour in enumerate(["red", "[blue]", "yes", "dark green"])
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.json"
    path.write_text(json.dumps([to_record(question) for question in QUESTIONS]), encoding="utf-8")
    return path


def reader(model: str, message: str) -> str:
    """Read the colour from the prompt, in two paragraphs, as a chain of thought would."""
    number, colour = re.findall(r"House (\d) is (.+?)\. It", message)[0]
    return f"##Reason: it says so.\n\n##begin_quote## House {number} is {colour}. ##end_quote## <ANSWER>: {colour}\n"


def test_prompts_arrive_whole_and_answers_are_scored(questions: Path) -> None:
    """Each model gets exactly prompts.render's message, the token limit, greedy; nothing is cut at blank lines."""
    for prompt in ("rag", "raft"):
        with chat_server(reader) as server:
            result = run(questions, "base", prompt, url=server.url, max_new_tokens=77)
        sent = {request["messages"][0]["content"] for request in server.requests}
        assert sent == {prompts.render(prompt, q.question, paragraphs(q)) for q in QUESTIONS}
        assert {(r["max_tokens"], r["temperature"], "stop" in r) for r in server.requests} == {(77, 0, False)}
        assert [sample.id for sample in result.samples] == ["q0", "q1", "q2", "q3"]
        assert [sample.prediction for sample in result.samples] == ["red", "[blue]", "yes", "dark green"]
        assert [sample.gold for sample in result.samples] == ["red", "[blue]", "yes", "dark green"]
        assert all(sample.em == sample.f1 == 1 and sample.tagged for sample in result.samples)
        assert all(not sample.truncated and sample.tokens > 8 for sample in result.samples)


def test_wrong_cut_off_and_untagged(questions: Path) -> None:
    """Partial answers, cut-offs and missing tags are recorded for each question."""
    with chat_server(lambda *_: "It is dark red", finish_reason="length") as server:
        samples = run(questions, "base", "raft", url=server.url, max_new_tokens=4).samples
    assert [round(sample.f1, 3) for sample in samples] == [0.4, 0, 0, 0.333]
    assert all(sample.truncated and not sample.tagged and sample.tokens == 4 for sample in samples)
    assert samples[0].prediction == "It is dark red"


def test_long_documents_are_not_cut(tmp_path: Path) -> None:
    """60,000 words arrive from the first to the last."""
    long = Question("q", "Which?", "x", (("Long", ("first " + "word " * 60_000 + "last",)),))
    path = tmp_path / "q.json"
    path.write_text(json.dumps([to_record(long)]), encoding="utf-8")
    with chat_server(lambda *_: "<ANSWER>: x") as server:
        run(path, "base", "raft", url=server.url, max_new_tokens=5)
    content = server.requests[0]["messages"][0]["content"]
    assert content.count("word ") == 60_000 and "first word" in content and "word last" in content


def test_requests_are_sent_at_the_same_time(questions: Path) -> None:
    """All four requests are under way before the first is answered; every finished one is reported."""
    seen: list[Progress] = []
    with chat_server(reader, gate=threading.Barrier(4)) as server:
        run(questions, "base", "raft", url=server.url, max_new_tokens=5, report=seen.append)
    assert [(update.done, update.total) for update in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_busy_server_is_asked_again(questions: Path) -> None:
    """503 and 429 are retried, and change nothing in the result."""
    with chat_server(reader, fail=[503, 429]) as server:
        result = run(questions, "base", "raft", url=server.url, max_new_tokens=5)
    assert [sample.f1 for sample in result.samples] == [1, 1, 1, 1]
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"models": ("other",)}, "has no model 'base' or no such path .404: no model base"),
        ({"body": "<html>hello</html>"}, "is no completion: hello"),
        ({"body": '{"choices": []}'}, "is no completion"),
        ({"fail": [400]}, "refuses the request .400: told to fail"),
    ],
)
def test_a_failed_request_is_no_zero(questions: Path, behaviour: dict[str, object], reason: str) -> None:
    """One request that fails for good fails the evaluation, with the server's own words."""
    with chat_server(reader, **behaviour) as server, pytest.raises(EndpointError, match=reason):
        run(questions, "base", "raft", url=server.url, max_new_tokens=5)


@pytest.mark.parametrize(
    ("answer", "f1", "tokens", "truncated"),
    [
        (completion("<ANSWER>: red", usage=None), 1, 4, False),
        (completion("<ANSWER>: red", usage={"prompt_tokens": 9}), 1, 4, False),
        (completion("<think>House 1 is <ANSWER>: blue</think><ANSWER>: red"), 1, 5, False),
        (completion("It says <ANSWER>: blue</think>\n**<ANSWER>:** red</ANSWER>"), 1, 5, False),
        (completion([{"type": "text", "text": "<ANSWER>: red<STOP>"}]), 1, 5, False),
        (completion(None, "length", reasoning_content="<ANSWER>: red"), 0, 5, True),
        (completion(None, refusal="I may not."), 0, 5, False),
    ],
)
def test_replies_in_odd_shapes_are_scored(
    questions: Path, answer: dict[str, Any], f1: float, tokens: int, truncated: bool
) -> None:
    """Without usage, with thoughts, parts, tags and null: the answer counts, thoughts never do."""
    with scripted(lambda _: Says(answer)) as server:
        sample = run(questions, "m", "raft", url=server.url, max_new_tokens=5).samples[0]
    assert (sample.f1, sample.tokens, sample.truncated) == (f1, tokens, truncated)


def test_lm_eval_stays_silent(questions: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing of lm-eval's bars and logs comes out: stdout is for the result, progress is ours."""
    with chat_server(reader) as server:
        run(questions, "base", "raft", url=server.url, max_new_tokens=5)
    assert capfd.readouterr() == ("", "")


def test_unknown_prompt(questions: Path) -> None:
    """A prompt without a task is an error that names those there are."""
    with pytest.raises(EvaluationError, match="'poem'"):
        run(questions, "base", "poem", url="http://127.0.0.1:9/v1", max_new_tokens=5)


def test_answers_are_kept_and_used_again(questions: Path, tmp_path: Path) -> None:
    """What failed half-way goes on where it was; a second run asks nothing, another limit everything."""
    path = tmp_path / "answers.jsonl"
    with chat_server(reader, fail=[400]) as server, AnswerFile(path) as answers, pytest.raises(EndpointError):
        run(questions, "base", "raft", url=server.url, max_new_tokens=5, concurrent=2, answers=answers)
    with chat_server(reader) as server, AnswerFile(path) as answers:
        first = run(questions, "base", "raft", url=server.url, max_new_tokens=5, answers=answers)
        assert sum(sample.cached for sample in first.samples) == 4 - len(server.requests)
        server.requests.clear()
        again = run(questions, "base", "raft", url=server.url, max_new_tokens=5, answers=answers)
        assert server.requests == []
        assert [replace(sample, cached=True) for sample in first.samples] == list(again.samples)
        run(questions, "base", "raft", url=server.url, max_new_tokens=6, answers=answers)
        assert len(server.requests) == 4


def test_a_closed_book_shows_no_documents(questions: Path) -> None:
    """The closed prompts hold the question alone, and their samples say that the gold was not shown."""
    gold = [replace(question, supporting_facts=(("House", 0),)) for question in QUESTIONS]
    questions.write_text(json.dumps([to_record(question) for question in gold]), encoding="utf-8")
    for prompt in ("closed", "closed_raft"):
        with chat_server(lambda *_: "I don't know.") as server:
            samples = run(questions, "base", prompt, url=server.url, max_new_tokens=5).samples
        sent = [request["messages"][0]["content"] for request in server.requests]
        assert all("House 0" not in text and "is red" not in text for text in sent)
        assert any(QUESTIONS[0].question in text for text in sent)
        assert all(sample.refused and sample.gold_shown is False for sample in samples)
        assert [sample.type for sample in samples] == ["untyped", "untyped", "yes/no", "untyped"]
