"""Application commands: what Discord accepts at sync, and what a client lets a member type."""

from __future__ import annotations

import re
from typing import Any

from tests.discord_server.errors import ApiError, Path, Problems

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUB, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, FILE = range(1, 12)
NAME, DESCRIPTION, OPTIONS, CHOICES, TOTAL = 32, 100, 25, 25, 8000
GLOBAL_LIMITS = {CHAT_INPUT: 100, USER_MENU: 15, MESSAGE_MENU: 15}
NAME_PATTERN = re.compile(r"^[-_'\w]{1,32}$")

Json = dict[str, Any]


def check_commands(commands: list[Json]) -> None:
    """Check all commands of a place."""
    problems = Problems()
    for kind, most in GLOBAL_LIMITS.items():
        of_kind = [command["name"] for command in commands if (command.get("type") or 1) == kind]
        if len(of_kind) > most:
            raise ApiError(400, 30032, f"Maximum number of application commands reached ({most})")
        if len(of_kind) != len(set(of_kind)):
            problems.add(
                (), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
            )
    for index, command in enumerate(commands):
        check_command(problems, (index,), command)
    problems.stop()


def check_command(problems: Problems, path: Path, command: Json) -> None:
    """Check one command."""
    chat = (command.get("type") or 1) == CHAT_INPUT
    if chat:
        check_name(problems, path, command)
        check_description(problems, path, command)
        check_options(problems, (*path, "options"), command.get("options") or [], depth=0)
        size = length_of(command)
        if size > TOTAL:
            problems.add(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({TOTAL})")
        return
    problems.length((*path, "name"), command.get("name"), NAME, 1)
    if command.get("description"):
        problems.add(
            (*path, "description"), "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_INVALID",
            "Context menu commands cannot have description",
        )  # fmt: skip
    if command.get("options"):
        problems.add(
            (*path, "options"), "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS_INVALID",
            "Context menu commands cannot have options",
        )  # fmt: skip


def check_name(problems: Problems, path: Path, thing: Json) -> None:
    name = thing.get("name") or ""
    if not NAME_PATTERN.match(name) or name != name.lower():
        problems.add((*path, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def check_description(problems: Problems, path: Path, thing: Json) -> None:
    if problems.required((*path, "description"), thing.get("description")):
        problems.length((*path, "description"), thing["description"], DESCRIPTION, 1)


def check_options(problems: Problems, path: Path, options: list[Json], *, depth: int) -> None:
    """Check the options, or subcommands, of a command."""
    problems.length(path, options, OPTIONS)
    names = [option.get("name") for option in options]
    if len(names) != len(set(names)):
        problems.add(path, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name must be unique")
    optional_seen = False
    for index, option in enumerate(options):
        here = (*path, index)
        check_name(problems, here, option)
        check_description(problems, here, option)
        nested = option.get("type") in (SUB, GROUP)
        if nested and depth > (0 if option["type"] == GROUP else 1):
            problems.add(here, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Subcommands are nested too deep")
        if nested:
            check_options(problems, (*here, "options"), option.get("options") or [], depth=depth + 1)
            continue
        check_choices(problems, here, option)
        if option.get("required") and optional_seen:
            problems.add(
                here,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required")
    kinds = {option.get("type") in (SUB, GROUP) for option in options}
    if len(kinds) > 1:
        problems.add(
            path,
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and option types are mutually exclusive",
        )


def check_choices(problems: Problems, path: Path, option: Json) -> None:
    choices = option.get("choices") or []
    problems.length((*path, "choices"), choices, CHOICES)
    if choices and option.get("autocomplete"):
        problems.add(
            (*path, "autocomplete"),
            "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES",
            "Autocomplete cannot be used with choices",
        )
    for index, choice in enumerate(choices):
        problems.length((*path, "choices", index, "name"), choice.get("name"), 100, 1)
        problems.length((*path, "choices", index, "value"), choice.get("value"), 100)


def length_of(thing: Json) -> int:
    """Count the characters that Discord adds up: names, descriptions and values, for all nested options."""
    own = len(thing.get("name") or "") + len(thing.get("description") or "")
    choices = sum(len(c["name"]) + len(str(c["value"])) for c in thing.get("choices") or [])
    return own + choices + sum(length_of(option) for option in thing.get("options") or [])
