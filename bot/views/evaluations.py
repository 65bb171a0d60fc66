"""The buttons below an evaluation's summary: what was fixed, what was broken, and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.access import guild_of, require
from bot.errors import CannotHere, Form
from bot.evaluations import ChangePage, Summary, evaluation_of, read_change, read_report
from bot.replies.evaluations import SHOWN, change_embed, quotes_text, worst_first
from bot.replies.text import cut
from bot.views.standing import Standing

if TYPE_CHECKING:
    from bot.client import RaftBot
    from raft_core.records import JobInfo

EVALUATION = r"(?P<evaluation>eval-[0-9a-f]{1,16})"
PLACE = rf"{EVALUATION}:(?P<place>\d{{1,2}}):(?P<side>fixed|broken)"
BUTTON_LABEL = 80
"""https://discord.com/developers/docs/components/reference#button"""


class Open(Standing, template=rf"eval:open:{PLACE}"):
    """Opens the questions that a model fixed or broke, for whoever presses it alone."""

    async def press(  # type: ignore[override]  # the template's groups
        self, interaction: discord.Interaction[RaftBot], evaluation: str, place: str, side: str
    ) -> None:
        """Show the first one."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        embed, view = await _page(interaction, evaluation, int(place), side, 0)
        await interaction.followup.send(embed=embed, view=view, ephemeral=True)


class Turn(Standing, template=rf"eval:(?:back|next|flip):{PLACE}:(?P<number>\d{{1,5}})"):
    """Turns to another question."""

    async def press(  # type: ignore[override]  # the template's groups
        self, interaction: discord.Interaction[RaftBot], evaluation: str, place: str, side: str, number: str
    ) -> None:
        """Show it in place of the one before."""
        await interaction.response.defer()
        embed, view = await _page(interaction, evaluation, int(place), side, int(number))
        await interaction.edit_original_response(embed=embed, view=view)


class Jump(Standing, template=rf"eval:jump:{PLACE}:(?P<count>\d{{1,5}})"):
    """Asks which question to turn to."""

    async def press(  # type: ignore[override]  # the template's groups
        self, interaction: discord.Interaction[RaftBot], evaluation: str, place: str, side: str, count: str
    ) -> None:
        """Ask for its number."""
        await interaction.response.send_modal(_Where(evaluation, int(place), side, int(count)))


class _Where(Form, title="Go to question"):
    number: discord.ui.TextInput[_Where] = discord.ui.TextInput(label="Question", max_length=5)

    def __init__(self, evaluation: str, place: int, side: str, count: int) -> None:
        super().__init__()
        self._where = evaluation, place, side
        self.number.placeholder = f"1 to {count}"

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Turn to the question, the nearest one where there is none."""
        wanted = str(self.number.value).strip()
        await interaction.response.defer()
        number = max(int(wanted) - 1, 0) if wanted.isdecimal() else 0
        embed, view = await _page(interaction, *self._where, number)
        await interaction.edit_original_response(embed=embed, view=view)


class Report(Standing, template=rf"eval:report:{EVALUATION}"):
    """Hands over the report as a file."""

    label = "Download report"
    emoji = "📄"

    async def press(self, interaction: discord.Interaction[RaftBot], evaluation: str) -> None:  # type: ignore[override]  # the template's one group
        """Send it to whoever asked alone.

        Raises:
            CannotHere: it is larger than files may be here.
        """
        guild, services = guild_of(interaction), interaction.client.services
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await services.run(read_report, services, guild, evaluation)
        limit = interaction.filesize_limit
        if found.stat().st_size > limit:
            raise CannotHere(
                f"the report is larger than the {limit >> 20} MiB that a file may have here",
                remedy=f"whoever runs this bot has it: raftbot eval show {evaluation}",
            )
        file = discord.File(found, f"{evaluation}{found.suffix}")
        await interaction.followup.send(file=file, ephemeral=True)


class ShowSummary(Standing, template=rf"eval:summary:{EVALUATION}"):
    """On the receipt of an evaluation: posts its summary."""

    label = "Post the summary"
    emoji = "📊"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[RaftBot], evaluation: str) -> None:  # type: ignore[override]  # the template's one group
        """Post it for all to see."""
        from bot.posts import show_summary

        await require(interaction, "contributor")
        await show_summary(interaction, evaluation)


BUTTONS = (Open, Turn, Jump, Report, ShowSummary)


def summary_steps(job: JobInfo) -> list[discord.ui.Item[Any]]:
    """Return the button on the receipt of a job that evaluated."""
    evaluation = evaluation_of(job)
    return [ShowSummary(f"eval:summary:{evaluation}")] if evaluation else []


def summary_view(summary: Summary) -> discord.ui.View:
    """Return the buttons of a summary; those of what nothing was changed by are disabled."""
    view = discord.ui.View(timeout=None)
    shown = [each for each in worst_first(summary.result)[:SHOWN] if each[0] in summary.counts]
    for place, difference in shown:
        of = f"{difference['b']}: " if len(shown) > 1 else ""
        counts = summary.counts[place]
        for side, mark, count in (("fixed", "✅", counts.fixed), ("broken", "❌", counts.broken)):
            label = cut(f"{mark} {of}{count} {side}", BUTTON_LABEL)
            where = f"eval:open:{summary.result['id']}:{place}:{side}"
            view.add_item(Open(where, label=label, disabled=not count))
    view.add_item(Report(f"eval:report:{summary.result['id']}"))
    return view


async def _page(
    interaction: discord.Interaction[RaftBot], evaluation: str, place: int, side: str, number: int
) -> tuple[discord.Embed, discord.ui.View]:
    guild, services = guild_of(interaction), interaction.client.services
    fixed = side == "fixed"
    page = await services.run(read_change, services, guild, evaluation, place, number, fixed=fixed)
    quotes = (quotes_text(page.quotes[0], page.checked), quotes_text(page.quotes[1], page.checked))
    embed = change_embed(page.change, page.names, quotes, page.number, page.count, fixed=fixed)
    return embed, _page_view(f"{evaluation}:{place}", side, page)


def _page_view(where: str, side: str, page: ChangePage) -> discord.ui.View:
    number, last = page.number, page.count - 1
    other = "broken" if side == "fixed" else "fixed"
    view = discord.ui.View(timeout=None)
    view.add_item(Turn(f"eval:back:{where}:{side}:{max(number - 1, 0)}", label="◀", disabled=number == 0))
    view.add_item(
        Jump(
            f"eval:jump:{where}:{side}:{page.count}", label=f"{number + 1} / {page.count}", disabled=not last
        )
    )
    view.add_item(Turn(f"eval:next:{where}:{side}:{number + 1}", label="▶", disabled=number == last))
    view.add_item(Turn(f"eval:flip:{where}:{other}:0", label=f"Show {other}"))
    return view
