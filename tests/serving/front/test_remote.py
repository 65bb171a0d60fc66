"""Models elsewhere behind the front: fallback, names, concurrency, price, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from raft_core.openai.replies import read_reply
from raft_core.serving.front.app import Front
from raft_core.serving.local import LOOPBACK, _running, listen
from raft_core.settings import Endpoint
from tests.openai.scripted import DONE, Says, completion, event, scripted
from tests.openai_server import Fault, OpenAIServer
from tests.serving.conftest import Served
from tests.serving.front.broken import broken_stream

Start = Callable[..., httpx.Client]
CHAT: dict[str, Any] = {"model": "base", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 9}
NOBODY = "http://127.0.0.1:9/v1"
"""The discard port: nobody listens."""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts fronts over real sockets."""
    with ExitStack() as stack:

        def run(*endpoints: Endpoint, **options: Any) -> httpx.Client:
            listening = stack.enter_context(listen(LOOPBACK, 0))
            stack.enter_context(_running(Front(None, endpoints, **options).app(), listening))
            url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
            return stack.enter_context(httpx.Client(base_url=url, timeout=60))

        yield run


def to(url: str, **fields: Any) -> Endpoint:
    return Endpoint(url=url, **{"model": "teacher", **fields})


def error(response: httpx.Response) -> tuple[int, str]:
    body = response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    return response.status_code, body["message"]


def test_the_first_that_answers(start: Start):
    """A dead endpoint is passed over, the next one answers under the name asked for; then the dead one is last."""
    with OpenAIServer(lambda _: "two") as second, OpenAIServer(lambda _: "three") as third:
        client = start(to(NOBODY), to(second.url), to(third.url))
        answers = [client.post("/v1/chat/completions", json=CHAT).json() for _ in range(2)]
        assert {answer["choices"][0]["message"]["content"] for answer in answers} == {"two"}
        assert {answer["model"] for answer in answers} == {"base"}
        second.fault = lambda _: Fault(status=503)
        answer = client.post("/v1/chat/completions", json=CHAT).json()
        assert answer["choices"][0]["message"]["content"] == "three"


def test_nobody_answers(start: Start):
    """Where all fail, the first one's reason is told, and when to come back."""
    client = start(to(NOBODY), to("http://127.0.0.1:8/v1"))
    answer = client.post("/v1/chat/completions", json=CHAT)
    assert error(answer)[0] == 502
    assert "the endpoint 127.0.0.1 cannot be reached" in error(answer)[1]


def test_names(start: Start):
    """Models elsewhere are listed by their names here, and others are unknown."""
    with OpenAIServer(key="s3cret") as server:
        client = start(to(NOBODY), to(server.url, name="judge", key=SecretStr("s3cret")), to(server.url))
        listed = client.get("/v1/models").json()["data"]
        assert [(model["id"], model["owned_by"]) for model in listed] == [
            ("base", "remote"),
            ("judge", "remote"),
        ]
        assert client.post("/v1/chat/completions", json={**CHAT, "model": "judge"}).status_code == 200
        unknown = client.post("/v1/chat/completions", json={**CHAT, "model": "other"})
        assert error(unknown) == (404, "no model 'other'")


def test_a_wrong_request_is_nobodys_fault(start: Start):
    """What one endpoint refuses as wrong is not sent to the next."""
    with OpenAIServer() as first, OpenAIServer() as second:
        client = start(to(first.url), to(second.url))
        assert error(client.post("/v1/chat/completions", json={**CHAT, "messages": []}))[0] == 400
        assert error(client.post("/v1/chat/completions", content=b"{"))[0] == 400
        assert error(client.post("/v1/chat/completions", json=[]))[0] == 400
        assert second.requests == []


async def test_concurrency(start: Start):
    """No more requests at once than the endpoint takes."""
    with OpenAIServer(latency_s=0.02) as server:
        client = start(to(server.url, concurrency=2))
        async with httpx.AsyncClient(base_url=client.base_url, timeout=60) as many:
            answers = await asyncio.gather(*(many.post("/v1/chat/completions", json=CHAT) for _ in range(8)))
        assert [answer.status_code for answer in answers] == [200] * 8
        assert server.most_in_flight == 2


