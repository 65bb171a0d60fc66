from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings
from pydantic import SecretStr

from raft_core.dataset.builder import BuildSettings, draft, plan
from raft_core.dataset.files import load_dataset
from raft_core.dataset.generators import Drafts
from raft_core.dataset.generators.endpoint import Endpoint
from raft_core.errors import DatasetError, EndpointError, SettingsError, TooFewChunks
from raft_core.jobs.build import SharedResponses, build_dataset, datasets_dir, make_generator
from raft_core.progress import Progress
from raft_core.records import Chunk
from raft_core.registry.registry import Registry
from raft_core.settings import Settings
from raft_core.store.chunks import ChunkStore
from tests.dataset.world import town_chunks
from tests.openai_server import OpenAIServer


class LineEmbeddings(Embeddings):
    """Puts texts on a circle by the number of their inhabitants, so that the nearest are known."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, int(text.rsplit(" ", 2)[-2]) - 299.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def settings_with(home: Path, chunks: Sequence[Chunk], **more: object) -> Settings:
    settings = Settings(home=home, **more)  # type: ignore[arg-type]  # pydantic checks them
    with ChunkStore(settings, "local", LineEmbeddings()) as store:
        store.add(chunks)
    return settings


def test_builds_from_the_guilds_chunks(home: Path) -> None:
    """All chunks of the guild become rows below its folder; progress ends at the total."""
    settings = settings_with(home, town_chunks())
    seen: list[Progress] = []
    info = build_dataset(settings, "local", BuildSettings(p=0.8), seen.append)
    loaded, rows = load_dataset(datasets_dir(settings, "local") / info.id)
    assert loaded == info
    assert (info.guild, len(rows), info.generator) == ("local", 10, "rules (no language model)")
    assert (seen[-1].stage, seen[-1].done, seen[-1].total) == ("dataset", 10, 10)
    assert build_dataset(settings, "local", BuildSettings(p=0.8)) == info


def test_hard_distractors_are_the_nearest(home: Path) -> None:
    """--hard shows the chunks that the store finds nearest."""
    settings = settings_with(home, town_chunks())
    info = build_dataset(settings, "local", BuildSettings(distractor_choice="hard", distractors=2))
    _, rows = load_dataset(datasets_dir(settings, "local") / info.id)
    last = town_chunks()[-1]
    (row,) = [row for row in rows if row.chunk_id == last.id]
    assert set(row.titles) == {chunk.title for chunk in town_chunks()[-3:]}


def test_other_guilds_have_nothing(home: Path) -> None:
    """A guild without documents is told what to do, and gets no folder."""
    settings = settings_with(home, town_chunks())
    with pytest.raises(DatasetError, match="guild 'other' has no documents") as caught:
        build_dataset(settings, "other", BuildSettings())
    assert "raftbot docs add" in caught.value.remedy
    assert not datasets_dir(settings, "other").exists()


def test_too_few_chunks(home: Path) -> None:
    """Fewer chunks than distractors + 1 is an error that counts them."""
    with pytest.raises(TooFewChunks, match="3 chunks are too few"):
        build_dataset(settings_with(home, town_chunks(3)), "local", BuildSettings())


def test_an_endpoint_with_one_model_needs_no_name(home: Path) -> None:
    """The model is taken from the server's list, key, price and concurrency from the settings."""
    with OpenAIServer(key="k3y", latency_s=0.03) as server:
        settings = settings_with(
            home,
            town_chunks(),
            generator_key=SecretStr("k3y"),
            price_per_1k_tokens_usd=1.0,
            generator_concurrency=2,
        )
        info = build_dataset(settings, "local", BuildSettings(generator=server.url + "/"))
        assert server.most_in_flight == 2
    assert (info.rows, info.generator) == (10, f"teacher at {server.url}")
    assert info.cost_usd == pytest.approx(info.tokens / 1000)


def test_generators_that_are_none(home: Path) -> None:
    """A word that is no generator, a server that is down, an unknown model: each says so."""
    settings = settings_with(home, town_chunks())
    with pytest.raises(SettingsError, match="no generator 'gpt'"):
        build_dataset(settings, "local", BuildSettings(generator="gpt"))
    with OpenAIServer() as server:
        wrong = BuildSettings(generator=server.url, generator_model="nobody")
        with pytest.raises(EndpointError, match="has no model 'nobody'"):
            build_dataset(settings, "local", wrong)
    with pytest.raises(EndpointError, match="cannot be reached"):
        build_dataset(settings, "local", BuildSettings(generator=server.url))
    with OpenAIServer(key="k3y") as server, pytest.raises(EndpointError, match="refuses the key"):
        build_dataset(settings, "local", BuildSettings(generator=server.url))


def test_the_served_base_writes_for_itself(home: Path) -> None:
    """`self` asks the model server of the settings for its base, and counts the calls of the check."""

    def reply(prompt: str) -> str:
        town = prompt.partition("Text:\n")[2].split()[0]
        if "begin_quote" in prompt:
            return (
                f"##begin_quote## {town} is a town on the river Sarn. ##end_quote## <ANSWER>: the river Sarn"
            )
        return "river Sarn" if "shortest answer" in prompt else f"Which river is {town} on?"

    with OpenAIServer(reply, model="base") as server:
        settings = settings_with(home, town_chunks(), model_server_url=server.url)
        info = build_dataset(settings, "local", BuildSettings(generator="self"))
        assert len(server.requests) == 30
    assert (info.rows, info.generator) == (10, f"base at {server.url}, checked by round trip")


def test_the_packaged_base_does_not_write_for_itself(home: Path) -> None:
    """It is refused before anything is loaded, with the reason; `force` is no part of a data set's id."""
    settings = settings_with(home, town_chunks())
    with pytest.raises(SettingsError, match="too few to write its own questions"):
        build_dataset(settings, "local", BuildSettings(generator="self"))
    generator = make_generator(settings, "local", BuildSettings(generator="self", force=True))
    chunks = town_chunks()
    assert plan(chunks, BuildSettings(generator="self"), generator) == plan(
        chunks, BuildSettings(generator="self", force=True), generator
    )
    asyncio.run(generator.close())


def test_machines_share_what_a_model_answered(tmp_path: Path) -> None:
    """Replies kept in the database serve another machine's generator: no call is made twice."""
    with OpenAIServer() as server:

        def drafts() -> list[Drafts]:
            shared = SharedResponses(Registry(f"sqlite:///{tmp_path}/shared.sqlite3"), "local")
            generator = Endpoint(server.url, "teacher", None, shared)
            return draft(town_chunks(4), BuildSettings(generator=server.url), generator)

        first = drafts()
        assert len(server.requests) == 8
        assert drafts() == first
        assert len(server.requests) == 8
