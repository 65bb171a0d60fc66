"""/ask and /compare with a model server that does as it is told: streaming, failing, waiting, restarting."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from bot.replies.colours import AMBER, GREEN, RED
from tests.bot.scripted import DIE, Script, says, varied
from tests.bot.theatre import GOOD, QUOTE, Theatre, theatre
from tests.discord_server import Interaction, Message, Permission
from tests.discord_server.interactions import ACK_S, DEFER_UPDATE
from tests.discord_server.messages import BUTTON, walk

pytestmark = pytest.mark.slow
DONE_S = 60.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(tmp_path_factory.mktemp("theatre") / "home") as opened:
        yield opened


def finished(asked: Interaction) -> Message:
    """The message once it has its buttons."""
    asked.acked()
    asked.server.wait_for(
        lambda: asked.original is not None and "Sources" in asked.original.labels,
        DONE_S,
        lambda: f"{asked.told()}: {asked.original and asked.original.text}",
    )
    assert asked.original is not None
    return asked.original


GUILDS_S = 2.0
"""How long discord.py waits for further guilds before it is ready."""


def gated(gate: threading.Event, text: str = GOOD, first: str = "Well") -> Script:
    """Write the first word, and the rest when a gate is opened."""

    def script(model: str, messages: list[dict[str, str]]) -> Iterator[str]:
        yield first
        gate.wait(DONE_S)
        yield f" {text}"

    return script


def test_ask_answers_from_the_documents(stage: Theatre) -> None:
    """The base answers where there is no adapter: short answer, checked quote, sources, buttons; nobody is pinged."""
    stage.play(says(GOOD))
    guild = stage.guild()
    asked = stage.member("bob", guild).slash("/ask", question="Which city is the capital of Norway?")
    message = finished(asked)
    assert asked.acked_after_s is not None and asked.acked_after_s < ACK_S
    assert not asked.ephemeral
    for said in (
        "**Which city is the capital of Norway?**",
        "**base**\n-# not scored yet",
        f"### Oslo\n✓ “{QUOTE}” [1]",
        "7 tokens",
        "**Sources**\n1. Norway · chunk",
        "2. bread · chunk",
    ):
        assert said in message.text, message.text
    assert message.colors == [GREEN]
    assert message.labels[-3:] == ["Sources", "Full answers", "Ask again"]
    assert message.edits[1].text.count("⏳") == 1
    assert not message.pinged
    assert QUOTE in stage.models.asked[0]["messages"][-1]["content"]


def test_sources_fit_the_models_context(stage: Theatre) -> None:
    """A context too small for all of them: the last ones are left out, and the question is answered all the same."""
    stage.play(says(GOOD))
    texts = {f"norway{n}.txt": f"Which city is the capital of Norway {n}? {varied(90, n)}" for n in range(6)}
    bob = stage.member("bob", stage.guild(texts))
    whole = finished(bob.slash("/ask", question="Which city is the capital of Norway?"))
    stage.models.context = 120
    try:
        fitted = finished(bob.slash("/ask", question="Which city is the capital of Norway?"))
    finally:
        stage.models.context = None
    assert "4. norway" in whole.text
    assert "\n1. " in fitted.text and "\n4. " not in fitted.text, fitted.text
    assert "### Oslo" in fitted.text and "🔴" not in fitted.text


def test_buttons_show_everything(stage: Theatre) -> None:
    """Sources with their full text, full answers, votes that count once a member and can be taken back, and the same question again."""
    stage.play(says(GOOD))
    guild = stage.guild()
    bob, eve = stage.member("bob", guild), stage.member("eve", guild)
    message = finished(bob.slash("/ask", question="Capital of Norway?"))
    sources = eve.click(message, "Sources").message
    assert sources.ephemeral
    assert "It lies at the end of a fjord." in sources.text
    eve.click(sources, "▶️").wait()
    assert "flour" in sources.text
    full = eve.click(message, "Full answers").message
    assert full.ephemeral
    assert GOOD in full.text
    votes = ((bob, "👍", ["1", ""]), (eve, "👍", ["2", ""]), (eve, "👎", ["1", "1"]), (eve, "👎", ["1", ""]))
    for member, thumb, labels in votes:
        member.click(message, thumb)
        stage.discord.wait_for(
            lambda labels=labels: [each.label or "" for each in message.buttons][:2] == labels,
            10,
            lambda: str([each.label for each in message.buttons]),
        )
    again = finished(eve.click(message, "Ask again"))
    assert again is not message
    assert "asked by " + eve.mention in again.text


def test_compare_streams_side_by_side(stage: Theatre) -> None:
    """Two containers, first words soon, each model's end its own, scores where there are some, the newest adapter by itself."""
    guild = stage.guild()
    stage.adapter(guild, "raft-00000001", "2026-01-01T00:00:00+00:00")
    new = stage.adapter(guild, "raft-00000002", "2026-01-02T00:00:00+00:00")
    gate = threading.Event()
    slow, quick = gated(gate), says(GOOD)
    began: list[float] = []

    def script(model: str, messages: list[dict[str, str]]) -> Iterator[str]:
        began.append(time.monotonic())
        yield from (slow if model == new else quick)(model, messages)

    stage.play(script)
    bob = stage.member("bob", guild)
    assert [each["value"] for each in bob.autocomplete("/compare", "b", "raft")] == [new, "raft-00000001"]
    asked = bob.slash("/compare", question="Capital of Norway?")
    message = asked.message
    stage.discord.wait_for(
        lambda: "Well ⏳" in message.text and "### Oslo" in message.text, 20, lambda: message.text
    )
    assert message.colors == [GREEN, AMBER]
    assert "A · base" in message.text and f"B · {new}" in message.text
    assert "Sources" not in message.labels
    gate.set()
    finished(asked)
    assert message.colors == [GREEN, GREEN]
    times = [version.at for version in message.edits]
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(times[1:-1])), times


