"""/eval: honest summaries, the browser of what was fixed and broken, the history, and the weekly post."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest

from bot import weekly
from bot.replies.evaluations import Counts, change_embed, history_pages, quotes_text, summary_embed, verdict
from bot.settings import change_settings
from bot.views.evaluations import EVALUATION
from raft_core.records import Quote
from raft_core.registry.evaluations import Change
from tests.bot.evaluations import HOSTILE, PNG, keep, result, samples
from tests.bot.place import Place
from tests.discord_server import DiscordServer, Guild, Member, Permission, posting
from tests.discord_server.interactions import DEFER_UPDATE
from tests.jobs.workers import PATIENCE_S, Worker

COUNTS = {0: Counts(2, 1)}


def size(embed: discord.Embed) -> int:
    return len(embed)


def test_the_verdict_says_what_may_be_chance() -> None:
    """Better and worse only where it is significant; then how many questions would tell."""
    better, worse = result()["differences"][0], result(gain=-0.25)["differences"][0]
    assert verdict(better, 4) == (
        "🟢 `raft-1` is **better** than the base: F1 +0.250 over the same 4 questions "
        "(95 % interval +0.125 to +0.375, p = 0.0125). This is significant."
    )
    assert verdict(worse, 4).startswith("🔴 `raft-1` is **worse** than the base: F1 -0.250")
    chance = result(gain=-0.0625, significant=False)["differences"][0] | {"needs": 1200}
    assert verdict(chance, 4) == (
        "🟡 `raft-1` scored lower, but that is **not significant**, it may be chance: F1 -0.062 over the same 4 "
        "questions (95 % interval -0.188 to +0.062, p = 0.0125). To see a gain of 3 points takes about 1,200 questions."
    )
    several = better | {"p_holm": 0.0375, "comparisons": 3}
    assert "p = 0.0375, corrected for 3 comparisons" in verdict(several, 4)


def test_a_summary_shows_everything_a_score_rests_on() -> None:
    """F1 and EM with intervals, prompt, what went wrong, n, seed, cost; what the plain prompt never asks for is no fault."""
    embed = summary_embed(result(), COUNTS, chart="f1.png")
    base, tuned, questions, took = embed.fields
    assert (base.name, tuned.name) == ("Base · base", "Tuned · raft-1")
    assert base.value == (
        "**F1 0.500** (0.375 to 0.625)\nEM 0.500 (0.500 to 0.500)\n`rag` prompt\n25.0% cut off\n"
        "no answer tag asked for\n-# under `raft`: F1 0.375, EM 0.375"
    )
    assert tuned.value is not None and "50.0% without answer tag" in tuned.value
    assert questions.value == "✅ 2 fixed\n❌ 1 broken\n▫️ 1 the same"
    assert took.value == "270 tokens\n1 min 1 s\n$0.1250"
    footer = "eval-00000001 · n = 4 of 9 · seed 7 · at most 24 new tokens · data ab12"
    assert (embed.footer.text, embed.image.url) == (footer, "attachment://f1.png")


def test_what_got_worse_comes_first() -> None:
    """Whatever the order of the models, and in the colour of bad news."""
    good, bad = result()["differences"][0], result(gain=-0.25)["differences"][0] | {"b": "raft-2"}
    told = result(differences=[good, bad])
    told["models"]["raft-2"] = told["models"]["raft-1"]
    embed = summary_embed(told, {})
    assert embed.description is not None and embed.description.startswith("🔴 `raft-2` is **worse**")
    assert embed.colour == discord.Colour(0xF23F43)
    assert summary_embed(result(significant=False), {}).colour == discord.Colour(0xF0B232)
    assert summary_embed(result(), {}).colour == discord.Colour(0x23A55A)


def test_leaks_are_told() -> None:
    """Those that were asked all the same louder than those that were left out."""
    leaks = {"leaks": [{"id": "q1"}, {"id": "q1"}, {"id": "q2"}], "kept": True, "unknown": ["raft-1"]}
    text = summary_embed(result(leaks=leaks), COUNTS).description or ""
    assert "⚠️ 2 questions stand in the training data, and **were asked all the same**." in text
    assert "leaks from it cannot be seen" in text
    assert "2 questions that stand in the training data were left out" in (
        summary_embed(result(leaks=leaks | {"kept": False}), COUNTS).description or ""
    )


def test_any_number_of_models_fits() -> None:
    """Discord's 25 fields and 6,000 characters, with names as long as they come."""
    told = result()
    names = [f"raft-{number}-{'x' * 200}" for number in range(40)]
    told["models"] |= dict.fromkeys(names, told["models"]["raft-1"])
    told["differences"] = [told["differences"][0] | {"b": name, "needs": 99_999} for name in names]
    told["data"] = "`*@everyone" * 40
    embed = summary_embed(told, {place: Counts(9, 9) for place in range(40)}, chart="f1.png")
    assert size(embed) <= 6000 and len(embed.fields) <= 25
    assert embed.description is not None and "… and 34 more models in the report." in embed.description
    assert len(embed.title or "") <= 256 and len(embed.description) <= 4096


