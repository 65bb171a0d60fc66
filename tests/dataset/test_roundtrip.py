from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from raft_core.dataset.builder import BuildSettings, build
from raft_core.dataset.checks import NO_TAG, NOT_VERBATIM
from raft_core.dataset.files import load_dataset, load_rejected
from raft_core.dataset.generators import Drafts
from raft_core.dataset.generators.endpoint import CUT_OFF, NO_QUESTION
from raft_core.dataset.generators.responses import ResponseFile
from raft_core.dataset.generators.roundtrip import NOT_FOUND_AGAIN, RoundTrip, agree, check_size
from raft_core.errors import SettingsError
from tests.dataset.world import town_chunks
from tests.openai_server import Fault, OpenAIServer


def town_of(prompt: str) -> str:
    return prompt.partition("Text:\n")[2].split()[0]


def base(again: Callable[[str], str], answer: Callable[[str], str] | None = None) -> Callable[[str], str]:
    """A base that asks when a town was founded, answers with its sentence, and answers `again` when checked."""

    def written(town: str) -> str:
        year = 1800 + [chunk.title for chunk in town_chunks()].index(town)
        quote = f"{town} was founded in {year} by Arlo Venn."
        return f"It says so: ##begin_quote## {quote} ##end_quote## <ANSWER>: {year}"

    def reply(prompt: str) -> str:
        town = town_of(prompt)
        if "begin_quote" in prompt:
            return (answer or written)(town)
        return again(town) if "shortest answer" in prompt else f"In what year was {town} founded?"

    return reply


def years(town: str) -> str:
    return str(1800 + [chunk.title for chunk in town_chunks()].index(town))


def built(folder: Path, server: OpenAIServer) -> tuple[list[str], dict[str, int], int]:
    """The rows' questions, how many were left out for which reason, and the requests made."""
    generator = RoundTrip(server.url, "base", None, ResponseFile(folder / "responses.jsonl"), backoff_s=0.01)
    info = build(town_chunks(), BuildSettings(generator="self"), generator, folder, "local")
    reasons: dict[str, int] = {}
    for rejected in load_rejected(folder / info.id):
        reasons[rejected.reason] = reasons.get(rejected.reason, 0) + 1
    _, rows = load_dataset(folder / info.id)
    assert info.generator == f"base at {server.url}, checked by round trip"
    return [row.question for row in rows], reasons, len(server.requests)


def drafted(server: OpenAIServer, path: Path, identity: str = "") -> Drafts:
    """What a base drafts about one chunk, with the generator closed in the end."""

    async def run() -> Drafts:
        generator = RoundTrip(server.url, "base", None, ResponseFile(path), identity=identity)
        try:
            return await generator.draft(town_chunks(1)[0], 1, 0)
        finally:
            await generator.close()

    return asyncio.run(run())


def test_what_is_found_again_is_kept(tmp_path: Path) -> None:
    """Three calls a row; all that the base answers twice alike become rows, also within a sentence."""
    reply = base(lambda town: years(town) if town < "P" else f"{town} was founded in {years(town)}.")
    with OpenAIServer(reply, model="base") as server:
        questions, reasons, requests = built(tmp_path, server)
    assert (len(questions), reasons, requests) == (10, {}, 30)
    assert "In what year was Belmo founded?" in questions


def test_what_is_not_found_again_is_dropped_and_counted(tmp_path: Path) -> None:
    """A base that answers differently the second time loses those rows, with the reason."""
    reply = base(lambda town: "nobody knows" if town in {"Belmo", "Virel", "Marest"} else years(town))
    with OpenAIServer(reply, model="base") as server:
        questions, reasons, _ = built(tmp_path, server)
    assert (len(questions), reasons) == (7, {NOT_FOUND_AGAIN: 3})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("##begin_quote## Belmo was never founded. ##end_quote## <ANSWER>: 1800", NOT_VERBATIM),
        ("Belmo was founded in 1800.", NO_TAG),
    ],
)
def test_a_quote_that_is_not_verbatim_is_not_even_checked(tmp_path: Path, answer: str, reason: str) -> None:
    """A row that the builder drops in any case costs no third call."""
    good = base(years)

    def reply(prompt: str) -> str:
        return answer if town_of(prompt) == "Belmo" and "begin_quote" in prompt else good(prompt)

    with OpenAIServer(reply, model="base") as server:
        questions, reasons, requests = built(tmp_path, server)
    assert (len(questions), reasons, requests) == (9, {reason: 1}, 29)


def test_a_killed_build_pays_for_no_call_twice(tmp_path: Path) -> None:
    """The third call is kept like the others; a server with another address every time has an identity."""

    path = tmp_path / "responses.jsonl"
    with OpenAIServer(base(years), model="base") as server:
        assert drafted(server, path, "weights-1").drafts[0].fault == "" and len(server.requests) == 3
    with OpenAIServer(base(lambda _: "other"), model="base") as server:
        assert drafted(server, path, "weights-1").drafts[0].fault == "" and server.requests == []


def test_no_question_and_an_answer_cut_off(tmp_path: Path) -> None:
    """What the endpoint's rows fail for, these fail for too."""
    with OpenAIServer(lambda _: "No idea.", model="base") as server:
        made = drafted(server, tmp_path / "a.jsonl")
        assert ([draft.fault for draft in made.drafts], made.requests) == ([NO_QUESTION], 1)
    cut = Fault(finish_reason="length")
    with OpenAIServer(base(years), model="base", fault=lambda n: cut if n == 2 else None) as server:
        made = drafted(server, tmp_path / "b.jsonl")
        assert ([draft.fault for draft in made.drafts], made.requests) == ([CUT_OFF], 2)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Oslo", "oslo.", True),
        ("the Nobel Prize", "Nobel Prize", True),
        ("1873", "It was founded in 1873.", True),
        ("Arlo Venn", "Arlo Venn and Mira Solt", True),
        ("12 March 1871", "12 March 1872", True),  # two of three words: F1 0.67
        ("Oslo", "Bergen", False),
        ("300", "3000", False),
        ("Oslo", "", False),
        ("the", "the", False),
        ("Oslo", " ".join(["word"] * 30) + " Oslo", False),
    ],
)
def test_short_answers_that_agree(first: str, second: str, same: bool) -> None:
    """Articles, case and full stops make no difference; a long speech that holds the answer is none."""
    assert agree(first, second) is same


def test_a_small_base_is_refused_unless_forced() -> None:
    """A base of 135 million weights is refused with the reason and what to do; one of a billion, or of unknown size, is not."""
    with pytest.raises(SettingsError, match="smollm2-135m has 135 million parameters") as caught:
        check_size("smollm2-135m", 134_515_008, force=False)
    assert "--force" in caught.value.remedy and "--generator rules" in caught.value.remedy
    check_size("smollm2-135m", 134_515_008, force=True)
    check_size("gemma-3-1b", 999_885_952, force=False)
    check_size("somebody's", None, force=False)
