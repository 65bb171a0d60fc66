"""Files of questions that members hand over are read in a process of their own, with limits on memory and time.

A small Parquet file can stand for any amount of text, and the bot must not fill its memory with it.

    python -m raft_core.evaluation.uploads FILE MB  →  {"records": [{…}, …]} or {"error": ["…", "remedy"]}
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from raft_core.errors import EvaluationError, RaftError
from raft_core.evaluation.questions import read_questions, to_record
from raft_core.files import to_json

SECONDS = 60.0
MEMORY_MB = 2048
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR")
"""What the reader may see of the environment: no key and no password."""


def read_upload(path: Path) -> list[dict[str, Any]]:
    """Return the questions of an untrusted file as records in HotpotQA's layout.

    Raises:
        EvaluationError: it is no file of questions, or reading it takes too much memory or time.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # -P: a file in the current folder must not stand in for a library.
    command = [sys.executable, "-P", "-m", __name__, str(path), str(MEMORY_MB)]
    try:
        done = subprocess.run(  # noqa: S603  # our own code
            command, capture_output=True, timeout=SECONDS, check=False, env=environment | {"PYTHONUTF8": "1"}
        )
        reply: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise EvaluationError(
            f"reading {path} takes more than {SECONDS:.0f} s or {MEMORY_MB} MB",
            remedy="hand over fewer questions, as JSON",
        ) from error
    if "error" in reply:
        said, remedy = reply["error"]
        raise EvaluationError(said, remedy=remedy)
    records: list[dict[str, Any]] = reply["records"]
    return records


def _main(path: Path, memory_mb: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        reply: dict[str, Any] = {"records": [to_record(question) for question in read_questions(path)]}
    except RaftError as error:
        reply = {"error": [str(error), error.remedy]}
    sys.stdout.write(to_json(reply))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
