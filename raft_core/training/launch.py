"""One training on several GPUs: `accelerate launch` starts a process for each, and the first one tells.

Each process runs `python -m raft_core.training.launch FOLDER`, where FOLDER/task.json holds the recipe and the rows;
the first writes JSON lines on standard output, then `curve.json` and the weights as `train_lora` does alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_core.errors import TrainingError
from raft_core.files import read_json, to_json, write_json
from raft_core.progress import Progress, Report, silent
from raft_core.training.recipe import Recipe
from raft_core.training.rows import Row

if TYPE_CHECKING:
    from raft_core.training.lora import LossPoint

PARENT_EVERY_S = 1.0


def train_in_processes(
    processes: int,
    rows: Sequence[Row],
    recipe: Recipe,
    path: str,
    folder: Path,
    *,
    config: Path | None = None,
    report: Report,
    validation: Sequence[Row] = (),
) -> list[LossPoint]:
    """Train on `rows` in several processes, one a GPU; return the loss curve.

    `config` is a file of `accelerate config`. Over several nodes it names this one's rank and the first one's address,
    the folder is on a disk that all share, and the other nodes start
    `accelerate launch --config_file THEIRS -m raft_core.training.launch FOLDER` themselves.

    Raises:
        TrainingError: one of the processes failed; its words are in this process's log.
    """
    from raft_core.training.lora import LossPoint

    task: dict[str, Any] = {"recipe": asdict(recipe), "path": path}
    task |= {"rows": [asdict(row) for row in rows], "validation": [asdict(row) for row in validation]}
    write_json(folder / "task.json", task)
    argv = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", str(processes)]
    if config is not None:
        argv += ["--config_file", str(config)]
    else:
        argv += ["--multi_gpu", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    argv += ["--module", __name__, str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as launched:  # noqa: S603  # our own module
        try:
            for line in launched.stdout or ():
                if line.startswith("{"):
                    report(Progress(**json.loads(line)))
        finally:
            launched.terminate()  # it ends its processes; when it is done already this does nothing
    if launched.returncode:
        raise TrainingError(
            f"training in {processes} processes failed with status {launched.returncode}",
            remedy="the log says why; RAFTBOT_TRAINING_PROCESSES must be at most the number of GPUs",
        )
    return [LossPoint(**point) for point in read_json(folder / "curve.json")]


def main(folder: Path) -> None:
    """Be one of the processes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from raft_core.training.base import load_tokenizer
    from raft_core.training.callback import Clock
    from raft_core.training.lora import train_lora

    task = read_json(folder / "task.json")
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in task["recipe"].items()
    }
    recipe = Recipe(**given)  # JSON has no tuples
    first = os.environ.get("RANK", "0") == "0"
    curve = train_lora(
        [Row(**row) for row in task["rows"]],
        load_tokenizer(task["path"]),
        recipe,
        task["path"],
        folder,
        clock=Clock(folder / "spent.json"),
        report=_tell if first else silent,
        validation=[Row(**row) for row in task["validation"]],
    )
    if first:
        write_json(folder / "curve.json", curve)


def _tell(progress: Progress) -> None:
    sys.stdout.write(to_json(progress) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    """End when the launcher has gone: killed, it cannot end its processes itself."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(PARENT_EVERY_S)
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
