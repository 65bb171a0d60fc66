"""What the fork server imports before the first unit of work needs it; nothing here starts a thread or a GPU."""

from __future__ import annotations

import contextlib
import importlib
import os

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

HEAVY = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "sentence_transformers",
    "lm_eval.evaluator",
    "lm_eval.tasks",
    "chromadb",
    "langchain_chroma",
    "scipy.stats",
    "matplotlib.figure",
    "fastapi",
    "uvicorn",
    # Ours as well: a child then runs the code that its worker runs, whatever was installed meanwhile.
    "raft_core.jobs.build",
    "raft_core.jobs.evaluate",
    "raft_core.jobs.ingest",
    "raft_core.jobs.train",
    "raft_core.jobs.units",
    "raft_core.training.lora",
    "raft_core.evaluation.harness",
    "raft_core.evaluation.result",
    "raft_core.serving.local",
)

for name in HEAVY:
    with contextlib.suppress(ImportError):  # a worker without an extra says so when the work needs it
        importlib.import_module(name)
