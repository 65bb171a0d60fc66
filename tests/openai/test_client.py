"""The client against a scripted server: retries, refused parameters, errors in the server's own words."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from raft_core.errors import BadReply, EndpointError, PromptTooLong
from raft_core.openai.client import Chat, models, request
from raft_core.openai.errors import Advice, redact, retry_after
from raft_core.openai.parameters import parameters_of
from raft_core.openai.replies import Reply
from tests.openai.scripted import DONE, Answer, Says, completion, event, scripted

KEY = "sk-test-0123456789"


def ask(answer: Answer, *, key: str | None = None, on_text: Callable[[str], None] | None = None, advice: Advice | None = None, **parameters: Any) -> tuple[Reply, list[dict[str, Any]]]:  # fmt: skip
    """Return a reply and the requests that were sent for it."""

    async def run(url: str) -> Reply:
        async with Chat(url, "m", key, timeout_s=5, backoff_s=0.001, advice=advice or Advice()) as chat:
            return await chat.ask([{"role": "user", "content": "Who?"}], on_text=on_text, **parameters)

    with scripted(answer) as server:
        return asyncio.run(run(server.url)), server.requests


def in_turn(*answers: Says) -> Answer:
    left = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda _: next(left)


OK = Says(completion())


def refusing(**refused: str) -> Answer:
    """Refuse the parameters named, in the words given."""

    def answer(body: dict[str, Any]) -> Says:
        for name, words in refused.items():
            if name in body:
                return Says({"error": {"message": words}}, 400)
        return Says([event({"content": "Oslo"}), DONE]) if body.get("stream") else OK

    return answer


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        (
            {
                "temperature": "Unsupported value: 'temperature' does not support 0 with this model.",
                "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            },
            {"max_completion_tokens": 9, "seed": 3},
        ),
        ({"seed": "Unrecognized request argument supplied: seed"}, {"temperature": 0, "max_tokens": 9}),
        ({"seed": "1 validation error: ('body', 'seed'): extra fields not permitted"}, {"temperature": 0, "max_tokens": 9}),
        ({"max_tokens": "max_tokens: not allowed", "max_completion_tokens": "max_completion_tokens: not allowed"}, {"temperature": 0, "seed": 3}),
        ({"temperature": "`temperature` is deprecated for this model."}, {"max_tokens": 9, "seed": 3}),
    ],
)  # fmt: skip
def test_refused_parameters_are_adapted_once(refused: dict[str, str], sent: dict[str, Any]) -> None:
    """What a model refuses is renamed or left out, and the next request goes out right at once."""

    async def twice(url: str) -> None:
        for _ in range(2):
            async with Chat(url, "m") as chat:
                await chat.ask([], temperature=0, max_tokens=9, seed=3)

    with scripted(refusing(**refused)) as server:
        asyncio.run(twice(server.url))
    assert [
        {name: body[name] for name in body if name not in {"model", "messages"}}
        for body in server.requests[-2:]
    ] == [sent, sent]
    assert len(server.requests) == 2 + len(refused)


def test_parameters_in_other_shapes() -> None:
    """The error's `param`, FastAPI's location, a status of 500, and an error with status 200 name them as well."""
    refusals = [
        Says({"error": {"message": "not this", "param": "seed", "code": "unsupported_parameter"}}, 400),
        Says({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, 422),
        Says({"error": "create() got an unexpected keyword argument 'seed'"}, 500),
        Says({"error": {"message": "Unsupported parameter: 'seed'", "type": "invalid_request_error"}}, 200),
    ]
    for refusal in refusals:
        reply, requests = ask(
            lambda body, refusal=refusal: refusal if "seed" in body else OK, seed=3, temperature=0
        )
        assert (reply.text, "seed" in requests[-1], requests[-1]["temperature"], len(requests)) == (
            "Oslo",
            False,
            0,
            2,
        )


def test_limits_are_kept() -> None:
    """A limit that the server names is used; a temperature that must be positive is nearly 0."""
    limited = "max_tokens is too large: 9216. This model supports at most 4096 completion tokens."
    reply, requests = ask(
        lambda body: OK if body["max_tokens"] <= 4096 else Says({"error": limited}, 400), max_tokens=9216
    )
    assert (reply.text, requests[-1]["max_tokens"]) == ("Oslo", 4096)
    _, requests = ask(lambda body: OK if body["temperature"] else Says({"error": "`temperature` must be strictly positive"}, 422), temperature=0)  # fmt: skip
    assert requests[-1]["temperature"] == 0.01


def test_streaming_follows_the_server() -> None:
    """A model that cannot stream, or that only streams, answers all the same."""
    texts: list[str] = []
    reply, requests = ask(refusing(stream="This model does not support streaming."), on_text=texts.append)
    assert (reply.text, "stream" in requests[-1], texts) == ("Oslo", False, [])
    only = "This model only support stream mode, please enable the stream parameter to access the model."
    stream = Says([event({"content": "Oslo"}), DONE])
    reply, requests = ask(lambda body: stream if body.get("stream") else Says({"error": only}, 400))
    assert (reply.text, requests[-1]["stream"]) == ("Oslo", True)


def test_a_refusal_of_something_else_is_no_parameter() -> None:
    """A refused prompt is told as it is, and nothing is left out of later requests."""
    said = "Your input image may contain content that is not allowed by our safety system."
    with pytest.raises(BadReply, match=f"refuses the request .400: {said}"):
        ask(
            lambda _: Says({"error": {"message": said, "param": "messages"}}, 400),
            temperature=0,
            max_tokens=9,
        )


def test_nonsense_of_one_client_changes_nothing_for_others() -> None:
    """Values that are not ours are blamed for what is wrong with them, not their parameter."""
    from raft_core.openai.errors import ServerError

    parameters = parameters_of("http://x/v1", "m")
    wrong = ServerError("'temperature' of 7 is not supported", status=400)
    assert not parameters.learn({"temperature": 7}, wrong, ours=False)
    assert not parameters.learn({"stop": 7}, ServerError("stop must be a string", status=400), ours=False)
    assert parameters.fit({"temperature": 0, "stop": "x"}) == {"temperature": 0, "stop": "x"}


@pytest.mark.parametrize(
    ("passing", "text"),
    [
        (Says({"error": "busy"}, 503), "Oslo"),
        (Says("<html>busy</html>", 200), "Oslo"),
        (Says({"error": {"message": "overloaded", "code": 529}}, 200), "Oslo"),
        (Says({"error": "rate"}, 429, {"Retry-After": "0.01"}), "Oslo"),
        (Says({"error": "rate"}, 429, {"retry-after-ms": "10"}), "Oslo"),
        (Says([""], drop=True), "Oslo"),
        (Says([event({"role": "assistant"})]), "Oslo"),
    ],
)
def test_passing_trouble_is_tried_again(passing: Says, text: str) -> None:
    """A busy server, rubbish, an error in a body of status 200, a dropped connection, a stream without an answer."""
    reply, requests = ask(in_turn(passing, OK))
    assert (reply.text, len(requests)) == (text, 2)


@pytest.mark.parametrize(
    ("answer", "words", "kind"),
    [
        (Says({"error": {"message": "no key", "code": "invalid_api_key"}}, 401), r"refuses the key \(401: no key\)", EndpointError),
        (Says({"error": "The model `m` does not exist"}, 404), r"has no model 'm' or no such path \(404: The model `m` does not", EndpointError),
        (Says({"id": "x", "error": {"message": "Provider returned error: out of credits", "code": 402}}), r"the quota is used up \(402: Provider returned error: out of credits\)", EndpointError),
        (Says({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, 429), "quota is used up", EndpointError),
        (Says({"error": "later"}, 429, {"Retry-After": "3600"}), r"asks to wait 3600 s \(429: later\)", EndpointError),
        (Says({"error": "later"}, 503, {"Retry-After": "3600"}), r"asks to wait 3600 s \(503: later\)", EndpointError),
        (Says({"error": {"message": "asleep until noon", "code": "asleep"}}, 503), "sleeps: asleep until noon", EndpointError),
        (Says({"detail": "Nope"}, 400), r"refuses the request \(400: Nope\)", BadReply),
        (Says("Bad Request", 400), r"refuses the request \(400: Bad Request\)", BadReply),
        (Says({"error": "out of memory"}, 500), r"fails \(500: out of memory\)", EndpointError),
        (Says({"error": "boom"}), r"fails \(boom\)", EndpointError),
        (Says({"hello": 1}), "something that is no completion: {.hello.: 1}", BadReply),
        (Says({"error": "This model's maximum context length is 8 tokens, your messages resulted in 9 tokens"}, 400), "as too long: This model's maximum", PromptTooLong),
    ],
)  # fmt: skip
def test_lasting_trouble_is_told_in_the_servers_words(
    answer: Says, words: str, kind: type[EndpointError]
) -> None:
    """One line with the server's own words, its URL and a remedy; the first time where waiting is in vain."""
    with scripted(lambda _: answer) as server, pytest.raises(kind, match=words) as caught:

        async def run() -> None:
            async with Chat(server.url, "m", backoff_s=0.001) as chat:
                await chat.ask([])

        asyncio.run(run())
    assert server.url in str(caught.value) and "\n" not in str(caught.value) and caught.value.remedy


