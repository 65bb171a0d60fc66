"""Stores what is uploaded, and replaces `attachment://name` by addresses of the CDN."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.discord_server import wire
from tests.discord_server.errors import Path, Problems
from tests.discord_server.messages import FILE, Message, media_of, walk
from tests.discord_server.state import Attachment, Channel, Upload, content_type_of

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

Json = dict[str, Any]
CDN_LIFE_S = 24 * 3600


def add_files(server: DiscordServer, message: Message, body: Json, files: dict[int, Upload]) -> None:
    """Keep the files that the body still lists, and store the new ones."""
    listed = body.get("attachments")
    described = {int(item["id"]): item for item in listed or []}
    if listed is not None:
        message.attachments = [a for a in message.attachments if a.id in described]
    for number, upload in sorted(files.items()):
        about = described.get(number, {})
        renamed = Upload(about.get("filename") or upload.name, upload.data, upload.content_type, upload.size)
        attachment = store(server, renamed, message.channel)
        attachment.description = about.get("description")
        message.attachments.append(attachment)


def store(
    server: DiscordServer, upload: Upload, channel: Channel | None, *, ephemeral: bool = False
) -> Attachment:
    """Give a file an address on the CDN, which expires after a day."""
    number = server.clock.snowflake()
    expires_at = server.clock.now() + CDN_LIFE_S
    folder = "ephemeral-attachments" if ephemeral or channel is None else "attachments"
    place = channel.id if channel else server.bot.id
    url = f"{server.url}/{folder}/{place}/{number}/{quote(upload.name)}?ex={int(expires_at):x}&is=0&hm=0"
    content_type = upload.content_type or content_type_of(upload.name)
    size = len(upload.data) if upload.size is None else upload.size
    attachment = Attachment(number, upload.name, upload.data, size, content_type, url, expires_at)
    attachment.ephemeral = ephemeral
    if content_type.startswith("image/") and upload.data:
        attachment.width, attachment.height = picture_size(upload.data)
    server.world.attachments[number] = attachment
    return attachment


def picture_size(data: bytes) -> tuple[int | None, int | None]:
    """Return a picture's width and height, or nothing where it is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError):
        return None, None


def find_attached(message: Message, url: str) -> Attachment | None:
    name = url.removeprefix("attachment://")
    return next((a for a in message.attachments if a.name == name), None)


def resolve_media(server: DiscordServer, message: Message, path: Path) -> None:
    """Replace `attachment://name` by the file's address; refuse names that were not uploaded."""
    problems = Problems()
    for component in walk(message.components):
        for media in media_of(component):
            url = media["url"]
            found = find_attached(message, url) if url.startswith("attachment://") else None
            found = found or next((a for a in message.attachments if a.url == url), None)
            if found:
                media.update(wire.attachment_json(found), attachment_id=str(found.id), loading_state=2)
                media.pop("id", None)
            elif url.startswith("attachment://"):
                problems.add(
                    (*path, "components"), "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                    f"The referenced attachment was not found: {url}",
                )  # fmt: skip
            else:
                media.update(proxy_url=url, loading_state=2)
            if found and component["type"] == FILE:
                component.update(name=found.name, size=found.size)
    problems.stop()
