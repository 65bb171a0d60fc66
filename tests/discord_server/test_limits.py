"""Every limit on messages, modals, choices and commands, with Discord's code and the place of the fault."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import discord
import pytest
from discord.http import Route

from tests.discord_server import DiscordServer
from tests.discord_server.in_process import ClientThread

V2 = 1 << 15
PIXEL = "https://example.org/a.png"


@pytest.fixture(scope="module")
def client() -> Iterator[ClientThread]:
    with DiscordServer(rate_limits=False) as server, ClientThread(server) as running:
        yield running


def request(client: ClientThread, method: str, path: str, body: Any) -> Any:
    """Send a body as it is: discord.py's own checks must not come first."""
    route = Route(
        method, path, channel_id=client.server.channel.id, application_id=client.server.application_id
    )
    return client.do(client.client.http.request(route, json=body))


def refusal(
    client: ClientThread, method: str, path: str, body: Any
) -> tuple[int, int, list[tuple[str, str]]]:
    """Return status, code and the (place, code) pairs of the nested errors."""
    with pytest.raises(discord.HTTPException) as caught:
        request(client, method, path, body)
    found: list[tuple[str, str]] = []
    collect(caught.value._errors or {}, "", found)
    return caught.value.status, caught.value.code, found


def collect(errors: Any, place: str, found: list[tuple[str, str]]) -> None:
    for key, value in errors.items():
        if key == "_errors":
            found += [(place, error["code"]) for error in value]
        else:
            collect(value, f"{place}.{key}".strip("."), found)


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}


