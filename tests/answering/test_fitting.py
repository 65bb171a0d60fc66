"""Sources fitted to a model's context by the server's own counts."""

from __future__ import annotations

import pytest

from raft_core.answering.compare import compare
from raft_core.answering.fitting import Attempt, answer_room
from raft_core.errors import PromptTooLong
from raft_core.openai.errors import MODEL_SERVER, ServerError, trouble_of
from raft_core.records import Source, Turn
from tests.evaluation.chat_server import chat_server

SOURCES = [
    Source(number, f"Part {number}", None, f"c{number}", f"part{number} " * 60) for number in range(1, 5)
]
ANSWER = "<ANSWER>: Oslo"
REFUSALS = {
    "ours": "the prompt has {prompt} tokens and this model's context holds {limit}, the answer included",
    "vLLM": "This model's maximum context length is {limit} tokens. However, you requested {total} tokens "
    "({prompt} in the messages, {asked} in the completion). Please reduce the length of the messages or completion.",
    "newer vLLM": "'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length "
    "is {limit} tokens and your request has {prompt} input tokens ({asked} > {limit} - {prompt}).",
    "OpenAI": "This model's maximum context length is {limit} tokens. However, your messages resulted in {prompt} tokens. "
    "Please reduce the length of the messages.",
    "llama.cpp": "request ({prompt} tokens) exceeds the available context size ({limit} tokens), try increasing it",
    "Anthropic": "prompt is too long: {prompt} tokens > {limit} maximum",
    "TGI": "`inputs` tokens + `max_new_tokens` must be <= {limit}. Given: {prompt} `inputs` tokens and {asked} `max_new_tokens`",
    "without counts": "Input is too long for requested model.",
}


@pytest.mark.parametrize("server", [name for name in REFUSALS if name != "without counts"])
def test_counts_are_read_from_a_refusal(server: str) -> None:
    """The context and the prompt's tokens, in the words of many servers."""
    said = REFUSALS[server].format(prompt=1700, limit=2048, total=2500, asked=800)
    found = trouble_of(ServerError(said, status=400), "http://x", "m", MODEL_SERVER).error
    assert isinstance(found, PromptTooLong) and (found.limit, found.tokens) == (2048, 1700)


@pytest.mark.parametrize(
    "said", ["Unsupported parameter: 'max_tokens' is not supported with this model", "no such model", ""]
)
def test_other_refusals_are_not_about_length(said: str) -> None:
    """What shortening does not mend is told as it is."""
    found = trouble_of(ServerError(said, status=400), "http://x", "m", MODEL_SERVER).error
    assert not isinstance(found, PromptTooLong)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize(("context", "shown"), [(1000, 4), (300, 4), (240, 3), (190, 2), (130, 1), (60, 0)])
def test_a_model_answers_whatever_its_context(refusal: str, context: int, shown: int) -> None:
    """The last sources are dropped, as few as need be, until prompt and answer fit; nothing is refused."""
    with chat_server(lambda *_: ANSWER, context=context, refusal=refusal) as server:
        (answer,) = compare("Why?", lambda _: SOURCES, ["base"], url=server.url, max_new_tokens=16).answers
    assert answer.answer == "Oslo"
    if "without" not in refusal:
        assert answer.sources == tuple(SOURCES[:shown])
    last = server.requests[-1]["messages"][0]["content"]
    assert [f"part{number} part" in last for number in range(1, 5)] == [
        number <= shown for number in range(1, 5)
    ]


def test_a_known_context_keeps_room_for_the_answer() -> None:
    """Where the server says how long its context is, one count is enough, and both models see the same sources."""
    with chat_server(lambda *_: ANSWER, models=("a", "b"), context=400) as server:
        told = compare(
            "Why?",
            lambda _: SOURCES,
            ["a", "b"],
            url=server.url,
            max_new_tokens=800,
            contexts={"a": 400, "b": 400},
        ).answers
    assert [len(answer.sources) for answer in told] == [4, 4]
    assert [answer.answer for answer in told] == ["Oslo", "Oslo"]


def test_a_prompt_that_is_surely_short_is_not_counted() -> None:
    """No request is spent on it."""
    with chat_server(lambda *_: ANSWER, context=8192) as server:
        compare(
            "Why?", lambda _: SOURCES, ["base"], url=server.url, max_new_tokens=800, contexts={"base": 8192}
        )
    assert len(server.requests) == 1


def test_earlier_turns_go_when_no_source_is_left() -> None:
    """The oldest first; what still does not fit is told with the server's counts."""
    turns = [Turn("old " * 30, "yes"), Turn("new " * 30, "no")]
    with chat_server(lambda *_: ANSWER, context=80) as server:
        compare("Why?", lambda _: SOURCES, ["base"], url=server.url, max_new_tokens=8, history=turns)
    assert [message["content"].split()[0] for message in server.requests[-1]["messages"][:-1]] == [
        "new",
        "no",
    ]
    with (
        chat_server(lambda *_: ANSWER, context=5) as server,
        pytest.raises(PromptTooLong, match="context holds 5"),
    ):
        compare("Why? " * 9, lambda _: [], ["base"], url=server.url, max_new_tokens=8)


def test_the_answer_gives_way_before_a_source_does() -> None:
    """Down to a quarter of the context."""
    whole = Attempt((SOURCES[0],), (), 800)
    assert whole.shorter(PromptTooLong("", "", limit=2000, tokens=1400)) == Attempt((SOURCES[0],), (), 600)
    assert whole.shorter(PromptTooLong("", "", limit=2000, tokens=1600)) == Attempt((), (), 800)
    assert (answer_room(8192, 800), answer_room(1000, 800), answer_room(2, 800)) == (800, 250, 1)


def test_a_failing_count_is_not_the_answers_failure() -> None:
    """The model is asked all the same, with every source."""
    with chat_server(lambda *_: ANSWER, fail=[500, 500, 500]) as server:
        (answer,) = compare(
            "Why?", lambda _: SOURCES, ["base"], url=server.url, contexts={"base": 100}, max_new_tokens=8
        ).answers
    assert (answer.answer, len(answer.sources)) == ("Oslo", 4)
