"""A strict little OpenAI-compatible server on loopback, for tests and benchmarks.

It serves one model, checks every request as a picky server would (path, key, JSON, fields, types) and
can be told to be slow, to fail, to limit the rate, or to answer rubbish:

    with OpenAIServer(latency_s=0.3, fault=lambda n: Fault(429, headers={"Retry-After": "1"}) if n == 3 else None) as server:
        ask(server.url)

Run as `python -m tests.openai_server --latency 0.3` it prints its URL and serves until its input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

KNOWN_FIELDS = frozenset(
    [
        "model",
        "messages",
        "temperature",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "seed",
        "stream",
        "top_p",
        "n",
        "user",
    ]
)
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: a status, a body that is no completion, a hang, or a dropped connection."""

    status: int = 200
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: bool = False
    code: str | None = None
    finish_reason: str = "stop"


def reply_from_text(prompt: str) -> str:
    """Answer as a good model would: ask about the prompt's text, or quote its first sentence."""
    text = " ".join(prompt.rpartition("Text:\n")[2].partition("\n\nQuestion:")[0].split())
    sentence = re.split(r"(?<=[.!?])\s", text)[0]
    if "##begin_quote##" in prompt:
        return f"The text says so. ##begin_quote##{sentence}##end_quote##\n<ANSWER>: {sentence.split()[0]}"
    return f"What does the text say about {' '.join(sentence.split()[:4])}?"


class OpenAIServer:
    """The server, in a thread of its own while the `with` block runs. `requests` holds the prompts in order."""

    def __init__(
        self,
        reply: Callable[[str], str] = reply_from_text,
        *,
        model: str = "teacher",
        key: str | None = None,
        latency_s: float = 0.0,
        fault: Callable[[int], Fault | None] = lambda _: None,
    ) -> None:
        self.reply, self.model, self.key, self.latency_s, self.fault = reply, model, key, latency_s, fault
        self.requests: list[str] = []
        self.times: list[float] = []
        self.in_flight = self.most_in_flight = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """The base URL, ending in /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        async def stop() -> None:
            self._server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._call(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines[1:])
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, answer, extra = await self._handle(method, path, headers, body)
                if status == 0:
                    break
                payload = answer.encode()
                fields = {"Content-Type": "application/json", **extra, "Content-Length": str(len(payload))}
                start = f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\n"
                writer.write(
                    (start + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n").encode() + payload
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, dict[str, str]]:
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return (401, error("incorrect API key", "invalid_api_key"), {})
        if (method, path) == ("GET", "/v1/models"):
            return 200, json.dumps({"object": "list", "data": [{"id": self.model, "object": "model"}]}), {}
        if (method, path) != ("POST", "/v1/chat/completions"):
            return 404, error(f"no {method} {path}"), {}
        problem, status, prompt = self._check(body)
        return (status, error(problem), {}) if problem else await self._complete(prompt)

    async def _complete(self, prompt: str) -> tuple[int, str, dict[str, str]]:
        self.requests.append(prompt)
        self.times.append(asyncio.get_running_loop().time())
        fault = self.fault(len(self.requests)) or Fault()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency_s + fault.delay_s)
        finally:
            self.in_flight -= 1
        if fault.drop:
            return 0, "", {}
        if fault.body is not None or fault.status != 200:
            return (
                fault.status,
                fault.body if fault.body is not None else error("told to fail", fault.code),
                fault.headers,
            )
        return 200, self._completion(prompt, fault.finish_reason), {}

    def _check(self, body: bytes) -> tuple[str, int, str]:
        try:
            request = json.loads(body)
            unknown = set(request) - KNOWN_FIELDS
            messages = request["messages"]
            assert not unknown, f"unknown fields {sorted(unknown)}"
            assert isinstance(messages, list) and messages, "messages must be a non-empty list"
            assert all(set(message) == {"role", "content"} for message in messages), (
                "a message has role and content"
            )
            assert all(isinstance(message["content"], str) for message in messages), (
                "content must be a string"
            )
            limit = request.get("max_tokens", request.get("max_completion_tokens", 1))
            assert isinstance(limit, int) and limit >= 1, "max_tokens must be a positive integer"
        except (ValueError, KeyError, TypeError, AssertionError) as problem:
            return f"bad request: {problem}", 400, ""
        if request.get("model") != self.model:
            return f"the model {request.get('model')!r} does not exist", 404, ""
        return "", 200, str(messages[-1]["content"])

    def _completion(self, prompt: str, finish_reason: str) -> str:
        text = self.reply(prompt)
        asked, said = len(prompt.split()), len(text.split())
        return json.dumps(
            {
                "id": f"chatcmpl-{len(self.requests)}",
                "object": "chat.completion",
                "created": 0,
                "model": self.model,
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": text},
                        "finish_reason": finish_reason,
                    }
                ],
                "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
            }
        )


def error(message: str, code: str | None = None) -> str:
    """Return an OpenAI-shaped error body."""
    return json.dumps(
        {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    with OpenAIServer(latency_s=parser.parse_args().latency) as running:
        sys.stdout.write(running.url + "\n")
        sys.stdout.flush()
        sys.stdin.read()
