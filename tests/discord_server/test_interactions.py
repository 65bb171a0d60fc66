"""The rules of interactions: three seconds, once, fifteen minutes, and what an answer may be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import discord
import pytest
from discord import app_commands

from tests.discord_server import DiscordServer, Interaction
from tests.discord_server.in_process import Client, ClientThread

Handler = Callable[[discord.Interaction], Awaitable[Any]]


class Rig:
    """A bot whose one command does what a test says."""

    def __init__(self, client: ClientThread) -> None:
        self.client, self.server = client, client.server
        self.alice = client.server.member("alice")
        self.bob = client.server.member("bob")

    def use(self, handler: Handler) -> tuple[Interaction, int | None]:
        """Use the command; return the interaction and the code of the error that the handler met."""
        codes: list[int | None] = []

        async def tried(interaction: discord.Interaction) -> None:
            try:
                await handler(interaction)
                codes.append(None)
            except discord.HTTPException as error:
                codes.append(error.code)

        self.client.client.handler = tried  # type: ignore[attr-defined]
        used = self.alice.slash("/do")
        self.server.wait_for(lambda: codes)
        return used, codes[0]


def set_up(client: Client) -> None:
    @client.tree.command(name="do", description="Do")
    async def do(interaction: discord.Interaction) -> None:
        await client.handler(interaction)  # type: ignore[attr-defined]

    @do.error
    async def failed(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        raise error

    @client.tree.command(name="pick", description="Pick")
    async def pick(interaction: discord.Interaction, what: str) -> None: ...

    @pick.autocomplete("what")
    async def complete(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        if typed == "slow":
            await asyncio.sleep(30)
        return [app_commands.Choice(name=typed * n, value=str(n)) for n in range(1, 26 + (typed == "many"))]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with DiscordServer(rate_limits=False) as server, ClientThread(server, set_up) as client:
        server.wait_ready()
        yield Rig(client)


def test_an_answer_after_three_seconds_is_too_late(rig: Rig) -> None:
    """10062, and the member reads that the application did not respond."""

    async def late(interaction: discord.Interaction) -> None:
        rig.server.clock.move(3.1)
        await interaction.response.send_message("late")

    used, code = rig.use(late)
    assert code == 10062
    assert used.error == "The application did not respond"
    with pytest.raises(AssertionError, match="did not respond"):
        used.wait()


def test_a_second_answer_is_refused(rig: Rig) -> None:
    async def twice(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        interaction.response._response_type = None
        await interaction.response.send_message("again")

    assert rig.use(twice)[1] == 40060


def test_the_token_lives_fifteen_minutes(rig: Rig) -> None:
    async def old(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        rig.server.clock.move(15 * 60 - 1)
        await interaction.followup.send("in time")
        rig.server.clock.move(2)
        await interaction.edit_original_response(content="too late")

    used, code = rig.use(old)
    assert (code, used.text) == (50027, "in time")


def test_follow_ups_need_a_first_answer(rig: Rig) -> None:
    async def early(interaction: discord.Interaction) -> None:
        await interaction.followup.send("early")

    assert rig.use(early)[1] == 10015


def test_a_deferral_is_filled_by_an_edit_or_the_first_follow_up(rig: Rig) -> None:
    """Either fills the same message, as private as the deferral was, and pings nobody."""

    async def fill(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send(f"{rig.bob.mention} filled", ephemeral=False)
        await interaction.followup.send(f"{rig.bob.mention} public", ephemeral=False)

    used, _ = rig.use(fill)
    assert used.ephemeral and used.text == f"{rig.bob.mention} filled" and used.message.pinged == set()
    public = used.followup()
    assert not public.ephemeral and public.pinged == {"bob"}
    assert used.message not in rig.bob.messages() and public in rig.bob.messages()


def test_answers_can_be_edited_and_deleted(rig: Rig) -> None:
    async def change(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("one")
        await interaction.edit_original_response(content="two")
        message = await interaction.followup.send("three", wait=True)
        await message.edit(content="four")
        assert (await interaction.original_response()).content == "two"
        await interaction.delete_original_response()

    used, code = rig.use(change)
    assert code is None and used.message.deleted
    assert [version.text for version in used.message.edits] == ["one", "two"]
    assert used.followup().text == "four"


def test_the_channel_does_not_give_out_private_answers(rig: Rig) -> None:
    async def private(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("secret", ephemeral=True)
        message = await interaction.original_response()
        assert interaction.channel
        await interaction.channel.fetch_message(message.id)

    assert rig.use(private)[1] == 10008


def test_only_fitting_answers_are_taken(rig: Rig) -> None:
    """A command cannot be answered by an update of a message, nor an autocompletion late or at length."""

    async def update(interaction: discord.Interaction) -> None:
        adapter = discord.webhook.async_.async_context.get()
        params = discord.webhook.async_.interaction_message_response_params(type=7, content="x")
        await adapter.create_interaction_response(
            interaction.id, interaction.token, session=interaction._session, params=params
        )

    assert rig.use(update)[1] == 50035
    assert len(rig.alice.autocomplete("/pick", "what", "a")) == 25
    many = rig.alice.start_autocomplete("/pick", "what", "many")
    rig.server.wait_for(lambda: "50035" in rig.server.errors[-1])
    assert many.acked_at is None
    slow = rig.alice.start_autocomplete("/pick", "what", "slow")
    rig.server.clock.move(3.1)
    assert slow.error == "The application did not respond"


def test_many_interactions_at_once_are_not_limited() -> None:
    """Neither a route's bucket nor the bot's global limit holds for first answers."""

    def answer(client: Client) -> None:
        @client.tree.command(name="do", description="Do")
        async def do(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("done")

    with DiscordServer() as server, ClientThread(server, answer):
        server.wait_ready()
        alice = server.member("alice")
        with server.burst():
            used = [alice.slash("/do") for _ in range(60)]
        assert {interaction.text for interaction in used} == {"done"}
        assert server.rate_limits.refused == []
