"""The chain against a strict server: what goes out, what streams back, what is made of it."""

from __future__ import annotations

import threading

import pytest

from raft_core import prompts
from raft_core.answering.chain import sources
from raft_core.answering.compare import compare
from raft_core.answering.listener import Listener
from raft_core.errors import EndpointError
from raft_core.records import Chunk, Hit, Quote, Source
from tests.evaluation.chat_server import chat_server
from tests.openai.scripted import DONE, Says, completion, event, scripted

CHUNKS = [
    Chunk("c1", "d1", "Norway\x1b[2J", "Oslo is the capital of Norway.", 3, 0, 0, 7),
    Chunk("c2", "d2", "Italy", "Rome is the capital of Italy.", None, 0, 0, 7),
]
QUESTION = "What is the capital of Norway?"
GOOD = "##Reason: ##begin_quote## Oslo is the capital of Norway. ##end_quote##\n<ANSWER>: Oslo"
BAD = "##begin_quote## Oslo is old. ##end_quote##\n<ANSWER>: \x1b[31mRome\nand more"


def retrieve(question: str) -> list[Source]:
    assert question == QUESTION
    return sources([Hit(chunk, 0.5) for chunk in CHUNKS])


def test_both_models_answer_from_the_same_sources() -> None:
    """Each model gets the same rendered prompt; quotes are checked, sources carry title, page and chunk."""
    with chat_server(lambda model, _: GOOD if model == "tuned" else BAD, models=("base", "tuned")) as server:
        result = compare(QUESTION, retrieve, ["base", "tuned"], url=server.url, max_new_tokens=55)
    expected = prompts.render("raft", QUESTION, [chunk.text for chunk in CHUNKS])
    assert [request["messages"][0]["content"] for request in server.requests] == [expected] * 2
    assert {request["max_tokens"] for request in server.requests} == {55}
    assert {request["model"] for request in server.requests} == {"base", "tuned"}
    base, tuned = result.answers
    assert (base.model, tuned.model) == ("base", "tuned")
    assert (tuned.answer, tuned.tagged, tuned.truncated) == ("Oslo", True, False)
    assert tuned.quotes == (Quote("Oslo is the capital of Norway.", True, 1),)
    assert base.quotes == (Quote("Oslo is old.", False, None),)
    assert base.answer == "[31mRome"
    assert "\x1b" not in base.text + base.sources[0].title
    assert [(s.number, s.title, s.page, s.chunk_id) for s in tuned.sources] == [
        (1, "Norway[2J", 3, "c1"),
        (2, "Italy", None, "c2"),
    ]
    assert tuned.tokens == len(GOOD.split())
    assert tuned.seconds >= 0


def test_answers_stream_while_both_are_written() -> None:
    """Both requests are under way at once, and every piece is told with its model's name."""
    pieces: list[tuple[str, str]] = []

    class Heard(Listener):
        def piece(self, model: str, text: str) -> None:
            pieces.append((model, text))

    with chat_server(lambda *_: GOOD, models=("a", "b"), gate=threading.Barrier(2)) as server:
        compare(
            QUESTION,
            retrieve,
            ["a", "b"],
            url=server.url,
            listener=Heard(),
        )
    for model in ("a", "b"):
        said = [piece for name, piece in pieces if name == model]
        assert "".join(said) == GOOD


def test_rag_prompt_and_cut_off() -> None:
    """The plain prompt is filled as prompts/rag.txt says; a cut-off answer is marked."""
    with chat_server(lambda *_: "Oslo", finish_reason="length") as server:
        (answer,) = compare(QUESTION, retrieve, ["base"], url=server.url, prompt="rag").answers
    content = server.requests[0]["messages"][0]["content"]
    assert content == prompts.render("rag", QUESTION, [chunk.text for chunk in CHUNKS])
    assert (answer.answer, answer.tagged, answer.truncated, answer.quotes) == ("Oslo", False, True, ())


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"models": ()}, r"has no model 'base' or no such path \(404: no model base\)"),
        ({"fail": [401]}, r"refuses the key \(401: told to fail\)"),
        ({"body": "hello"}, "is no completion: hello"),
    ],
)
def test_a_failing_server_is_told(behaviour: dict[str, object], reason: str) -> None:
    """The client's errors come out as EndpointError, in the server's words."""
    with chat_server(lambda *_: GOOD, **behaviour) as server, pytest.raises(EndpointError, match=reason):
        compare(QUESTION, retrieve, ["base"], url=server.url)


