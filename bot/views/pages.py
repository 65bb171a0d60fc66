"""Lists longer than a message: pages with buttons and a jump, disabled when their time is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import discord

from bot.errors import Form
from bot.views.confirm import OwnView

PAGES_S = 300.0


class Pages(OwnView):
    """Shows `page(number)` of `count`, numbers from 0."""

    def __init__(self, owner: discord.abc.User, count: int, page: Callable[[int], discord.Embed]) -> None:
        super().__init__(owner, PAGES_S)
        self._count = count
        self._page = page
        self._number = 0
        self._set()

    @property
    def embed(self) -> discord.Embed:
        """The page that is shown."""
        return self._page(self._number)

    async def send(
        self,
        interaction: discord.Interaction[Any],
        *,
        ephemeral: bool = True,
        files: Sequence[discord.File] = (),
    ) -> None:
        """Answer a deferred interaction with the first page; without buttons where it is the only one.

        `files` are shown with every page.
        """
        if self._count <= 1:
            await interaction.followup.send(embed=self.embed, ephemeral=ephemeral, files=files)
            return
        self.message = await interaction.followup.send(
            embed=self.embed, view=self, ephemeral=ephemeral, files=files, wait=True
        )

    async def show(self, interaction: discord.Interaction[Any], number: int) -> None:
        """Turn to a page."""
        self._number = max(0, min(number, self._count - 1))
        self._set()
        await interaction.response.edit_message(embed=self.embed, view=self)

    def _set(self) -> None:
        self.back.disabled = self._number == 0
        self.forward.disabled = self._number == self._count - 1
        self.jump.label = f"{self._number + 1} / {self._count}"

    @discord.ui.button(emoji="◀️")
    async def back(self, interaction: discord.Interaction[Any], _: discord.ui.Button[Pages]) -> None:
        """Turn back."""
        await self.show(interaction, self._number - 1)

    @discord.ui.button()
    async def jump(self, interaction: discord.Interaction[Any], _: discord.ui.Button[Pages]) -> None:
        """Ask for a page."""
        await interaction.response.send_modal(_Jump(self, self._count))

    @discord.ui.button(emoji="▶️")
    async def forward(self, interaction: discord.Interaction[Any], _: discord.ui.Button[Pages]) -> None:
        """Turn on."""
        await self.show(interaction, self._number + 1)


class _Jump(Form, title="Go to page"):
    number: discord.ui.TextInput[_Jump] = discord.ui.TextInput(label="Page", max_length=6)

    def __init__(self, pages: Pages, count: int) -> None:
        super().__init__()
        self._pages = pages
        self.number.placeholder = f"1 to {count}"

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Turn to the page, the nearest one where there is none."""
        wanted = str(self.number.value).strip()
        await self._pages.show(interaction, int(wanted) - 1 if wanted.isdigit() else 0)
