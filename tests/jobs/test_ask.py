from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.errors import DocumentError, RaftError, UnknownModel, UnreadableDocument
from raft_core.jobs.ask import ask, read_context
from raft_core.settings import Settings
from tests.evaluation.chat_server import chat_server

TEXT = "Oslo is the capital of Norway."
GOOD = f"##begin_quote## {TEXT} ##end_quote## <ANSWER>: Oslo"


def test_answers_from_a_given_text(home: Path) -> None:
    """With a context no store is opened: the text is the only source."""
    with chat_server(lambda *_: GOOD, models=("base", "tuned")) as server:
        settings = Settings(home=home, model_server_url=server.url)
        result = ask(settings, "local", " Capital? ", ["base", "tuned"], context=TEXT, context_title="n.txt")
    assert [answer.answer for answer in result.answers] == ["Oslo", "Oslo"]
    (source,) = result.answers[0].sources
    assert (source.title, source.page, source.chunk_id, source.text) == ("n.txt", None, "", TEXT)
    assert result.answers[0].quotes[0].verified
    assert result.question == "Capital?"
    assert not settings.chroma_dir.exists()


def test_a_guild_without_documents_is_told_what_to_do(home: Path) -> None:
    """No documents: an error that names the command to add some, before any model is started."""
    with pytest.raises(DocumentError, match="guild 'local' has no documents") as caught:
        ask(Settings(home=home), "local", "Who?", ["base"])
    assert "raftbot docs add" in caught.value.remedy


def test_bad_questions_and_models(home: Path) -> None:
    """An empty question and an unknown model are errors."""
    with pytest.raises(RaftError, match="empty"):
        ask(Settings(home=home), "local", "  ", ["base"], context=TEXT)
    with pytest.raises(UnknownModel):
        ask(Settings(home=home), "local", "Who?", ["nobody"], context=TEXT)
    with chat_server(lambda *_: GOOD) as server, pytest.raises(UnknownModel, match="'nobody'") as caught:
        ask(Settings(home=home, model_server_url=server.url), "local", "Who?", ["nobody"], context=TEXT)
    assert caught.value.remedy == "known models: base"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe\0", "no UTF-8"),
        (b"a\0b", "binary"),
        (None, "No such file"),
    ],
)
def test_unreadable_contexts(tmp_path: Path, data: bytes | None, reason: str) -> None:
    """A context that is no text is refused with the reason."""
    path = tmp_path / "context.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UnreadableDocument, match=reason):
        read_context(path)


def test_contexts_are_read_whole(tmp_path: Path) -> None:
    """A byte order mark and outer white space are dropped, nothing else."""
    path = tmp_path / "context.txt"
    path.write_bytes(b"\xef\xbb\xbf\nOne.\n\nTwo \xc3\xa9.\n")
    assert read_context(path) == "One.\n\nTwo é."


@pytest.mark.slow
def test_answers_from_the_guilds_documents(home: Path, tmp_path: Path) -> None:
    """The nearest chunk of the guild's documents comes first, with its title and its id; quotes name it."""
    from raft_core.jobs.ingest import ingest

    texts = {"norway": TEXT, "cheese": "Brie is a soft cheese made from the milk of cows."}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    with chat_server(lambda *_: GOOD) as server:
        settings = Settings(home=home, model_server_url=server.url)
        ingest([tmp_path / f"{name}.txt" for name in texts], settings, "local")
        (answer,) = ask(settings, "local", "What is Norway's capital?", ["base"], top_k=2).answers
        (short,) = ask(settings, "local", "What is Norway's capital?", ["base"], top_k=1).answers
    assert [source.text for source in answer.sources] == list(texts.values())
    assert [source.text for source in short.sources] == [TEXT]
    assert answer.sources[0].title == "norway"
    assert answer.sources[0].chunk_id
    assert answer.quotes[0].source == 1
    assert server.requests[0]["messages"][0]["content"].index(TEXT) > 0


def test_several_asks_share_one_loaded_model(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embeddings that are given stand in for the settings' own, which are never loaded."""
    from langchain_core.embeddings import DeterministicFakeEmbedding

    from raft_core.jobs.ingest import ingest

    monkeypatch.setattr("raft_core.store.chunks.load_embeddings", lambda _: pytest.fail("loaded again"))
    shared = DeterministicFakeEmbedding(size=8)
    (tmp_path / "norway.txt").write_text(TEXT, encoding="utf-8")
    with chat_server(lambda *_: GOOD) as server:
        settings = Settings(home=home, model_server_url=server.url)
        ingest([tmp_path / "norway.txt"], settings, "local", embeddings=shared)
        for question in ("What is Norway's capital?", "Who?"):
            (answer,) = ask(settings, "local", question, ["base"], embeddings=shared).answers
            assert [source.text for source in answer.sources] == [TEXT]