def test_an_absent_server_is_told() -> None:
    """Nobody listening is an EndpointError that says what to do."""
    with pytest.raises(EndpointError, match="cannot be reached") as caught:
        compare(QUESTION, retrieve, ["base"], url="http://127.0.0.1:9/v1")
    assert "raftbot serve" in caught.value.remedy


def test_errors_of_the_retriever_pass() -> None:
    """What the store raises is not mistaken for the server's fault."""
    from raft_core.errors import StoreError

    def fail(_: str) -> list[Source]:
        raise StoreError("Chroma is down")

    with chat_server(lambda *_: GOOD) as server, pytest.raises(StoreError, match="Chroma is down"):
        compare(QUESTION, fail, ["base"], url=server.url)


THOUGHT = "##begin_quote## Rome is the capital of Italy. ##end_quote## <ANSWER>: Rome"


@pytest.mark.parametrize(
    "pieces",
    [
        [event({"reasoning_content": THOUGHT}), event({"content": GOOD}), event({}, "stop"), DONE],
        [event({"content": f"<think>{THOUGHT}"}), event({"content": f"</think>{GOOD}"}), DONE],
        [event({"content": THOUGHT}), event({"content": f"</think>{GOOD}"}), DONE],
    ],
    ids=["beside", "marked", "closed alone"],
)
def test_thoughts_are_no_answer(pieces: list[str]) -> None:
    """They are neither shown nor quoted; what was shown before their mark came is taken back."""
    shown = {"m": ""}

    class Heard(Listener):
        def piece(self, model: str, text: str) -> None:
            shown[model] += text

        def taken_back(self, model: str) -> None:
            shown[model] = ""

    with scripted(lambda _: Says(pieces)) as server:
        (answer,) = compare(QUESTION, retrieve, ["m"], url=server.url, listener=Heard()).answers
    assert (answer.text, answer.answer, [quote.source for quote in answer.quotes], shown["m"]) == (
        GOOD,
        "Oslo",
        [1],
        GOOD,
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            Says(completion(None, "length", reasoning="Hm?")),
            "used all 5 tokens for thinking and wrote no answer",
        ),
        (Says({"error": {"message": "out of credits", "code": 402}}), "out of credits"),
        (Says([event({"content": "Os"})]), "broke off in the middle"),
        (Says([event({"content": "Os"}), 'data: {"error": "worker died"}\n\n']), "worker died"),
        (Says([DONE]), "answered with nothing"),
    ],
)
def test_an_answer_that_is_none_says_why(said: Says, reason: str) -> None:
    """In the server's words; with `keep_broken` what was written stays."""
    with scripted(lambda _: said) as server:
        with pytest.raises(EndpointError, match=reason):
            compare(QUESTION, retrieve, ["m"], url=server.url)
        (answer,) = compare(QUESTION, retrieve, ["m"], url=server.url, keep_broken=True).answers
    assert reason in answer.error and server.url not in answer.error
    assert answer.text == ("Os" if "Os" in str(said.body) else "")


def test_a_refusal_is_an_answer() -> None:
    """A model's own words for why it does not answer are shown."""
    with scripted(lambda _: Says([event({"refusal": "I may not."}), DONE])) as server:
        (answer,) = compare(QUESTION, retrieve, ["m"], url=server.url).answers
    assert (answer.text, answer.error) == ("I may not.", "")
