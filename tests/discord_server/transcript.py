"""Renders a channel as an HTML page in Discord's look, as one member or everyone sees it.

write_transcript(server, server.channel, Path("general.html"), viewer=alice)
"""

from __future__ import annotations

import colorsys
import html
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.discord_server.interactions import Interaction
from tests.discord_server.markdown import Markdown
from tests.discord_server.messages import REPLY, SUPPRESS_EMBEDS, THREAD_CREATED, THREAD_STARTER, Message
from tests.discord_server.parts import Parts
from tests.discord_server.state import Channel, User

if TYPE_CHECKING:
    from tests.discord_server.member import Member
    from tests.discord_server.server import DiscordServer

STYLE = Path(__file__).with_name("transcript.css")
# Discord puts messages of one author under one head for seven minutes.
GROUP_S = 7 * 60


def write_transcript(
    server: DiscordServer, channel: Channel, file: Path, *, viewer: Member | User | None = None
) -> Path:
    """Write the page; its style and pictures are in it."""
    user = getattr(viewer, "user", viewer)
    page = server.run(Transcript(server, channel, user).page)
    file.write_text(page, encoding="utf-8")
    return file


class Transcript:
    """One channel as `viewer` sees it; everyone's view without one."""

    def __init__(self, server: DiscordServer, channel: Channel, viewer: User | None) -> None:
        self.server, self.channel, self.viewer = server, channel, viewer
        self.text = Markdown(server.world, channel, server.clock.now())
        self.parts = Parts(server, self.text)

    def page(self) -> str:
        """Return the whole page."""
        messages = self.channel.seen_by(self.viewer) if self.viewer else self.channel.messages
        mark = "@" if self.channel.guild is None else "#"
        place = self.channel.guild.name if self.channel.guild else "Direct Messages"
        body = [
            f'<header class="channel"><i>{mark}</i>{html.escape(self.channel.name)}<small>{html.escape(place)}</small></header><main>'
        ]
        before: Message | None = None
        for message in messages:
            if before is None or day(before.at) != day(message.at):
                body.append(f'<div class="day">{day(message.at)}</div>')
            body.append(self.message(message, before))
            before = message
        style = STYLE.read_text(encoding="utf-8")
        return f'<!doctype html><meta charset="utf-8"><title>{html.escape(self.channel.name)}</title><style>{style}</style>{"".join(body)}</main>\n'

    def message(self, message: Message, before: Message | None) -> str:
        """Render one message, under the head of the one before where it goes on."""
        if message.type == THREAD_CREATED:
            return f'<div class="system"><b>{html.escape(message.author.name)}</b> started a thread: <b>{html.escape(message.content)}</b></div>'
        if message.type == THREAD_STARTER:
            return self.message(message.reply_to, None) if message.reply_to else ""
        self.text.pings_all = message.mention_everyone
        context = self.context(message)
        goes_on = before is not None and not context and self._same_group(before, message)
        pinged = self.viewer is not None and bool(message.pinged & {self.viewer.name, "@everyone", "@here"})
        classes = ["message", *(["next"] if goes_on else []), *(["pinged"] if pinged else [])]
        classes += ["ephemeral"] if message.ephemeral else []
        parts = [f'<div class="{" ".join(classes)}">']
        if not goes_on:
            parts += [context, self.avatar(message.author, low=bool(context)), self.head(message)]
        parts += [self.body(message), "</div>"]
        return "".join(parts)

    def _same_group(self, before: Message, message: Message) -> bool:
        alike = before.author is message.author and before.ephemeral == message.ephemeral
        return alike and before.type != THREAD_CREATED and message.at - before.at < GROUP_S

    def avatar(self, user: User, *, low: bool = False, little: bool = False) -> str:
        kind = "little" if little else "avatar low" if low else "avatar"
        initials = "".join(word[0] for word in user.name.replace("_", " ").split()[:2]).upper()
        return f'<span class="{kind}" style="background:{color_of(user)}">{html.escape(initials)}</span>'

    def head(self, message: Message) -> str:
        tag = '<span class="tag">✓ APP</span>' if message.author.bot else ""
        time = datetime.fromtimestamp(message.at, UTC).strftime("%H:%M")
        author = html.escape(message.author.name)
        return f'<div class="head"><span class="author">{author}</span>{tag}<time>{time}</time></div>'

    def context(self, message: Message) -> str:
        """Say what a message answers: a command, a component's use, or another message."""
        target = message.reply_to
        interaction = message.interaction
        if interaction and message.type != REPLY:
            used = said_of(interaction)
            return (
                f'<div class="context">{self.avatar(interaction.user, little=True)}<b>{html.escape(interaction.user.name)}</b> used <span class="command">{html.escape(used)}</span></div>'
                if used
                else ""
            )
        if target is None:
            return (
                '<div class="context">Original message was deleted</div>'
                if message.type == REPLY and not interaction
                else ""
            )
        quoted = "Original message was deleted" if target.deleted else first_line(target)
        return f'<div class="context">{self.avatar(target.author, little=True)}<b>@{html.escape(target.author.name)}</b> {self.text.inline(quoted)}</div>'

    def body(self, message: Message) -> str:
        """Render what a message says and holds."""
        parts = []
        if message.thinking:
            parts.append(f'<div class="line thinking">{html.escape(message.author.name)} is thinking…</div>')
        parts.append(self.text.block(message.content))
        if message.edited_at:
            parts.append('<span class="edited">(edited)</span>')
        if not message.is_v2:
            parts += [self.parts.attachment(attachment) for attachment in self._loose_files(message)]
        if not message.flags & SUPPRESS_EMBEDS:
            parts += [self.parts.embed(embed) for embed in message.embeds]
        layout = "".join(self.parts.component(component) for component in message.components)
        parts.append(f'<div class="layout">{layout}</div>' if message.is_v2 else layout)
        if message.reactions:
            counts = "".join(
                f"<span>{html.escape(e)} {len(users)}</span>"
                for e, users in message.reactions.items()
                if users
            )
            parts.append(f'<div class="reactions">{counts}</div>')
        if message.thread and message.thread is not self.channel:
            parts.append(self.thread(message.thread))
        if message.ephemeral:
            parts.append('<div class="only">👁 Only you can see this · <a>Dismiss message</a></div>')
        return "".join(parts)

    def _loose_files(self, message: Message) -> list[Any]:
        shown = str(message.embeds)
        return [attachment for attachment in message.attachments if attachment.url not in shown]

    def thread(self, thread: Channel) -> str:
        said = [m for m in thread.messages if m.type != THREAD_STARTER]
        last = (
            f"<div>{html.escape(said[-1].author.name)}: {self.text.inline(first_line(said[-1]))}</div>"
            if said
            else ""
        )
        count = f"{len(said)} Message{'' if len(said) == 1 else 's'} &rsaquo;"
        return f'<div class="thread"><b>{html.escape(thread.name)}</b><a>{count}</a>{last}</div>'


def said_of(interaction: Interaction) -> str:
    """Name the command behind an answer; answers to buttons show none."""
    while interaction.opened_by:
        interaction = interaction.opened_by
    return interaction.label if interaction.type == 2 else ""


def first_line(message: Message) -> str:
    """Return the beginning of a message, for a quotation of it."""
    text = message.text.strip().split("\n")[0] or "Click to see attachment"
    return text if len(text) < 120 else text[:119] + "…"


def day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %B %Y").lstrip("0")


def color_of(user: User) -> str:
    """Return a colour that stays with a name."""
    if user.bot:
        return "#5865f2"
    hue = sum(ord(letter) * (index + 7) for index, letter in enumerate(user.name)) % 360 / 360
    red, green, blue = colorsys.hls_to_rgb(hue, 0.45, 0.45)
    return f"rgb({red * 255:.0f},{green * 255:.0f},{blue * 255:.0f})"