def test_nothing_to_compare_with(stage: Theatre) -> None:
    """Without an adapter, with twice the same or with another guild's adapter: an error for the member alone."""
    guild, other = stage.guild(), stage.guild()
    foreign = stage.adapter(other, "raft-0000000f")
    stage.models.models.append(foreign)
    bob = stage.member("bob", guild)
    for options, said in (
        ({}, "no adapter yet"),
        ({"a": "base", "b": "base"}, "no adapter yet"),
        ({"a": foreign}, "no model `raft-0000000f`"),
        ({"b": "raft-0"}, "no model `raft-0`"),
    ):
        asked = bob.slash("/compare", question="Capital?", **options)
        assert asked.ephemeral
        assert said in asked.text
    assert bob.channel.messages == []
    assert bob.autocomplete("/ask", "model", "raft") == []


def test_one_answer_breaks_off_and_the_other_goes_on(stage: Theatre) -> None:
    """What was written stays, red, with the reason; the other is whole; one can ask again."""
    guild = stage.guild()
    tuned = stage.adapter(guild, "raft-00000003")

    def script(model: str, messages: list[dict[str, str]]) -> Iterator[str]:
        if model == tuned:
            yield "It was"
            yield DIE
        time.sleep(0.3)
        yield GOOD

    stage.play(script)
    message = finished(stage.member("bob", guild).slash("/compare", question="Capital of Norway?"))
    assert message.colors == [GREEN, RED]
    assert "It was\n🔴 the model server broke off" in message.text
    assert "### Oslo" in message.text
    assert "Ask again" in message.labels


def test_long_answers_are_attached(stage: Theatre) -> None:
    """What the message cannot hold is in its file, every character of it, and told; the vote keeps the file."""
    long = f"{varied(3000)} <ANSWER>: Oslo"
    stage.play(lambda model, messages: iter([long]))
    bob = stage.member("bob", stage.guild())
    message = finished(bob.slash("/ask", question="Capital of Norway?"))
    assert long in message.file("answers.md").data.decode()
    assert len(message.text) <= 4100
    bob.click(message, "👍")
    stage.discord.wait_for(lambda: "1" in message.labels, 10)
    assert [file.name for file in message.files] == ["answers.md"]
    full = bob.click(message, "Full answers").message
    assert long in full.file("answers.md").data.decode()


def test_a_queue_tells_places(stage: Theatre) -> None:
    """Four questions of a guild at once, the others wait and are told their place; every one is acknowledged soon."""
    gate = threading.Event()
    stage.play(gated(gate))
    stage.models.most_running = 0
    guild = stage.guild()
    asked = [stage.member(f"m{n}", guild).slash("/ask", question="Capital of Norway?") for n in range(7)]
    stage.discord.wait_for(
        lambda: (
            sorted(
                line
                for each in asked
                if each.original
                for line in each.original.text.splitlines()
                if "place" in line
            )
            == [f"⏳ waits for its turn: place {n} in this server's queue" for n in (1, 2, 3)]
        ),
        30,
        lambda: str([each.original and each.original.text for each in asked]),
    )
    stage.discord.wait_for(lambda: stage.models.running == 4, 20, "four should be answered at once")
    gate.set()
    for each in asked:
        finished(each)
    assert stage.models.most_running == 4
    assert max(each.acked_after_s or 9 for each in asked) < ACK_S


