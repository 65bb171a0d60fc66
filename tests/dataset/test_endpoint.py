from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from raft_core.dataset.builder import BuildSettings, build
from raft_core.dataset.files import load_dataset, load_rejected
from raft_core.dataset.generators.endpoint import CUT_OFF, NO_QUESTION, Endpoint
from raft_core.dataset.generators.responses import Response, ResponseFile
from raft_core.errors import EndpointError
from raft_core.records import DatasetInfo
from tests.dataset.world import town_chunks
from tests.openai.scripted import Says, completion, scripted
from tests.openai_server import Fault, OpenAIServer, reply_from_text


def made(folder: Path, server: OpenAIServer, chunks: int = 10, *, key: str | None = None, timeout_s: float = 5, price: float = 0, **wanted: int) -> DatasetInfo:  # fmt: skip
    generator = Endpoint(
        server.url, "teacher", SecretStr(key) if key else None, ResponseFile(folder / "responses.jsonl"), concurrency=4, timeout_s=timeout_s, backoff_s=0.01
    )  # fmt: skip
    settings = BuildSettings(generator=server.url, **wanted)
    return build(town_chunks(chunks), settings, generator, folder, "local", price_per_1k_tokens_usd=price)


def on(*numbers: int, fault: Fault) -> Callable[[int], Fault | None]:
    return lambda number: fault if number in numbers else None


def test_two_calls_a_row(tmp_path: Path) -> None:
    """Each row takes a call for its question and one for its answer, at most `concurrency` at once; tokens are priced."""
    with OpenAIServer(latency_s=0.01) as server:
        info = made(tmp_path, server, price=0.5)
        assert len(server.requests) == 20
        assert server.most_in_flight == 4
    assert (info.rows, info.rejected, info.generator) == (10, 0, f"teacher at {server.url}")
    assert info.tokens > 1000
    assert info.cost_usd == round(info.tokens / 1000 * 0.5, 6)


def test_several_questions_a_chunk(tmp_path: Path) -> None:
    """--questions 3 asks for three in one call and answers each."""

    def reply(prompt: str) -> str:
        if "##begin_quote##" in prompt:
            return reply_from_text(prompt)
        name = prompt.rpartition("Text:\n")[2].split()[0]
        return f"Here are 3 questions:\n\n1. What is {name}?\n2) **Who founded {name}?**\n- When was {name} founded?\n4. Extra?"

    with OpenAIServer(reply) as server:
        info = made(tmp_path, server, questions=3)
        assert len(server.requests) == 10 + 30
    _, rows = load_dataset(tmp_path / info.id)
    assert {row.question for row in rows} >= {
        "What is Belmo?",
        "Who founded Belmo?",
        "When was Belmo founded?",
    }
    assert info.rows == 30


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, headers={"Retry-After": "0.05"}),
        Fault(500),
        Fault(503, headers={"Retry-After": "0.05"}),
        Fault(drop=True),
        Fault(body="<html>busy</html>"),
        Fault(delay_s=1.0),
    ],
)
def test_passing_trouble_is_waited_out(tmp_path: Path, fault: Fault) -> None:
    """A limit, a crash, a dropped connection, a page of HTML, a slow answer: tried again, and no row is lost."""
    with OpenAIServer(fault=on(2, 5, fault=fault)) as server:
        info = made(tmp_path, server, timeout_s=0.5)
        assert len(server.requests) == 22
    assert (info.rows, info.rejected) == (10, 0)


