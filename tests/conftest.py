"""Fixtures shared by all tests: an empty home, real data where it is at hand, a tiny model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tiny_model import small_base

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library reads it: no test may reach a hub
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAFTBOT_BASE_MODEL"] = str(small_base())  # the packaged one is too large for most tests

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def real_data() -> Path:
    """Real HotpotQA records and real and hostile documents, where they are at hand."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"the real test data is absent: {REAL_DATA.name} beside the project")
    return REAL_DATA


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty RAFTBOT_HOME."""
    path = tmp_path / "home"
    monkeypatch.setenv("RAFTBOT_HOME", str(path))
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with a tiny random Llama."""
    from tests.tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny-model"))