def test_untrusted_text_stays_plain() -> None:
    """Questions, answers and quotes of a hostile document ping nobody, and fit."""
    quote = Quote(HOSTILE * 60, False)
    change = Change(0, "q" * 500, HOSTILE * 60, HOSTILE * 60, HOSTILE * 60, "", 1.0, 0.0)
    embed = change_embed(change, ("base", "raft-1"), (quotes_text([quote] * 9, True), ""), 0, 9, fixed=False)
    assert size(embed) <= 6000
    for field in embed.fields:
        assert len(field.value or "") <= 1024
    shown = (embed.description or "") + quotes_text([Quote(HOSTILE, False)], True)
    for bad in ("@everyone", "<@1>", "https://evil", "<t:1:R>", "\u202e", "\u200b"):
        assert bad not in shown
    assert embed.fields[2].value is not None and embed.fields[2].value.startswith("*nothing* · F1 0.00")


def test_history_lists_tuned_models_newest_first() -> None:
    """Each against the base of its own evaluation; pages of eight."""
    many = [result(number=number) for number in range(20, 0, -1)]
    pages = history_pages(many)
    assert len(pages) == 3
    assert pages[0].startswith(
        "<t:1768867200:d> `raft-1` **0.750** (0.625 to 0.875) · +0.250 to base, significant"
    )
    assert "`eval-00000020` · sample, n = 4, seed 7" in pages[0] and "`eval-00000001`" in pages[2]


def test_summary_is_public_and_browsable(place: Place, alice: Member, bob: Member) -> None:
    """Chart and buttons; what was fixed and broken page by page, for whoever presses alone; the report as a file."""
    guild = str(alice.guild.id)
    keep(place, result(guild), samples())
    shown = bob.slash("/eval summary")
    assert not shown.ephemeral
    message = shown.message
    assert "`raft-1` is **better** than the base" in message.text
    assert [file.name for file in message.files] == ["f1.png"]
    assert message.labels == ["✅ 2 fixed", "❌ 1 broken", "Download report"]
    assert not message.pinged
    page = alice.click(message, "✅ 2 fixed")
    assert page.ephemeral and "Question 1?" in page.text and "gold 1" in page.text
    assert "`gold 1` · F1 1.00\n> ✓ gold 1 is quoted" in page.text
    assert "✗ *in no source:*" in page.text and "1 of 2" in page.text
    assert "@everyone" not in page.message.embeds[0]["description"]
    alice.click(page.message, "▶").acked()
    page.wait_for_text("2 of 2")
    assert "Question 2?" in page.text and page.message.labels == ["◀", "2 / 2", "Show broken"]
    alice.click(page.message, "Show broken").acked()
    page.wait_for_text("Broken by training")
    assert "Question 3?" in page.text and "1 of 1" in page.text
    report = alice.click(message, "Download report")
    assert report.ephemeral and [file.name for file in report.message.files] == ["eval-00000001.md"]