def test_retry_after_holds_for_all_calls(tmp_path: Path) -> None:
    """After a 429 nobody calls before the time that the server named."""
    with OpenAIServer(fault=on(1, fault=Fault(429, headers={"Retry-After": "0.6"}))) as server:
        made(tmp_path, server)
        first_wave = [moment for moment in server.times if moment - server.times[0] < 0.55]
    assert len(first_wave) <= 4
    assert server.times[len(first_wave)] - server.times[0] >= 0.59


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(401), "refuses the key"),
        (Fault(404), "has no model 'teacher'"),
        (Fault(429, code="insufficient_quota"), "quota is used up"),
        (Fault(429, headers={"Retry-After": "3600"}), "asks to wait 3600 s"),
        (Fault(429, headers={"Retry-After": "0.01"}), "keeps limiting our rate"),
        (Fault(500), "fails \\(500: told to fail"),
        (Fault(400), "refuses the request \\(400: told to fail"),
        (Fault(body="<html>"), "no completion"),
        (Fault(body='{"choices": []}'), "no completion"),
        (Fault(body="null"), "no completion"),
        (Fault(drop=True), "cannot be reached"),
        (Fault(delay_s=2.0), "did not answer within 0.2 s"),
    ],
)
def test_lasting_trouble_is_one_clear_error(tmp_path: Path, fault: Fault, words: str) -> None:
    """What does not pass stops the build with one line that names the server and what to do."""
    with OpenAIServer(fault=lambda _: fault) as server, pytest.raises(EndpointError, match=words) as caught:
        made(tmp_path, server, timeout_s=0.2)
    assert server.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_nobody_there(tmp_path: Path) -> None:
    """A server that is down is said to be out of reach, at once."""
    with OpenAIServer() as server:
        pass
    start = time.monotonic()
    with pytest.raises(EndpointError, match="cannot be reached"):
        made(tmp_path, server)
    assert time.monotonic() - start < 2


def test_the_key_is_sent(tmp_path: Path) -> None:
    """With the right key all goes well, without it the build stops and tells the setting."""
    with OpenAIServer(key="k3y") as server:
        with pytest.raises(EndpointError) as caught:
            made(tmp_path, server)
        assert caught.value.remedy == "set RAFTBOT_GENERATOR_KEY"
        assert made(tmp_path, server, key="k3y").rows == 10


def test_one_bad_answer_costs_one_row(tmp_path: Path) -> None:
    """Refused prompts, empty and cut-off answers, invented quotes and missing questions are rejections, no more."""

    def reply(prompt: str) -> str:
        if "##begin_quote##" not in prompt:
            return "I would rather not." if "Virel is" in prompt else reply_from_text(prompt)
        if "Dastok is" in prompt:
            return "##begin_quote##Something else.##end_quote## <ANSWER>: Dastok"
        return "   " if "Marest is" in prompt else reply_from_text(prompt)

    with OpenAIServer(reply, fault=lambda n: Fault(finish_reason="length") if n == 20 else None) as server:
        info = made(tmp_path, server)
    reasons = [item.reason for item in load_rejected(tmp_path / info.id)]
    assert info.rows >= 6
    assert NO_QUESTION in reasons
    assert "a quote does not stand verbatim in the documents" in reasons
    assert any("answered with nothing" in reason for reason in reasons)


def test_a_cut_off_answer_is_rejected(tmp_path: Path) -> None:
    """An answer that hit the token limit is not learnt from, whatever it says."""
    with OpenAIServer(fault=lambda number: Fault(finish_reason="length") if number == 12 else None) as server:
        info = made(tmp_path, server, 6)
    assert [item.reason for item in load_rejected(tmp_path / info.id)] == [CUT_OFF]


def test_thinking_is_no_answer(tmp_path: Path) -> None:
    """What a reasoning model thinks aloud is left out of the row, wherever it stands."""
    with OpenAIServer(
        lambda prompt: (
            f"Hm? <ANSWER>: no\n</think>{reply_from_text(prompt).replace('<ANSWER>: ', '<ANSWER>')}</ANSWER>"
        )
    ) as server:
        info = made(tmp_path, server)
    _, rows = load_dataset(tmp_path / info.id)
    assert info.rows == 10
    assert all("think" not in row.cot_answer and "Hm?" not in row.cot_answer for row in rows)
    assert all(row.cot_answer.endswith(f"<ANSWER>: {row.answer}") for row in rows)


