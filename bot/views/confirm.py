"""Asks before a costly or final action: 60 seconds, and only the member who asked for it may say yes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import discord

from bot.errors import Declined, handle, tell

if TYPE_CHECKING:
    from bot.client import RaftBot

CONFIRM_S = 60.0
ENDED = 1000
"""Buttons of views that have ended whose answer is remembered."""
TOO_LATE = "⌛ These buttons have expired; please use the command again."

_ended: OrderedDict[str, tuple[str, int]] = OrderedDict()
"""custom_id → what a further click is answered, and the interaction that ended the view; 0 for none."""


def ended_text(interaction: discord.Interaction[Any], custom_id: str) -> str:
    """Return the answer to a click on a button whose view has ended before it; empty for any other."""
    text, ended_by = _ended.get(custom_id, ("", 0))
    return "" if interaction.id == ended_by else text


class OwnView(discord.ui.View):
    """A view that answers one member only, reports errors, and is disabled when its time is over."""

    def __init__(self, owner: discord.abc.User, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s)
        self._owner = owner
        self.message: discord.Message | discord.InteractionMessage | None = None

    async def interaction_check(self, interaction: discord.Interaction[Any]) -> bool:
        """Turn away everyone else."""
        if interaction.user.id == self._owner.id:
            return True
        await tell(interaction, "❌ These buttons are for the member who asked; use the command yourself.")
        return False

    def end(self, text: str, interaction: discord.Interaction[Any] | None = None) -> None:
        """Stop the view; `text` answers further clicks, after that of `interaction`."""
        for child in self.children:
            if custom_id := getattr(child, "custom_id", ""):
                _ended[custom_id] = (text, interaction.id if interaction else 0)
        while len(_ended) > ENDED:
            _ended.popitem(last=False)
        self.stop()

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _: discord.ui.Item[Any]
    ) -> None:
        """Tell the member what went wrong."""
        await handle(interaction, error)

    async def on_timeout(self) -> None:
        """Disable the buttons."""
        self.end(TOO_LATE)
        for child in self.children:
            if hasattr(child, "disabled"):
                child.disabled = True
        if self.message is not None:
            try:
                await self.message.edit(view=self)
            except discord.HTTPException:
                return  # the message is gone, or its token too old to edit it


class Confirm(OwnView):
    """Yes or no. `answer` is the interaction that said yes; None for no, or when nobody said anything."""

    def __init__(self, owner: discord.abc.User, yes: str, *, dangerous: bool = False) -> None:
        super().__init__(owner, CONFIRM_S)
        self.answer: discord.Interaction[RaftBot] | None = None
        style = discord.ButtonStyle.danger if dangerous else discord.ButtonStyle.success
        self._add(yes, style, agreed=True)
        self._add("Cancel", discord.ButtonStyle.secondary, agreed=False)

    def _add(self, label: str, style: discord.ButtonStyle, *, agreed: bool) -> None:
        button: discord.ui.Button[Confirm] = discord.ui.Button(label=label, style=style)

        async def callback(interaction: discord.Interaction[RaftBot]) -> None:
            if self.is_finished():  # both clicks came before the first one was answered
                await tell(interaction, ended_text(interaction, button.custom_id or ""))
            elif agreed:
                self.answer = interaction
                self.end("✅ You have confirmed this already.", interaction)
            else:
                self.end("You have cancelled this already; nothing was done.", interaction)
                await interaction.response.edit_message(content="Cancelled; nothing was done.", view=None)

        button.callback = callback  # type: ignore[assignment,method-assign]  # discord.py's own way for made buttons
        self.add_item(button)


async def confirmed(
    interaction: discord.Interaction[RaftBot], text: str, yes: str, *, dangerous: bool = False
) -> discord.Interaction[RaftBot]:
    """Ask the member alone, and return the not yet acknowledged interaction that said yes.

    The interaction that asks must have been deferred, ephemerally.

    Raises:
        Declined: they said no, or nothing.
    """
    view = Confirm(interaction.user, yes, dangerous=dangerous)
    view.message = await interaction.edit_original_response(content=text, view=view)
    await view.wait()
    if view.answer is None:
        raise Declined("not confirmed")
    return view.answer
