"""Files are parsed in processes of their own, with limits on memory and time.

A hostile file can make a parser hang in C code, fill the memory or crash. So a small server process holds
the readers' libraries, and forks one child for each file: the kernel ends a child that takes too much, the
server reports how, and the next file gets a clean child within milliseconds.

    Sandbox ── socket: name, bytes ─▶ server ── fork ─▶ child: parse_document
            ◀── JSON: {"document": {…}} or {"error": [reason, remedy]}, and {"warnings": […]} ──
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from raft_core.documents.readers import parse_document
from raft_core.errors import DocumentError, UnreadableDocument
from raft_core.files import to_json
from raft_core.markup import printable
from raft_core.records import Document

if TYPE_CHECKING:
    from raft_core.settings import Settings

START_S = 60.0
"""How long the server may take to start and to import a library, on a busy machine."""
MAX_REPLY_BYTES = 64 * 2**20
"""The longest text that a reader returns has 10 million characters of at most four bytes each."""
MAX_WARNINGS = 20
_LENGTH = struct.Struct(">Q")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR")
"""What the parsers may see of the environment: no key and no password."""
_LIBRARIES = {
    ".docx": "docx",
    ".docm": "docx",
    ".dotx": "docx",
    ".pptx": "pptx",
    ".xlsx": "openpyxl",
    ".xlsm": "openpyxl",
    ".pdf": "pypdfium2",
    ".html": "lxml.etree",
    ".htm": "lxml.etree",
}
"""Imported by the server, once, for files of these names: importing takes longer than most parsing."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What parsing one file may take, and how many pages it may give."""

    seconds: float
    memory_mb: int
    pages: int


