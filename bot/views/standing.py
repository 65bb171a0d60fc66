"""Buttons that work after a restart of the bot: what they are about stands in their custom_id.

    class Cancel(Standing, template=r"card:cancel:(?P<job>job-[0-9a-f]{10})"): …

Register the class with `bot.add_dynamic_items`. The guild always comes from the interaction: an id of
another guild in a custom_id finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import handle

if TYPE_CHECKING:
    from bot.client import RaftBot


def button_of(custom_id: str) -> Standing | None:
    """Return the standing button of a custom_id; None where it is of no kind."""
    kinds = [kind for each in Standing.__subclasses__() for kind in (each, *each.__subclasses__())]
    fitting = (kind for kind in kinds if kind.__discord_ui_compiled_template__.fullmatch(custom_id))
    return next((kind(custom_id) for kind in fitting), None)


def walk(components: Iterable[discord.components.Component]) -> Iterator[discord.components.Component]:
    """Yield all components of a message, each before what it holds."""
    for component in components:
        yield component
        yield from walk(getattr(component, "children", ()))


class Standing(discord.ui.DynamicItem[discord.ui.Button[Any]], template="(?!)"):
    """A button of which `press` is called with the groups of its template; errors are reported.

    A subclass gives `label` and `style`; its constructor takes the template's groups by name.
    """

    label = ""
    emoji: str | None = None
    style = discord.ButtonStyle.secondary

    def __init__(
        self, custom_id: str, *, disabled: bool = False, label: str = "", row: int | None = None
    ) -> None:
        super().__init__(
            discord.ui.Button(
                label=label or self.label or None,
                emoji=self.emoji,
                style=self.style,
                custom_id=custom_id,
                disabled=disabled,
            ),
            row=row,
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button that was pressed."""
        return cls(match[0])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the button is for, and tell the member what goes wrong: discord.py would only log it."""
        found = self.template.fullmatch(self.custom_id)
        try:
            if found is not None:
                await self.press(interaction, **found.groupdict())
        except Exception as error:  # whatever it is, the member must hear of it
            await handle(interaction, error)

    async def press(self, interaction: discord.Interaction[RaftBot], **found: str) -> None:
        """Do what the button is for; `found` are the groups of the template."""
        raise NotImplementedError