def test_quota_and_cooldown(stage: Theatre) -> None:
    """Too many or too fast: told to the member alone, with the time when it is free."""
    stage.play(says(GOOD))
    guild = stage.guild()
    stage.registry.guilds.change(str(guild.id), lambda old: old | {"cooldown_s": 600})
    bob = stage.member("bob", guild)
    finished(bob.slash("/ask", question="Capital of Norway?"))
    told = bob.slash("/ask", question="Capital of Norway?").message
    assert told.ephemeral and "One question after the other" in told.text and "<t:" in told.text
    quota = {"asks": 1, "documents": 1, "jobs": 1}
    stage.registry.guilds.change(str(guild.id), lambda old: old | {"cooldown_s": 0, "quota": quota})
    told = bob.slash("/ask", question="Capital of Norway?").message
    assert told.ephemeral and "1 question a day" in told.text


def test_an_expired_token_is_outlived(stage: Theatre) -> None:
    """After 15 minutes the message is edited as the bot's own; where that is forbidden, a new one is posted."""
    for may_see in (True, False):
        gate = threading.Event()
        stage.play(gated(gate))
        guild = stage.guild()
        bob = stage.member("bob", guild)
        message = bob.slash("/ask", question="Capital of Norway?").message
        stage.discord.wait_for(lambda m=message: "Well" in m.text, 20)
        stage.discord.clock.move(16 * 60)
        if not may_see:
            stage.discord.faults.add("PATCH", f"/channels/.*/messages/{message.id}", status=403)
        gate.set()
        stage.discord.wait_for(
            lambda c=bob.channel: any("### Oslo" in each.text for each in c.messages),
            30,
            lambda c=bob.channel: str([each.text for each in c.messages]),
        )
        assert len(bob.channel.messages) == (1 if may_see else 2)
    stage.discord.faults.waiting.clear()


def test_a_deleted_message_ends_its_answer(stage: Theatre) -> None:
    """Whoever deletes the message does not want it: nothing is posted again, and the model server may rest."""
    stage.play(says(varied(400), pause_s=0.05))
    bob = stage.member("bob", stage.guild())
    message = bob.slash("/ask", question="Capital of Norway?").message
    stage.discord.wait_for(lambda: varied(1) in message.text, 20)
    cut = stage.models.cut
    bob.delete(message)
    stage.discord.wait_for(lambda: stage.models.cut > cut, 10, "the stream was read to its end")
    assert bob.channel.messages == []


def test_a_stalled_edit_holds_up_no_stream(stage: Theatre) -> None:
    """While Discord takes no edits the words are read on; when it does, all are there."""
    read = threading.Event()

    def script(model: str, messages: list[dict[str, str]]) -> Iterator[str]:
        for word in varied(200).split():
            yield f"{word} "
            time.sleep(0.01)
        read.set()
        yield "<ANSWER>: Oslo"

    stage.play(script)
    bob = stage.member("bob", stage.guild())
    stage.discord.faults.add("PATCH", "/webhooks/", delay_s=8)
    asked = bob.slash("/ask", question="Capital of Norway?")
    asked.acked()
    assert read.wait(7.5)
    stage.discord.faults.waiting.clear()
    assert varied(200).split()[-1] in finished(asked).text


def test_what_is_down_is_told_soon(stage: Theatre) -> None:
    """A dead document store: told within three seconds, to the member alone, and it works again when it is back."""
    bob = stage.member("bob", stage.guild())
    stage.place.stop_chroma()
    began = time.monotonic()
    told = bob.slash("/ask", question="Capital of Norway?").followup()
    assert time.monotonic() - began < 3
    assert told.ephemeral and "document store is down" in told.text
    stage.place.start_chroma()
    stage.play(says(GOOD))
    finished(bob.slash("/ask", question="Capital of Norway?"))


def test_wrong_questions(stage: Theatre) -> None:
    """No documents, or a question of invisible characters: told to the member alone."""
    bob = stage.member("bob", stage.discord.add_guild("empty"))
    told = bob.slash("/ask", question="Capital?").message
    assert told.ephemeral and "no documents" in told.text and "/docs add" in told.text
    told = bob.slash("/ask", question="\u200b\u2060").message
    assert told.ephemeral and "empty" in told.text


