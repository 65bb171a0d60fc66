"""A server on loopback that answers what a test's function says: any status, headers and bytes, in any pieces."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Says:
    """One response; a body of several pieces is sent piece by piece, in chunked encoding."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    """Break the connection off behind the body."""


Answer = Callable[[dict[str, Any]], Says]


@dataclass
class Scripted:
    """Where the server is, and what was asked."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@contextmanager
def scripted(answer: Answer) -> Iterator[Scripted]:
    """Serve until the block ends; `answer` gets each POST's body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send(Says({"object": "list", "data": [{"id": "m", "object": "model"}]}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.requests.append(body)
            seen.paths.append(self.path)
            seen.keys.append(self.headers.get("Authorization", ""))
            self.send(answer(body))

        def send(self, says: Says) -> None:
            pieces = says.body if isinstance(says.body, list) else [says.body]
            pieces = [
                piece
                if isinstance(piece, bytes)
                else (piece if isinstance(piece, str) else json.dumps(piece)).encode()
                for piece in pieces
            ]
            self.send_response(says.status)
            for name, value in says.headers.items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in filter(None, pieces):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.flush()
            if says.drop:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of clients that hang up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        seen = Scripted(f"http://127.0.0.1:{server.server_port}/v1")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()


def completion(
    content: Any = "Oslo", finish: str | None = "stop", usage: Any = ..., **message: Any
) -> dict[str, Any]:
    """Return a chat completion; without `usage` it holds the counts 9 and 5."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish,
    }
    counts = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14} if usage is ... else usage
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": counts}


def event(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> str:
    """Return one event of a stream."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'model': 'm', 'choices': choices, **fields})}\n\n"


DONE = "data: [DONE]\n\n"
