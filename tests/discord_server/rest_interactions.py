"""Interaction callbacks and the webhook of an interaction: first answers, follow-ups, edits."""

from __future__ import annotations

from typing import Any

from tests.discord_server import errors, posting
from tests.discord_server.components import give_ids, without_nulls
from tests.discord_server.errors import Problems
from tests.discord_server.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMPONENT,
    DEFER,
    DEFER_UPDATE,
    MODAL_SUBMIT,
    PONG,
    REPLY,
    SHOW_MODAL,
    TOKEN_S,
    UPDATE,
    Interaction,
)
from tests.discord_server.limits import check_choices, check_modal
from tests.discord_server.messages import EPHEMERAL, LOADING, Message
from tests.discord_server.rest import Request, route
from tests.discord_server.wire_messages import message_json

Json = dict[str, Any]


@route("POST", "/interactions/{interaction_id}/{token}/callback", auth=False, bound=False)
def callback(request: Request) -> Json | None:
    """Take the first answer: within three seconds, once, and of a kind that fits."""
    server = request.server
    interaction = server.world.interactions.get(request.params["token"])
    if interaction is None or str(interaction.id) != request.params["interaction_id"]:
        raise errors.unknown_interaction()
    if interaction.acked_at is not None:
        raise errors.already_acknowledged()
    if request.received_at - interaction.started_at > server.ack_s:
        raise errors.unknown_interaction()
    kind, data = request.body.get("type"), request.body.get("data") or {}
    check_kind(interaction, kind)
    ANSWERS[kind](request, interaction, data)
    interaction.response_type, interaction.acked_at = kind, request.received_at
    server.note_change()
    return (
        callback_json(request, interaction) if request.query.get("with_response") in ("1", "true") else None
    )


def check_kind(interaction: Interaction, kind: Any) -> None:
    """Refuse answers that do not fit what was done."""
    allowed: tuple[int, ...] = (REPLY, DEFER)
    if interaction.type == AUTOCOMPLETE:
        allowed = (CHOICES,)
    if interaction.type in (2, COMPONENT):
        allowed += (SHOW_MODAL,)
    if interaction.type in (COMPONENT, MODAL_SUBMIT) and interaction.message_used:
        allowed += (DEFER_UPDATE, UPDATE)
    problems = Problems()
    problems.choice(("type",), kind, allowed)
    problems.stop()


def reply(request: Request, interaction: Interaction, data: Json) -> None:
    interaction.original = posting.post(
        request.server, interaction.channel, request.server.bot, data, request.files,
        interaction=interaction, answers=interaction.message_used, path=("data",),
    )  # fmt: skip


def defer(request: Request, interaction: Interaction, data: Json) -> None:
    server = request.server
    flags = LOADING | ((data.get("flags") or 0) & EPHEMERAL)
    message = Message(
        server.clock.snowflake(), interaction.channel, server.bot, server.clock.now(), flags=flags
    )
    message.interaction, message.reply_to = interaction, interaction.message_used
    message.type = posting.REPLY if message.reply_to else posting.type_of(interaction)
    message.seen_only_by = interaction.user if flags & EPHEMERAL else None
    interaction.original = posting.publish(server, message)


def defer_update(request: Request, interaction: Interaction, data: Json) -> None:
    interaction.original = interaction.message_used


def update(request: Request, interaction: Interaction, data: Json) -> None:
    used = interaction.message_used
    assert used
    if used.deleted:
        raise errors.unknown_message()
    interaction.original = posting.edit(request.server, used, data, request.files, path=("data",))


def choices(request: Request, interaction: Interaction, data: Json) -> None:
    check_choices(data, interaction.option_type)
    interaction.choices = data.get("choices") or []


def show_modal(request: Request, interaction: Interaction, data: Json) -> None:
    check_modal(data)
    interaction.modal_data = without_nulls(data)
    give_ids(interaction.modal_data["components"])


def pong(request: Request, interaction: Interaction, data: Json) -> None:
    """Answer nothing: only for HTTP interactions."""


ANSWERS = {
    PONG: pong,
    REPLY: reply,
    DEFER: defer,
    DEFER_UPDATE: defer_update,
    UPDATE: update,
    CHOICES: choices,
    SHOW_MODAL: show_modal,
}


def callback_json(request: Request, interaction: Interaction) -> Json:
    """Say what came of a callback."""
    message = interaction.original
    about: Json = {"id": str(interaction.id), "type": interaction.type}
    if message is None:
        return {"interaction": about, "resource": {"type": interaction.response_type}}
    about |= {
        "response_message_id": str(message.id),
        "response_message_loading": message.thinking,
        "response_message_ephemeral": message.ephemeral,
    }
    resource = {"type": interaction.response_type, "message": full_json(request, message)}
    return {"interaction": about, "resource": resource}


def full_json(request: Request, message: Message) -> Json:
    """Write a message with all it says: it is the bot's own."""
    return message_json(message, request.server.bot, content_intent=True)


def find_interaction(request: Request) -> Interaction:
    """Find the interaction of a webhook's token, which lives 15 minutes and works only after the first answer."""
    server = request.server
    interaction = server.world.interactions.get(request.params["webhook_token"])
    if request.params["webhook_id"] != str(server.application_id) or interaction is None:
        raise errors.unknown_webhook()
    if interaction.age_s > TOKEN_S:
        raise errors.expired_token()
    if interaction.acked_at is None:
        raise errors.unknown_webhook()
    return interaction


def find_message(request: Request, interaction: Interaction) -> Message:
    """Find a message of an interaction by its id, or its first answer."""
    wanted = request.params.get("message_id", "@original")
    known = [interaction.original, *interaction.followups]
    if wanted == "@original":
        known = known[:1]
    for message in known:
        if message and not message.deleted and wanted in ("@original", str(message.id)):
            return message
    raise errors.unknown_message()


@route("POST", "/webhooks/{webhook_id}/{webhook_token}", auth=False, bound=False)
def follow_up(request: Request) -> Json:
    """Post a further message. After a deferral the first one fills it, and is as visible as that said."""
    interaction = find_interaction(request)
    original = interaction.original
    if original and original.thinking and not original.deleted:
        body = {**request.body, "flags": (request.body.get("flags") or 0) & ~EPHEMERAL}
        return full_json(request, posting.edit(request.server, original, body, request.files))
    message = posting.post(
        request.server, interaction.channel, request.server.bot, request.body, request.files,
        interaction=interaction, answers=original,
    )  # fmt: skip
    interaction.followups.append(message)
    request.server.note_change()
    return full_json(request, message)


MESSAGE_PATH = "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"


@route("GET", MESSAGE_PATH, auth=False, bound=False)
def get_message(request: Request) -> Json:
    return full_json(request, find_message(request, find_interaction(request)))


@route("PATCH", MESSAGE_PATH, auth=False, bound=False)
def edit_message(request: Request) -> Json:
    message = find_message(request, find_interaction(request))
    return full_json(request, posting.edit(request.server, message, request.body, request.files))


@route("DELETE", MESSAGE_PATH, auth=False, bound=False)
def delete_message(request: Request) -> None:
    posting.delete(request.server, find_message(request, find_interaction(request)))