def test_secrets_are_not_repeated() -> None:
    """A key that the server repeats, and a password in its URL, are in no message."""
    said = f"Incorrect API key provided: {KEY}. Try https://joe:hunter2@proxy/ or Bearer abcdef123456"

    async def run(url: str) -> None:
        async with Chat(url.replace("//", "//joe:hunter2@"), "m", KEY) as chat:
            await chat.ask([])

    with scripted(lambda _: Says({"error": said}, 401)) as server, pytest.raises(EndpointError) as caught:
        asyncio.run(run(server.url))
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(
            secret in f"{error} {getattr(error, 'reason', '')}" for secret in (KEY, "hunter2", "abcdef123456")
        )
        error = error.__cause__
    assert redact("plain secret words", ["secret"]) == "plain *** words"


def test_an_answer_is_seen_while_it_is_written() -> None:
    """Each piece that arrives is told; thoughts are not."""
    texts: list[str] = []
    pieces = [
        event({"reasoning": "Hm?"}),
        event({"content": "<think>x</think>Os"}),
        event({"content": "lo"}),
        event({}, "stop"),
        DONE,
    ]
    reply, _ = ask(lambda _: Says(pieces), on_text=texts.append)
    assert (reply.text, texts[-1], any("Hm" in text or "x" in text for text in texts)) == (
        "Oslo",
        "Oslo",
        False,
    )


