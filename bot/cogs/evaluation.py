"""/eval: run, summary, history, schedule; and the summaries that come by themselves."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands, tasks

from bot import cards, choices, weekly
from bot.access import guild_of, needs
from bot.evaluations import evaluate_spec, keep_upload, read_history, schedule
from bot.posts import place_for, post_at_end, post_due, show_summary
from bot.replies.evaluations import history_embed, history_pages, schedule_text
from bot.views.evaluations import BUTTONS, summary_steps
from bot.views.pages import Pages
from raft_core.jobs.questions import SAMPLE

if TYPE_CHECKING:
    from bot.client import Interaction, RaftBot
    from raft_core.records import JobInfo

log = logging.getLogger(__name__)

HISTORY_CHART = "history.png"
SAMPLES = 200
MOST_SAMPLES = 1000
TICK_S = 10.0
OFF = -1
WEEKDAYS = [
    *(app_commands.Choice(name=name, value=number) for number, name in enumerate(weekly.WEEKDAYS)),
    app_commands.Choice(name="off", value=OFF),
]


class Evaluation(commands.GroupCog, group_name="eval", group_description="Measure what a model learnt"):
    """Scores of the base and of tuned models, side by side and over time."""

    def __init__(self, bot: RaftBot) -> None:
        self._bot = bot

    async def cog_load(self) -> None:
        """Begin to look for what is due."""
        self.tick.start()

    async def cog_unload(self) -> None:
        """Stop looking."""
        self.tick.cancel()

    @app_commands.command()
    @app_commands.describe(
        adapter="The adapter; the default one if left out",
        samples="How many questions",
        split="Which questions: the sample exam's, its development ones, or a file",
        file="Questions in HotpotQA's format, kept for later runs",
    )
    @app_commands.autocomplete(adapter=choices.adapters, split=choices.splits)
    @needs("trainer")
    async def run(
        self,
        interaction: Interaction,
        adapter: str = "",
        samples: app_commands.Range[int, 1, MOST_SAMPLES] = SAMPLES,
        split: str = SAMPLE,
        file: discord.Attachment | None = None,
    ) -> None:
        """Evaluate an adapter beside the base"""
        guild, services = guild_of(interaction), self._bot.services
        await interaction.response.defer(ephemeral=True)
        if file is not None:
            split = await keep_upload(services, guild, file)
        spec = await services.run(evaluate_spec, services, guild, adapter, samples, split)
        await cards.start(interaction, "evaluate", spec)

    @app_commands.command()
    @app_commands.describe(evaluation="Which one; the newest if left out")
    @app_commands.autocomplete(evaluation=choices.evaluations)
    @needs("contributor")
    async def summary(self, interaction: Interaction, evaluation: str = "") -> None:
        """Post an evaluation's summary to the channel"""
        await show_summary(interaction, evaluation)

    @app_commands.command()
    @needs("contributor")
    async def history(self, interaction: Interaction) -> None:
        """Show F1 over all adapters"""
        guild, services = guild_of(interaction), self._bot.services
        await interaction.response.defer(ephemeral=True)
        results, chart = await services.run(read_history, services, guild)
        pages = history_pages(results)
        name = HISTORY_CHART if chart else ""
        shown = Pages(interaction.user, len(pages), lambda number: history_embed(pages[number], chart=name))
        await shown.send(interaction, files=[discord.File(io.BytesIO(chart), name)] if chart else [])

    @app_commands.command()
    @app_commands.describe(
        weekday="On which day, or off; shows the present plan if left out",
        hour="At which hour, in UTC",
        to="A text channel; this one if left out",
        split="Which questions",
    )
    @app_commands.choices(weekday=WEEKDAYS)
    @app_commands.autocomplete(split=choices.splits)
    @needs("admin")
    async def schedule(
        self,
        interaction: Interaction,
        weekday: app_commands.Choice[int] | None = None,
        hour: app_commands.Range[int, 0, 23] = 9,
        to: discord.TextChannel | None = None,
        split: str = SAMPLE,
    ) -> None:
        """Evaluate the default adapter every week and post the summary"""
        guild, services = guild_of(interaction), self._bot.services
        await interaction.response.defer(ephemeral=True)
        where = to.id if to else interaction.channel_id or 0
        now = datetime.now(UTC)
        if weekday is not None and weekday.value != OFF:
            place_for(self._bot, guild, where)
            plan = weekly.plan(weekday.value, hour, where, split, now)
            await services.run(schedule, services, guild, plan)
        elif weekday is not None:
            await services.run(schedule, services, guild, None)
        kept = weekly.read((await services.guild_settings(guild)).weekly)
        text = schedule_text(kept, weekly.following(kept, now) if kept else None)
        await interaction.followup.send(text, ephemeral=True)

    @commands.Cog.listener()
    async def on_job_over(self, job: JobInfo) -> None:
        """Post the summary of what a job evaluated, where the server wants them."""
        await post_at_end(self._bot, job)

    @tasks.loop(seconds=TICK_S)
    async def tick(self) -> None:
        """Look for what is due; whatever goes wrong, look again."""
        try:
            await post_due(self._bot, datetime.now(UTC))
        except Exception:  # whatever it is, an error would end the loop for good
            log.exception("cannot look for weekly posts")

    @tick.before_loop
    async def _connected(self) -> None:
        await self._bot.wait_until_ready()


async def setup(bot: RaftBot) -> None:
    """Add the cog, and make the buttons of old summaries work."""
    bot.add_dynamic_items(*BUTTONS)
    for kind in ("evaluate", "pipeline"):
        bot.cards.offer(kind, summary_steps)
    await bot.add_cog(Evaluation(bot))
