"""/docs, and the context menu that adds a message's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot import choices, documents
from bot.access import guild_of, needs, require
from bot.handover import hand_over
from bot.health import chroma_answers, need_models, need_store
from bot.replies import documents as replies
from bot.views.confirm import confirmed
from bot.views.documents import TITLE_LIMIT, AddForm, ask_consent
from bot.views.pages import Pages
from raft_core.errors import DocumentError
from raft_core.registry.documents import LearntFrom

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot

MOST_HITS = 10


class Docs(
    commands.GroupCog,
    name="docs",
    description="The documents that this community asks and learns from",
):
    """What the community's knowledge base holds."""

    @app_commands.command()
    @app_commands.describe(
        file="A document: PDF, Office, HTML, Markdown, text, CSV, JSON; leave it out for a form",
        file2="One more",
        file3="One more",
        file4="One more",
        file5="One more",
        title="The title of a single file, in place of its own",
        consent="Whether models may be trained on it; I ask where you do not say",
    )
    @needs("contributor")
    async def add(
        self,
        interaction: Interaction,
        file: discord.Attachment | None = None,
        file2: discord.Attachment | None = None,
        file3: discord.Attachment | None = None,
        file4: discord.Attachment | None = None,
        file5: discord.Attachment | None = None,
        title: app_commands.Range[str, 1, TITLE_LIMIT] | None = None,
        consent: bool | None = None,
    ) -> None:
        """Add documents to the knowledge base"""
        files = [each for each in (file, file2, file3, file4, file5) if each is not None]
        if not files:
            await interaction.response.send_modal(AddForm())
            return
        await interaction.response.defer(ephemeral=True)
        if consent is None:
            text = replies.consent_text([each.filename for each in files])
            consent, interaction = await ask_consent(interaction, text)
        await hand_over(interaction, files, title=title or "", consent=consent)

    @app_commands.command(name="list")
    async def list_(self, interaction: Interaction) -> None:
        """List the documents, the newest first"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        infos = await services.run(services.registry.documents.list, guild)  # there may be thousands
        pages = replies.pages(len(infos))
        await Pages(interaction.user, pages, lambda number: replies.list_page(infos, number)).send(
            interaction
        )

    @app_commands.command()
    @app_commands.describe(document="The document's title")
    @app_commands.autocomplete(document=choices.documents)
    async def show(self, interaction: Interaction, document: str) -> None:
        """Show a document: who added it, what learnt from it, how it begins"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        up = await chroma_answers(services)
        shown = await services.run(documents.read_shown, services, guild, document, with_text=up)
        await interaction.followup.send(embed=replies.document_embed(shown), ephemeral=True)

    @app_commands.command()
    @app_commands.describe(query="What to look for", results="How many passages")
    async def search(
        self,
        interaction: Interaction,
        query: app_commands.Range[str, 1, 500],
        results: app_commands.Range[int, 1, MOST_HITS] = 5,
    ) -> None:
        """Find the passages nearest to a query"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        await need_models(services)
        hits = await services.run(documents.search, services, guild, query, results)
        await interaction.followup.send(embed=replies.search_embed(query, hits), ephemeral=True)

    @app_commands.command()
    @app_commands.describe(document="The document's title")
    @app_commands.autocomplete(document=choices.documents)
    async def remove(self, interaction: Interaction, document: str) -> None:
        """Remove a document for good: curators, and whoever added it"""
        services, guild = interaction.client.services, guild_of(interaction)
        await interaction.response.defer(ephemeral=True)
        info, provenance, learnt = await services.look(documents.read_card, services, guild, document)
        if provenance.added_by != str(interaction.user.id):
            await require(interaction, "curator")
        await need_store(services)
        agreed = await confirmed(interaction, replies.removal_text(info, learnt), "Remove", dangerous=True)
        await agreed.response.edit_message(content="⏳ Removing …", view=None)
        removal = await services.run(documents.remove, services, guild, info.id)
        learnt = LearntFrom(removal.datasets, removal.adapters)
        text = replies.removed_text(removal.title, removal.chunks, learnt)
        await agreed.edit_original_response(content=text)


@app_commands.context_menu(name="Add to knowledge base")
@needs("contributor")
async def add_files(interaction: Interaction, message: discord.Message) -> None:
    """Add the files of a message, never its text."""
    await interaction.response.defer(ephemeral=True)
    if not message.attachments:
        raise DocumentError("this message has no files", remedy="its text is never added: hand over a file")
    poster = "" if message.author.id == interaction.user.id else message.author.mention
    names = [each.filename for each in message.attachments]
    consent, answered = await ask_consent(interaction, replies.consent_text(names, poster))
    await hand_over(answered, message.attachments, consent=consent)


async def setup(bot: RaftBot) -> None:
    """Add the cog and the context menu."""
    await bot.add_cog(Docs())
    bot.tree.add_command(add_files)
