"""How files are handed over: the form, and the question whether models may be trained on them."""

from __future__ import annotations

from typing import Any

import discord

from bot.errors import Declined, Form, tell
from bot.handover import hand_over
from bot.views.confirm import CONFIRM_S, OwnView

MOST_FILES = 10
"""https://discord.com/developers/docs/components/reference#file-upload"""
TITLE_LIMIT = 100


class AddForm(Form, title="Add documents"):
    """Takes files, a title and the consent in one go."""

    def __init__(self) -> None:
        super().__init__()
        self._files: discord.ui.FileUpload[Any] = discord.ui.FileUpload(min_values=1, max_values=MOST_FILES)
        self._title: discord.ui.TextInput[Any] = discord.ui.TextInput(required=False, max_length=TITLE_LIMIT)
        self._consent: discord.ui.Checkbox[Any] = discord.ui.Checkbox()
        self._ask(self._files, "Files", "PDF, Word, PowerPoint, Excel, HTML, Markdown, text, CSV or JSON")
        self._ask(self._title, "Title", "Of a single file; empty keeps the one that it bears")
        self._ask(
            self._consent,
            "Models may be trained on them",
            "They are mine to share for that. Unticked, they are only asked about.",
        )

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Take the files."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        files, consent = self._files.values, self._consent.value
        await hand_over(interaction, files, title=self._title.value, consent=consent)

    def _ask(self, field: discord.ui.Item[Any], label: str, description: str) -> None:
        self.add_item(discord.ui.Label(text=label, description=description, component=field))


class ConsentQuestion(OwnView):
    """Train on it, only ask about it, or leave it."""

    def __init__(self, owner: discord.abc.User) -> None:
        super().__init__(owner, CONFIRM_S)
        self.consent: bool | None = None
        self.answer: discord.Interaction[Any] | None = None
        self._clicked = False

    @discord.ui.button(label="Ask and train", style=discord.ButtonStyle.success)
    async def train(self, interaction: discord.Interaction[Any], _: discord.ui.Button[Any]) -> None:
        """Take the files for both."""
        await self._take(interaction, consent=True)

    @discord.ui.button(label="Only ask", style=discord.ButtonStyle.primary)
    async def ask(self, interaction: discord.Interaction[Any], _: discord.ui.Button[Any]) -> None:
        """Take the files, never to be trained on."""
        await self._take(interaction, consent=False)

    @discord.ui.button(label="Cancel")
    async def leave(self, interaction: discord.Interaction[Any], _: discord.ui.Button[Any]) -> None:
        """Take nothing."""
        later = "You have cancelled this already; nothing was added."
        if not await self._is_first(interaction, later):
            return
        try:
            await interaction.response.edit_message(content="Cancelled; nothing was added.", view=None)
        finally:
            self.end(later, interaction)

    async def _take(self, interaction: discord.Interaction[Any], *, consent: bool) -> None:
        later = "✅ You have answered this already."
        if not await self._is_first(interaction, later):
            return
        try:
            await interaction.response.edit_message(content="⏳ Taking the files …", view=None)
        finally:  # `ask_consent` continues at the end of the view and needs the answer then
            self.consent, self.answer = consent, interaction
            self.end(later, interaction)

    async def _is_first(self, interaction: discord.Interaction[Any], later: str) -> bool:
        """Return whether nobody has clicked before; `later` answers those who click again."""
        if not self._clicked:
            self._clicked = True
            return True
        await tell(interaction, later)
        return False


async def ask_consent(
    interaction: discord.Interaction[Any], text: str
) -> tuple[bool, discord.Interaction[Any]]:
    """Ask the member alone; return the consent, and the answered interaction that gave it.

    The interaction that asks must have been deferred, ephemerally.

    Raises:
        Declined: they cancelled, or said nothing.
    """
    view = ConsentQuestion(interaction.user)
    view.message = await interaction.edit_original_response(content=text, view=view)
    await view.wait()
    if view.answer is None or view.consent is None:
        raise Declined("no consent")
    return view.consent, view.answer
