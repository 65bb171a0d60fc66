"""What Discord demands of components in messages (old ones and V2) and in modals."""

from __future__ import annotations

from typing import Any

from tests.discord_server.errors import Path, Problems
from tests.discord_server.messages import (
    ACTION_ROW,
    BUTTON,
    CHECKBOX,
    CHECKBOX_GROUP,
    CONTAINER,
    FILE,
    FILE_UPLOAD,
    LABEL,
    LINK_STYLE,
    MEDIA_GALLERY,
    RADIO_GROUP,
    SECTION,
    SELECTS,
    SEPARATOR,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    THUMBNAIL,
    walk,
)

ROWS, ROW_WIDTH, TOTAL, TEXT, TEXT_BYTES = 5, 5, 40, 4000, 10_000
BUTTON_LABEL, CUSTOM_ID, PLACEHOLDER, OPTIONS, OPTION = 80, 100, 150, 25, 100
MODAL_TOP, INPUT_LABEL, LABEL_DESCRIPTION, INPUT_TEXT = 5, 45, 100, 4000
SECTION_TEXTS, GALLERY = 3, 10
IN_CONTAINER = (ACTION_ROW, TEXT_DISPLAY, SECTION, MEDIA_GALLERY, SEPARATOR, FILE)
IN_LABEL = (TEXT_INPUT, *SELECTS, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX)
ALLOWED = {
    ACTION_ROW: (BUTTON, *SELECTS),
    CONTAINER: IN_CONTAINER,
    SECTION: (TEXT_DISPLAY,),
    LABEL: IN_LABEL,
}


def check_components(problems: Problems, path: Path, components: list[dict[str, Any]], *, v2: bool) -> None:
    """Check all components of a message."""
    top = (*IN_CONTAINER, CONTAINER) if v2 else (ACTION_ROW,)
    if not v2:
        problems.length(path, components, ROWS)
    for index, component in enumerate(components):
        check_one(problems, (*path, index), component, top)
    everything = list(walk(components))
    if v2 and len(everything) > TOTAL:
        problems.add(
            path,
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
            "The total number of components cannot exceed 40",
        )
    texts = [c.get("content") or "" for c in everything if c.get("type") == TEXT_DISPLAY]
    # Only the characters are documented; that bytes count too was seen with long Chinese and emoji answers.
    if sum(map(len, texts)) > TEXT or sum(len(text.encode(errors="replace")) for text in texts) > TEXT_BYTES:
        problems.add(
            path,
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            "The total displayable text size of the components exceeds the maximum of 4000",
        )
    check_unique(problems, path, everything)


def check_unique(problems: Problems, path: Path, everything: list[dict[str, Any]]) -> None:
    """Check that no custom_id and no numeric id comes twice."""
    for key, code, what in (
        ("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"),
        ("id", "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated"),
    ):
        found = [component[key] for component in everything if component.get(key)]
        if len(found) != len(set(found)):
            problems.add(path, code, what)


def check_one(problems: Problems, path: Path, component: dict[str, Any], allowed: tuple[int, ...]) -> None:
    """Check one component and what it holds."""
    kind = component.get("type")
    if kind not in allowed:
        problems.choice((*path, "type"), kind, allowed)
        return
    CHECKS[kind](problems, path, component)
    for index, child in enumerate(component.get("components") or []):
        check_one(problems, (*path, "components", index), child, ALLOWED.get(kind, ()))


