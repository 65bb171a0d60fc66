"""A marker in every setting that may hold a secret, looked for in everything that is printed and written."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from typer.testing import CliRunner

from raft_core.cli.main import app
from raft_core.machine.services import plan
from raft_core.settings import load_settings
from tests.store.embedding_server import vector

# Clients of other libraries leave connections open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
MARK = "mark7secret"
TEXT = "Otter Island lies in the lake of Tarn. Its lighthouse was built in 1871 by Ada Quill, who kept it for forty years."
ROOT = {"folder": ""}


class Vault(DirFileSystem):
    """Artifacts behind a password: vault://user:password@place/folder, kept in a folder of this machine."""

    protocol = "vault"

    def __init__(self, **options: Any) -> None:
        super().__init__(path=ROOT["folder"], fs=LocalFileSystem())

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.partition("://")[2].partition("/")[2] if "://" in path else path


class Server(ThreadingHTTPServer):
    """Speaks enough of the OpenAI protocol for everything, and notes with which Authorization it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: dict[str, set[str]] = {}

    def url(self, secret: str, query: str = "") -> str:
        return f"http://{secret}127.0.0.1:{self.server_port}/v1{query}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._send({"data": [{"id": "base"}], "status": "ok"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
            coded = [
                {
                    "index": at,
                    "embedding": vector(text) if asked.get("encoding_format") != "base64" else _coded(text),
                }
                for at, text in enumerate(texts)
            ]
            return self._send({"data": coded, "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        said = "##Reason: ##begin_quote## Its lighthouse was built in 1871 ##end_quote## <ANSWER>: 1871"
        if "Write" in str(asked.get("messages")) or "question" in str(asked.get("messages"))[:200].lower():
            said = "Who built the lighthouse?" if "lighthouse" not in asked.get("model", "") else said
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "text": said}
        usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": said}
            prompts = asked.get("prompt")
            count = len(prompts) if isinstance(prompts, list) and isinstance(prompts[0], list) else 1
            choices = [{**choice, "index": at, "message": message} for at in range(count)]
            return self._send({"id": "x", "model": asked["model"], "choices": choices, "usage": usage})
        delta = {"index": 0, "delta": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        event = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": asked["model"]}
        events = [{**event, "choices": [delta]}, {**event, "choices": [], "usage": usage}]
        body = "".join(f"data: {json.dumps(each)}\n\n" for each in events) + "data: [DONE]\n\n"
        self._send(body, "text/event-stream")
        return None

    def _send(self, value: Any, kind: str = "application/json") -> None:
        self.server.seen.setdefault(self.path, set()).add(self.headers.get("Authorization", ""))
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _coded(text: str) -> str:
    import struct

    return base64.b64encode(struct.pack("<64f", *vector(text))).decode()


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def secret(name: str) -> str:
    return f"{name}-{MARK}"


def forms(names: list[str]) -> list[str]:
    """The marker as it is, and each secret in the coding of a header."""
    coded = [base64.b64encode(f"user:{secret(name)}".encode()).decode() for name in names]
    return [MARK, *coded, *(base64.b64encode(secret(name).encode()).decode()[:-4] for name in names)]


class Runs:
    """Runs commands, and keeps all that they print, log and raise."""

    def __init__(self) -> None:
        self.said = ""

    def __call__(self, *arguments: object, code: int | None = 0) -> str:
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        self.said += result.output
        if result.exception is not None:
            self.said += "".join(traceback.format_exception(result.exception))
        assert code is None or result.exit_code == code, (arguments, result.output, result.exception)
        return result.stdout


@pytest.fixture
def runs(caplog: pytest.LogCaptureFixture) -> Iterator[Runs]:
    runs = Runs()
    # As the commands have it: of other libraries warnings only.
    with caplog.at_level(logging.WARNING), caplog.at_level(logging.DEBUG, "raft_core"):
        yield runs
        runs.said += caplog.text


def check(runs: Runs, caplog: pytest.LogCaptureFixture, names: list[str], *folders: Path) -> None:
    written = [
        (path, path.read_bytes()) for folder in folders for path in folder.rglob("*") if path.is_file()
    ]
    assert written
    for form in forms(names):
        assert form not in runs.said
        assert form not in caplog.text
        assert [str(path) for path, data in written if form.encode() in data or form in str(path)] == []


NAMES = ["generator", "embeddings", "model_server_url", "artifacts_url"]


@pytest.mark.parametrize("kind", ["password", "query"])
def test_no_secret_of_a_url_is_shown_or_kept(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Runs, caplog, kind: str
):
    """From documents to scores and queued jobs: not in outputs, logs, files, databases or artifacts; the servers get it."""
    store = tmp_path / "store"
    store.mkdir()
    ROOT["folder"] = str(store)
    fsspec.register_implementation("vault", Vault, clobber=True)
    with serving() as server:
        for name in NAMES:
            user, query = (
                (f"user:{secret(name)}@", "") if kind == "password" else ("", f"?api_key={secret(name)}")
            )
            url = server.url(user, query)
            if name == "artifacts_url":
                url = f"vault://user:{secret(name)}@place/shared"
            monkeypatch.setenv(f"RAFTBOT_{name.upper()}", url)
        monkeypatch.setenv("RAFTBOT_EMBEDDINGS_MODEL", "base")
        monkeypatch.setenv("RAFTBOT_GENERATOR_MODEL", "base")
        files = []
        for number in range(4):
            files.append(tmp_path / f"text{number}.txt")
            files[-1].write_text(
                f"{TEXT} Volume {number} of the island's chronicle, by the county's archivist."
            )
        data = tmp_path / "questions.json"
        data.write_text(
            json.dumps(
                [
                    {
                        "question": "Who built it?",
                        "answer": "Ada Quill",
                        "_id": "1",
                        "supporting_facts": [["T", 0]],
                        "context": [["T", [TEXT]]],
                    }
                ]
            )
        )
        runs("--verbose", "docs", "add", *files)
        runs("docs", "list", "--json")
        runs("dataset", "build", "--distractors", 1, "--json", code=None)
        runs(
            "dataset",
            "build",
            "--distractors",
            1,
            "--generator",
            server.url(f"user:{secret('generator')}@"),
            code=None,
        )
        runs("dataset", "build", "--enqueue", "--json")
        runs("ask", "Who built the lighthouse?", "--json")
        runs("ask", "Who built the lighthouse?", "--models", "nothing", code=1)
        runs("eval", "--data", data, "--models", "base", "--json")
        runs("eval", "list", "--json")
        runs("jobs", "list", "--json")
        runs("doctor", "--json", code=None)
        runs("doctor", code=None)
        runs("status", "--json")
        settings = load_settings()
        runs.said += (
            f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {plan(settings)}"
        )
        seen = server.seen
    for path, name in (("/v1/embeddings", "embeddings"), ("/v1/chat/completions", "model_server_url")):
        coded = base64.b64encode(f"user:{secret(name)}".encode()).decode()
        wanted = f"Basic {coded}" if kind == "password" else f"Bearer {secret(name)}"
        assert wanted in seen[path], (path, seen)
    runs("ask", "Who built the lighthouse?", code=1)  # now that no server answers
    runs("docs", "add", data, "--title", "again", code=None)
    runs("doctor", code=1)
    check(runs, caplog, NAMES, home, store)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("database_url", "postgresql://user:{}@127.0.0.1:1/raft"),
        ("database_url", "postgresql://127.0.0.1:1/raft?password={}"),
        ("database_url", "postgresql://user:x/{}@127.0.0.1:1/raft"),
        ("chroma_url", "http://user:{}@127.0.0.1:1"),
        ("chroma_url", "http://127.0.0.1:1?token={}"),
        ("chroma_url", "ftp://user:{}@127.0.0.1:1"),
        ("artifacts_url", "nowhere://user:{}@host/folder"),
        ("artifacts_url", "s3://user:x/{}@bucket/folder"),
        ("artifacts_url", "http://127.0.0.1:1/folder?sig={}"),
        ("model_server_url", "http://user:{}@127.0.0.1:1/v1"),
        ("embeddings", "http://127.0.0.1:1/v1?api_key={}"),
        ("generator", "http://user:{}@127.0.0.1:1/v1"),
        ("endpoints", '[{{"url": "http://user:{}@127.0.0.1:1/v1", "model": "m", "name": "base"}}]'),
        ("endpoints", '[{{"url": "http://user:x/{}@127.0.0.1:1/v1", "model": "m", "name": "base"}}]'),
        ("discord_token", "{}"),
    ],
)
def test_errors_show_no_secret(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Runs, caplog, name: str, url: str
):
    """What cannot be reached or used is named without its secret, tracebacks included."""
    file = tmp_path / "text.txt"
    file.write_text(TEXT)
    home.mkdir()
    (home / "something").write_text("x")
    with serving() as server:  # what is not tried here is there
        monkeypatch.setenv("RAFTBOT_EMBEDDINGS", server.url(""))
        if name != "endpoints":
            monkeypatch.setenv("RAFTBOT_MODEL_SERVER_URL", server.url(""))
        monkeypatch.setenv("RAFTBOT_ENGINE", "remote" if name == "endpoints" else "embedded")
        monkeypatch.setenv(f"RAFTBOT_{name.upper()}", url.format(secret(name)))
        runs("--verbose", "docs", "add", file, code=None)
        runs("ask", "Who built the lighthouse?", code=None)
        runs("dataset", "build", "--distractors", 0, code=None)
        runs("doctor", "--json", code=None)
        runs("status", "--json", code=None)
    check(runs, caplog, [name], home)
