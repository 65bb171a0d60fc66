"""A member's question → retrieval and answers in threads → one message that follows them.

Reading what models write never waits for Discord: a listener takes it down in its thread, and a task of its
own shows what there is, at most once a second. An edit that a rate limit holds up shows more words, later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp
import discord

from bot.access import asks_left, day_ago, guild_of
from bot.answerers import full_names, one_model, two_models
from bot.errors import CannotHere
from bot.health import need_models
from bot.posting import Deleted, Post, Turns
from bot.progress import Progress
from bot.replies.answers import Board, Column, texts_of
from bot.replies.errors import error_text, is_outage
from bot.replies.text import escape
from bot.views.answers import file_of, final_board, layout
from raft_core.errors import DocumentError, RaftError
from raft_core.records import Answer, Comparison, Turn
from raft_core.registry.exchanges import Asked
from raft_core.registry.queries import now

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from bot.services import Services

log = logging.getLogger(__name__)

AT_ONCE, AT_ONCE_IN_ALL = 4, 16
"""Questions of one server, and of all: each takes a slow thread, of which others must be left."""
EDIT_S = 1.0
QUESTION_LIMIT = 1000
INTERRUPTED = "I was restarted meanwhile"


@dataclass(frozen=True, slots=True)
class Question:
    """What a member asks of which models, where, and after what."""

    guild: str
    channel: str
    asker: str
    text: str
    models: tuple[str, ...]
    history: tuple[Turn, ...] = ()


class Asking:
    """Answers questions, several at once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns(AT_ONCE, AT_ONCE_IN_ALL)
        self._under_way: set[Progress] = set()
        self._admitting = asyncio.Lock()
        self._shared: Embeddings | None = None
        self._began = now()

    async def ask(self, interaction: discord.Interaction[Any], text: str, model: str | None = None) -> None:
        """Answer a command or a form, which has been deferred for all to see; without a model the server's own."""
        await self._reply(interaction, text, lambda guild: one_model(self._services, guild, model))

    async def compare(
        self, interaction: discord.Interaction[Any], text: str, a: str | None, b: str | None
    ) -> None:
        """As `ask`, with two models; the base and the server's own adapter where they are not named."""
        await self._reply(interaction, text, lambda guild: two_models(self._services, guild, a, b))

    async def again(self, interaction: discord.Interaction[Any], asked: str) -> None:
        """As `ask`, what was asked before, of the same models."""
        kept = await self._services.look(self._services.registry.exchanges.get, guild_of(interaction), asked)

        async def same(_: str) -> list[str]:
            if kept is None:
                raise CannotHere("this question is not kept here", remedy="ask it with `/ask`")
            return [answer.model for answer in kept.comparison.answers]

        await self._reply(interaction, kept.comparison.question if kept else "", same)

    async def _reply(
        self, interaction: discord.Interaction[Any], text: str, models: Callable[[str], Awaitable[list[str]]]
    ) -> None:
        post = Post(partial(interaction.followup.send, wait=True), interaction.channel)
        guild, channel, asker = guild_of(interaction), str(interaction.channel_id), str(interaction.user.id)
        try:
            question = Question(guild, channel, asker, text.strip(), tuple(await models(guild)))
            await self.answer(question, interaction.user, post)
        except Exception:  # whatever it is, it goes on to the one handler
            if not post.id:  # errors are for the member alone, and the deferral is for all
                await interaction.delete_original_response()
            raise

    async def answer(self, question: Question, user: discord.abc.User, post: Post) -> None:
        """Answer a question in a message.

        Raises:
            RaftError: nothing was begun: no quota left, a server down, no documents, no such model.
        """
        with self._turns.line_up(question.guild) as ticket:
            question = replace(
                question, models=await full_names(self._services, question.guild, question.models)
            )
            asked = await self._admit(question, user)
            scores = await self._services.look(
                self._services.registry.evaluations.latest_scores, question.guild
            )
            columns = tuple(Column(model, score=scores.get(model)) for model in question.models)
            progress = Progress(Board(question.text, question.asker, columns), asyncio.get_running_loop())
            self._under_way.add(progress)
            showing = asyncio.create_task(self._show(question, progress, post, asked))
            try:
                await ticket.turn(progress.told)
                comparison = await self._write(question, progress)
            finally:
                self._under_way.discard(progress)
                await _ended(showing)
        await self._finish(question, asked, comparison, post)

    async def preload(self) -> None:
        """Import what asking needs, which takes seconds, in a thread."""
        await self._services.run(_preload)

    async def mend(self, bot: discord.Client) -> None:
        """Say in the messages whose answers an earlier process left unfinished that they broke off.

        It may be called while this process answers, as after every new session with Discord.
        """
        services = self._services
        broken_by = services.registry.exchanges.broken_by
        left = await services.look(broken_by, INTERRUPTED, day_ago(), self._began)
        for guild, kept in left:
            channel = bot.get_partial_messageable(int(kept.channel))
            message = channel.get_partial_message(int(kept.message))
            with suppress(discord.HTTPException):  # it is gone, or may not be seen any more
                await message.edit(view=layout(await final_board(services, guild, kept), kept.id))
            mended = replace(
                kept.comparison,
                answers=tuple(replace(each, error=f"{INTERRUPTED}.") for each in kept.comparison.answers),
            )
            await services.look(services.registry.exchanges.finish, guild, kept.id, kept.message, mended)

    async def close(self) -> None:
        """Break off all answers, and leave their messages saying so."""
        for progress in self._under_way:
            progress.stop.set()
        for _ in range(20):
            if not self._under_way:
                return
            await asyncio.sleep(0.1)

    async def _admit(self, question: Question, user: discord.abc.User) -> str:
        services, guild = self._services, question.guild
        if not escape(question.text).strip():
            raise RaftError("the question is empty", remedy="write what you want to know")
        if len(question.text) > QUESTION_LIMIT:
            raise RaftError(
                f"the question has {len(question.text)} characters, and {QUESTION_LIMIT} are the most",
                remedy="ask it shorter",
            )
        if not await services.look(services.registry.documents.search, guild, "", 1):
            raise DocumentError(
                "this server has no documents to answer from", remedy="add some with `/docs add`"
            )
        await need_models(services)
        begin, settings = services.registry.exchanges.begin, await services.guild_settings(guild)
        async with self._admitting:  # two questions at once must not both be the last of a quota
            await asks_left(services, guild, user, settings)
            return await services.look(begin, guild, question.channel, question.asker, question.text)

    async def _write(self, question: Question, progress: Progress) -> Comparison:
        from raft_core.jobs.ask import ask

        try:
            return await self._services.run(
                lambda: ask(
                    self._services.settings,
                    question.guild,
                    question.text,
                    question.models,
                    embeddings=self._embeddings(),
                    history=question.history,
                    listener=progress,
                    keep_broken=True,
                )
            )
        except Exception as error:  # the message is there: it must say what happened
            return _broken(question, _reason(error), progress.now())

    async def _show(self, question: Question, progress: Progress, post: Post, asked: str) -> None:
        """Follow an answer with edits, until it is over or its message is deleted."""
        known = False
        while True:
            progress.changed.clear()
            board = progress.now()
            if board.is_over:
                return
            began = asyncio.get_running_loop().time()
            try:
                await post.show(layout(board, asked))
                if not known:
                    known = await self._keep_as_interrupted(question, asked, post)
            except Deleted:
                progress.stop.set()
                return
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                log.warning("an edit of an answer failed: %s", error)
            await asyncio.sleep(max(0.0, EDIT_S - (asyncio.get_running_loop().time() - began)))
            await progress.changed.wait()

    async def _keep_as_interrupted(self, question: Question, asked: str, post: Post) -> bool:
        """Keep which message to mend if this process ends before the answers do."""
        broken = _broken(question, INTERRUPTED)
        await self._services.look(
            self._services.registry.exchanges.finish, question.guild, asked, post.id, broken
        )
        return True

    async def _finish(self, question: Question, asked: str, comparison: Comparison, post: Post) -> None:
        """Show the whole answers with their buttons, once what these need is kept."""
        services, before = self._services, post.id
        exchanges, guild = services.registry.exchanges, question.guild
        await services.look(exchanges.finish, guild, asked, before, comparison)
        kept = Asked(asked, question.channel, before, question.asker, comparison)
        board = await final_board(services, guild, kept)
        if texts_of(board).is_cut:
            shown = await post.insist(layout(board, asked, attached=True), lambda: file_of(comparison))
        else:
            shown = await post.insist(layout(board, asked))
        if shown and post.id != before:
            await services.look(exchanges.finish, guild, asked, post.id, comparison)

    def _embeddings(self) -> Embeddings:
        if self._shared is None:
            self._shared = self._services.embeddings()
        return self._shared


def _preload() -> None:
    for name in ("chromadb", "langchain_chroma", "raft_core.answering.compare"):
        import_module(name)


async def _ended(showing: asyncio.Task[None]) -> None:
    """Let an edit that is under way end, for a while: a later one must not overtake it."""
    await asyncio.wait({showing}, timeout=2 * EDIT_S)
    if not showing.cancel() and not showing.cancelled() and (error := showing.exception()):
        log.error("following an answer failed", exc_info=error)


def _reason(error: Exception) -> str:
    """Return why nothing was answered; the log has what members are not told."""
    if isinstance(error, RaftError) and not is_outage(error):
        return str(error)
    error_id = uuid4().hex[:8]
    log.error("error %s in answering", error_id, exc_info=error)
    return f"{error_text(error).splitlines()[0].removeprefix('❌ ')} (error {error_id})"


def _broken(question: Question, reason: str, board: Board | None = None) -> Comparison:
    written = {column.model: column.text for column in board.columns} if board else {}
    sources = (board.sources or ()) if board else ()
    answers = tuple(
        Answer(model, written.get(model, ""), "", False, False, (), sources, 0, 0.0, reason)
        for model in question.models
    )
    return Comparison(question.text, answers)