def check_row(problems: Problems, path: Path, row: dict[str, Any]) -> None:
    held = row.get("components") or []
    problems.length((*path, "components"), held, ROW_WIDTH, 1)
    if len(held) > 1 and any(child.get("type") in SELECTS for child in held):
        problems.add(
            (*path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "Row exceeds the maximum width of 5"
        )


def check_button(problems: Problems, path: Path, button: dict[str, Any]) -> None:
    problems.length((*path, "label"), button.get("label"), BUTTON_LABEL)
    problems.choice((*path, "style"), button.get("style"), (1, 2, 3, 4, 5, 6))
    if button.get("style") == LINK_STYLE:
        problems.required((*path, "url"), button.get("url"))
        problems.length((*path, "url"), button.get("url"), 512)
        if button.get("custom_id"):
            problems.add(
                (*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            )  # fmt: skip
    elif problems.required((*path, "custom_id"), button.get("custom_id")):
        problems.length((*path, "custom_id"), button["custom_id"], CUSTOM_ID, 1)
    if not button.get("label") and not button.get("emoji"):
        problems.required((*path, "label"), None)


def check_select(problems: Problems, path: Path, select: dict[str, Any]) -> None:
    problems.length((*path, "custom_id"), select.get("custom_id"), CUSTOM_ID, 1)
    problems.length((*path, "placeholder"), select.get("placeholder"), PLACEHOLDER)
    least, most = select.get("min_values"), select.get("max_values")
    if select["type"] == STRING_SELECT:
        options = select.get("options") or []
        check_options(problems, (*path, "options"), options)
        for key, value in (("min_values", least), ("max_values", most)):
            if value is not None and value > len(options):
                problems.add((*path, key), "NUMBER_TYPE_MAX", f"{key} must be at most the number of options.")
    if least is not None and most is not None and least > most:
        problems.add((*path, "min_values"), "NUMBER_TYPE_MAX", "min_values must be at most max_values.")


def check_options(problems: Problems, path: Path, options: list[dict[str, Any]]) -> None:
    problems.length(path, options, OPTIONS, 1)
    for index, option in enumerate(options):
        problems.length((*path, index, "label"), option.get("label"), OPTION, 1)
        problems.length((*path, index, "value"), option.get("value"), OPTION, 1)
        problems.length((*path, index, "description"), option.get("description"), OPTION)
    values = [option.get("value") for option in options]
    if len(values) != len(set(values)):
        problems.add(
            path, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used"
        )


def check_section(problems: Problems, path: Path, section: dict[str, Any]) -> None:
    problems.length((*path, "components"), section.get("components") or [], SECTION_TEXTS, 1)
    if problems.required((*path, "accessory"), section.get("accessory")):
        check_one(problems, (*path, "accessory"), section["accessory"], (BUTTON, THUMBNAIL))


def check_text(problems: Problems, path: Path, text: dict[str, Any]) -> None:
    if problems.required((*path, "content"), (text.get("content") or "").strip()):
        problems.length((*path, "content"), text["content"], TEXT, 1)


def check_gallery(problems: Problems, path: Path, gallery: dict[str, Any]) -> None:
    items = gallery.get("items") or []
    problems.length((*path, "items"), items, GALLERY, 1)
    for index, item in enumerate(items):
        problems.required((*path, "items", index, "media", "url"), (item.get("media") or {}).get("url"))
        problems.length((*path, "items", index, "description"), item.get("description"), 1024)


def check_file(problems: Problems, path: Path, file: dict[str, Any]) -> None:
    url = (file.get("file") or {}).get("url") or ""
    # A file cannot be shown from elsewhere; an edit may repeat the address that the CDN gave it.
    if not url.startswith("attachment://") and "/attachments/" not in url:
        problems.add(
            (*path, "file", "url"), "UNFURLED_MEDIA_ITEM_ATTACHMENT_REQUIRED", "Must be attachment://…"
        )


def check_container(problems: Problems, path: Path, container: dict[str, Any]) -> None:
    problems.length((*path, "components"), container.get("components") or [], TOTAL, 1)


def check_input(problems: Problems, path: Path, field: dict[str, Any]) -> None:
    problems.length((*path, "custom_id"), field.get("custom_id"), CUSTOM_ID, 1)
    problems.length((*path, "placeholder"), field.get("placeholder"), 100)
    problems.length((*path, "value"), field.get("value"), INPUT_TEXT)
    problems.length((*path, "label"), field.get("label"), INPUT_LABEL)
    problems.choice((*path, "style"), field.get("style"), (1, 2))


def check_label(problems: Problems, path: Path, label: dict[str, Any]) -> None:
    problems.required((*path, "label"), label.get("label"))
    problems.length((*path, "label"), label.get("label"), INPUT_LABEL, 1)
    problems.length((*path, "description"), label.get("description"), LABEL_DESCRIPTION)
    if problems.required((*path, "component"), label.get("component")):
        check_one(problems, (*path, "component"), label["component"], IN_LABEL)


def check_group(problems: Problems, path: Path, group: dict[str, Any]) -> None:
    problems.length((*path, "custom_id"), group.get("custom_id"), CUSTOM_ID, 1)
    options = group.get("options") or []
    problems.length((*path, "options"), options, 10, 2 if group["type"] == RADIO_GROUP else 1)
    for index, option in enumerate(options):
        problems.length((*path, "options", index, "label"), option.get("label"), OPTION, 1)


def check_id(problems: Problems, path: Path, component: dict[str, Any]) -> None:
    problems.length((*path, "custom_id"), component.get("custom_id"), CUSTOM_ID, 1)


def check_nothing(problems: Problems, path: Path, component: dict[str, Any]) -> None:
    """Separators and thumbnails have no limits beyond their types, which the OpenAPI file checks."""


CHECKS = {
    ACTION_ROW: check_row,
    BUTTON: check_button,
    **dict.fromkeys(SELECTS, check_select),
    TEXT_INPUT: check_input,
    SECTION: check_section,
    TEXT_DISPLAY: check_text,
    THUMBNAIL: check_nothing,
    MEDIA_GALLERY: check_gallery,
    FILE: check_file,
    SEPARATOR: check_nothing,
    CONTAINER: check_container,
    LABEL: check_label,
    FILE_UPLOAD: check_id,
    RADIO_GROUP: check_group,
    CHECKBOX_GROUP: check_group,
    CHECKBOX: check_id,
}


def check_modal_components(problems: Problems, path: Path, components: list[dict[str, Any]]) -> None:
    """Check a modal: at most five labels, texts or old rows with one text input each."""
    problems.length(path, components, MODAL_TOP, 1)
    for index, component in enumerate(components):
        here = (*path, index)
        if component.get("type") == ACTION_ROW:
            problems.length((*here, "components"), component.get("components") or [], 1, 1)
            for number, child in enumerate(component.get("components") or []):
                check_one(problems, (*here, "components", number), child, (TEXT_INPUT,))
        else:
            check_one(problems, here, component, (LABEL, TEXT_DISPLAY))
    check_unique(problems, path, list(walk(components)))


def without_nulls(value: Any) -> Any:
    """Copy JSON without the fields that are null: they stand for Discord's defaults."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def give_ids(components: list[dict[str, Any]]) -> None:
    """Number the components that have no id yet, as Discord does."""
    taken = {component.get("id") for component in walk(components)}
    number = 0
    for component in walk(components):
        if not component.get("id"):
            number += 1
            while number in taken:
                number += 1
            component["id"] = number
