"""Job cards: what they say, that they follow their job through restarts and trouble, and that the end is told once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.replies import cards
from bot.replies.colours import AMBER, GREEN, GREY, RED
from bot.replies.text import span
from raft_core.jobs.costs import Estimate
from raft_core.records import JobInfo
from raft_core.registry.costs import Spending
from tests.bot.jobs import BUILD, Pretended, posted
from tests.bot.place import Bot, Place
from tests.discord_server import DiscordServer, Member, Permission
from tests.discord_server.posting import delete

HOUR_S = 3600
JOB = JobInfo(
    id="job-0123456789",
    guild="1",
    kind="build",
    state="running",
    stage="dataset",
    detail="3 of 8",
    percent=37.4,
    eta_s=20.0,
    place=None,
    tokens=1200,
    cost_usd=0.5,
    reason="",
    requester="2",
    result={},
    created_at=0.0,
    started_at=10.0,
    finished_at=None,
)
RECIPE = {"base": "/models/llama", "r": 64, "bits": 4, "num_train_epochs": 3}
EVALUATION = {"models": ["base"], "data": "sample", "limit": 20, "seed": 0}


def changed(**values: Any) -> JobInfo:
    return replace(JOB, **values)


def test_a_bar_is_full_at_the_end_only() -> None:
    """Twelve boxes; 99.9 % is not done."""
    assert cards.bar(0) == "`░░░░░░░░░░░░` **0 %**"
    assert cards.bar(50) == "`██████░░░░░░` **50 %**"
    assert cards.bar(99.9) == "`███████████░` **99 %**"
    assert cards.bar(100) == "`████████████` **100 %**"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7322, "2 h 2 min")]
)
def test_lengths_of_time(seconds: float, words: str) -> None:
    """As people say them."""
    assert span(seconds) == words


def test_what_is_asked_for_is_told_in_a_line() -> None:
    """From the spec alone, so that a restarted bot knows it too; never a path of the operator's disk."""
    assert cards.about("build", BUILD) == "8 chunks, 1 question each by rule, 3 distractors, p = 1, seed 0"
    train = {"dataset": "ds-1", "recipe": RECIPE}
    assert cards.about("train", train) == "`ds-1`, base `llama`, rank 64, 4 bits, 3 epochs"
    assert cards.about("evaluate", {"evaluation": EVALUATION}) == "`base` on 20 questions of `sample`, seed 0"
    assert cards.about("ingest", {"uploads": ["a", "b"], "hotpotqa": None}) == "2 files"
    assert cards.about("unheard of", {}) == ""


def test_the_question_names_the_numbers() -> None:
    """Tokens, time, dollars, the budget before and after, who waits; a guess is called one."""
    money = cards.Money(limit=2.0, spent=0.5)
    asked = cards.confirm_text("build", BUILD, Estimate(12345, 200.0, 0.25, measured=False), money, 2)
    assert asked.splitlines()[1:] == [
        "It takes about 12,345 tokens, 3 min 20 s, $0.25 (a guess: nothing of the kind was done here yet).",
        "Budget of today: $1.50 of $2.00 left, after this about $1.25",
        "2 jobs of this server are before it.",
    ]
    free = cards.confirm_text("build", BUILD, Estimate(0, 0.0, 0.0, measured=True), cards.Money(None, 0.0), 0)
    assert free.splitlines()[1:] == ["It takes no tokens and costs nothing."]


def test_a_card_tells_its_state_by_colour() -> None:
    """Grey waits or was cancelled, amber runs, green is done, red has failed and says why."""
    states: dict[Any, int] = {
        "queued": GREY,
        "running": AMBER,
        "succeeded": GREEN,
        "failed": RED,
        "cancelled": GREY,
    }
    for state, colour in states.items():
        embed = cards.card_embed(changed(state=state, reason="no *memory*"), BUILD, [])
        assert embed.colour is not None and embed.colour.value == colour
    assert "no \\*memory\\*" in str(
        cards.card_embed(changed(state="failed", reason="no *memory*"), BUILD, []).description
    )


def test_a_running_card_shows_stage_end_cost_and_what_is_left() -> None:
    """Stage and counts, the end as Discord's own relative time, tokens and dollars so far, the stages in order."""
    embed = cards.card_embed(JOB, BUILD, ["plan build"], "loss.png")
    told = str(embed.description)
    assert "dataset · 3 of 8" in told and "Done <t:" in told
    assert told.splitlines()[-3:] == ["✅ plan", "▶️ write questions and answers", "▫️ check and assemble"]
    assert embed.footer.text == "job-0123456789 · 1,200 tokens · $0.50 so far"
    assert embed.image.url == "attachment://loss.png"
    assert "place 3" in str(cards.card_embed(changed(state="queued", place=3), BUILD, []).description)