def button(number: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": f"b{number}", **more}


def select(options: int, **more: Any) -> dict[str, Any]:
    choices = [{"label": f"o{n}", "value": f"o{n}"} for n in range(options)]
    return {"type": 3, "custom_id": "s", "options": choices, **more}


def text(content: str) -> dict[str, Any]:
    return {"type": 10, "content": content}


def embed(**more: Any) -> dict[str, Any]:
    return {"embeds": [{"title": "t", **more}]}


def old(*components: dict[str, Any]) -> dict[str, Any]:
    return {"content": "x", "components": list(components)}


def layout(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"flags": V2, "components": list(components), **more}


MAX, BAD = "BASE_TYPE_MAX_LENGTH", "BASE_TYPE_BAD_LENGTH"
FIELD = {"name": "n", "value": "v"}
LEGACY = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
ITEMS = [{"media": {"url": PIXEL}}] * 11
MESSAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"content": "x" * 2001}, "content", MAX),
    (embed(title="x" * 257), "embeds.0.title", MAX),
    (embed(description="x" * 4097), "embeds.0.description", MAX),
    (embed(fields=[FIELD] * 26), "embeds.0.fields", MAX),
    (embed(fields=[{**FIELD, "name": "x" * 257}]), "embeds.0.fields.0.name", MAX),
    (embed(fields=[{**FIELD, "value": "x" * 1025}]), "embeds.0.fields.0.value", MAX),
    (embed(fields=[{**FIELD, "value": " "}]), "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    (embed(footer={"text": "x" * 2049}), "embeds.0.footer.text", MAX),
    (embed(author={"name": "x" * 257}), "embeds.0.author.name", MAX),
    (embed(image={"url": "not an address"}), "embeds.0.image", "URL_TYPE_INVALID_URL"),
    ({"embeds": [{"description": "x" * 3001}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    ({"embeds": [{"title": "t"}] * 11}, "embeds", MAX),
    (old(*[row(button(n)) for n in range(6)]), "components", MAX),
    (old(row(*[button(n) for n in range(6)])), "components.0.components", BAD),
    (old(row()), "components.0.components", BAD),
    (old(row(button(), select(1))), "components.0.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
    (old(row(button(label="x" * 81))), "components.0.components.0.label", MAX),
    (old(row(button(custom_id="x" * 101))), "components.0.components.0.custom_id", BAD),
    (old(row(button(1), button(1))), "components", "COMPONENT_CUSTOM_ID_DUPLICATED"),
    (old(row(button(style=5))), "components.0.components.0.url", "BASE_TYPE_REQUIRED"),
    (old(row(select(26))), "components.0.components.0.options", BAD),
    (old(row(select(0))), "components.0.components.0.options", BAD),
    (old(row(select(2, max_values=3))), "components.0.components.0.max_values", "NUMBER_TYPE_MAX"),
    (old(row(select(2, placeholder="x" * 151))), "components.0.components.0.placeholder", MAX),
    (old(text("x")), "components.0.type", "BASE_TYPE_CHOICES"),
    (layout(*[text("x")] * 41), "components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"),
    (layout({"type": 17, "components": [text("x")] * 40}), "components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"),
    (layout(text("x" * 2000), text("x" * 2001)), "components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
    (layout(text("漢" * 3400)), "components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
    (layout(text("x"), content="y"), "content", LEGACY),
    (layout(text("x"), embeds=[{"title": "t"}]), "embeds", LEGACY),
    (layout({"type": 12, "items": ITEMS}), "components.0.items", BAD),
    (layout({"type": 9, "components": [text("x")]}), "components.0.accessory", "BASE_TYPE_REQUIRED"),
    (layout({"type": 9, "components": [text("x")] * 4, "accessory": button()}), "components.0.components", BAD),
    (layout({"type": 13, "file": {"url": PIXEL}}), "components.0.file.url", "UNFURLED_MEDIA_ITEM_ATTACHMENT_REQUIRED"),
    (layout({"type": 13, "file": {"url": "attachment://a"}}), "components", "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"),
    (layout(row({"type": 17, "components": [text("x")]})), "components.0.components.0.type", "BASE_TYPE_CHOICES"),
    ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"),
    ({"content": "x", "attachments": [{"id": "0", "filename": "a"}]}, "attachments.0", "ATTACHMENT_NOT_FOUND"),
    ({"content": "x", "message_reference": {"message_id": "1"}}, "message_reference", "REPLIES_UNKNOWN_MESSAGE"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "place", "code"), MESSAGES, ids=lambda value: str(value)[:40])
def test_a_message_beyond_a_limit_is_refused(client: ClientThread, body: Any, place: str, code: str) -> None:
    """50035 with Discord's nested shape, for a new message and for an edit alike; nothing is posted."""
    before = len(client.server.channel.messages)
    status, number, found = refusal(client, "POST", "/channels/{channel_id}/messages", body)
    assert (status, number) == (400, 50035)
    assert (place, code) in found
    assert len(client.server.channel.messages) == before
    if "message_reference" not in body:
        sent = client.do(client.channel.send("an earlier message"))
        path = f"/channels/{{channel_id}}/messages/{sent.id}"
        changes = {"content": None, **body} if "flags" in body else body
        assert (place, code) in refusal(client, "PATCH", path, changes)[2]
        assert client.server.channel.messages[-1].text == "an earlier message"


WITHIN = [
    {"content": "x" * 2000},
    {"embeds": [{"title": "x" * 256, "description": "x" * 4096, "footer": {"text": "x" * 1648}}]},
    old(*[row(*[button(5 * r + n) for n in range(5)]) for r in range(5)]),
    old(row(select(25))),
    layout(*[text("x")] * 40),
    layout({"type": 17, "components": [text("x" * 4000)], "accent_color": 255}),
    layout(text("漢" * 3300)),
]


@pytest.mark.parametrize("body", WITHIN, ids=lambda value: str(value)[:40])
def test_a_message_at_its_limits_is_taken(client: ClientThread, body: Any) -> None:
    assert request(client, "POST", "/channels/{channel_id}/messages", body)["id"]


def test_an_empty_message_is_refused(client: ClientThread) -> None:
    assert refusal(client, "POST", "/channels/{channel_id}/messages", {"content": " \n"})[:2] == (400, 50006)


def test_files_are_limited_in_number_and_size(client: ClientThread) -> None:
    """The eleventh file is 30015, a byte over 10 MiB 40005."""
    small = [discord.File(__file__, f"{n}.py") for n in range(11)]
    with pytest.raises(discord.HTTPException) as caught:
        client.do(client.channel.send(files=small))
    assert caught.value.code == 30015

    with pytest.raises(discord.HTTPException) as caught:
        client.do(client.channel.send(file=discord.File(io.BytesIO(bytes(10 * 1024 * 1024 + 1)), "big")))
    assert (caught.value.status, caught.value.code) == (413, 40005)


def test_what_no_limit_forbids_the_schema_may(client: ClientThread) -> None:
    """Discord's OpenAPI file is asked too, where it is at hand, and its findings are kept."""
    if client.server.openapi.spec is None:
        pytest.skip("Discord's OpenAPI file is absent")
    body = layout({"type": 14, "spacing": 7})
    assert refusal(client, "POST", "/channels/{channel_id}/messages", body)[:2] == (400, 50035)
    assert "spacing" in client.server.schema_problems[-1]


def command(**more: Any) -> dict[str, Any]:
    return {"name": "a", "description": "d", "type": 1, **more}


def option(**more: Any) -> dict[str, Any]:
    return {"name": "o", "description": "d", "type": 3, **more}


CHOICE = {"name": "c", "value": "c"}
COMMANDS = [
    (command(name="Big"), "0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    (command(name="x" * 33), "0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    (command(description="x" * 101), "0.description", BAD),
    (command(options=[option(name=f"o{n}") for n in range(26)]), "0.options", MAX),
    (command(options=[option(choices=[CHOICE] * 26)]), "0.options.0.choices", MAX),
    (command(options=[option(description="")]), "0.options.0.description", "BASE_TYPE_REQUIRED"),
    (
        command(options=[option(), option(name="p", required=True)]),
        "0.options.1",
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    (
        command(type=3, name="Take", description="d"),
        "0.description",
        "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_INVALID",
    ),
]


@pytest.mark.parametrize(("body", "place", "code"), COMMANDS, ids=lambda value: str(value)[:40])
def test_a_command_beyond_a_limit_is_refused(client: ClientThread, body: Any, place: str, code: str) -> None:
    status, number, found = refusal(client, "PUT", "/applications/{application_id}/commands", [body])
    assert (status, number) == (400, 50035)
    assert (place, code) in found


def test_commands_keep_their_ids_when_synced_again(client: ClientThread) -> None:
    path = "/applications/{application_id}/commands"
    first = request(client, "PUT", path, [command()])
    again = request(client, "PUT", path, [command(), command(name="b")])
    assert again[0]["id"] == first[0]["id"] and again[0]["version"] == first[0]["version"]
    assert [c["name"] for c in request(client, "GET", path, None)] == ["a", "b"]
