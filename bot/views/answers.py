"""The message that shows a question's answers, and its buttons, which work for as long as the message is there."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

import discord

from bot.access import guild_of
from bot.errors import CannotHere
from bot.posting import Original, Post, Version
from bot.replies.answers import (
    ROOMS,
    Board,
    Room,
    all_sources,
    answers_file,
    board_of,
    source_line,
    texts_of,
)
from bot.replies.colours import BLUE
from bot.replies.text import code_block, split
from bot.views.pages import Pages
from bot.views.standing import Standing

if TYPE_CHECKING:
    from bot.client import RaftBot
    from bot.services import Services
    from raft_core.records import Comparison, Source
    from raft_core.registry.exchanges import Asked

ASKED = r"answer:(?P<asked>[0-9a-f]{12})"
PAGE_ROOM = 3500
"""Characters of a source on one page: an embed's description holds 4096."""
FILE = "answers.md"
UNSHOWABLE = "✅ The answer is here, but Discord refuses to show its text: read it with **Full answers**."


class ShowSources(Standing, template=rf"{ASKED}:sources"):
    """Shows the full text of the chunks, page by page."""

    label = "Sources"
    emoji = "📚"

    async def press(self, interaction: discord.Interaction[RaftBot], asked: str) -> None:  # type: ignore[override]  # the template's one group
        """Show the member the chunks that the models were given."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pages = _source_pages(all_sources((await _kept(interaction, asked)).comparison))
        if not pages:
            await interaction.followup.send(
                "No sources were found before the answer broke off.", ephemeral=True
            )
            return
        await Pages(interaction.user, len(pages), lambda number: pages[number]).send(interaction)


class ShowAnswers(Standing, template=rf"{ASKED}:full"):
    """Shows the answers as the models wrote them, every character."""

    label = "Full answers"
    emoji = "📄"

    async def press(self, interaction: discord.Interaction[RaftBot], asked: str) -> None:  # type: ignore[override]  # the template's one group
        """Send the member the whole answers, as a file where they are long."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        comparison = (await _kept(interaction, asked)).comparison
        if sum(len(answer.text) for answer in comparison.answers) > PAGE_ROOM:
            await interaction.followup.send(file=file_of(comparison), ephemeral=True)
            return
        embeds = [
            discord.Embed(
                title=answer.model[:200], description=code_block(answer.text or "(nothing)"), colour=BLUE
            )
            for answer in comparison.answers
        ]
        await interaction.followup.send(embeds=embeds, ephemeral=True)


class AskAgain(Standing, template=rf"{ASKED}:again"):
    """Asks the same models the same question once more."""

    label = "Ask again"
    emoji = "🔁"

    async def press(self, interaction: discord.Interaction[RaftBot], asked: str) -> None:  # type: ignore[override]  # the template's one group
        """Ask again, in a new message and on the quota of the member who pressed."""
        await interaction.client.asking.again(interaction, asked)


class _Vote(Standing, template="(?!)"):
    """Takes a member's vote on one answer, or takes it back; the last one counts."""

    good = True

    async def press(self, interaction: discord.Interaction[RaftBot], asked: str, number: str) -> None:  # type: ignore[override]  # the template's groups
        """Count the vote and show the counts."""
        await interaction.response.defer()
        services, guild = interaction.client.services, guild_of(interaction)
        kept = await _kept(interaction, asked)
        if int(number) >= len(kept.comparison.answers):
            raise _gone()
        model = kept.comparison.answers[int(number)].model
        member = str(interaction.user.id)
        await services.look(services.registry.exchanges.rate, guild, asked, model, member, good=self.good)
        post = Post(Original(interaction, interaction.message.id if interaction.message else 0), None)
        board = await final_board(services, guild, kept)
        await post.insist(versions(board, asked, attached=_attached(interaction)))


class Up(_Vote, template=rf"{ASKED}:(?P<number>\d):up"):
    """A good answer."""

    emoji = "👍"


class Down(_Vote, template=rf"{ASKED}:(?P<number>\d):down"):
    """A bad answer."""

    emoji = "👎"
    good = False


BUTTONS = (ShowSources, ShowAnswers, AskAgain, Up, Down)