def test_a_card_is_edited_only_for_news() -> None:
    """The estimated end moves by itself in Discord."""
    assert cards.card_key(JOB) == cards.card_key(changed(eta_s=19.0))
    assert cards.card_key(JOB) != cards.card_key(changed(percent=38.0))


def test_stages_that_had_nothing_to_do_are_over_once_a_later_one_begins() -> None:
    """A data set that was there already has no drafts; a stage whose units are not all done is not over."""
    units = [("job-1.plan-build.1", "work", "succeeded"), ("job-1.assemble.1", "work", "running")]
    assert cards.finished_stages(units, "build") == ["plan build", "draft"]
    drafts = [("job-1.draft.1", "work", "succeeded"), ("job-1.draft.2", "work", "queued")]
    assert cards.finished_stages([units[0], *drafts], "build") == ["plan build"]
    assert cards.finished_stages([], "build") == []


def test_milestones_only_grow() -> None:
    """Ends of stages; quarters where there is one stage."""
    assert cards.milestones(JOB, ["plan build", "draft"]) == ["✅ plan", "✅ write questions and answers"]
    training = changed(kind="train", percent=51.0, detail="epoch 1.5 of 3")
    assert cards.milestones(training, []) == ["25 %", "50 % · epoch 1.5 of 3"]


def test_a_receipt_says_what_was_made_and_what_it_took() -> None:
    """The data set with its rows; tokens, time and dollars."""
    done = changed(
        state="succeeded", finished_at=75.0, result={"id": "ds-1", "rows": 7, "rejected": 1}, cost_usd=0.0
    )
    embed = cards.receipt_embed(done, BUILD, Spending(7, 1500, 3.0, 0.25))
    assert "📚 Data set `ds-1`: **7 rows**, 1 rejected by the checks" in str(embed.description)
    assert [field.value for field in embed.fields] == ["1 min 5 s", "1,500", "$0.2500"]


def test_reading_documents_costs_nothing_and_opens_no_thread() -> None:
    """No empty figures on its card and receipt, no milestones."""
    read = changed(kind="ingest", percent=60.0, tokens=0, cost_usd=0.0)
    assert cards.milestones(read, []) == []
    assert cards.card_embed(read, {"uploads": ["a"]}, []).footer.text == "job-0123456789"
    result = {"added": [], "unchanged": [], "rejected": []}
    over = replace(read, state="succeeded", finished_at=75.0, result=result)
    receipt = cards.receipt_embed(over, {"uploads": ["a"]}, Spending(0, 0, 0.0, 0.0))
    assert [field.name for field in receipt.fields] == ["Time"]


def test_hostile_reasons_and_titles_stay_text() -> None:
    """Nothing that a file name or an error says can ping or format."""
    spec = {"uploads": ["a"], "title": "@everyone **x**"}
    failed = changed(kind="ingest", state="failed", reason="@everyone [x](http://evil)")
    text = str(cards.receipt_embed(failed, spec, Spending(0, 0, 0.0, 0.0)).description)
    assert "@everyone [x](http://evil)" not in text
    assert "`@everyone **x**`" in text


def test_a_card_follows_its_job_over_a_restart_and_the_end_pings_the_asker_alone(
    place: Place, bot: Bot, alice: Member, discord_server: DiscordServer
) -> None:
    """Posted by the bot that finds it, edited while the job goes on, milestones in a thread, one receipt."""
    job = Pretended(place, alice)
    bot.restart()
    card = posted(discord_server, alice.channel, job.id)
    assert "Waits in the queue" in card.text and card.labels == ["Cancel"]
    plan = job.begin("plan build", 0.02)
    discord_server.wait_for(lambda: card.colors == [AMBER])
    job.finish(plan)
    draft = job.begin("draft", 0.93)
    job.tell(draft, 4, 8, "half")
    discord_server.wait_for(lambda: "48 %" in card.text, 10, lambda: card.text)
    thread = discord_server.wait_for(lambda: card.thread)
    discord_server.wait_for(lambda: [each.text for each in thread.messages if each.text] == ["✅ plan"])
    job.finish(draft)
    job.end()
    receipt = posted(discord_server, alice.channel, "8 rows")
    assert receipt.pinged == {"alice"} and receipt.labels == ["Preview", "Train on it"]
    assert card.colors == [GREEN] and card.labels == [] and not card.pinged
    assert "100 %" in card.text
    assert sum("8 rows" in message.text for message in alice.channel.messages) == 1