def test_price(start: Start):
    """Tokens and dollars are counted by model."""
    with OpenAIServer(lambda _: "one two three") as server:
        client = start(to(server.url, price_per_1k_tokens_usd=0.5))
        client.post("/v1/chat/completions", json=CHAT)
        told = client.get("/metrics").text
        assert 'raftbot_completion_tokens_total{model="base"} 3.0' in told
        assert 'raftbot_cost_usd_total{model="base"} 0.002' in told


def test_stream_from_elsewhere(start: Start, server: Served):
    """A stream comes through as it is, under the name asked for, with its usage counted."""
    client = start(to(server.url, model=server.adapters[0], name="tuned", price_per_1k_tokens_usd=1.0))
    asked = {**CHAT, "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
    with client.stream("POST", "/v1/chat/completions", json={**asked, "model": "tuned"}) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert {chunk["model"] for chunk in chunks} == {"tuned"}
    said = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])
    direct = httpx.post(
        f"{server.url}/chat/completions", json={**CHAT, "model": server.adapters[0], "temperature": 0}
    ).json()
    assert said == direct["choices"][0]["message"]["content"]
    total = direct["usage"]["total_tokens"]
    assert f'raftbot_cost_usd_total{{model="tuned"}} {total / 1000}' in client.get("/metrics").text


def test_a_server_that_dies_in_a_stream(start: Start):
    """What was said stays said, and the stream ends in an error that names who broke off."""
    with broken_stream() as url:
        client = start(to(url))
        with client.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
            lines = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    assert lines[0]["choices"][0]["delta"]["content"] == "Half an"
    assert "the endpoint 127.0.0.1 broke off" in lines[1]["error"]["message"]


def test_keys_and_adapters(start: Start):
    """The front's key guards it, the endpoint's key is its own, and there is nothing here that takes adapters."""
    client = start(to(NOBODY), key="s3cret")
    assert error(client.get("/v1/models"))[0] == 401
    headers = {"Authorization": "Bearer s3cret"}
    asked = {"lora_name": "a", "lora_path": "b"}
    for path, body in [
        ("load_lora_adapter", asked),
        ("sleep", {"holder": "a", "what": "b", "seconds": 1}),
    ]:
        assert error(client.post(f"/v1/{path}", json=body))[0] == 401
        status, said = error(client.post(f"/v1/{path}", json=body, headers=headers))
        assert (status, "no model of its own" in said) == (400, True)
    assert client.get("/health").json() == {"status": "ok"}


def test_embeddings(start: Start):
    """The front embeds beside whatever answers."""
    client = start(to(NOBODY), embed=lambda texts: [[float(len(text))] for text in texts])
    body = {"model": "minilm", "input": ["ab"]}
    assert client.post("/v1/embeddings", json=body).json()["data"][0]["embedding"] == [2.0]


