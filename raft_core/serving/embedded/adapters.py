"""Which adapters are served, by name; their weights come and go, least recently used first."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from raft_core.errors import ModelError, UnknownModel
from raft_core.records import BASE
from raft_core.serving.adapter_files import adapter_folder
from raft_core.serving.embedded.batch import Batch
from raft_core.serving.embedded.engine import Engine
from raft_core.serving.embedded.generation import Generation, Row
from raft_core.serving.embedded.lora import Adapter, read_adapter

log = logging.getLogger(__name__)

MAX_LOADED = 8
CANARY = "The answer to the question is"


class Adapters:
    """The adapters by name. Thread-safe; what reads files must not run in the event loop."""

    def __init__(self, engine: Engine, *, max_loaded: int = MAX_LOADED) -> None:
        self._engine = engine
        self._max_loaded = max_loaded
        self._seen: dict[str, tuple[str, str]] = {}  # name → (path, sha256): a name never changes weights
        self._served: list[str] = []
        self._loaded: OrderedDict[str, Adapter] = OrderedDict()
        self._lock = threading.Lock()  # never held while files are read: every request needs it
        self._reading = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The names served, the base first."""
        return [BASE, *self._served]

    def is_loaded(self, name: str) -> bool:
        """Return whether `get` can answer without reading files."""
        with self._lock:
            return name in self._loaded or name not in self._served

    def load(self, name: str, folder: Path) -> str | None:
        """Serve the adapter in `folder` under `name`; returns a warning where it does nothing.

        Raises:
            ModelError: the adapter cannot be served, or the name stands for other weights.
        """
        folder = adapter_folder(name, folder)
        with self._reading:
            with self._lock:
                seen = self._seen.get(name)
            if name == BASE or (seen and seen[0] != str(folder)):
                raise ModelError(
                    f"the name {name!r} stands for other weights already", remedy="choose a new name"
                )
            adapter = self._read(name, folder)
            differs = self._engine.call(lambda: _differs(self._engine, adapter)).result()
            with self._lock:
                self._seen[name] = (str(folder), adapter.sha256)
                if name not in self._served:
                    self._served.append(name)
                self._keep(name, adapter)
        if differs:
            return None
        warning = f"adapter {name!r} answers exactly as the base does"
        log.warning("%s", warning)
        return warning

    def unload(self, name: str) -> None:
        """Stop serving an adapter; answers under way go on.

        Raises:
            UnknownModel: no adapter of this name is served.
        """
        with self._lock:
            if name not in self._served:
                raise UnknownModel(name, self._served)
            self._served.remove(name)
            self._loaded.pop(name, None)

    def get(self, name: str) -> Adapter | None:
        """Return the adapter served under a name, read again where it was evicted; None for the base.

        Raises:
            UnknownModel: nothing of this name is served.
            ModelError: it has to be read again, and its files are gone or changed.
        """
        if name == BASE:
            return None
        with self._lock:
            if (adapter := self._find(name)) is not None:
                return adapter
        with self._reading:
            with self._lock:  # another request may have read it meanwhile
                if (adapter := self._find(name)) is not None:
                    return adapter
                folder = Path(self._seen[name][0])
            adapter = self._read(name, folder)
            with self._lock:
                self._keep(name, adapter)
            return adapter

    def _find(self, name: str) -> Adapter | None:
        if name not in self._served:
            raise UnknownModel(name, self.names)
        if name in self._loaded:
            self._loaded.move_to_end(name)
        return self._loaded.get(name)

    def _read(self, name: str, folder: Path) -> Adapter:
        with _one_thread():
            adapter = read_adapter(name, folder, self._engine.base)
        seen = self._seen.get(name)
        if seen and seen[1] != adapter.sha256:
            raise ModelError(
                f"the files of adapter {name!r} have changed since it was loaded",
                remedy="load the new weights under a new name",
            )
        return adapter

    def _keep(self, name: str, adapter: Adapter) -> None:
        if name not in self._served:  # unloaded while it was read
            return
        self._loaded[name] = adapter
        self._loaded.move_to_end(name)
        while len(self._loaded) > self._max_loaded:
            evicted, _ = self._loaded.popitem(last=False)
            log.info("adapter %s leaves memory: more than %d are loaded", evicted, self._max_loaded)


def _differs(engine: Engine, adapter: Adapter) -> bool:
    """Return whether an adapter changes the base's log-probabilities on a canary prompt at all.

    Raises:
        ModelError: with it they are not finite.
    """
    base = engine.base
    prompt: list[int] = base.tokenizer(CANARY)["input_ids"] + [*adapter.invocation]
    rows = [
        Row(Generation(prompt, one, 1, lambda _: None), base.tokenizer, base.device)
        for one in (None, adapter)
    ]
    logits = Batch(base).join(rows).float().log_softmax(-1)
    if logits[0].isfinite().any() and not logits[1].isfinite().any():
        raise ModelError(
            f"adapter {adapter.name!r} makes the model's output not finite", remedy="train it again"
        )
    return not torch.allclose(logits[0], logits[1], rtol=0, atol=1e-6)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in this thread alone, so that OpenMP makes no team of threads for it.

    With more threads than cores libgomp lets none of them wait awake: every product in the engine's thread would take
    half as long again, for as long as the process lives (measured: docs/log.md).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
