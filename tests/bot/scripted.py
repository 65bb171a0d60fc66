"""A model server that does as a test says: what each model writes, how slowly, and where the connection dies.

Everything else about it is as strict as the other stand-ins; embeddings count words, so that retrieval works.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIE = "\0die"
"""In place of a piece: the connection is cut."""

Script = Callable[[str, list[dict[str, str]]], Iterator[str]]
"""(model, messages) → the pieces of its answer; it may sleep or wait between them."""


def _vector(text: str) -> list[float]:
    values = [0.01] * 384
    for word in text.lower().replace("?", "").replace(".", "").split():
        values[int(hashlib.sha256(word.encode()).hexdigest(), 16) % 384] += 1.0
    return values


@dataclass
class ScriptedModels:
    """What is served; `script` may be replaced at any time, `asked` holds what came."""

    script: Script
    models: list[str] = field(default_factory=lambda: ["base"])
    asked: list[dict[str, Any]] = field(default_factory=list)
    cut: int = 0
    """How many answers were left by their reader before their end."""
    context: int | None = None
    """Words that a prompt and its answer may have together; a longer one is refused with the server's counts."""
    running: int = 0
    most_running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    models: ScriptedModels

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        size = {"max_model_len": self.models.context} if self.models.context else {}
        listed = {"object": "list", "data": [{"id": name} | size for name in self.models.models]}
        self._json(200, {"status": "ok"} if self.path == "/health" else listed)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/load_lora_adapter"):
            self.models.models.append(asked["lora_name"])
            self._json(200, {"status": "ok"})
        elif self.path.endswith("/embeddings"):
            texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
            vectors = [base64.b64encode(struct.pack("<384f", *_vector(text))).decode() for text in texts]
            if asked.get("encoding_format") != "base64":
                vectors = [_vector(text) for text in texts]
            data = [{"object": "embedding", "index": i, "embedding": each} for i, each in enumerate(vectors)]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            self._json(200, {"object": "list", "data": data, "model": asked["model"], "usage": usage})
        else:
            self._chat(asked)

    def _chat(self, asked: dict[str, Any]) -> None:
        models = self.models
        words = sum(len(message["content"].split()) for message in asked["messages"])
        if models.context is not None and words >= models.context:
            message = f"the prompt has {words} tokens and this model's context holds {models.context}, the answer included"
            self._json(400, {"error": {"message": message, "code": "context_length_exceeded"}})
            return
        if not asked.get("stream"):  # a count
            choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}
            usage = {"prompt_tokens": words, "completion_tokens": 1, "total_tokens": words + 1}
            head = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
            self._json(200, head | {"choices": [choice], "usage": usage})
            return
        with models.lock:
            models.asked.append(asked)
            models.running += 1
            models.most_running = max(models.most_running, models.running)
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for piece in models.script(asked["model"], asked["messages"]):
                if piece == DIE:
                    return
                self._event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": piece}}]})
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self._event(
                {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8}}
            )
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            models.cut += 1
        finally:
            with models.lock:
                models.running -= 1

    def _event(self, event: dict[str, Any]) -> None:
        head = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        self.wfile.write(f"data: {json.dumps(head | event)}\n\n".encode())
        self.wfile.flush()

    def _json(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # what is kept open is left to the garbage collector
        self.end_headers()
        self.close_connection = True
        self.wfile.write(body)


@contextmanager
def scripted_models(port: int, script: Script) -> Iterator[ScriptedModels]:
    """Serve on a port until the block ends."""
    models = ScriptedModels(script)
    handler = type("Handler", (_Handler,), {"models": models})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield models
        finally:
            server.shutdown()
            thread.join()


def varied(count: int, seed: int = 0) -> str:
    """Return `count` different words without digits: a text in which nothing repeats itself."""
    digests = (hashlib.sha256(f"{seed} {number}".encode()).hexdigest()[:7] for number in range(count))
    return " ".join("".join(chr(ord("a") + int(digit, 16)) for digit in digest) for digest in digests)


def says(text: str, *, pause_s: float = 0.0) -> Script:
    """A script in which every model writes a text word by word."""

    def script(model: str, messages: list[dict[str, str]]) -> Iterator[str]:
        for number, word in enumerate(text.split(" ")):
            time.sleep(pause_s)
            yield word if number == 0 else f" {word}"

    return script