class Sandbox:
    """Parse files one after the other, each in a child process; use it as a context manager.

    On systems without a limit of the address space (macOS) only the time is limited.
    """

    def __init__(self, settings: Settings) -> None:
        self._limits = Limits(settings.parse_seconds, settings.parse_memory_mb, settings.max_chunks_per_file)
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def parse(self, data: bytes, path: Path) -> Document:
        """Return a file's bytes as text; `path` names it and tells kinds of text apart.

        Raises:
            UnreadableDocument: as `parse_document` does, or parsing it took too much time or memory, or crashed.
            DocumentError: the server process cannot be started.
        """
        connection = self.start()
        try:
            connection.settimeout(START_S + self._limits.seconds)
            for part in (os.fsencode(path), data):
                _send(connection, part)
            reply = _received(connection)
        except (OSError, EOFError) as error:
            self.close()
            raise UnreadableDocument(
                str(path), f"the process that parses files ended ({error or 'no reply'})", remedy="try again"
            ) from error
        except BaseException:
            self.close()  # the reply to this file must not be taken for the next one's
            raise
        return _document(json.loads(reply), path)

    def start(self) -> socket.socket:
        """Start the server unless it runs, without waiting for it; return the connection to it.

        Raises:
            DocumentError: it cannot be started.
        """
        if self._socket is not None and self._server is not None and self._server.poll() is None:
            return self._socket
        self.close()
        here, there = socket.socketpair()
        limits = self._limits
        # -P: a file in the current folder must not stand in for a library.
        command = [sys.executable, "-P", "-m", __name__, str(limits.seconds), str(limits.memory_mb), str(limits.pages)]  # fmt: skip
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with there:
            try:
                self._server = subprocess.Popen(  # noqa: S603  # our own code
                    command,
                    stdin=there.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # Threads of linear algebra, which no parser needs, would each reserve address space.
                    env={**environment, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
                )
            except OSError as error:
                here.close()
                raise DocumentError(
                    f"the process that parses files cannot be started: {error}",
                    remedy="is there enough memory?",
                ) from error
        self._socket = here
        return here

    def close(self) -> None:
        """End the server."""
        if self._socket is not None:
            self._socket.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._socket = self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def _document(reply: dict[str, Any], path: Path) -> Document:
    for warning in reply.get("warnings", ()):
        log.warning("%s", printable(warning))
    if "error" in reply:
        reason, remedy = reply["error"]
        raise UnreadableDocument(str(path), reason, remedy=remedy)
    return Document.from_json(reply["document"])


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(_LENGTH.pack(len(data)))
    connection.sendall(data)


def _received(connection: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > MAX_REPLY_BYTES:
        raise EOFError("too long a message")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = bytearray(length)
    filled = 0
    while filled < length:
        count = connection.recv_into(memoryview(data)[filled:])
        if not count:
            raise EOFError("no reply")
        filled += count
    return bytes(data)


def serve(connection: socket.socket, limits: Limits) -> None:
    """Be the server: parse what is sent until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_mb << 20,) * 2)
    with contextlib.suppress(EOFError, OSError):
        while True:
            path, data = Path(os.fsdecode(_received(connection))), _received(connection)
            with contextlib.suppress(ImportError):  # the child reports a library that is missing
                importlib.import_module(_LIBRARIES.get(path.suffix.lower(), "charset_normalizer"))
            _send(connection, _in_child(data, path, limits))


def _in_child(data: bytes, path: Path, limits: Limits) -> bytes:
    """Fork a child that parses one file; return its reply, or one that says how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # The kernel ends this process then, whatever code it is in.
            signal.setitimer(signal.ITIMER_REAL, limits.seconds)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a parser writes no files
            with open(writing, "wb") as pipe:  # noqa: PTH123  # a pipe has no path
                pipe.write(_parsed(data, path, limits))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123
        reply = pipe.read(MAX_REPLY_BYTES + 1)
    if len(reply) > MAX_REPLY_BYTES:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 0 and len(reply) <= MAX_REPLY_BYTES:
        return reply
    return to_json({"error": _ended(os.waitstatus_to_exitcode(status), limits)}).encode()


def _ended(status: int, limits: Limits) -> tuple[str, str]:
    """Return why a child without a reply gave none, and the remedy."""
    if status == -signal.SIGALRM:
        return (
            f"parsing it takes longer than {limits.seconds:g} s",
            "split it into smaller files, save it anew, or raise RAFTBOT_PARSE_SECONDS",
        )
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    return (
        f"its parser crashed ({how}): it is damaged, or needs more than {limits.memory_mb:,} MB of memory",
        "open it with the program that made it and save it anew",
    )


def _parsed(data: bytes, path: Path, limits: Limits) -> bytes:
    """Parse a file in this process and return the reply."""
    warnings = _Collected()
    logging.basicConfig(level=logging.WARNING, handlers=[warnings], force=True)
    try:
        document = parse_document(data, path)
        if len(document.pages) > limits.pages:  # each gives at least one chunk
            raise UnreadableDocument(
                str(path),
                f"it has more than {limits.pages:,} pages with text",
                remedy="split it into smaller files, or raise RAFTBOT_MAX_CHUNKS_PER_FILE",
            )
        return to_json({"document": document, "warnings": warnings.messages}).encode()
    except (MemoryError, UnreadableDocument) as error:
        return to_json({"error": _reason(error, limits), "warnings": warnings.messages}).encode()


def _reason(error: MemoryError | UnreadableDocument, limits: Limits) -> tuple[str, str]:
    cause = error.__cause__ or error
    # libxml2 and zlib only have the word in their message.
    if isinstance(error, MemoryError) or isinstance(cause, MemoryError) or "memory" in str(cause).lower():
        return (
            f"parsing it takes more than {limits.memory_mb:,} MB of memory",
            "split it into smaller files, or raise RAFTBOT_PARSE_MEMORY_MB",
        )
    if isinstance(cause, RecursionError) and error.reason.startswith("it is broken"):
        return "it is nested too deeply", ""
    return error.reason, error.remedy


class _Collected(logging.Handler):
    """Keeps the first warnings of the readers for the reply."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.messages) < MAX_WARNINGS:
            self.messages.append(record.getMessage()[:500])


if __name__ == "__main__":
    seconds, memory_mb, pages = sys.argv[1:]
    with socket.socket(fileno=os.dup(0)) as asked:
        serve(asked, Limits(float(seconds), int(memory_mb), int(pages)))
