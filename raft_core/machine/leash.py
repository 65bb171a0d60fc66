"""Run a command that ends when whoever started it is gone, even by kill -9.

    python -m raft_core.machine.leash -- COMMAND ARGUMENT…

The starter holds the other end of this process's stdin: the end of that pipe is the sign that it is gone.
The command runs in a process group of its own within this process's session, and is marked by the
variable RAFTBOT_LEASH, so that what it starts is found again in whatever session it ends up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import psutil  # type: ignore[import-untyped]  # it ships no types

MARK = "RAFTBOT_LEASH"
LAST_GRACE_S = 1.0
"""From SIGTERM to SIGKILL once nobody holds the pipe."""
_NO_SUCH_COMMAND = 127
_ROUNDS = 20
"""A process that forks while it is looked for is found in the next round."""


class Leash:
    """One command, and what it started."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._terminated = False

    def run(self, command: Sequence[str]) -> int:
        """Run a command to its end, end all that it left behind, and return its exit code as a shell would."""
        signal.signal(signal.SIGTERM, lambda *_: self._terminate())
        signal.signal(signal.SIGINT, lambda *_: None)  # a handler, not SIG_IGN: that would be inherited
        try:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603  # its whole purpose
        except OSError as error:
            sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
            return _NO_SUCH_COMMAND
        if self._terminated:
            self._terminate()
        threading.Thread(target=self._hold, daemon=True).start()
        code = self._child.wait()
        end_all(os.environ.get(MARK), os.getsid(0))
        return code if code >= 0 else 128 - code

    def _hold(self) -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        self._terminate()
        time.sleep(LAST_GRACE_S)
        end_all(os.environ.get(MARK), os.getsid(0))

    def _terminate(self) -> None:
        self._terminated = True  # a signal may come before there is a child
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)


def end_all(mark: str | None, session: int) -> None:
    """Kill every process that belongs to a session or carries a mark, this one aside."""
    for _ in range(_ROUNDS):
        left = [process for process in psutil.process_iter() if _belongs(process, mark, session)]
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.1)


def _belongs(process: psutil.Process, mark: str | None, session: int) -> bool:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return os.getsid(process.pid) == session or (mark is not None and process.environ().get(MARK) == mark)
    except (psutil.Error, OSError):  # it ended meanwhile, or belongs to somebody else
        return False


if __name__ == "__main__":
    # At once: a thread may still be reading stdin, which an orderly exit would wait for.
    os._exit(Leash().run(sys.argv[sys.argv.index("--") + 1 :]))