async def test_strangers_manage_nothing():
    """Without a key, sleep and adapters are for this machine alone."""
    transport = httpx.ASGITransport(
        Front(None, [to(NOBODY)], host="server").app(), client=("192.0.2.1", 4711)
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        for path in ("load_lora_adapter", "unload_lora_adapter", "sleep", "wake_up"):
            assert error(await client.post(f"/v1/{path}", json={}))[0] == 403


STREAM = {**CHAT, "stream": True}
OK_STREAM = Says([": waiting\n\n", event({"content": "Oslo"}), event({}, "stop"), DONE])


def said(client: httpx.Client, body: dict[str, Any]) -> str:
    """Return what our own reader makes of an answer."""
    return read_reply(client.post("/v1/chat/completions", json=body).content).text


@pytest.mark.parametrize(
    "broken",
    [
        Says({"id": "x", "error": {"message": "Provider returned error: out of credits", "code": 402}}),
        Says({"error": "out of credits"}),
        Says({"detail": "out of credits"}, 402),
        Says({"choices": []}),
        Says("<html>busy</html>"),
        Says(['data: {"error": {"message": "out of credits"}}\n\n']),
        Says([": waiting\n\n", 'event: error\ndata: {"message": "out of credits"}\n\n']),
        Says([": waiting\n\n"]),
        Says([""], drop=True),
    ],
)
@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
def test_an_error_with_status_200_is_passed_over(start: Start, broken: Says, body: dict[str, Any]):
    """The next endpoint of that name answers; alone, the error's own words are told."""
    with (
        scripted(lambda _: broken) as first,
        scripted(lambda asked: OK_STREAM if asked.get("stream") else Says(completion())) as second,
    ):
        assert said(start(to(first.url), to(second.url)), body) == "Oslo"
        alone = start(to(first.url)).post("/v1/chat/completions", json=body)
    status, message = error(alone)
    assert status in {502, 503}
    assert "out of credits" in message or "out of credits" not in str(broken.body)


def test_parameters_that_an_endpoint_refuses(start: Start):
    """They are adapted for that endpoint alone, once; nonsense is the client's own."""
    words = {
        "max_tokens": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "seed": "seed: extra fields not permitted",
    }

    def picky(body: dict[str, Any]) -> Says:
        refused = next((name for name in words if name in body), None)
        if body.get("temperature", 0) > 2:
            return Says({"error": {"message": "temperature must be at most 2", "param": "temperature"}}, 400)
        return (
            Says({"error": words[refused]}, 400)
            if refused
            else (OK_STREAM if body.get("stream") else Says(completion()))
        )

    with scripted(picky) as server:
        client = start(to(server.url))
        assert (
            error(
                client.post(
                    "/v1/chat/completions",
                    json={**CHAT, "max_completion_tokens": 9, "max_tokens": None, "temperature": 9},
                )
            )[0]
            == 400
        )
        assert [said(client, {**body, "seed": 3, "temperature": 0}) for body in (CHAT, STREAM, CHAT)] == [
            "Oslo"
        ] * 3
        sent = [
            {name: body.get(name) for name in ("max_completion_tokens", "seed", "temperature")}
            for body in server.requests
        ]
    assert sent[-2:] == [{"max_completion_tokens": 9, "seed": None, "temperature": 0}] * 2
    assert len(sent) <= 7


def test_an_endpoint_that_cannot_stream(start: Start):
    """Its whole answer is told as a stream of one event."""
    with scripted(lambda _: Says(completion("Oslo", "length"))) as server:
        answer = start(to(server.url)).post("/v1/chat/completions", json=STREAM)
    reply = read_reply(answer.content)
    assert (reply.text, reply.finish, reply.completion_tokens) == ("Oslo", "length", 5)
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": "5"}, "none"])
def test_odd_usage_is_counted_as_far_as_it_goes(start: Start, usage: Any):
    """A server that counts badly answers all the same; a count in each event counts once."""
    twice = [event({"content": "Os"}, usage=usage), event({"content": "lo"}, "stop", usage=usage), DONE]
    with scripted(lambda asked: Says(twice if asked.get("stream") else completion(usage=usage))) as server:
        client = start(to(server.url))
        assert [said(client, body) for body in (CHAT, STREAM)] == ["Oslo", "Oslo"]
        told = client.get("/metrics").text
    if isinstance(usage, dict) and usage:
        assert 'raftbot_completion_tokens_total{model="base"} 10.0' in told


def test_the_key_of_an_endpoint_is_not_told(start: Start):
    """Whatever the endpoint says, its key is in no answer."""
    refusal = Says({"error": {"message": "Incorrect API key provided: s3cret-k3y"}}, 401)
    with scripted(lambda _: refusal) as server:
        answer = start(to(server.url, key=SecretStr("s3cret-k3y"))).post("/v1/chat/completions", json=CHAT)
    assert "Incorrect API key provided: ***" in error(answer)[1]
