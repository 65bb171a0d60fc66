from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from raft_core.errors import ModelError, SettingsError, StorageError
from raft_core.files import content_hash, read_json, write_bytes, write_json
from raft_core.models import fingerprint, resolve_base
from raft_core.settings import load_settings


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk that fills in mid-write leaves the old content, no debris, and a clear error."""
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_bytes(path, b"half")
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_path_below_a_file_is_a_clear_error(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot write"):
        write_bytes(tmp_path / "file" / "below", b"")


def test_content_hash_sees_every_part():
    assert content_hash("a", "b") != content_hash("ab")
    assert content_hash({"x": 1, "y": 2}) == content_hash({"y": 2, "x": 1})
    assert len(content_hash("a", length=8)) == 8


def test_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAFTBOT_TOP_K", "many")
    with pytest.raises(SettingsError, match="RAFTBOT_TOP_K"):
        load_settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAFTBOT_GENERATOR_KEY", "sk-very-secret")
    assert "very-secret" not in repr(load_settings())


@pytest.mark.parametrize(
    ("missing", "said"),
    [("config.json", "config.json"), ("model.safetensors", "weights"), ("tokenizer.json", "tokenizer")],
)
def test_incomplete_model_folder_says_what_is_missing(tmp_path: Path, missing: str, said: str):
    for name in {"config.json", "model.safetensors", "tokenizer.json"} - {missing}:
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelError, match=said):
        resolve_base(str(tmp_path), tmp_path)


def test_wrong_model_path_is_not_taken_for_a_hub_id(tmp_path: Path):
    with pytest.raises(ModelError, match="no model folder"):
        resolve_base("/no/such/folder", tmp_path)
    assert resolve_base("meta-llama/Llama-3.1-8B-Instruct", tmp_path) == "meta-llama/Llama-3.1-8B-Instruct"


def test_fingerprint_follows_the_folder(tmp_path: Path):
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    before = fingerprint(str(tmp_path))
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert fingerprint(str(tmp_path)) != before
