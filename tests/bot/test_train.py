"""/train on the real thing: a small base learns a few rows, its card draws the loss, and buttons stop and send it on."""

from __future__ import annotations

import pytest

from bot.replies.datasets import drops_note
from raft_core.training.curve import draw_losses, go_back, read_points, smoothed
from tests.bot.jobs import posted, pretend_worker
from tests.bot.place import Bot, Place
from tests.bot.test_raft import keep_dataset
from tests.discord_server import DiscordServer, Guild, Member, Permission
from tests.jobs.workers import PATIENCE_S, Worker
from tests.tiny_model import small_base

ROWS = 24


def test_a_smoothed_loss_begins_with_the_first_and_follows() -> None:
    """Unbiased at its start, so that the first picture does not begin at zero."""
    assert smoothed([2.0]) == [pytest.approx(2.0)]
    assert smoothed([2.0, 1.0]) == [pytest.approx(2.0), pytest.approx((0.2 * 1.0 + 0.8 * 0.2 * 2.0) / 0.36)]


def test_dropped_rows_are_named() -> None:
    """Before the training is asked for."""
    assert drops_note(0) == ""
    assert "3 rows that curators dropped" in drops_note(3)


def test_only_known_bases_are_trained(place: Place, alice: Member, guild: Guild) -> None:
    """Never a path of the operator's disk or a download on a member's word."""
    made = keep_dataset(place, guild)
    pretend_worker(place)
    refused = alice.slash("/train start", dataset=made.id, base="/etc")
    assert "cannot be trained here" in refused.text and "small-base" in refused.text
    assert [each["value"] for each in alice.autocomplete("/train start", "base", "")] == [str(small_base())]


def test_one_training_at_a_time(place: Place, alice: Member, bob: Member, guild: Guild) -> None:
    """Who runs which is said, and nobody is asked to confirm what cannot begin."""
    made = keep_dataset(place, guild)
    pretend_worker(place)
    place.registry.jobs.add("job-000000007a", str(guild.id), "pipeline", {}, str(bob.id))
    refused = alice.slash("/train start", dataset=made.id)
    assert "one adapter at a time" in refused.text
    assert "`job-000000007a`" in refused.text and bob.mention in refused.text
    place.registry.jobs.end("job-000000007a", "failed")
    asked = alice.slash("/train start", dataset=made.id)
    assert "It takes about" in asked.text
    assert asked.message.labels == ["Start", "Cancel"]


def test_the_budget_is_shown(place: Place, alice: Member, guild: Guild) -> None:
    """What is left of it today, and after this."""
    made = keep_dataset(place, guild)
    pretend_worker(place)
    place.registry.guilds.change(str(guild.id), lambda old: {**old, "daily_budget_usd": 0.0})
    asked = alice.slash("/train start", dataset=made.id)
    assert "Budget of today: $0.00 of $0.00 left" in asked.text


@pytest.mark.slow
def test_a_training_draws_its_loss_is_cancelled_resumed_and_restarted(
    place: Place,
    worker: Worker,
    bot: Bot,
    alice: Member,
    bob: Member,
    guild: Guild,
    discord_server: DiscordServer,
) -> None:
    """Only who asked or may train stops it; what was done is kept; a restart of the bot goes on; dropped rows are out."""
    made = keep_dataset(place, guild, ROWS, documents=2, words=8)
    place.registry.verdicts.give(str(guild.id), made.id, 0, keep=False, member=str(alice.id))
    asked = alice.slash("/train start", dataset=made.id, rank=4, epochs=20)
    assert "Without the row that curators dropped" in asked.text
    alice.click(asked.message, "Start").wait()
    card = posted(discord_server, alice.channel, "Train an adapter", "job-")
    discord_server.wait_for(lambda: any(file.name == "loss.png" for file in card.files), PATIENCE_S)
    (job,) = place.registry.jobs.all(str(guild.id))

    refused = bob.click(card, "Cancel")
    assert "Only a trainer" in refused.text
    other = discord_server.add_guild("another guild")
    carol = discord_server.member("carol", guild=other, permissions=Permission.MANAGE_GUILD)
    theirs = carol.slash("/help").message
    theirs.components = card.components
    assert "no job" in carol.click(theirs, "Cancel").text
    assert not place.job(job.id).is_over

    alice.click(card, "Cancel")
    discord_server.wait_for(lambda: card.labels == ["Resume"], 60)
    assert sum(bool(each.pinged) for each in alice.channel.messages) == 0
    bot.stop()
    bot.start()
    alice.click(card, "Resume")
    discord_server.wait_for(lambda: card.labels == ["Cancel"], 60)
    bot.restart()
    receipt = posted(discord_server, alice.channel, "🧠", timeout_s=PATIENCE_S)
    assert receipt.pinged == {"alice"} and receipt.file("loss.png").data.startswith(b"\x89PNG")
    assert "100 %" in card.text and card.file("loss.png")
    (adapter,) = place.registry.adapters.list(str(guild.id))
    derived = place.registry.datasets.get(str(guild.id), adapter.dataset)
    assert (derived.rows, derived.settings["derived_from"]) == (ROWS - 1, made.id)
    folder = place.settings.guild_dir(str(guild.id)) / "adapters" / adapter.id
    assert (folder / "loss.png").is_file()
    steps = [point["step"] for point in read_points(folder / "loss.jsonl")]
    assert steps == list(range(1, len(steps) + 1))


def test_a_resumed_training_forgets_what_it_does_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The points after its checkpoint; a half-written line is no point."""
    path = tmp_path_factory.mktemp("curve") / "loss.jsonl"
    path.write_text('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n{"st')
    assert [point["step"] for point in read_points(path)] == [1, 2]
    go_back(path, 1)
    assert [point["step"] for point in read_points(path)] == [1]
    draw_losses(read_points(path), 3, path.with_suffix(".png"))
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