def test_a_model_that_only_thought_gets_more_room(tmp_path: Path) -> None:
    """Its budget spent on thoughts, it is asked again with more, and from then on at once; both are paid for."""

    def thinker(body: dict[str, Any]) -> Says:
        if body["max_tokens"] < 2000:
            return Says(completion(None, "length", reasoning_content="Hm?"))
        return Says(completion(reply_from_text(body["messages"][0]["content"]), reasoning_content="Hm?"))

    with scripted(thinker) as server:
        generator = Endpoint(
            server.url, "teacher", None, ResponseFile(tmp_path / "responses.jsonl"), concurrency=1
        )
        info = build(town_chunks(6), BuildSettings(generator=server.url), generator, tmp_path, "local")
    assert (info.rows, len(server.requests), info.tokens) == (6, 13, 13 * 14)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (completion(None, refusal="Can I help with something else?"), "refuses to answer"),
        (completion(None, "content_filter"), "content filter"),
        (
            completion(None, "tool_calls", tool_calls=[{"function": {"name": "search"}}]),
            "call of the tool 'search'",
        ),
        (completion("<think>Should it be about the mill? Which?"), "used 5 tokens for thinking"),
        (completion(""), "answered with nothing"),
    ],
)
def test_what_is_no_answer_is_no_question(tmp_path: Path, answer: dict[str, Any], reason: str) -> None:
    """Refusals, filters, tool calls and thoughts are told as what they are, and nothing of them is stored."""
    with scripted(lambda _: Says(answer)) as server:
        generator = Endpoint(
            server.url, "teacher", None, ResponseFile(tmp_path / "responses.jsonl"), concurrency=1
        )
        with pytest.raises(EndpointError, match=reason):
            build(town_chunks(4), BuildSettings(generator=server.url), generator, tmp_path, "local")


def test_what_was_finished_is_not_asked_again(tmp_path: Path) -> None:
    """After an error only the missing calls are made; the outcome is as if nothing had happened."""
    with OpenAIServer() as whole:
        expected = made(tmp_path / "whole", whole)
    with OpenAIServer(fault=lambda number: Fault(401) if number > 9 else None) as server:
        with pytest.raises(EndpointError):
            made(tmp_path, server)
        finished = len((tmp_path / "responses.jsonl").read_text().splitlines())
        assert 9 - 4 < finished <= 9  # calls in flight when the error came are not finished
        server.fault = lambda _: None
        server.requests.clear()
        info = made(tmp_path, server)
        assert len(server.requests) == 20 - finished
    assert (info.content_hash, info.tokens) == (expected.content_hash, expected.tokens)


def test_a_changed_input_redoes_what_changed(tmp_path: Path) -> None:
    """One more chunk costs its own two calls; other distractors or another p cost none."""
    with OpenAIServer() as server:
        made(tmp_path, server, 9)
        server.requests.clear()
        made(tmp_path, server, 10)
        assert len(server.requests) == 2
        made(tmp_path, server, 10, distractors=2, seed=5)
        assert len(server.requests) == 2


def test_kill_9_loses_no_finished_call(tmp_path: Path) -> None:
    """A build killed in the middle goes on where it was, even with its last line torn."""
    script = (
        "import sys; from pathlib import Path; from raft_core.dataset.builder import BuildSettings, build\n"
        "from raft_core.dataset.generators.endpoint import Endpoint; from raft_core.dataset.generators.responses import ResponseFile; from tests.dataset.world import town_chunks\n"
        "url, folder = sys.argv[1], Path(sys.argv[2])\n"
        "generator = Endpoint(url, 'teacher', None, ResponseFile(folder / 'responses.jsonl'), concurrency=4)\n"
        "build(town_chunks(10), BuildSettings(generator=url), generator, folder, 'local')\n"
    )
    root = Path(__file__).parents[2]
    path = tmp_path / "responses.jsonl"
    with OpenAIServer(latency_s=0.1) as server:
        command = [sys.executable, "-c", script, server.url, str(tmp_path)]
        process = subprocess.Popen(command, cwd=root)  # noqa: S603 - our own script
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and not (path.exists() and path.read_bytes().count(b"\n") >= 6):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        finished = path.read_bytes().count(b"\n")
        assert 6 <= finished < 20
        with path.open("ab") as file:
            file.write(b'{"key": "torn')
        server.requests.clear()
        info = made(tmp_path, server)
        assert len(server.requests) == 20 - finished
    assert info.rows == 10


def test_responses_are_read_back(tmp_path: Path) -> None:
    """What was added is there for the next reader, odd characters included."""
    first = ResponseFile(tmp_path / "r.jsonl")
    said = Response("ö\u2028\ud800 line", 3, True)
    first.add("a", said)
    first.close()
    second = ResponseFile(tmp_path / "r.jsonl")
    assert second.get("b") is None
    kept = second.get("a")
    second.close()
    assert kept is not None and (kept.tokens, kept.cut_off) == (3, True)
    assert kept.text.startswith("ö\u2028")


def test_two_builds_in_one_process(tmp_path: Path) -> None:
    """A second event loop does not stumble over the connections of the first."""
    with OpenAIServer() as server:
        for number in range(2):
            assert made(tmp_path / str(number), server, 6).rows == 6
