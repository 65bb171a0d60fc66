"""Replies in the shapes that servers send, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raft_core.openai.errors import NotACompletion, ServerError
from raft_core.openai.replies import BrokenOff, Reply, ReplyReader, count, read_reply
from tests.openai.scripted import DONE, completion, event


def whole(*args: Any, **fields: Any) -> Reply:
    return read_reply(json.dumps(completion(*args, **fields)).encode())


def streamed(*events: str, size: int = 10_000) -> Reply:
    reader, data = ReplyReader(), "".join(events).encode()
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
    return reader.finish()


@pytest.mark.parametrize(
    ("usage", "tokens", "total"),
    [
        (..., 5, 14),
        (None, 1, 2),
        ({}, 1, 2),
        ({"completion_tokens": 5}, 5, 6),
        ({"prompt_tokens": 9}, 1, 10),
        ({"prompt_tokens": 9, "total_tokens": 14}, 5, 14),
        ({"prompt_tokens": "9", "completion_tokens": 5.0}, 5, 14),
        ({"input_tokens": 9, "output_tokens": 5}, 5, 14),
        ({"prompt_tokens": -1, "completion_tokens": None, "total_tokens": "many"}, 1, 2),
        ("none", 1, 2),
    ],
)
def test_usage_may_be_missing(usage: Any, tokens: int, total: int) -> None:
    """What a server does not count is estimated at four characters a token."""
    reply = whole(usage=usage)
    assert (reply.tokens, reply.all_tokens("Who")) == (tokens, total)


@pytest.mark.parametrize(
    ("content", "fields", "text", "thoughts"),
    [
        ("Oslo", {}, "Oslo", ""),
        ([{"type": "text", "text": "Os"}, {"type": "output_text", "text": "l"}, "o"], {}, "Oslo", ""),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm?"}]}, {"type": "text", "text": "Oslo"}], {}, "Oslo", "Hm?"),
        ([{"type": "reasoning", "text": "Hm?"}, {"type": "text", "text": "Oslo"}], {}, "Oslo", "Hm?"),
        ({"type": "text", "text": "Oslo"}, {}, "Oslo", ""),
        ("<think>Hm?</think>Oslo", {}, "Oslo", "Hm?"),
        ("Oslo", {"reasoning_content": "Hm?"}, "Oslo", "Hm?"),
        ("Oslo", {"reasoning": "Hm?", "reasoning_details": [{"type": "reasoning.text", "text": "Hm?"}]}, "Oslo", "Hm?"),
        ("Oslo", {"reasoning_details": [{"type": "reasoning.text", "text": "Hm?"}]}, "Oslo", "Hm?"),
        ("Oslo", {"thinking": "Hm?", "tool_calls": None, "function_call": None, "refusal": None}, "Oslo", "Hm?"),
        ("so</think>Oslo", {"reasoning": "Hm?"}, "Oslo", "Hm?\nso"),
        (None, {"reasoning_content": "Hm?"}, "", "Hm?"),
        ("Oslo<|im_end|>", {}, "Oslo", ""),
    ],
)  # fmt: skip
def test_content_and_thoughts(content: Any, fields: dict[str, Any], text: str, thoughts: str) -> None:
    """Content is a string, a list of parts or null; thoughts stand in it or beside it, and never in the text."""
    reply = whole(content, **fields)
    assert (reply.text, reply.thoughts) == (text, thoughts)


@pytest.mark.parametrize(
    ("content", "finish", "fields", "fault"),
    [
        ("Oslo", "length", {}, ""),
        (None, "length", {"reasoning": "Hm?"}, "used all 5 tokens for thinking and wrote no answer"),
        (None, "length", {}, "used all 5 tokens for thinking and wrote no answer"),
        ("<think>Hm?", "stop", {}, "used 5 tokens for thinking and wrote no answer"),
        ("", "stop", {}, "answered with nothing"),
        (None, "stop", {"refusal": "I may not."}, "refuses to answer: I may not."),
        ([{"type": "refusal", "refusal": "I may not."}], "stop", {}, "refuses to answer: I may not."),
        (None, "tool_calls", {"tool_calls": [{"function": {"name": "search", "arguments": "{}"}}]}, "answered with a call of the tool 'search' and no text"),
        (None, "function_call", {"function_call": {"name": "search"}}, "answered with a call of the tool 'search' and no text"),
        ("Os", "content_filter", {}, "holds the answer back: its content filter stopped it"),
    ],
)  # fmt: skip
def test_what_is_no_answer_says_why(content: Any, finish: str, fields: dict[str, Any], fault: str) -> None:
    """The budget spent on thoughts, refusals, tool calls and filters are told apart."""
    assert whole(content, finish, **fields).fault == fault


@pytest.mark.parametrize(
    ("finish", "cut_off"),
    [("stop", False), ("length", True), ("max_tokens", True), ("MAX_TOKENS", True), ("eos", False), (None, False), ("", False)],
)  # fmt: skip
def test_finish_reasons(finish: str | None, cut_off: bool) -> None:
    """Servers' own words for the token limit count as well; none at all is a stop."""
    assert whole("x", finish).cut_off is cut_off


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"id": "x", "error": {"message": "out of credits", "code": 402}}, 402, "out of credits"),
        ({"error": "no such model"}, None, "no such model"),
        ({"error": {"message": "bad", "type": "invalid_request_error", "code": None}}, None, "bad"),
        ({"detail": "Not authenticated"}, None, "Not authenticated"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "extra fields not permitted"}]}, None, "seed: extra fields not permitted"),
        ({"object": "error", "message": "bad", "code": 400}, 400, "bad"),
        ([{"error": {"message": "quota", "code": 429, "status": "RESOURCE_EXHAUSTED"}}], 429, "quota"),
        ({"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": "boom"}}}, 502, "Provider returned error: boom"),
        ({"choices": [{"index": 0, "finish_reason": "error", "error": {"message": "boom", "code": 500}}]}, 500, "boom"),
        ({"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "error"}]}, None, "the answer ended in an error"),
        ({"choices": [], "error": {"message": "boom"}}, None, "boom"),
        ({"message": "You exceeded"}, None, "You exceeded"),
        ({"success": False, "errors": [{"message": "no route"}]}, None, "no route"),
    ],
)  # fmt: skip
def test_an_error_with_status_200_is_an_error(body: Any, status: int | None, message: str) -> None:
    """In its own words, with its code as the status; as a stream's event likewise."""
    for data in (
        json.dumps(body),
        f"data: {json.dumps(body)}\n\n",
        event({"content": "Os"}) + f"event: error\ndata: {json.dumps(body)}\n\n",
    ):
        with pytest.raises(ServerError) as caught:
            read_reply(data.encode())
        assert (caught.value.message, caught.value.status) == (message, status)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        ("", "nothing"),
        ("null", "null"),
        ('"hello"', "hello"),
        ('{"choices": []}', "choices"),
        ('{"choices": null}', "choices"),
        ('{"choices": [7]}', "choices"),
        ("{" * 5000, "{{{"),
        (b"\xff\xfe\x00", ""),
    ],
)
def test_what_is_no_completion(body: str | bytes, shown: str) -> None:
    """A page, an empty body, other JSON: an error that shows its beginning."""
    with pytest.raises(NotACompletion) as caught:
        read_reply(body.encode() if isinstance(body, str) else body)
    assert shown in caught.value.message and len(caught.value.message) <= 300


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_stream_is_read_in_any_pieces(size: int, line_end: str) -> None:
    """Comments, CRLF, an event in several lines, usage at the end, umlauts split between pieces."""
    split = 'data: {"choices": [{"index": 0,\ndata: "delta": {"content": "ö"}}]}\n\n'
    usage = event(usage={"prompt_tokens": 9, "completion_tokens": 5})
    events = [
        ": hello\n\n", "retry: 9\nid: 1\n\n", event({"role": "assistant", "content": ""}), event({"content": None}),
        event({"content": "Osl"}), "event: message\n" + split, event({}, "stop"), usage, DONE,
    ]  # fmt: skip
    reply = streamed("".join(events).replace("\n", line_end), size=size)
    assert reply == Reply("Oslö", "", "stop", 9, 5)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([event({"content": "Oslo"}), DONE], Reply("Oslo")),
        ([event({"content": "Oslo"}, "length")], Reply("Oslo", finish="length")),
        ([event({"content": "Oslo"}), event({}, "stop").rstrip()], Reply("Oslo")),
        ([event({"content": "Oslo"}), event({}, "stop"), event(), event(usage=None), DONE], Reply("Oslo")),
        ([event({"reasoning": "Hm"}), event({"reasoning": "?"}), event({"content": "Oslo"}), DONE], Reply("Oslo", "Hm?")),
        ([event({"content": "<thi"}), event({"content": "nk>Hm?</think>Os"}), event({"content": "lo"}), DONE], Reply("Oslo", "Hm?")),
        ([event({"content": "Hm?"}), event({"content": "</think>Oslo"}), DONE], Reply("Oslo", "Hm?")),
        ([event({"reasoning_content": "Hm?"}), event({}, "length"), DONE], Reply("", "Hm?", "length")),
        ([event({"refusal": "I may "}), event({"refusal": "not."}), DONE], Reply("I may not.", refusal=True)),
        ([event({"content": "Oslo"}), event(x_groq={"usage": {"completion_tokens": 5}}), DONE], Reply("Oslo", completion_tokens=5)),
        ([event({"content": "Oslo"}), "data:\n\n", "data: null\n\n", "data:[DONE]\n\n"], Reply("Oslo")),
        ([event({"content": "Os"}, usage={"completion_tokens": 1}), event({"content": "lo"}, "stop", usage={"completion_tokens": 2})], Reply("Oslo", completion_tokens=2)),
        ([f"data: {json.dumps(completion(usage=None))}\n\n", DONE], Reply("Oslo")),
        ([DONE], Reply("")),
    ],
)  # fmt: skip
def test_streams_end_in_many_ways(events: list[str], expected: Reply) -> None:
    """A finish reason or [DONE] makes a stream whole, whatever else is missing."""
    assert streamed(*events) == expected


