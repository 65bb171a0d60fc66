"""A message and what a reader sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.discord_server.state import Attachment, Channel, User

if TYPE_CHECKING:
    from tests.discord_server.interactions import Interaction

SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING, SILENT, IS_COMPONENTS_V2 = (
    1 << 2,
    1 << 5,
    1 << 6,
    1 << 7,
    1 << 12,
    1 << 15,
)
ACTION_ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
SELECTS = (3, 5, 6, 7, 8)
SECTION, TEXT_DISPLAY, THUMBNAIL, MEDIA_GALLERY, FILE, SEPARATOR, CONTAINER = 9, 10, 11, 12, 13, 14, 17
LABEL, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 18, 19, 21, 22, 23
LINK_STYLE = 5
DEFAULT, THREAD_CREATED, REPLY, SLASH, THREAD_STARTER, CONTEXT_MENU = 0, 18, 19, 20, 21, 23


def children(component: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a component directly holds."""
    yield from component.get("components") or []
    for key in ("accessory", "component"):
        if component.get(key):
            yield component[key]


def walk(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield every component, depth first, in reading order."""
    for component in components:
        yield component
        yield from walk(list(children(component)))


def media_of(component: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the media items of one component."""
    if component["type"] == MEDIA_GALLERY:
        yield from (item["media"] for item in component.get("items", []))
    elif component["type"] == THUMBNAIL:
        yield component["media"]
    elif component["type"] == FILE:
        yield component["file"]


def embed_text(embed: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of an embed that count, and that a reader sees."""
    yield (embed.get("author") or {}).get("name") or ""
    yield embed.get("title") or ""
    yield embed.get("description") or ""
    for item in embed.get("fields") or []:
        yield item.get("name") or ""
        yield item.get("value") or ""
    yield (embed.get("footer") or {}).get("text") or ""


@dataclass(frozen=True)
class Button:
    """A button of a message."""

    label: str
    custom_id: str | None
    style: int
    disabled: bool
    url: str | None
    emoji: str


@dataclass(frozen=True)
class Version:
    """What a message said from `at` on."""

    at: float
    text: str
    content: str
    embeds: list[dict[str, Any]]
    components: list[dict[str, Any]]
    files: list[str]


@dataclass(eq=False)
class Message:
    """A message. `edits` holds its earlier and present versions with their times, the first included."""

    id: int
    channel: Channel
    author: User
    at: float
    type: int = DEFAULT
    content: str = ""
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: int = 0
    reply_to: Message | None = None
    interaction: Interaction | None = None
    seen_only_by: User | None = None
    pinged: frozenset[str] = frozenset()
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    thread: Channel | None = None
    edited_at: float | None = None
    edits: list[Version] = field(default_factory=list)
    late_edits: list[float] = field(default_factory=list)
    reactions: dict[str, list[User]] = field(default_factory=dict)
    pinned: bool = False
    deleted: bool = False
    nonce: str | None = None

    def __repr__(self) -> str:
        return f"<message by {self.author.name}: {self.text!r}>"

    @property
    def is_v2(self) -> bool:
        """Whether its components are its whole content."""
        return bool(self.flags & IS_COMPONENTS_V2)

    @property
    def ephemeral(self) -> bool:
        """Whether only one member sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def thinking(self) -> bool:
        """Whether this is a deferral that was not filled yet."""
        return bool(self.flags & LOADING)

    @property
    def text(self) -> str:
        """All text that a reader sees: content, embeds, text displays."""
        parts = [self.content]
        if not self.flags & SUPPRESS_EMBEDS:
            parts += [part for embed in self.embeds for part in embed_text(embed)]
        parts += [c["content"] for c in walk(self.components) if c["type"] == TEXT_DISPLAY]
        return "\n".join(part for part in parts if part)

    @property
    def buttons(self) -> list[Button]:
        """All buttons in reading order."""
        return [
            Button(
                component.get("label") or "",
                component.get("custom_id"),
                component["style"],
                bool(component.get("disabled")),
                component.get("url"),
                (component.get("emoji") or {}).get("name") or "",
            )
            for component in walk(self.components)
            if component["type"] == BUTTON
        ]

    @property
    def labels(self) -> list[str]:
        """The labels (or emoji) of the buttons that can be pressed."""
        return [button.label or button.emoji for button in self.buttons if not button.disabled]

    @property
    def selects(self) -> list[dict[str, Any]]:
        """All select menus in reading order."""
        return [component for component in walk(self.components) if component["type"] in SELECTS]

    @property
    def files(self) -> list[Attachment]:
        """The attached files that a reader sees: a V2 message hides those that no component shows."""
        if not self.is_v2:
            return list(self.attachments)
        shown = {media.get("attachment_id") for c in walk(self.components) for media in media_of(c)}
        return [attachment for attachment in self.attachments if str(attachment.id) in shown]

    def file(self, name: str) -> Attachment:
        """Find an attached file by its name."""
        return next(attachment for attachment in self.files if attachment.name == name)

    @property
    def colors(self) -> list[int | None]:
        """The colours of its embeds and containers."""
        containers = [c.get("accent_color") for c in self.components if c["type"] == CONTAINER]
        return [embed.get("color") for embed in self.embeds] + containers

    def version(self, at: float) -> Version:
        """Take down what it says now."""
        names = [attachment.name for attachment in self.attachments]
        return Version(at, self.text, self.content, self.embeds, self.components, names)