def test_jump_takes_any_number(place: Place, alice: Member) -> None:
    """The nearest question where there is none; what is no number is the first."""
    keep(place, result(str(alice.guild.id)), samples(9))
    page = alice.click(alice.slash("/eval summary").message, "✅ 7 fixed")
    for typed, number in (("5", 5), ("99999", 7), ("x", 1), ("-3", 1), ("0", 1)):
        label = next(label for label in page.message.labels if "/" in label)
        form = alice.click(page.message, label).modal
        form.submit({"Question": typed}).acked()
        page.wait_for_text(f"{number} of 7")


def test_old_buttons_work_after_a_restart(place: Place, alice: Member) -> None:
    """Those of the summary, and of a page that was open."""
    keep(place, result(str(alice.guild.id)), samples())
    message = alice.slash("/eval summary").message
    page = alice.click(message, "✅ 2 fixed").wait()
    place.bot.restart()
    alice.click(page.message, "▶").acked()
    page.wait_for_text("2 of 2")
    assert "Broken by training" in alice.click(message, "❌ 1 broken").text


def test_foreign_ids_find_nothing(place: Place, discord_server: DiscordServer, alice: Member) -> None:
    """In options, autocomplete and buttons of another guild's summary that were copied over."""
    mine, theirs = str(alice.guild.id), discord_server.add_guild("Elsewhere")
    keep(place, result(mine, 1), samples())
    keep(place, result(str(theirs.id), 2, data="secret.json"), samples())
    assert [each["value"] for each in alice.autocomplete("/eval summary", "evaluation")] == ["eval-00000001"]
    refused = alice.slash("/eval summary", evaluation="eval-00000002")
    assert refused.ephemeral and "There is no evaluation" in refused.text and "secret" not in refused.text
    forged = [
        f"eval:{what}" for what in ("open:{0}:0:fixed", "report:{0}", "summary:{0}", "next:{0}:0:fixed:1")
    ]
    buttons = [
        {"type": 2, "custom_id": each.format("eval-00000002"), "style": 2, "label": each} for each in forged
    ]
    body = {"content": "copied", "components": [{"type": 1, "components": buttons}]}
    message = discord_server.run(posting.post, discord_server, alice.channel, discord_server.bot, body, {})
    for number in range(len(buttons)):
        pressed = alice.click(message, forged[number]).acked()
        told = pressed.followup() if pressed.response_type == DEFER_UPDATE else pressed.message
        assert told.ephemeral and "There is no evaluation" in told.text and "secret" not in told.text


def test_nothing_yet(alice: Member) -> None:
    """Is said to whoever asked alone."""
    for command in ("/eval summary", "/eval history"):
        told = alice.slash(command)
        assert told.ephemeral
        assert told.text.startswith("❌ Nothing was evaluated here yet\n→ `/eval run` or `/pipeline` does it")


def test_history_is_list_and_plot(place: Place, alice: Member) -> None:
    """The plot that a worker drew, below every page."""
    guild = str(alice.guild.id)
    for number in range(1, 11):
        keep(place, result(guild, number), samples())
    (place.settings.guild_dir(guild) / "charts").mkdir()
    (place.settings.guild_dir(guild) / "charts" / "history-dark.png").write_bytes(PNG)
    history = alice.slash("/eval history")
    assert history.ephemeral and [file.name for file in history.message.files] == ["history.png"]
    assert "eval-00000010" in history.text and "eval-00000001" not in history.text
    alice.click(history.message, "▶️").acked()
    history.wait_for_text("eval-00000001")
    assert "/history.png" in history.message.embeds[0]["image"]["url"]


def test_the_summary_channel_gets_it(place: Place, discord_server: DiscordServer, alice: Member) -> None:
    """And whoever asked a link; where the bot may not post there, which permission is missing."""
    keep(place, result(str(alice.guild.id)), samples())
    scores = discord_server.add_channel("scores", alice.guild)
    change_settings(place.registry.guilds, str(alice.guild.id), summary_channel=scores.id)
    told = alice.slash("/eval summary")
    assert told.ephemeral and str(scores.messages[-1].id) in told.text
    assert "`raft-1` is **better**" in scores.messages[-1].text
    discord_server.deny(scores, discord_server.bot, Permission.ATTACH_FILES)
    discord_server.wait_for(lambda: "Attach Files" in alice.slash("/eval summary").text)


