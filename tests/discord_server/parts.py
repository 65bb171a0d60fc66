"""Renders embeds, components and files of a message as HTML."""

from __future__ import annotations

import base64
import html
import re
from typing import TYPE_CHECKING, Any

from tests.discord_server.markdown import Markdown
from tests.discord_server.messages import (
    ACTION_ROW,
    BUTTON,
    CONTAINER,
    FILE,
    LINK_STYLE,
    MEDIA_GALLERY,
    SECTION,
    SELECTS,
    SEPARATOR,
    TEXT_DISPLAY,
    THUMBNAIL,
)
from tests.discord_server.state import MIB, Attachment

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

Json = dict[str, Any]
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
AUTO_SELECTS = {5: "Select a member", 6: "Select a role", 7: "Select", 8: "Select a channel"}


class Parts:
    """Renders everything of a message that is not its content."""

    def __init__(self, server: DiscordServer, text: Markdown) -> None:
        self.server, self.text = server, text

    def attachment(self, attachment: Attachment) -> str:
        """Show a picture, or a card with name and size."""
        if attachment.content_type in PICTURES and attachment.data:
            return f'<div class="picture">{self.picture(attachment.url, attachment.description)}</div>'
        return file_card(attachment.name, attachment.size)

    def picture(self, url: str, description: str | None = None) -> str:
        """Put a picture into the page; one from elsewhere stays an address."""
        attachment = self._attached(url)
        source = url
        if attachment:
            data = base64.b64encode(attachment.data).decode()
            source = f"data:{attachment.content_type};base64,{data}"
        return f'<img src="{html.escape(source)}" alt="{html.escape(description or "")}">'

    def _attached(self, url: str) -> Attachment | None:
        match = re.search(r"attachments/\d+/(\d+)/", url)
        return self.server.world.attachments.get(int(match[1])) if match else None

    def embed(self, embed: Json) -> str:
        """Show an embed with its coloured bar."""
        color = f"#{embed.get('color') or 0x1E1F22:06x}"
        parts = []
        if author := embed.get("author"):
            parts.append(f'<div class="author">{html.escape(author["name"])}</div>')
        if embed.get("title"):
            title = self.text.inline(embed["title"])
            parts.append(f'<div class="title">{f"<a>{title}</a>" if embed.get("url") else title}</div>')
        if embed.get("description"):
            parts.append(f'<div class="description">{self.text.block(embed["description"])}</div>')
        if embed.get("fields"):
            cells = [
                f'<div class="{"inline" if item.get("inline") else ""}"><b>{self.text.inline(item["name"])}</b>'
                f"{self.text.block(item['value'])}</div>"
                for item in embed["fields"]
            ]
            parts.append(f'<div class="fields">{"".join(cells)}</div>')
        thumb = (
            f'<div class="thumb">{self.picture(embed["thumbnail"]["url"])}</div>'
            if embed.get("thumbnail")
            else ""
        )
        image = (
            f'<div class="picture">{self.picture(embed["image"]["url"])}</div>' if embed.get("image") else ""
        )
        footer = (
            f'<div class="footer">{html.escape(embed["footer"]["text"])}</div>' if embed.get("footer") else ""
        )
        return f'<div class="embed" style="border-color:{color}"><div class="body">{"".join(parts)}</div>{thumb}{image}{footer}</div>'

    def component(self, component: Json) -> str:
        """Show a component and all it holds."""
        kind = component["type"]
        if kind in SELECTS:
            return select(component)
        return self._renderers()[kind](component)

    def _renderers(self) -> dict[int, Any]:
        return {
            ACTION_ROW: lambda c: f'<div class="row">{self._inside(c)}</div>',
            BUTTON: button,
            SECTION: self._section,
            TEXT_DISPLAY: lambda c: f"<div>{self.text.block(c['content'])}</div>",
            THUMBNAIL: lambda c: f'<div class="thumb">{self.picture(c["media"]["url"])}</div>',
            MEDIA_GALLERY: self._gallery,
            FILE: self._file,
            SEPARATOR: separator,
            CONTAINER: self._container,
        }

    def _inside(self, component: Json) -> str:
        return "".join(self.component(child) for child in component["components"])

    def _section(self, section: Json) -> str:
        side = self.component(section["accessory"])
        return f'<div class="section"><div>{self._inside(section)}</div><div>{side}</div></div>'

    def _gallery(self, gallery: Json) -> str:
        items = [self.picture(item["media"]["url"], item.get("description")) for item in gallery["items"]]
        return f'<div class="gallery">{"".join(items)}</div>'

    def _file(self, component: Json) -> str:
        attachment = self._attached(component["file"]["url"])
        return file_card(attachment.name, attachment.size) if attachment else ""

    def _container(self, container: Json) -> str:
        color = container.get("accent_color")
        accent = f' accent" style="--accent:#{color:06x}' if color is not None else ""
        return f'<div class="container{accent}">{self._inside(container)}</div>'


def file_card(name: str, size: int) -> str:
    """Show a file's name and size."""
    amount = (
        f"{size / MIB:.2f} MB"
        if size >= MIB
        else f"{size / 1024:.2f} KB"
        if size >= 1024
        else f"{size} bytes"
    )
    return f'<div class="file"><span class="icon">📄</span><div><span class="name">{html.escape(name)}</span><small>{amount}</small></div></div>'


def button(component: Json) -> str:
    """Show a button in its colour."""
    emoji = (component.get("emoji") or {}).get("name") or ""
    arrow = "↗" if component["style"] == LINK_STYLE else ""
    off = " disabled" if component.get("disabled") else ""
    words = " ".join(html.escape(part) for part in (emoji, component.get("label") or "", arrow) if part)
    return f'<span class="button s{component["style"]}{off}">{words}</span>'


def select(component: Json) -> str:
    """Show a select menu, closed, with what is chosen or its placeholder."""
    chosen = [option["label"] for option in component.get("options", []) if option.get("default")]
    words = (
        ", ".join(chosen)
        or component.get("placeholder")
        or AUTO_SELECTS.get(component["type"], "Make a selection")
    )
    kinds = (" chosen" if chosen else "") + (" disabled" if component.get("disabled") else "")
    return f'<span class="select{kinds}">{html.escape(words)}</span>'


def separator(component: Json) -> str:
    """Show a line or a gap."""
    plain = "" if component.get("divider", True) else " plain"
    return f'<div class="separator{plain}{" large" if component.get("spacing") == 2 else ""}"></div>'
