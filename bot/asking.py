"""A member's question → retrieval and answers in threads → one message that follows them.

Reading what models write never waits for Discord: a listener takes it down in its thread, and a task of its
own shows the state, at most once a second. An edit that a rate limit holds up shows more words, later.
A question is kept before anything of it is shown, so that a bot that is killed finds what it left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakValueDictionary

import discord

from bot.access import check_asks, day_ago, guild_of
from bot.answerers import full_names, one_model, two_models
from bot.delivery import LOST
from bot.errors import CannotHere
from bot.greetings import greeting_reply
from bot.health import need_models
from bot.posting import BAD_REQUEST, Deleted, Original, Post, Turns
from bot.progress import Progress
from bot.replies.answers import ROOMS, Board, Column, board_of
from bot.replies.errors import error_text, is_outage
from bot.replies.text import escape
from bot.settings import read_settings
from bot.unfinished import finish_all
from bot.views.answers import final_board, layout, versions
from raft_core.errors import DocumentError, RaftError, RegistryError
from raft_core.records import Answer, Comparison, Turn
from raft_core.registry.exchanges import Asked

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from bot.services import Services
    from raft_core.registry.registry import Registry

log = logging.getLogger(__name__)

AT_ONCE, AT_ONCE_IN_ALL = 4, 16
"""Questions of one server, and of all: each takes a slow thread, of which others must be left."""
EDIT_S = 1.0
ADMIT_S = 1.5
"""Discord waits three seconds: a question that a slow database has not kept by then is acknowledged all the same."""
QUESTION_LIMIT = 1000
INTERRUPTED = "I was restarted before the answer was finished"


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
        self._admitting: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._begun: set[str] = set()
        self._shared: Embeddings | None = None

    async def ask(self, interaction: discord.Interaction[Any], text: str, model: str | None = None) -> None:
        """Acknowledge and answer a command or a form, for all to see; without a model with the server's own."""
        await self._reply(interaction, text, lambda guild: one_model(self._services, guild, model))

    async def compare(
        self, interaction: discord.Interaction[Any], text: str, a: str | None, b: str | None
    ) -> None:
        """As `ask`, with two models; the base and the server's own adapter where they are not named."""
        await self._reply(interaction, text, lambda guild: two_models(self._services, guild, a, b))

    async def again(self, interaction: discord.Interaction[Any], asked: str) -> None:
        """As `ask`, an earlier question, of the same models."""
        kept = await self._services.look(self._services.registry.exchanges.get, guild_of(interaction), asked)
        if kept is None:
            raise CannotHere("this question is not kept here", remedy="ask it with `/ask`")

        async def same(_: str) -> list[str]:
            return [answer.model for answer in kept.comparison.answers]

        await self._reply(interaction, kept.comparison.question, same)

    async def _reply(
        self, interaction: discord.Interaction[Any], text: str, models: Callable[[str], Awaitable[list[str]]]
    ) -> None:
        guild = guild_of(interaction)
        if said := greeting_reply(text):
            await interaction.response.send_message(said, ephemeral=True)
            return
        admitting = asyncio.create_task(self._admit_command(interaction, text.strip(), models))
        await asyncio.wait({admitting}, timeout=ADMIT_S)
        post, asked = None, ""
        if admitting.done():  # its error is for the member alone: nothing has been shown yet
            asked = admitting.result()[1]
        try:
            post = await _deferred(interaction)
            question, asked = await admitting
            await self._services.look(self._services.registry.exchanges.shown_in, guild, asked, post.id)
            await self._answer(question, asked, post)
        except Exception:  # whatever it is, it goes on to the one handler
            if post is None or not post.is_shown:
                await self._forget(guild, asked)
                if post is not None:  # errors are for the member alone, and the deferral is for all
                    with suppress(discord.HTTPException, *LOST):
                        await interaction.delete_original_response()
            raise

    async def _admit_command(
        self, interaction: discord.Interaction[Any], text: str, models: Callable[[str], Awaitable[list[str]]]
    ) -> tuple[Question, str]:
        guild, asker = guild_of(interaction), str(interaction.user.id)
        names = await full_names(self._services, guild, await models(guild))
        question = Question(guild, str(interaction.channel_id), asker, text, names)
        return question, await self._admit(question, interaction.user, interaction.token)

    async def answer(self, question: Question, user: discord.abc.User, post: Post) -> None:
        """Answer a question in a message that is still to be sent.

        Raises:
            RaftError: nothing was begun: no quota left, a server down, no documents, no such model.
        """
        asked = post.nonce = await self._admit(question, user)
        try:
            await self._answer(question, asked, post)
        except Exception:
            if not post.is_shown:
                await self._forget(question.guild, asked)
            raise

    async def _answer(self, question: Question, asked: str, post: Post) -> None:
        await need_models(self._services)
        with self._turns.line_up(question.guild) as ticket:
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

    async def recover(self, bot: discord.Client) -> None:
        """Finish the messages that an earlier process left unfinished.

        It may be called while this process answers, as after every new session with Discord.
        """
        await finish_all(bot, self._services, self._begun)

    async def close(self) -> None:
        """Break off all answers, and leave their messages saying so."""
        for progress in self._under_way:
            progress.stop.set()
        for _ in range(20):
            if not self._under_way:
                return
            await asyncio.sleep(0.1)

    async def _admit(self, question: Question, user: discord.abc.User, token: str = "") -> str:
        """Check a question, keep it as one that may be interrupted, and return its id.

        Raises:
            RaftError: it is refused, and not kept.
        """
        if not escape(question.text).strip():
            raise RaftError("the question is empty", remedy="write what you want to know")
        if len(question.text) > QUESTION_LIMIT:
            raise RaftError(
                f"the question has {len(question.text):,} characters, and {QUESTION_LIMIT:,} are the most",
                remedy="make it shorter",
            )
        # Two questions at once must not both be the last of a quota.
        lock = self._admitting.setdefault((question.guild, question.asker), asyncio.Lock())
        async with lock:
            asked = await self._services.look(_keep, self._services.registry, question, user, token)
        self._begun.add(asked)
        return asked

    async def _forget(self, guild: str, asked: str) -> None:
        """Remove a question that was not begun."""
        with suppress(RegistryError):  # the error that led here is the one to report
            if not asked:
                return
            await self._services.look(self._services.registry.exchanges.forget, guild, asked)
            self._begun.discard(asked)

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
        known, rooms = bool(post.id), list(ROOMS)
        while True:
            progress.changed.clear()
            board = progress.now()
            if board.is_over:
                return
            began = asyncio.get_running_loop().time()
            try:
                await post.show(layout(board, asked, room=rooms[0]))
                if not known:
                    exchanges = self._services.registry.exchanges
                    await self._services.look(exchanges.shown_in, question.guild, asked, post.id)
                    known = True
            except Deleted:
                progress.stop.set()
                return
            except discord.HTTPException as error:
                log.warning("an edit of an answer was refused: %s", error)
                if error.status == BAD_REQUEST and len(rooms) > 1:
                    del rooms[0]
                    progress.changed.set()
            except (*LOST, RegistryError) as error:
                log.warning("an edit of an answer failed: %r", error)
            await asyncio.sleep(max(0.0, EDIT_S - (asyncio.get_running_loop().time() - began)))
            await progress.changed.wait()

    async def _finish(self, question: Question, asked: str, comparison: Comparison, post: Post) -> None:
        """Show the whole answers with their buttons, once what these need is kept."""
        services, guild = self._services, question.guild
        exchanges = services.registry.exchanges
        kept = Asked(asked, question.channel, post.id, question.asker, comparison)
        try:
            await services.look(exchanges.answered, guild, asked, comparison)
            board = await final_board(services, guild, kept)
        except RegistryError as error:  # the member sees the answer all the same
            log.warning("question %s is answered without the registry: %s", asked, error)
            board = board_of(comparison, question.asker, {}, {})
        try:
            shown = await post.insist(versions(board, asked, comparison))
        except Deleted:
            shown = True
        if shown:
            await services.look(exchanges.finish, guild, asked, post.id, comparison)
            self._begun.discard(asked)

    def _embeddings(self) -> Embeddings:
        if self._shared is None:
            self._shared = self._services.embeddings()
        return self._shared