def test_schedule_needs_an_admin(alice: Member, bob: Member) -> None:
    """It is set, shown, changed and switched off; who may not is told so."""
    assert "only a admin may do this" in bob.slash("/eval schedule").text.lower().replace(
        "an admin", "a admin"
    )
    assert "No weekly evaluation" in alice.slash("/eval schedule").text
    told = alice.slash("/eval schedule", weekday="Friday", hour=18).text
    assert "Every Friday at 18:00 UTC I evaluate the default adapter on `sample`" in told
    assert f"<#{alice.channel.id}>" in told
    assert "Every Friday at 18:00 UTC" in alice.slash("/eval schedule").text
    assert (
        "There are no questions called" in alice.slash("/eval schedule", weekday="Monday", split="../x").text
    )
    assert "No weekly evaluation" in alice.slash("/eval schedule", weekday="off").text


def overdue(place: Place, guild: Guild, **more: Any) -> str:
    """Schedule a post whose hour came while nobody looked; return the hour."""
    now = datetime.now(UTC)
    before = now - timedelta(days=1)
    plan = weekly.plan(before.weekday(), before.hour, next(iter(guild.channels)), "sample", now)
    late = replace(plan, last=(datetime.fromisoformat(plan.last) - weekly.WEEK).isoformat(), **more)
    change_settings(place.registry.guilds, str(guild.id), weekly=asdict(late))
    return plan.last


def test_a_missed_post_is_begun_once(place: Place, guild: Guild, discord_server: DiscordServer) -> None:
    """The bot was down at the hour: it asks for one evaluation when it is back, and posts its summary when it is over."""
    place.bot.stop()
    hour = overdue(place, guild)
    place.bot.start()

    def kept() -> weekly.Weekly:
        found = weekly.read(place.registry.guilds.settings(str(guild.id))["weekly"])
        assert found is not None
        return found

    discord_server.wait_for(lambda: kept().job, PATIENCE_S)
    plan = kept()
    assert plan.last == hour
    place.bot.restart()
    assert kept() == plan and len(place.registry.jobs.all(str(guild.id))) == 1
    told = result(str(guild.id))
    keep(place, told, samples())
    place.registry.jobs.end(plan.job, "succeeded", result=told)
    channel = next(iter(guild.channels.values()))
    discord_server.wait_for(lambda: channel.messages, PATIENCE_S)
    assert "`raft-1` is **better**" in channel.messages[-1].text and not channel.messages[-1].pinged
    discord_server.wait_for(lambda: not kept().job, PATIENCE_S)
    place.bot.restart()
    assert len(channel.messages) == 1


def test_a_weekly_job_that_failed_is_told(place: Place, guild: Guild, discord_server: DiscordServer) -> None:
    """With its reason, once."""
    place.registry.jobs.add("job-0123456789", str(guild.id), "evaluate", {})
    place.registry.jobs.end("job-0123456789", "failed", reason="the model server failed")
    overdue(place, guild, job="job-0123456789")
    channel = next(iter(guild.channels.values()))
    discord_server.wait_for(lambda: channel.messages, PATIENCE_S)
    assert channel.messages[-1].text.startswith(
        "📅 This week's evaluation has no result.\n❌ The model server failed"
    )


def test_custom_ids_fit() -> None:
    """The longest of them in Discord's 100 characters."""
    assert len(f"eval:back:eval-{'f' * 16}:99:broken:99999") <= 100
    assert EVALUATION.count("eval-") == 1


@pytest.mark.slow
def test_run_refuses_what_makes_no_sense(place: Place, worker: Worker, alice: Member, bob: Member) -> None:
    """Foreign adapters, unknown questions, files that are none; and members who may not train."""
    assert "Only a trainer" in bob.slash("/eval run").text
    assert "There is no model `raft-foreign`" in alice.slash("/eval run", adapter="raft-foreign").text
    assert "There are no questions called" in alice.slash("/eval run", split="../../etc/passwd").text
    told = alice.slash("/eval run", file=("mine.json", b'[{"_id": "1"}]')).text
    assert "mine.json" in told and "is missing" in told and str(place.home) not in told