@pytest.mark.parametrize(
    "events", [[event({"content": "Os"})], [": waiting\n\n"], [event({"role": "assistant"})]]
)
def test_a_stream_that_ends_with_neither_broke_off(events: list[str]) -> None:
    """No finish reason and no [DONE]: the answer is not whole."""
    with pytest.raises(BrokenOff):
        streamed(*events)


def test_an_error_amid_a_stream() -> None:
    """Whether as an event or, by a proxy, as a bare line."""
    for line in ('data: {"error": {"message": "overloaded", "code": 529}}\n\n', '{"error": "overloaded"}\n'):
        with pytest.raises(ServerError, match="overloaded"):
            streamed(event({"content": "Os"}), line)


def test_the_text_so_far_holds_no_thought() -> None:
    """What turns out to be a thought is taken back."""
    reader, seen = ReplyReader(), []
    for delta in ("Hm", "?</think>", "Os", "lo"):
        reader.feed(event({"content": delta}).encode())
        seen.append(reader.text)
    assert seen == ["Hm", "", "Os", "Oslo"]


def test_counts_of_odd_types() -> None:
    """Booleans and infinity are no counts."""
    assert [count({"n": value}, "n") for value in (True, float("inf"), float("nan"), 7, [], "7")] == [
        None,
        None,
        None,
        7,
        None,
        7,
    ]
