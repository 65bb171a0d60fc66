"""Discord's limits on a message, a modal and autocomplete, with its codes. Sources: Discord's reference and OpenAPI file."""

from __future__ import annotations

import re
from typing import Any

from tests.discord_server.components import check_components, check_modal_components
from tests.discord_server.errors import Path, Problems, empty_message, too_large, too_many_attachments
from tests.discord_server.messages import (
    EPHEMERAL,
    IS_COMPONENTS_V2,
    LOADING,
    SILENT,
    SUPPRESS_EMBEDS,
    embed_text,
)
from tests.discord_server.state import MIB, Upload

CONTENT, EMBEDS, EMBED_TOTAL, FILES, FILE_BYTES = 2000, 10, 6000, 10, 10 * MIB
TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE, FOOTER, AUTHOR = 256, 4096, 25, 256, 1024, 2048, 256
MODAL_TITLE, CUSTOM_ID, CHOICES, CHOICE = 45, 100, 25, 100
SETTABLE_FLAGS = SUPPRESS_EMBEDS | EPHEMERAL | SILENT | IS_COMPONENTS_V2
LEGACY = ("content", "embeds", "poll", "sticker_ids")
URL = re.compile(r"^(https?|attachment)://\S+$")


def check_message(
    body: dict[str, Any], files: dict[int, Upload], *, flags: int, has_content: bool, path: Path = ()
) -> None:
    """Check a message that is created, or the changes of an edit. `flags` are those it will have."""
    problems = Problems()
    if flags & IS_COMPONENTS_V2:
        for name in LEGACY:
            if body.get(name):
                problems.add(
                    (*path, name),
                    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                    "The 'content', 'embeds', 'stickers' and 'poll' fields cannot be used with MessageFlags.IS_COMPONENTS_V2",
                )
    if body.get("flags") and body["flags"] & ~(SETTABLE_FLAGS | LOADING):
        problems.add((*path, "flags"), "BASE_TYPE_CHOICES", "Unknown flags.")
    problems.length((*path, "content"), body.get("content"), CONTENT)
    check_embeds(problems, (*path, "embeds"), body.get("embeds") or [])
    check_components(
        problems, (*path, "components"), body.get("components") or [], v2=bool(flags & IS_COMPONENTS_V2)
    )
    check_allowed_mentions(problems, (*path, "allowed_mentions"), body.get("allowed_mentions"))
    check_files(problems, (*path, "attachments"), body.get("attachments"), files)
    if "nonce" in body:
        problems.length((*path, "nonce"), body["nonce"], 25)
    problems.stop()
    if not has_content:
        raise empty_message()


def check_embeds(problems: Problems, path: Path, embeds: list[dict[str, Any]]) -> None:
    """Check the lengths of embeds, one by one and together."""
    problems.length(path, embeds, EMBEDS)
    for index, embed in enumerate(embeds):
        here = (*path, index)
        problems.length((*here, "title"), embed.get("title"), TITLE)
        problems.length((*here, "description"), embed.get("description"), DESCRIPTION)
        problems.length((*here, "footer", "text"), (embed.get("footer") or {}).get("text"), FOOTER)
        problems.length((*here, "author", "name"), (embed.get("author") or {}).get("name"), AUTHOR)
        fields = embed.get("fields") or []
        problems.length((*here, "fields"), fields, FIELDS)
        for number, item in enumerate(fields):
            for key, most in (("name", FIELD_NAME), ("value", FIELD_VALUE)):
                if problems.required((*here, "fields", number, key), (item.get(key) or "").strip()):
                    problems.length((*here, "fields", number, key), item[key], most)
        check_embed_urls(problems, here, embed)
        if not any(embed_text(embed)) and not embed.get("image") and not embed.get("thumbnail"):
            problems.required((*here, "description"), None)
    if sum(len(text.strip()) for embed in embeds for text in embed_text(embed)) > EMBED_TOTAL:
        problems.add(path, "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")


def check_embed_urls(problems: Problems, path: Path, embed: dict[str, Any]) -> None:
    """Check the addresses in an embed."""
    places = [("url", embed.get("url"))]
    places += [(key, (embed.get(key) or {}).get("url")) for key in ("image", "thumbnail")]
    for key, url in places:
        if url and not URL.match(url):
            problems.add((*path, key), "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def check_allowed_mentions(problems: Problems, path: Path, allowed: dict[str, Any] | None) -> None:
    """Check that a kind of mention is not both parsed and listed."""
    if not allowed:
        return
    parse = allowed.get("parse") or []
    for kind in parse:
        problems.choice((*path, "parse"), kind, ("users", "roles", "everyone"))
    for kind in ("users", "roles"):
        problems.length((*path, kind), allowed.get(kind), 100)
        if kind in parse and allowed.get(kind):
            problems.add(
                path,
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )


def check_files(
    problems: Problems, path: Path, attachments: list[dict[str, Any]] | None, files: dict[int, Upload]
) -> None:
    """Check how many files come, how large they are, and that each announced file did come."""
    if len(files) > FILES or len(attachments or []) > FILES:
        raise too_many_attachments()
    if any(len(file.data) > FILE_BYTES for file in files.values()):
        raise too_large()
    for index, attachment in enumerate(attachments or []):
        number = int(attachment["id"])
        if number < FILES and number not in files:
            problems.add((*path, index), "ATTACHMENT_NOT_FOUND", f"files[{number}] was not uploaded.")
        problems.length((*path, index, "description"), attachment.get("description"), 1024)


def check_modal(data: dict[str, Any]) -> None:
    """Check a modal's title, id and components."""
    problems = Problems()
    for key, most in (("title", MODAL_TITLE), ("custom_id", CUSTOM_ID)):
        if problems.required(("data", key), data.get(key)):
            problems.length(("data", key), data[key], most, 1)
    check_modal_components(problems, ("data", "components"), data.get("components") or [])
    problems.stop()


def check_choices(data: dict[str, Any], option_type: int) -> None:
    """Check what an autocompletion offers: at most 25, short, of the option's type."""
    problems = Problems()
    choices = data.get("choices") or []
    problems.length(("data", "choices"), choices, CHOICES)
    for index, choice in enumerate(choices):
        path: Path = ("data", "choices", index)
        problems.length((*path, "name"), choice.get("name"), CHOICE, 1)
        value = choice.get("value")
        kind: Any = {3: str, 4: int, 10: (int, float)}[option_type]
        if not isinstance(value, kind) or isinstance(value, bool):
            problems.add((*path, "value"), "BASE_TYPE_INVALID", f"Could not interpret {value!r}.")
        elif isinstance(value, str):
            problems.length((*path, "value"), value, CHOICE, 1)
    problems.stop()
