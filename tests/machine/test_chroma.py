"""Chroma as `raftbot up` runs it: only the key's owner reads and writes."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from raft_core.errors import StoreError
from raft_core.machine.chroma import application
from raft_core.machine.services import chroma_status
from raft_core.records import Chunk
from raft_core.serving.local import LOOPBACK, _running, listen
from raft_core.settings import Settings, load_settings
from raft_core.store.chunks import ChunkStore, collection_name
from tests.store.embedding_server import MODEL, embedding_server

# Chroma's server is of an older FastAPI, and its client closes no connection where it is refused.
IGNORED = ("DeprecationWarning", "UserWarning", "pytest.PytestUnraisableExceptionWarning", "ResourceWarning")
pytestmark = pytest.mark.filterwarnings(*(f"ignore::{kind}" for kind in IGNORED))
KEY = "a-key-of-the-tests"
COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with listen(LOOPBACK, 0) as listening, _running(application(str(tmp_path / "chroma"), KEY), listening):
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"


def chunk(number: int) -> Chunk:
    return Chunk(f"c{number}", "d1", "Title", f"Text number {number}.", None, number, 0, 4)


def test_only_the_key_opens_it(home: Path, url: str):
    """With the key chunks are kept, found and removed; without it, or with another, nothing is read or changed."""
    with embedding_server() as embedder:
        rest = {"chroma_url": url, "embeddings": embedder.url, "embeddings_model": MODEL}
        ours = load_settings(**rest, chroma_key=KEY)
        with ChunkStore(ours, "cats") as store:
            assert store.add([chunk(1), chunk(2)]) == 2
            assert [hit.chunk.id for hit in store.retrieve("Text number 2.", 1)] == ["c2"]
        for key in (None, "another"):
            with pytest.raises(StoreError) as caught:
                other(rest, key)
            assert "RAFTBOT_CHROMA_KEY" in caught.value.remedy
        with ChunkStore(ours, "cats") as store:
            assert store.remove("d1") == 2
    gc.collect()
    assert chroma_status(url, KEY) == 200
    assert chroma_status(url, None) == 403
    assert httpx.get(url + COLLECTIONS).status_code == 403
    body = {"name": collection_name("cats")}
    assert httpx.post(url + COLLECTIONS, json=body).status_code == 403
    assert httpx.delete(f"{url}{COLLECTIONS}/{body['name']}").status_code == 403


def other(rest: dict[str, str], key: str | None) -> None:
    settings: Settings = load_settings(**rest, chroma_key=key)
    with ChunkStore(settings, "cats") as store:
        store.all()
