"""A small strict OpenAI-compatible server on loopback: it refuses what the protocol does not allow."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALLOWED = {"model", "messages", "max_tokens", "temperature", "stop", "seed", "stream", "stream_options"}

Reply = Callable[[str, str], str]
"""From a model's name and the user's message to the answer."""


@dataclass
class ChatServer:
    """What was asked, and how the server behaves; `fail` holds statuses to answer with first."""

    reply: Reply
    models: tuple[str, ...] = ("base",)
    memory_mb: dict[str, float] | None = None
    """None: a server that tells of no memory."""
    finish_reason: str = "stop"
    fail: list[int] = field(default_factory=list)
    body: str | None = None
    gate: threading.Barrier | None = None
    context: int | None = None
    """Words that prompt and answer may have together."""
    refusal: str = (
        "the prompt has {prompt} tokens and this model's context holds {limit}, the answer included"
    )
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    key: str | None = None

    def fault(self, payload: dict[str, Any]) -> tuple[int, str] | None:
        if self.fail:
            return self.fail.pop(0), "told to fail"
        if payload["model"] not in self.models:
            return 404, f"no model {payload['model']}"
        messages = payload["messages"]
        words = sum(len(message["content"].split()) for message in messages)
        if self.context is not None and words + payload["max_tokens"] > self.context:
            return 400, self.refusal.format(
                prompt=words,
                limit=self.context,
                total=words + payload["max_tokens"],
                asked=payload["max_tokens"],
            )
        rules = {
            f"unknown fields {sorted(set(payload) - ALLOWED)}": set(payload) <= ALLOWED,
            "the last message is the user's": messages[-1]["role"] == "user",
            "content must be a string": isinstance(messages[0]["content"], str),
            "max_tokens must be a number": isinstance(payload.get("max_tokens"), int),
        }
        return next(((400, reason) for reason, kept in rules.items() if not kept), None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    chat: ChatServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/v1/memory":
            told = self.chat.memory_mb
            self._json(404 if told is None else 200, told or {"error": {"message": "no such path"}})
            return
        self._json(200, {"object": "list", "data": [{"id": name} for name in self.chat.models]})

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.chat.requests.append(payload)
        if fault := self.chat.fault(payload):
            self._json(fault[0], {"error": {"message": fault[1], "type": "invalid_request_error"}})
            return
        if self.chat.gate:
            self.chat.gate.wait(10)
        if self.chat.body is not None:
            self._send(200, "text/plain", self.chat.body.encode())
            return
        text = self.chat.reply(payload["model"], payload["messages"][-1]["content"])
        words = sum(len(message["content"].split()) for message in payload["messages"])
        usage = {"prompt_tokens": words, "completion_tokens": len(text.split()), "total_tokens": 1}
        if payload.get("stream"):
            self._stream(text, usage)
        else:
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": self.chat.finish_reason}
            self._json(200, {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})

    def _stream(self, text: str, usage: dict[str, int]) -> None:
        events: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": piece}}]}
            for piece in text.splitlines(keepends=True)
        ]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": self.chat.finish_reason}]})
        events.append({"choices": [], "usage": usage})
        lines = [
            json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m"} | event)
            for event in events
        ]
        body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])
        self._send(200, "text/event-stream", body.encode())

    def _json(self, status: int, value: object) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def chat_server(reply: Reply, **behaviour: Any) -> Iterator[ChatServer]:
    """Serve until the block ends."""
    chat = ChatServer(reply, **behaviour)
    handler = type("Handler", (_Handler,), {"chat": chat})
    with _Server(("127.0.0.1", 0), handler) as server:
        chat.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield chat
        finally:
            server.shutdown()
            thread.join()
