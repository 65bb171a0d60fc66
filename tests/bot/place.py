"""A home with the bot in it, and the servers behind the bot, each started when a test first needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psutil

from raft_core.machine.services import CHROMA_HEARTBEAT, answers, free_ports
from raft_core.settings import Settings
from tests.discord_server import DiscordServer
from tests.jobs.workers import PATIENCE_S, RAFTBOT, Bench, Chroma
from tests.machine.services import wait_until

ROOT = Path(__file__).parents[2]


class Place(Bench):
    """A home whose settings name a Chroma and a model server that may not run yet, or no longer."""

    def __init__(self, home: Path, discord: DiscordServer, **settings: object) -> None:
        self.chroma_port, self.port = free_ports(Settings(home=home, chroma_url=None, model_server_url=None))
        servers = {
            "chroma_url": f"http://127.0.0.1:{self.chroma_port}",
            "model_server_url": f"http://127.0.0.1:{self.port}/v1",
            "model_server_key": "a-key-of-the-tests",
            "discord_token": discord.token,
        }
        super().__init__(home, **{**servers, **settings})
        home.mkdir(parents=True, exist_ok=True)
        self.discord = discord
        self.bot = Bot(self)
        self._chroma: Chroma | None = None
        self._models: subprocess.Popen[bytes] | None = None

    def __exit__(self, *_: object) -> None:
        self.bot.stop()
        self.stop_models()
        self.stop_chroma()
        super().__exit__()

    def start_chroma(self) -> None:
        """Have the document store answer."""
        if self._chroma is None:
            self._chroma = Chroma(self.home / "chroma", self.chroma_port)
        elif not answers(self._chroma.url + CHROMA_HEARTBEAT):
            self._chroma.start()

    def stop_chroma(self) -> None:
        """Kill the document store; what it keeps is there when it is started again."""
        if self._chroma is not None:
            self._chroma.kill()

    def start_models(self) -> None:
        """Have the model server answer, with the small base."""
        if self._models is None:
            with (self.home / "serve.log").open("ab") as log:
                self._models = subprocess.Popen(  # noqa: S603  # our own command
                    [*RAFTBOT, "serve", "--port", str(self.port)],
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "OMP_NUM_THREADS": "1", **self.env},
                )
            wait_until(lambda: answers(f"http://127.0.0.1:{self.port}/health"), PATIENCE_S)

    def stop_models(self) -> None:
        """Kill the model server."""
        if self._models is not None:
            self._models.kill()
            self._models.wait()
            self._models = None


class Bot:
    """The bot as its real process, against the local Discord."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._log = place.home / "bot.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> Self:
        """Start it, and return once it is connected and has said so."""
        said = self.log.count("\nready\n")
        with self._log.open("ab") as log:
            log.write(b"\n")
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "-m", "tests.discord_server.launch", self._place.discord.url],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._place.env},
            )
        if ready:
            wait_until(lambda: self._is_ready(said), PATIENCE_S)
        return self

    def _is_ready(self, said: int) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log[-3000:]
        return self.log.count("\nready\n") > said

    @property
    def log(self) -> str:
        """What it wrote, since its first start."""
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def rss_mb(self) -> float:
        """Its memory, in MB."""
        return psutil.Process(self.pid).memory_info().rss / 1e6

    def stop(self) -> int:
        """Ask it to end, and return its exit status; 0 where it does not run."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(30)
        self._process = None
        return status

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> float:
        """Stop and start it, and return the seconds from start to ready."""
        self.stop()
        began = time.monotonic()
        self.start()
        return time.monotonic() - began
