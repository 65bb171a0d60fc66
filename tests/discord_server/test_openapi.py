"""Request bodies against Discord's own description of its API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.discord_server.openapi import OPENAPI_FILE, OpenApi, shared_openapi

MESSAGES, CALLBACK = "/channels/1/messages", "/interactions/1/token/callback"
BUTTON = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}


def in_container(*components: dict[str, Any]) -> dict[str, Any]:
    container = {"type": 17, "accent_color": None, "components": list(components)}
    return {"type": 4, "data": {"flags": 1 << 15, "components": [container]}}


BODIES: list[tuple[str, Any, str | None]] = [
    (MESSAGES, {"content": "x"}, None),
    (MESSAGES, {"content": "x", "attachments": [{"id": 0, "filename": "a"}]}, None),
    (MESSAGES, {"content": 1}, "content: 1 is not of type 'string', 'null'"),
    (CALLBACK, in_container({"type": 1, "components": [BUTTON]}), None),
    (CALLBACK, in_container(BUTTON), "data.components.0.components.0: type 2 is none of [1, 9, 10, 12, 13, 14]"),
    (CALLBACK, {"type": 9, "data": {"title": "t", "custom_id": "c"}}, "data: 'components' is a required property"),
    (CALLBACK, {"type": 77}, ": type 77 is none of [1, 4, 5, 6, 7, 8, 9, 12, 13]"),
]  # fmt: skip


@pytest.mark.skipif(not OPENAPI_FILE.is_file(), reason="Discord's OpenAPI file is absent")
@pytest.mark.parametrize(("path", "body", "problem"), BODIES)
def test_a_body_is_checked_to_its_depths(path: str, body: Any, problem: str | None) -> None:
    """The place of the fault is named, inside components of components too."""
    assert shared_openapi().problem("POST", path, body) == problem


def test_without_the_file_nothing_is_checked_but_counted(tmp_path: Path) -> None:
    openapi = OpenApi(tmp_path / "absent.json")
    assert openapi.problem("POST", MESSAGES, {"content": 1}) is None
    assert (openapi.checked, openapi.skipped) == (0, 1)
