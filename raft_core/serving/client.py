"""A model server over HTTP, for everything that is not a LangChain chat: models, adapters, health."""

from __future__ import annotations

import logging
import ssl
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from raft_core.errors import EndpointError, ModelError

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
LOAD_TIMEOUT_S = 300.0
"""Reading an adapter of a large model from a slow disk takes a while."""


@cache
def certificates() -> ssl.SSLContext:
    """Read the certificates once: every client that reads them itself takes 25 ms for it."""
    return httpx.create_ssl_context()


@cache
def _http() -> httpx.Client:
    """Return this process's client; it keeps no connection open, which a server that restarts would have closed."""
    return httpx.Client(verify=certificates(), limits=httpx.Limits(max_keepalive_connections=0))


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
        body = self._json(self._send("GET", f"{self.url}/models"))
        try:
            return [{**model, "id": model["id"]} for model in body["data"]]
        except (KeyError, TypeError) as error:
            raise self._rubbish() from error

    def load_adapter(self, name: str, path: str | Path) -> None:
        """Have the server load the adapter in a folder that it can read; logs its warnings.

        Raises:
            ModelError: the server cannot serve this adapter; says why.
            EndpointError: the server is down, slow, or cannot load adapters at all.
        """
        asked = {"lora_name": name, "lora_path": str(path)}
        response = self._send("POST", f"{self.url}/load_lora_adapter", asked, LOAD_TIMEOUT_S)
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
        self._send("POST", f"{self.url}/unload_lora_adapter", {"lora_name": name})

    def sleep(self, holder: str, what: str, seconds: float, devices: str = "") -> bool:
        """Have the server give its GPU to `holder` for about `seconds`; False where it goes on as it is.

        Raises:
            EndpointError: the server is down, slow or refuses.
        """
        asked = {"holder": holder, "what": what, "seconds": seconds, "devices": devices}
        try:
            return bool(self._json(self._send("POST", f"{self.url}/sleep", asked, LOAD_TIMEOUT_S))["asleep"])
        except EndpointError as error:
            if self._knows_no_sleep(error):
                return False
            raise
        except (KeyError, TypeError) as error:
            raise self._rubbish() from error

    def wake(self, holder: str) -> None:
        """Give the GPU back to the server.

        Raises:
            EndpointError: as `sleep`.
        """
        self._send("POST", f"{self.url}/wake_up", {"holder": holder}, LOAD_TIMEOUT_S)

    def asleep(self) -> str:
        """Return why the server sleeps; empty where it is awake or knows no sleep.

        Raises:
            EndpointError: the server is down or slow.
        """
        try:
            response = self._send("GET", f"{self.url.removesuffix('/v1')}/health")
            said = response.json()
        except EndpointError as error:
            if error.retryable:
                raise
            return ""  # a public endpoint without /health
        except ValueError:
            return ""
        asleep = isinstance(said, dict) and said.get("status") == "asleep"
        return str(said.get("why", "asleep")) if asleep else ""

    @staticmethod
    def _knows_no_sleep(error: EndpointError) -> bool:
        cause = error.__cause__
        return isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code in {400, 404, 405}

    def memory_mb(self) -> dict[str, float]:
        """Return what the server says of its memory, in MB: `weights`, `server`, `gpu`; nothing where it says nothing."""
        try:
            told = self._send("GET", f"{self.url}/memory").json()
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
            self._send("GET", f"{self.url.removesuffix('/v1')}/health")
        except EndpointError as error:
            if not isinstance(error.__cause__, httpx.HTTPStatusError) or error.retryable:
                raise
            self.models()  # a public endpoint without /health

    def _send(
        self, method: str, url: str, body: dict[str, Any] | None = None, timeout_s: float = TIMEOUT_S
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            response = _http().request(method, url, json=body, headers=headers, timeout=timeout_s)
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            if "lora_adapter" in url and error.response.status_code == 400:
                raise ModelError(self._reason(error.response)) from error
            raise self._refused(error.response) from error
        except httpx.TimeoutException as error:
            raise EndpointError(
                self.url, f"did not answer in {timeout_s:g} s", remedy="is it busy? try again", retryable=True
            ) from error
        except httpx.ConnectError as error:
            raise EndpointError(
                self.url, "is not running", remedy="start it with: raftbot serve", retryable=True
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise EndpointError(self.url, f"cannot be used: {reason}", retryable=True) from error
        return response

    def _refused(self, response: httpx.Response) -> EndpointError:
        status = response.status_code
        remedy = {
            401: "set RAFTBOT_MODEL_SERVER_KEY to the server's key",
            403: "set RAFTBOT_MODEL_SERVER_KEY, or manage adapters on the server's own machine",
            404: "check that RAFTBOT_MODEL_SERVER_URL ends in /v1",
            503: "it is overloaded: try again in a moment",
        }.get(status, "")
        reason = f"refuses with status {status}: {self._reason(response)}"
        return EndpointError(self.url, reason, remedy=remedy, retryable=status >= 500 or status == 429)

    @staticmethod
    def _reason(response: httpx.Response) -> str:
        try:
            return str(response.json()["error"]["message"])
        except (ValueError, KeyError, TypeError):
            return response.text[:200].strip() or response.reason_phrase

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise self._rubbish() from error

    def _rubbish(self) -> EndpointError:
        return EndpointError(
            self.url,
            "does not speak the OpenAI protocol",
            remedy="check that RAFTBOT_MODEL_SERVER_URL ends in /v1",
        )
