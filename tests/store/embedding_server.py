"""A strict stand-in for an OpenAI embeddings endpoint, which cannot be had offline: words hashed to 64 numbers."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

MODEL = "words-64"


def vector(text: str) -> list[float]:
    values = [0.0] * 64
    for word in text.lower().split():
        values[hashlib.sha256(word.encode()).digest()[0] % 64] += 1.0
    return values


class EmbeddingServer(ThreadingHTTPServer):
    """Count the texts embedded; answer 500 while `broken`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.embedded = 0
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = body["input"]
        strict = (
            self.path == "/v1/embeddings"
            and body["model"] == MODEL
            and all(isinstance(text, str) and text for text in texts)
        )
        if self.server.broken or not strict:
            self._reply(500 if self.server.broken else 400, {"error": {"message": "no", "type": "error"}})
            return
        self.server.embedded += len(texts)
        packed = [struct.pack("<64f", *vector(text)) for text in texts]
        wanted = body.get("encoding_format", "float")
        values = (
            [base64.b64encode(data).decode() for data in packed] if wanted == "base64" else map(vector, texts)
        )
        data = [
            {"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(values)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        self._reply(200, {"object": "list", "data": data, "model": MODEL, "usage": usage})

    def _reply(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    server = EmbeddingServer()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
