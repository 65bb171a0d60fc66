"""Whatever goes wrong, in the protocol's shape."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from raft_core.errors import ModelError, RaftError, UnknownModel
from raft_core.serving.web.protocol import ApiError

SHOWN_CHARACTERS = 200
"""Of a field's name: a client may make one up of any length."""


def add_error_handlers(app: FastAPI, more: Mapping[type[RaftError], int] | None = None) -> None:
    """Have every error answered with an OpenAI-shaped body; `more` are statuses of an engine's own errors."""

    def shown(error: ApiError) -> JSONResponse:
        headers = {"Retry-After": str(error.retry_after_s)} if error.status == 503 else None
        return JSONResponse(error.body(), error.status, headers)

    @app.exception_handler(ApiError)
    async def _(_: Request, error: ApiError) -> JSONResponse:
        return shown(error)

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        invalid = first["type"] == "json_invalid"  # its place is a byte's, no parameter's
        where = [] if invalid else [str(part) for part in first["loc"][1:]]
        message = first["msg"]
        if first["type"] == "extra_forbidden":
            message = "this server does not support it"
        named = ".".join(where)[:SHOWN_CHARACTERS] or "body"
        return shown(
            ApiError(400, f"{named}: {message}", param=where[0][:SHOWN_CHARACTERS] if where else None)
        )

    @app.exception_handler(HTTPException)
    async def _(_: Request, error: HTTPException) -> JSONResponse:
        return shown(ApiError(error.status_code, str(error.detail)))

    @app.exception_handler(RaftError)
    async def _(_: Request, error: RaftError) -> JSONResponse:
        kinds = {UnknownModel: 404, ModelError: 400, **(more or {})}
        status = next((status for kind, status in kinds.items() if isinstance(error, kind)), 500)
        remedy = (
            "" if isinstance(error, UnknownModel) else error.remedy
        )  # it would name other guilds' adapters
        return shown(ApiError(status, f"{error}{'; ' if remedy else ''}{remedy}"))

    @app.exception_handler(Exception)
    async def _(_: Request, error: Exception) -> JSONResponse:
        return shown(ApiError(500, f"internal error: {type(error).__name__}"))
