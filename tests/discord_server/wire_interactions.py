"""Writes interactions as the gateway sends them."""

from __future__ import annotations

from typing import Any

from tests.discord_server import wire
from tests.discord_server.interactions import Interaction
from tests.discord_server.permissions import in_channel
from tests.discord_server.state import MIB
from tests.discord_server.wire_messages import message_json

UPLOAD_LIMIT = 10 * MIB
Json = dict[str, Any]


def interaction_json(interaction: Interaction) -> Json:
    """Write an interaction with all that Discord sends along."""
    server, channel, user = interaction.server, interaction.channel, interaction.user
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(server.application_id),
        "type": interaction.type,
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": wire.partial_channel_json(channel, server.bot, user),
        "app_permissions": str(in_channel(channel, server.bot)),
        "locale": "en-US",
        "entitlements": [],
        "entitlement_sku_ids": [],
        "attachment_size_limit": UPLOAD_LIMIT,
        "authorizing_integration_owners": {"0": str(channel.guild.id if channel.guild else 0)},
        "context": 0 if channel.guild else 1,
    }
    if channel.guild:
        member = wire.member_json(interaction.member.membership)
        rights = str(in_channel(channel, user))
        guild = {"id": str(channel.guild.id), "locale": "en-US", "features": []}
        payload |= {"member": {**member, "permissions": rights}, "guild": guild}
        payload |= {"guild_id": str(channel.guild.id), "guild_locale": "en-US"}
    else:
        payload["user"] = wire.user_json(user)
    if interaction.message_used:
        payload["message"] = message_json(interaction.message_used, server.bot, content_intent=True)
    return payload