def layout(
    board: Board, asked: str, *, attached: bool = False, room: Room = ROOMS[0]
) -> discord.ui.LayoutView:
    """Return the message: a container for each model, sources, and the buttons once it is over."""
    texts = texts_of(board, room)
    # It must never time out or be stopped: discord.py would forget the classes of its buttons.
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay(texts.head))
    for number, (panel, column) in enumerate(zip(texts.panels, board.columns, strict=True)):
        container: discord.ui.Container[Any] = discord.ui.Container(accent_colour=panel.colour)
        for text in panel.texts:
            container.add_item(discord.ui.TextDisplay(text))
        if board.is_over and column.answer and column.answer.text:
            container.add_item(_votes(asked, number, board.votes.get(column.model, (0, 0))))
        view.add_item(container)
    if texts.foot:
        view.add_item(discord.ui.TextDisplay(texts.foot))
    if attached:
        view.add_item(discord.ui.File(f"attachment://{FILE}"))
    if board.is_over:
        view.add_item(_buttons(asked))
    return view


def versions(
    board: Board, asked: str, comparison: Comparison | None = None, *, attached: bool = False
) -> list[Version]:
    """Return ways to show a finished question, each shorter than the one before, for where Discord refuses that.

    What is cut is in a file, where one may be attached: of `comparison`, or `attached` already.
    """

    def in_room(room: Room, may_attach: bool) -> tuple[discord.ui.LayoutView, discord.File | None]:
        adds = comparison is not None and may_attach and texts_of(board, room).is_cut
        view = layout(board, asked, attached=attached or adds, room=room)
        return view, file_of(comparison) if comparison is not None and adds else None

    def notice(may_attach: bool) -> tuple[discord.ui.LayoutView, discord.File | None]:
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(discord.ui.TextDisplay(UNSHOWABLE))
        if attached or (comparison is not None and may_attach):
            view.add_item(discord.ui.File(f"attachment://{FILE}"))
        view.add_item(_buttons(asked))
        return view, file_of(comparison) if comparison is not None and may_attach else None

    return [*(partial(in_room, room) for room in ROOMS), notice]


def file_of(comparison: Comparison) -> discord.File:
    """Return everything that was asked, answered and shown, as a file."""
    text = answers_file(comparison).encode(errors="replace")
    return discord.File(io.BytesIO(text), FILE)


async def final_board(services: Services, guild: str, kept: Asked) -> Board:
    """Return what the message of an answered question shows now, with the latest scores and votes."""
    scores = await services.look(services.registry.evaluations.latest_scores, guild)
    votes = await services.look(services.registry.exchanges.opinions, guild, kept.id)
    return board_of(kept.comparison, kept.asker, scores, votes)


def _buttons(asked: str) -> discord.ui.ActionRow[Any]:
    row: discord.ui.ActionRow[Any] = discord.ui.ActionRow()
    for kind, name in ((ShowSources, "sources"), (ShowAnswers, "full"), (AskAgain, "again")):
        row.add_item(kind(f"answer:{asked}:{name}"))
    return row


def _votes(asked: str, number: int, counts: tuple[int, int]) -> discord.ui.ActionRow[Any]:
    row: discord.ui.ActionRow[Any] = discord.ui.ActionRow()
    for kind, name, count in ((Up, "up", counts[0]), (Down, "down", counts[1])):
        row.add_item(kind(f"answer:{asked}:{number}:{name}", label=str(count) if count else ""))
    return row


def _attached(interaction: discord.Interaction[Any]) -> bool:
    message = interaction.message
    return message is not None and any(file.filename == FILE for file in message.attachments)


def _source_pages(sources: tuple[Source, ...]) -> list[discord.Embed]:
    return [
        discord.Embed(description=f"**{source_line(source)}**\n{code_block(part)}", colour=BLUE)
        for source in sources
        for part in split(source.text, PAGE_ROOM)
    ]


async def _kept(interaction: discord.Interaction[RaftBot], asked: str) -> Asked:
    """Return what a guild was answered.

    Raises:
        CannotHere: the guild has no such question.
    """
    services = interaction.client.services
    kept = await services.look(services.registry.exchanges.get, guild_of(interaction), asked)
    if kept is None:
        raise _gone()
    return kept


def _gone() -> CannotHere:
    return CannotHere("this question is not kept here", remedy="ask it again with `/ask`")