def _preload() -> None:
    for name in ("chromadb", "langchain_chroma", "raft_core.answering.compare"):
        import_module(name)


async def _deferred(interaction: discord.Interaction[Any]) -> Post:
    """Acknowledge an interaction for all to see, and return its answer, which is still to be filled."""
    acknowledged = await interaction.response.defer(thinking=True)
    number = acknowledged.message_id if acknowledged else None
    if number is None:  # Discord had taken it before, and its reply was lost
        number = (await interaction.original_response()).id
    return Post(Original(interaction, number), interaction.channel)


async def _ended(showing: asyncio.Task[None]) -> None:
    """Let an edit that is under way end, for a while: a later one must not overtake it."""
    await asyncio.wait({showing}, timeout=2 * EDIT_S)
    if not showing.cancel() and not showing.cancelled() and (error := showing.exception()):
        log.error("following an answer failed", exc_info=error)


def _keep(registry: Registry, question: Question, user: discord.abc.User, token: str) -> str:
    """Keep a question whose asker may ask it; blocks."""
    guild = question.guild
    if not registry.documents.search(guild, "", 1):
        raise DocumentError("this server has no documents to answer from", remedy="add some with `/docs add`")
    times = registry.exchanges.asked_since(guild, question.asker, day_ago())
    check_asks(times, user, read_settings(registry.guilds, guild))
    broken = _broken(question, f"{INTERRUPTED}.")
    return registry.exchanges.begin(guild, question.channel, question.asker, broken, token)


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
