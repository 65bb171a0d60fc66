"""Adapters and data sets on a Hugging Face hub: exactly the files listed, nothing else of the machine.

https://huggingface.co/docs/huggingface_hub/guides/upload. The token is the one of `hf auth login`, or HF_TOKEN;
HF_ENDPOINT names another hub.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raft_core.errors import HubError, MissingExtra, ModelError
from raft_core.files import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raft_core.records import AdapterInfo

ADAPTER_FILES = ("adapter_model.safetensors", "loss.jsonl", "loss.png")
"""Beside config, card and recipe, from which this machine's paths are taken out. The lineage stays here: it names
every document."""
DATASET_HEAD = """\
---
tags: [raft]
configs:
- config_name: default
  data_files: data/train.jsonl
---
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """What goes to one repository: the bytes, or the file that holds them, by their path there."""

    repo: str
    kind: Literal["model", "dataset"]
    files: Mapping[str, Path | bytes] = field(repr=False)


def adapter_upload(adapter: AdapterInfo, repo: str) -> Upload:
    """Return what is published of an adapter.

    Raises:
        ModelError: its files are not whole.
    """
    folder = Path(adapter.path)
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the adapter {adapter.id} is not whole: {error}", remedy="train it again"
        ) from error
    name = _public(adapter.base)
    config["base_model_name_or_path"] = name  # it was the folder on this machine
    head = f"base_model: {name}\n" if "/" in name else ""
    files: dict[str, Path | bytes] = {
        "README.md": card.replace("---\n", f"---\n{head}", 1).replace(adapter.base, name).encode(),
        "adapter_config.json": to_json(config, indent=2).encode(),
    }
    if (folder / "recipe.yaml").is_file():
        recipe = (folder / "recipe.yaml").read_text(encoding="utf-8")
        files["recipe.yaml"] = recipe.replace(adapter.base, name).encode()
    files |= {name: folder / name for name in ADAPTER_FILES if (folder / name).is_file()}
    return Upload(repo, "model", files)


def dataset_upload(folder: Path, repo: str) -> Upload:
    """Return what is published of a data set; its rows hold text of the guild's documents."""
    card = (folder / "card.md").read_text(encoding="utf-8")
    return Upload(
        repo,
        "dataset",
        {"README.md": (DATASET_HEAD + card).encode(), "data/train.jsonl": folder / "rows.jsonl"},
    )


def merged_upload(folder: Path, repo: str) -> Upload:
    """Return what is published of a merged model: its folder."""
    return Upload(repo, "model", {path.name: path for path in sorted(folder.iterdir()) if path.is_file()})


def push(upload: Upload, *, public: bool = False) -> str:
    """Make the repository where it is missing, private unless `public`, commit the files at once; return its URL.

    Raises:
        MissingExtra: huggingface_hub is not installed.
        HubError: the hub cannot be reached or refuses.
    """
    try:
        from huggingface_hub import CommitOperationAdd, HfApi
    except ImportError as error:
        raise MissingExtra("worker", "huggingface_hub") from error
    api = HfApi()
    operations = [CommitOperationAdd(path, source) for path, source in upload.files.items()]
    with _translated(api.endpoint):
        url = api.create_repo(upload.repo, repo_type=upload.kind, private=not public, exist_ok=True)
        api.create_commit(
            upload.repo, operations, repo_type=upload.kind, commit_message=f"Upload {len(operations)} files"
        )
    return str(url)


def _public(base: str) -> str:
    """Return a base's name as others know it: of a folder, its last part."""
    return Path(base).name if Path(base).expanduser().is_dir() else base


@contextmanager
def _translated(url: str) -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise HubError(url, "is not asked offline", remedy="unset HF_HUB_OFFLINE") from error
    except HFValidationError as error:
        raise HubError(url, f"takes no such name: {error}", remedy="give owner/name") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        remedy = "log in with: hf auth login; or set HF_TOKEN" if status in {401, 403} else ""
        reason = (error.server_message or str(error).strip().splitlines()[0])[:200]
        raise HubError(url, f"refuses with status {status}: {reason}", remedy=remedy) from error
    except Exception as error:  # the hub's library has an HTTP client of its own, with its own errors
        raise HubError(url, f"cannot be reached: {error or type(error).__name__}") from error