def test_ask_about_a_message(stage: Theatre) -> None:
    """The context menu opens a form with the message's text, and asks what is made of it."""
    stage.play(says(GOOD))
    bob = stage.member("bob", stage.guild())
    said = bob.say(text="Oslo is nice. What is it?")
    form = bob.context_menu("Ask about this", said).modal
    assert form.title == "Ask about this"
    message = finished(form.submit({"Question": "Oslo is nice. Capital of Norway?"}))
    assert "**Oslo is nice. Capital of Norway?**" in message.text


def test_other_guilds_ids_find_nothing(stage: Theatre) -> None:
    """A button with a question of another guild tells nothing of it."""
    stage.play(says(GOOD))
    bob = stage.member("bob", stage.guild())
    eve = stage.member("eve", stage.guild())
    theirs, own = (finished(each.slash("/ask", question="Capital of Norway?")) for each in (bob, eve))
    foreign = iter([button.custom_id for button in theirs.buttons])
    for component in walk(own.components):
        if component["type"] == BUTTON:
            component["custom_id"] = next(foreign)
    for button in own.buttons[:-1]:
        clicked = eve.click(own, button.custom_id).acked()
        told = clicked.followup() if clicked.response_type == DEFER_UPDATE else clicked.message
        assert told.ephemeral
        assert "not kept here" in told.text
    assert "not kept here" in eve.click(own, own.buttons[-1].custom_id).text


def test_buttons_and_half_answers_after_a_restart(stage: Theatre) -> None:
    """Buttons of old messages work in a new process; an answer cut off by kill -9 is told and can be asked again."""
    stage.play(says(GOOD))
    bob = stage.member("bob", stage.guild())
    old = finished(bob.slash("/ask", question="Capital of Norway?"))
    gate = threading.Event()
    stage.play(gated(gate))
    half = bob.slash("/ask", question="Capital of Norway, again?").message
    stage.discord.wait_for(lambda: "Well" in half.text, 20)
    stage.place.bot.kill()
    gate.set()
    stage.place.bot.start()
    stage.discord.wait_for(
        lambda: "🔴 I was restarted before the answer was finished" in half.text, 20, lambda: half.text
    )
    assert half.colors == [RED]
    bob.click(old, "👍")
    stage.discord.wait_for(lambda: "1" in old.labels, 10)
    stage.play(says(GOOD))
    assert "### Oslo" in finished(bob.click(half, "Ask again")).text


def test_an_answer_under_way_outlives_a_new_session(stage: Theatre) -> None:
    """Discord may end the bot's session in mid-answer: the answer is not taken for one that an earlier process left."""
    gate = threading.Event()
    stage.play(gated(gate))
    half = stage.member("bob", stage.guild()).slash("/ask", question="Capital of Norway?").message
    stage.discord.wait_for(lambda: "Well" in half.text, 20)
    said = stage.place.bot.log.count("\nready\n")
    stage.discord.gateway.invalidate()
    stage.discord.wait_for(lambda: stage.place.bot.log.count("\nready\n") > said, 20)
    time.sleep(GUILDS_S + 1)
    assert "restarted" not in half.text
    gate.set()
    stage.discord.wait_for(lambda: "### Oslo" in half.text, 20, lambda: half.text)


def test_many_at_once(stage: Theatre) -> None:
    """32 questions at the same moment are each acknowledged in Discord's time, and all are answered."""
    stage.play(says(GOOD))
    members = [stage.member(f"m{n}", stage.guild()) for n in range(8)]
    asked = [each.slash("/ask", question=f"Capital of Norway, {n}?") for n in range(4) for each in members]
    for each in asked:
        finished(each)
    assert max(each.acked_after_s or 9 for each in asked) < ACK_S


def test_missing_permissions_do_not_hide_an_answer(stage: Theatre) -> None:
    """Without the right to attach files the answer is shown all the same, and its file is behind the button."""
    long = f"{varied(3000)} <ANSWER>: Oslo"
    stage.play(lambda model, messages: iter([long]))
    bob = stage.member("bob", stage.guild())
    stage.discord.deny(bob.channel, stage.discord.bot, Permission.ATTACH_FILES)
    message = finished(bob.slash("/ask", question="Capital of Norway?"))
    assert "### Oslo" in message.text
