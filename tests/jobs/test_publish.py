"""What goes to a hub: exactly the files listed, with nothing of this machine in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from raft_core.dataset import files
from raft_core.files import write_json, write_text
from raft_core.jobs.publish import adapter_upload
from raft_core.records import AdapterInfo, DatasetInfo
from raft_core.serving.local import LOOPBACK, _running, listen
from tests.jobs.hub import TOKEN, Hub
from tests.serving.adapters import make_adapter
from tests.serving.conftest import info

EXPORT = [sys.executable, "-c", "from raft_core.cli.main import run; run()", "export", "raft-1", "--json"]


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    with listen(LOOPBACK, 0) as listening:
        hub.url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
        with _running(hub.app(), listening):
            yield hub


@pytest.fixture
def adapter(home: Path, tiny_model: Path) -> AdapterInfo:
    """An adapter of a folder on this machine, and its data set."""
    folder = home / "guilds" / "local"
    made = make_adapter(folder / "adapters" / "raft-1", tiny_model, seed=1)
    found = replace(info("raft-1", made), base=str(tiny_model), dataset="ds-1")
    write_json(made / "adapter.json", asdict(found))
    write_json(made / "lineage.json", {"documents": ["secret minutes.pdf"]})
    write_text(made / "recipe.yaml", f"base: {tiny_model}\n")
    write_text(made / "README.md", f"---\nlibrary_name: peft\n---\n# raft-1\nfor `{tiny_model}`\n")
    dataset = DatasetInfo("ds-1", "local", 0, 0, "h", 0, 0.0, "rules", {}, ("doc-1",), "2026-01-01")
    files.save(folder / "datasets" / "ds-1", dataset, [], [])
    return found


def export(hub: Hub, *arguments: str, code: int = 0, token: str = TOKEN) -> str:
    """Run the command where a hub may be reached: no test's process may."""
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1"}
    env["HF_HUB_OFFLINE"] = "0"
    done = subprocess.run([*EXPORT, *arguments], capture_output=True, text=True, env=env, check=False)  # noqa: S603  # our own command
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_an_adapter_and_its_data_set(hub: Hub, adapter: AdapterInfo, tiny_model: Path):
    """Both are private, whole, and name no folder of this machine and no document."""
    said = json.loads(export(hub, "--push", "me/raft-1", "--push-dataset", "me/ds-1"))
    assert hub.private == {"model me/raft-1": True, "dataset me/ds-1": True}
    model, dataset = hub.files["model me/raft-1"], hub.files["dataset me/ds-1"]
    assert sorted(model) == ["README.md", "adapter_config.json", "adapter_model.safetensors", "recipe.yaml"]
    assert sorted(dataset) == ["README.md", "data/train.jsonl"]
    assert [upload["files"] for upload in said["uploads"]] == [sorted(model), sorted(dataset)]
    assert [upload["url"] for upload in said["uploads"]] == [
        f"{hub.url}/me/raft-1",
        f"{hub.url}/datasets/me/ds-1",
    ]
    weights = Path(adapter.path) / "adapter_model.safetensors"
    assert model["adapter_model.safetensors"] == weights.read_bytes()
    assert json.loads(model["adapter_config.json"])["base_model_name_or_path"] == tiny_model.name
    for name, content in model.items():
        assert str(tiny_model.parent).encode() not in content, name
        assert b"secret" not in content
    assert dataset["README.md"].startswith(b"---\ntags: [raft]")
    export(hub, "--push", "me/raft-1")
    assert hub.commits == 3


def test_a_dry_run_sends_nothing(hub: Hub, adapter: AdapterInfo):
    """It lists the files that would be sent."""
    said = json.loads(export(hub, "--push", "me/raft-1", "--dry-run"))
    assert said["uploads"][0]["files"] == sorted(adapter_upload(adapter, "me/raft-1").files)
    assert hub.private == {}


def test_errors(hub: Hub, adapter: AdapterInfo):
    """A wrong token, a wrong name, and nothing to do are told with what to do."""
    said = export(hub, "--push", "me/raft-1", token="hf_wrong", code=1)
    assert "refuses with status 401" in said
    assert "hf auth login" in said
    assert "takes no such name" in export(hub, "--push", "no name", code=1)
    assert "say where to" in export(hub, code=2)
