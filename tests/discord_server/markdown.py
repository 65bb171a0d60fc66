"""Discord's subset of Markdown as HTML: what a reader sees of text that a bot, a member or a model wrote."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime

from tests.discord_server.state import Channel, World

FENCE = re.compile(r"```(?:([\w+#-]*)\n)?(.*?)\n?```", re.DOTALL)
LIST = re.compile(r"^( *)([-*]|\d+\.) (.*)")
HEADING = re.compile(r"^(#{1,3}) (.+)")
STEPS = ((60, 1, "second"), (3600, 60, "minute"), (86400, 3600, "hour"), (2592000, 86400, "day"))
STAMP_FORMATS = {
    "t": "%H:%M",
    "T": "%H:%M:%S",
    "d": "%d/%m/%Y",
    "D": "%d %B %Y",
    "f": "%d %B %Y %H:%M",
    "F": "%A, %d %B %Y %H:%M",
}


class Markdown:
    """Renders texts of one world, whose names it puts in the place of mentions."""

    def __init__(self, world: World, channel: Channel, now: float) -> None:
        self.world, self.channel, self.now = world, channel, now
        # Whether @everyone is a mention in the message at hand, or mere text.
        self.pings_all = False

    def block(self, text: str) -> str:
        """Render a text with code blocks, headings, lists and quotes."""
        parts, last = [], 0
        for fence in FENCE.finditer(text):
            parts.append(self._lines(text[last : fence.start()].strip("\n")))
            parts.append(f"<pre><code>{html.escape(fence[2])}</code></pre>")
            last = fence.end()
        parts.append(self._lines(text[last:].strip("\n")))
        return "".join(parts)

    def _lines(self, text: str) -> str:
        if not text:
            return ""
        out: list[str] = []
        lines = text.split("\n")
        while lines:
            line = lines.pop(0)
            if line.startswith(">>> "):
                out.append(self._quote([line[4:], *lines]))
                break
            if line.startswith("> ") or line == ">":
                quoted = [line[2:]]
                while lines and (lines[0].startswith("> ") or lines[0] == ">"):
                    quoted.append(lines.pop(0)[2:])
                out.append(self._quote(quoted))
            elif heading := HEADING.match(line):
                size = len(heading[1])
                out.append(f"<h{size}>{self.inline(heading[2])}</h{size}>")
            elif line.startswith("-# "):
                out.append(f'<div class="subtext">{self.inline(line[3:])}</div>')
            elif item := LIST.match(line):
                mark = "•" if item[2] in "-*" else item[2]
                depth = len(item[1]) // 2
                out.append(
                    f'<div class="item" style="margin-left:{depth * 1.2}em">'
                    f"<span>{mark}</span><div>{self.inline(item[3])}</div></div>"
                )
            else:
                out.append(f'<div class="line">{self.inline(line) or "&nbsp;"}</div>')
        return "".join(out)

    def _quote(self, lines: list[str]) -> str:
        return f"<blockquote>{self._lines(chr(10).join(lines))}</blockquote>"

    def inline(self, text: str) -> str:
        """Render one line. The first rule that matches at a place wins, as in Discord's client."""
        out, position = [], 0
        while position < len(text):
            for pattern, render in self._rules():
                match = pattern.match(text, position)
                # Underscores inside a word are none of emphasis: file_name_1.
                if match and not (match[0][0] == "_" and position and text[position - 1].isalnum()):
                    out.append(render(match))
                    position = match.end()
                    break
            else:
                out.append(html.escape(text[position]))
                position += 1
        return "".join(out)

    def _rules(self) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        return [
            (ESCAPED, lambda m: html.escape(m[1])),
            (CODE, lambda m: f"<code>{html.escape(m[2].strip())}</code>"),
            (BOLD, lambda m: f"<b>{self.inline(m[1])}</b>"),
            (UNDERLINE, lambda m: f"<u>{self.inline(m[1])}</u>"),
            (STRIKE, lambda m: f"<s>{self.inline(m[1])}</s>"),
            (SPOILER, lambda m: f'<span class="spoiler">{self.inline(m[1])}</span>'),
            (ITALIC, lambda m: f"<i>{self.inline(m[1] or m[2])}</i>"),
            (LINK, lambda m: f'<a title="{html.escape(m[2])}">{self.inline(m[1])}</a>'),
            (STAMP, lambda m: f'<span class="stamp">{self._stamp(int(m[1]), m[2] or "f")}</span>'),
            (MENTION, self._mention),
            (COMMAND, lambda m: f'<span class="mention">/{html.escape(m[1])}</span>'),
            (EMOJI, lambda m: f":{html.escape(m[1])}:"),
            (ADDRESS, lambda m: f"<a>{html.escape(m[1] or m[2])}</a>"),
        ]

    def _mention(self, match: re.Match[str]) -> str:
        kind, number = match[1], int(match[2] or 0)
        name = match[0]
        if match[3]:
            if not self.pings_all:
                return match[0]
        elif kind in ("@", "@!"):
            name = f"@{self.world.users[number].name}" if number in self.world.users else "@unknown-user"
        elif kind == "@&":
            role = self.channel.guild.roles.get(number) if self.channel.guild else None
            name = f"@{role.name}" if role else "@unknown-role"
        elif kind == "#":
            channel = self.world.channels.get(number)
            name = f"#{channel.name}" if channel else "#unknown"
        return f'<span class="mention">{html.escape(name)}</span>'

    def _stamp(self, seconds: int, style: str) -> str:
        if style == "R":
            return relative(seconds - self.now)
        return datetime.fromtimestamp(seconds, UTC).strftime(STAMP_FORMATS.get(style, STAMP_FORMATS["f"]))


ESCAPED = re.compile(r"\\([^\w\s])")
CODE = re.compile(r"(`+)(.+?)\1(?!`)", re.DOTALL)
BOLD = re.compile(r"\*\*(.+?)\*\*(?!\*)", re.DOTALL)
UNDERLINE = re.compile(r"__(.+?)__(?!_)", re.DOTALL)
STRIKE = re.compile(r"~~(.+?)~~", re.DOTALL)
SPOILER = re.compile(r"\|\|(.+?)\|\|", re.DOTALL)
ITALIC = re.compile(r"\*(?!\s)([^*]+?)(?<!\s)\*|_(?!\s)([^_]+?)(?<!\s)_(?!\w)", re.DOTALL)
LINK = re.compile(r"\[([^\]\n]+)\]\(<?(https?://[^\s)>]+)>?(?: \"[^\"]*\")?\)")
STAMP = re.compile(r"<t:(-?\d+)(?::([tTdDfFR]))?>")
MENTION = re.compile(r"<(@&|@!|@|#)(\d+)>|@(everyone|here)")
COMMAND = re.compile(r"</([\w -]+):\d+>")
EMOJI = re.compile(r"<a?:(\w+):\d+>")
ADDRESS = re.compile(r"<(https?://[^\s>]+)>|(https?://[^\s<]*[^\s<.,:;\"')\]])")


def relative(seconds: float) -> str:
    """Say a distance in time as Discord does: `in 5 minutes`, `2 hours ago`."""
    size = abs(seconds)
    unit_s, name = next(((unit_s, name) for below, unit_s, name in STEPS if size < below), (2592000, "month"))
    count = round(size / unit_s)
    words = f"{count} {name}{'' if count == 1 else 's'}"
    return f"in {words}" if seconds > 0 else f"{words} ago"
