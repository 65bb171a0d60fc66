"""Adapters in vLLM, which come and go at run time.

A name is given to vLLM as `name@1`, `name@2` …, a new one at each load: it keeps what it computed by the name,
and would go on with the old weights' cache under an old one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from raft_core.errors import ModelError, UnknownModel
from raft_core.records import BASE
from raft_core.serving.adapter_files import AdapterFiles, BaseShape, adapter_folder, read_adapter_files
from raft_core.serving.front.canary import SAME, Signature, differs, distance, signature
from raft_core.serving.front.upstream import Unavailable, Upstream
from raft_core.serving.web.protocol import ApiError

log = logging.getLogger(__name__)
T = TypeVar("T")

UNEVEN = ("rank_pattern", "alpha_pattern")
"""vLLM scales all layers alike and would serve such an adapter wrongly without a word."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An adapter that may be asked for: where its files are, and a hash of them: a name never changes weights."""

    folder: Path
    sha256: str
    does_nothing: bool


@dataclass(frozen=True, slots=True)
class _Loaded:
    """An adapter that vLLM holds, under which name, and what it made of the canary."""

    version: str
    signature: Signature


class HotAdapters:
    """The adapters by name, least recently used first; used in one event loop."""

    def __init__(
        self, upstream: Upstream, base: Callable[[], BaseShape], *, max_loaded: int, max_rank: int
    ) -> None:
        self._upstream = upstream
        self._base = base
        self._max_loaded = max_loaded
        self._max_rank = max_rank
        self._known: dict[str, _Known] = {}
        self._gone: dict[str, _Known] = {}
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()
        self._base_said: Signature = ()
        self._numbers = itertools.count(1)
        self._lock = asyncio.Lock()
        # Threads of their own: a slow disk must not occupy those that answers need.
        self.readers = ThreadPoolExecutor(2, thread_name_prefix="adapters")

    @property
    def names(self) -> list[str]:
        """The names that may be asked for, the base first."""
        return [BASE, *self._known]

    @property
    def loaded(self) -> list[str]:
        """The names of the adapters that vLLM holds, least recently used first."""
        return list(self._loaded)

    async def add(self, name: str, folder: Path) -> None:
        """Take note of an adapter, whose weights vLLM reads when it is first asked for.

        Raises:
            ModelError: it cannot be served, or the name stands for other weights.
        """
        folder = await self._in_thread(adapter_folder, name, folder)
        seen = self._known.get(name) or self._gone.get(name)
        if name == BASE or (seen and seen.folder != folder):
            raise ModelError(
                f"the name {name!r} stands for other weights already", remedy="choose a new name"
            )
        self._known[name] = await self._in_thread(self._read, name, folder, seen)

    async def load(self, name: str, folder: Path) -> str | None:
        """Have vLLM hold an adapter; returns a warning where it does nothing.

        Raises:
            ModelError: it cannot be served.
            ApiError: vLLM does not answer.
        """
        await self.add(name, folder)
        try:
            await self.version(name)
        except ModelError:
            self._known.pop(name, None)
            raise
        return (
            f"adapter {name!r} answers exactly as the base does" if self._known[name].does_nothing else None
        )

    async def unload(self, name: str) -> None:
        """Forget an adapter; answers under way go on.

        Raises:
            UnknownModel: no adapter of this name is served.
        """
        async with self._lock:
            if name not in self._known:
                raise UnknownModel(name, list(self._known))
            self._gone[name] = self._known.pop(name)
            await self._drop(name)

    async def version(self, name: str) -> str:
        """Return vLLM's name of a model, its adapter loaded first where it is not.

        Raises:
            UnknownModel: nothing of this name is served.
            ModelError: its files have changed, or it does nothing in vLLM.
            ApiError: vLLM does not answer.
        """
        if name == BASE:
            return BASE
        if name in self._loaded:  # no await before the return: what is loaded stays so
            self._loaded.move_to_end(name)
            return self._loaded[name].version
        async with self._lock:
            if name not in self._known:
                raise UnknownModel(name, self.names)
            if name not in self._loaded:
                known = self._known[name]
                await self._in_thread(self._read, name, known.folder, known)
                self._loaded[name] = await self._load(name, known)
            self._loaded.move_to_end(name)
            loaded = self._loaded[name]
            while len(self._loaded) > self._max_loaded:
                await self._drop(next(iter(self._loaded)))
            return loaded.version

    def lost(self, name: str | None = None) -> None:
        """Take note that vLLM no longer holds an adapter, or any: they are loaded again when asked for."""
        if name is None:
            self._loaded.clear()
        else:
            self._loaded.pop(name, None)

    async def recheck(self) -> bool:
        """See after a sleep that all is as it was: an adapter that is not is loaded anew; False where the base is not.

        Raises:
            ApiError: vLLM does not answer.
        """
        async with self._lock:
            now = await signature(self._upstream, BASE)
            if self._base_said and distance(now, self._base_said) > SAME:
                return False
            for name, loaded in list(self._loaded.items()):
                said = await signature(self._upstream, loaded.version)
                if distance(said, loaded.signature) > SAME or not self._does_something(name, [now], said):
                    log.warning("adapter %s is not what it was before the sleep: it is loaded anew", name)
                    await self._drop(name)
            return True

    async def _load(self, name: str, known: _Known) -> _Loaded:
        version = f"{name}@{next(self._numbers)}"
        try:
            await self._tell("load", version, known.folder)
        except Unavailable as error:
            if error.status is None:
                raise error.error from error
            raise ModelError(f"adapter {name!r} cannot be loaded: {error}") from error
        except ApiError as error:
            raise ModelError(f"vLLM refuses adapter {name!r}: {error}") from error
        base = [await signature(self._upstream, BASE) for _ in range(2)]
        said = await signature(self._upstream, version)
        self._base_said = self._base_said or base[0]
        if not self._does_something(name, base, said):
            await self._tell("unload", version)
            raise ModelError(
                f"vLLM took adapter {name!r} and answers as the base does",
                remedy="restart the server; if it stays so, serve it with: raftbot serve --engine embedded",
            )
        log.info("adapter %s is loaded as %s", name, version)
        return _Loaded(version, said)

    def _does_something(self, name: str, base: list[Signature], said: Signature) -> bool:
        return self._known[name].does_nothing or differs(base, said)

    async def _drop(self, name: str) -> None:
        loaded = self._loaded.pop(name, None)
        if loaded is not None:
            log.info("adapter %s leaves vLLM", loaded.version)
            try:
                await self._tell("unload", loaded.version)
            except (Unavailable, ApiError) as error:  # it has been restarted: nothing is there to leave
                log.warning("%s", error)

    async def _tell(self, what: str, version: str, folder: Path | None = None) -> None:
        body = {"lora_name": version, **({"lora_path": str(folder)} if folder else {})}
        async with self._upstream.answer(f"/{what}_lora_adapter", body) as response:
            await response.aread()

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.readers, function, *arguments)

    def _read(self, name: str, folder: Path, seen: _Known | None) -> _Known:
        files = read_adapter_files(name, folder, self._base())
        self._check(name, files)
        if seen is not None and seen.sha256 != files.sha256:
            raise ModelError(
                f"the files of adapter {name!r} have changed since it was loaded",
                remedy="load the new weights under a new name",
            )
        return _Known(folder, files.sha256, files.does_nothing)

    def _check(self, name: str, files: AdapterFiles) -> None:
        if files.rank > self._max_rank:
            raise ModelError(
                f"adapter {name!r} has rank {files.rank}, this server was started for ranks up to {self._max_rank}",
                remedy="restart it: raftbot serve makes room for the adapters it finds",
            )
        if uneven := [key for key in UNEVEN if files.config.get(key)]:
            raise ModelError(
                f"adapter {name!r} uses {', '.join(uneven)}, which vLLM does not",
                remedy="serve it with: raftbot serve --engine embedded",
            )