def test_what_has_begun_is_not_asked_again() -> None:
    """An answer that breaks off after its first words is an error, with what was told still told."""
    texts: list[str] = []
    with scripted(lambda _: Says([event({"content": "Os"})], drop=True)) as server:

        async def run() -> None:
            async with Chat(server.url, "m", backoff_s=0.001) as chat:
                await chat.ask([], on_text=texts.append)

        with pytest.raises(EndpointError, match="broke off"):
            asyncio.run(run())
    assert (texts, len(server.requests)) == (["Os"], 1)


def test_an_error_amid_a_stream_is_told() -> None:
    """In its own words, once."""
    texts: list[str] = []
    with pytest.raises(EndpointError, match="worker died"):
        ask(
            lambda _: Says([event({"content": "Os"}), 'data: {"error": {"message": "worker died"}}\n\n']),
            on_text=texts.append,
        )
    assert texts == ["Os"]


def test_someone_waiting_is_not_kept_waiting() -> None:
    """With little patience a server that asks for a minute fails at once."""
    start = time.monotonic()
    with pytest.raises(EndpointError, match="asks to wait 60 s") as caught:
        ask(
            lambda _: Says({"error": "x"}, 503, {"Retry-After": "60"}),
            advice=Advice(most_tries=3, longest_wait_s=10),
        )
    assert caught.value.retryable and time.monotonic() - start < 5


def test_retry_after_as_a_date() -> None:
    """Seconds, milliseconds and HTTP dates are read; nonsense is none."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (retry_after({"retry-after": soon}) or 0) <= 30
    assert [retry_after({"retry-after": text}) for text in ("7", "soon", "", "-1")] == [7.0, None, None, None]
    assert retry_after({"retry-after-ms": "1500"}) == 1.5


def test_single_requests() -> None:
    """The key is sent, models are listed, and a body of status 200 with an error is none."""
    with scripted(lambda body: Says({"error": "no"} if body.get("bad") else {"ok": True})) as server:
        assert models(server.url) == ["m"]
        assert request("POST", server.url, "/x", KEY, {"a": 1}).json() == {"ok": True}
        with pytest.raises(EndpointError, match=r"fails \(no\)"):
            request("POST", server.url, "/x", KEY, {"bad": 1})
    assert (server.paths, server.keys) == (["/v1/x"] * 2, [f"Bearer {KEY}"] * 2)


LOOP = "The boat is red and the boat is blue, as everyone knows. "


@pytest.mark.parametrize(
    ("pieces", "text", "finish"),
    [
        (["##Reason: yes. <ANSWER>: Oslo\n", "Question: what else?", " More."], "##Reason: yes. <ANSWER>: Oslo", "stop"),
        ([LOOP] * 40, LOOP.strip(), "repetition"),
        (["I see. ", "It is Oslo."], "I see. It is Oslo.", "stop"),
    ],
)  # fmt: skip
def test_an_answer_ends_early(pieces: list[str], text: str, finish: str) -> None:
    """Streamed answers end after the answer line or in a loop, whole ones are cut there; nothing behind is heard."""
    heard: list[str] = []
    streamed, sent = ask(
        lambda _: Says([*(event({"content": piece}) for piece in pieces), DONE]),
        on_text=heard.append,
        stop_early=True,
    )
    whole, _ = ask(lambda _: Says(completion("".join(pieces))), stop_early=True)
    for reply in (streamed, whole):
        assert (reply.text.strip(), reply.finish) == (text, finish)
        assert reply.repeated == (finish == "repetition")
    assert heard[-1].strip() == text
    assert sent[0]["stream"] is True


def test_without_early_ends_everything_is_returned() -> None:
    """A generator's reply is what the server wrote."""
    reply, _ = ask(lambda _: Says(completion("<ANSWER>: Oslo\nmore")))
    assert reply.text == "<ANSWER>: Oslo\nmore"
