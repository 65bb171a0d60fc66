"""A model server over HTTP, for everything that is not a LangChain chat: models, adapters, health."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from raft_core.errors import EndpointError, ModelError
from raft_core.openai import client
from raft_core.openai.errors import ServerError
from raft_core.urls import shown_url

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
LOAD_TIMEOUT_S = 300.0
"""Reading an adapter of a large model from a slow disk takes a while."""
_NO_SUCH_PATH = {400, 404, 405, 501}


class ModelServer:
    """Any server with the OpenAI protocol, at a URL that ends in /v1."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.key = key

    def models(self) -> list[str]:
        """Return the ids of the models served.

        Raises:
            EndpointError: the server is down, slow, refuses, or returns rubbish.
        """
        return [str(model["id"]) for model in self.listing()]

    def listing(self) -> list[dict[str, Any]]:
        """Return what the server says of each model: `id`, and mostly `owned_by`, `root` and `created`.

        Raises:
            EndpointError: as `models`.
        """
        return client.listing(self.url, self.key)

    def load_adapter(self, name: str, path: str | Path) -> None:
        """Have the server load the adapter in a folder that it can read; logs its warnings.

        Raises:
            ModelError: the server cannot serve this adapter; says why.
            EndpointError: the server is down, slow, or cannot load adapters at all.
        """
        asked = {"lora_name": name, "lora_path": str(path)}
        try:
            response = self._send("POST", "/load_lora_adapter", asked, LOAD_TIMEOUT_S)
        except EndpointError as error:
            if error.status == 400 and isinstance(error.__cause__, ServerError):
                raise ModelError(error.__cause__.message) from error
            if error.status in _NO_SUCH_PATH:
                raise EndpointError(
                    shown_url(self.url),
                    "takes no adapters: it only serves its own models",
                    remedy="serve adapters with: raftbot serve",
                    status=error.status,
                ) from error
            raise
        try:
            warning = response.json().get("warning")
        except (ValueError, AttributeError):
            warning = None  # vLLM answers in plain text
        if warning:
            log.warning("%s", warning)

    def unload_adapter(self, name: str) -> None:
        """Have the server forget an adapter.

        Raises:
            EndpointError: as `models`, or no such adapter is loaded.
        """
        self._send("POST", "/unload_lora_adapter", {"lora_name": name})

    def sleep(self, holder: str, what: str, seconds: float, devices: str = "") -> bool:
        """Have the server give its GPU to `holder` for about `seconds`; False where it goes on as it is.

        Raises:
            EndpointError: the server is down, slow or refuses.
        """
        asked = {"holder": holder, "what": what, "seconds": seconds, "devices": devices}
        try:
            return bool(self._json(self._send("POST", "/sleep", asked, LOAD_TIMEOUT_S))["asleep"])
        except EndpointError as error:
            if error.status in _NO_SUCH_PATH:
                return False
            raise
        except (KeyError, TypeError) as error:
            raise self._rubbish() from error

    def wake(self, holder: str) -> None:
        """Give the GPU back to the server.

        Raises:
            EndpointError: as `sleep`.
        """
        self._send("POST", "/wake_up", {"holder": holder}, LOAD_TIMEOUT_S)

    def asleep(self) -> str:
        """Return why the server sleeps; empty where it is awake or knows no sleep.

        Raises:
            EndpointError: the server is down or slow.
        """
        try:
            response = self._send("GET", "/health")
            said = response.json()
        except EndpointError as error:
            if error.retryable:
                raise
            return ""  # a public endpoint without /health
        except ValueError:
            return ""
        asleep = isinstance(said, dict) and said.get("status") == "asleep"
        return str(said.get("why", "asleep")) if asleep else ""

    def memory_mb(self) -> dict[str, float]:
        """Return what the server says of its memory, in MB: `weights`, `server`, `gpu`; nothing where it says nothing."""
        try:
            told = self._send("GET", "/memory").json()
        except (EndpointError, ValueError):  # a server that is not ours, or is gone: what it answered counts
            return {}
        found = told.items() if isinstance(told, dict) else ()
        return {str(kind): float(held) for kind, held in found if isinstance(held, int | float)}

    def health(self) -> None:
        """Return when the server is up.

        Raises:
            EndpointError: it is not.
        """
        try:
            self._send("GET", "/health")
        except EndpointError as error:
            if error.status is None or error.retryable:
                raise
            self.models()  # a public endpoint without /health

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout_s: float = TIMEOUT_S
    ) -> Any:
        return client.request(method, self.url, path, self.key, body, timeout_s=timeout_s)

    def _json(self, response: Any) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise self._rubbish() from error

    def _rubbish(self) -> EndpointError:
        return EndpointError(
            shown_url(self.url),
            "does not speak the OpenAI protocol",
            remedy="check that RAFTBOT_MODEL_SERVER_URL ends in /v1",
        )
