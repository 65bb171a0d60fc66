"""The rules of the folder tree, held by running the real interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "vllm", "peft", "trl", "sentence_transformers", "lm_eval"}


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    code = (
        f"{statement}\nimport json, sys; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_bot_imports_no_model_library():
    """Importing every module of the bot brings in nothing that holds weights."""
    walk = "import bot, pkgutil, importlib\nfor m in pkgutil.walk_packages(bot.__path__, 'bot.'): importlib.import_module(m.name)"
    assert not modules_after(walk) & HEAVY


def test_command_line_starts_light():
    """The command line itself loads only typer: no settings, store or model library."""
    loaded = modules_after("import raft_core.cli.main")
    assert not loaded & (
        HEAVY | {"pydantic", "chromadb", "langchain_core", "langchain_openai", "numpy", "httpx"}
    )


@pytest.mark.parametrize("module", ["raft_core.jobs.ingest", "raft_core.jobs.build", "raft_core.jobs.ask"])
def test_light_jobs_import_no_torch(module: str):
    """What the bot will call is importable without torch."""
    assert "torch" not in modules_after(f"import {module}")


def test_import_contracts_hold():
    """The layers of pyproject.toml hold: bot → raft_core → prompts, and stages apart."""
    done = subprocess.run(  # our own tool, found beside the interpreter
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