def test_what_ended_while_the_bot_was_away_is_told_once(
    place: Place, bot: Bot, alice: Member, discord_server: DiscordServer
) -> None:
    """At its next start, and not again at the one after."""
    job = Pretended(place, alice)
    bot.stop()
    job.begin("plan build")
    job.end("failed", "there are *no* documents")
    bot.start()
    told = posted(discord_server, alice.channel, "Retry goes on")
    assert told.pinged == {"alice"} and told.labels == ["Retry"] and told.colors == [RED]
    bot.restart()
    assert sum("Retry goes on" in message.text for message in alice.channel.messages) == 1


def test_a_deleted_card_comes_back_once(
    place: Place, bot: Bot, alice: Member, discord_server: DiscordServer
) -> None:
    """Who deletes it twice does not want it; the end is told all the same."""
    job = Pretended(place, alice)
    discord_server.run(discord_server.gateway.invalidate)  # connected anew, the bot looks for cards
    first = posted(discord_server, alice.channel, job.id)
    discord_server.run(delete, discord_server, first)
    unit = job.begin("plan build")
    second = posted(discord_server, alice.channel, job.id)
    assert second is not first
    discord_server.run(delete, discord_server, second)
    job.tell(unit, 1, 2)
    discord_server.wait_for(lambda: not job.card.message)
    job.end()
    receipt = posted(discord_server, alice.channel, "8 rows")
    assert [message for message in alice.channel.messages if job.id in message.text] == [receipt]


def test_a_channel_that_is_gone_is_given_up(
    place: Place, bot: Bot, alice: Member, discord_server: DiscordServer
) -> None:
    """With a line in the log; other cards go on."""
    lost, kept = Pretended(place, alice, channel=1), Pretended(place, alice)
    discord_server.run(discord_server.gateway.invalidate)  # connected anew, the bot looks for cards
    posted(discord_server, alice.channel, kept.id)
    discord_server.wait_for(lambda: f"giving the card of {lost.id} up" in bot.log)


def test_an_old_message_is_replaced_where_its_edits_are_used_up(
    place: Place, bot: Bot, alice: Member, discord_server: DiscordServer
) -> None:
    """Old by Discord's limit of an hour: a fresh card, and the end is told without waiting for the limit."""
    discord_server.clock.move(-HOUR_S - 100)
    job = Pretended(place, alice)
    discord_server.run(discord_server.gateway.invalidate)  # connected anew, the bot looks for cards
    old = posted(discord_server, alice.channel, job.id)
    discord_server.clock.move(HOUR_S + 100)
    discord_server.faults.add("PATCH", f"/messages/{old.id}$", status=429, code=30046, times=10)
    unit = job.begin("plan build")
    job.tell(unit, 1, 2, "going")
    discord_server.wait_for(lambda: old.deleted, 30)
    fresh = posted(discord_server, alice.channel, job.id, "going")
    assert fresh is not old and job.card.message == str(fresh.id)
    job.end()
    posted(discord_server, alice.channel, "8 rows")


def test_rate_limits_cost_freshness_only(
    place: Place, bot: Bot, alice: Member, discord_server: DiscordServer
) -> None:
    """While an edit waits, what happens meanwhile is gathered into the next one."""
    job = Pretended(place, alice)
    discord_server.run(discord_server.gateway.invalidate)  # connected anew, the bot looks for cards
    card = posted(discord_server, alice.channel, job.id)
    discord_server.faults.add("PATCH", f"/messages/{card.id}$", retry_after_s=3.0)
    unit = job.begin("draft")
    before = len(card.edits)
    for done in range(1, 9):
        job.tell(unit, done, 10)
    discord_server.wait_for(lambda: "80 %" in card.text, 15, lambda: card.text)
    assert len(card.edits) - before <= 3


def test_a_lost_permission_stops_nothing(
    place: Place, bot: Bot, alice: Member, discord_server: DiscordServer
) -> None:
    """The job goes on, other cards too, and the bot says so in its log."""
    hidden = discord_server.add_channel("hidden", alice.guild)
    job, other = Pretended(place, alice, channel=hidden.id), Pretended(place, alice)
    discord_server.run(discord_server.gateway.invalidate)  # connected anew, the bot looks for cards
    posted(discord_server, hidden, job.id)
    discord_server.deny(hidden, discord_server.bot, Permission.VIEW_CHANNEL)
    job.begin("plan build")
    discord_server.wait_for(lambda: f"the card of {job.id} waits" in bot.log)
    other.end()
    posted(discord_server, alice.channel, "8 rows")
