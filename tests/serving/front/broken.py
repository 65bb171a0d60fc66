"""A server that dies in the middle of a stream."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EVENT = {"model": "m", "choices": [{"index": 0, "delta": {"content": "Half an"}, "finish_reason": None}]}


@contextmanager
def broken_stream() -> Iterator[str]:
    """Yield the URL of a server that answers once: half a stream, then nothing."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            event = f"data: {json.dumps(EVENT)}\n\n".encode()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head + f"{len(event):x}\r\n".encode() + event + b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        thread.join(10)
