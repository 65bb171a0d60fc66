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
    "langchain_openai",
    "scipy.stats",
    "matplotlib.figure",
    "fastapi",
    "uvicorn",
)

for name in HEAVY:
    with contextlib.suppress(ImportError):  # a worker without an extra says so when the work needs it
        importlib.import_module(name)
