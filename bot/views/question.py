"""The form behind "Ask about this"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.asking import QUESTION_LIMIT
from bot.errors import Form
from bot.replies.text import cut

if TYPE_CHECKING:
    from bot.client import RaftBot


class QuestionForm(Form, title="Ask about this"):
    """Asks a question that begins as a message's text. The text is for answering only: nothing learns from it."""

    note: discord.ui.TextDisplay[Any] = discord.ui.TextDisplay(
        "-# Make a question of the message. It is used to answer you, and never to train a model."
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self._question: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=QUESTION_LIMIT, default=cut(text, QUESTION_LIMIT)
        )
        self.add_item(discord.ui.Label(text="Question", component=self._question))

    async def on_submit(self, interaction: discord.Interaction[RaftBot]) -> None:  # type: ignore[override]  # our client
        """Ask this server's own model."""
        await interaction.client.asking.ask(interaction, self._question.value)
