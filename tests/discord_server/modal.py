"""A modal as a member fills it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.discord_server.messages import (
    ACTION_ROW,
    CHECKBOX,
    CHECKBOX_GROUP,
    FILE_UPLOAD,
    LABEL,
    RADIO_GROUP,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
)
from tests.discord_server.state import Upload

if TYPE_CHECKING:
    from tests.discord_server.interactions import Interaction

Json = dict[str, Any]


class ClientRefuses(AssertionError):
    """What the member tries, Discord's client would not let them do."""


class Modal:
    """A form that the bot showed."""

    def __init__(self, shown_by: Interaction, data: Json) -> None:
        self.shown_by, self.data = shown_by, data
        self.title: str = data["title"]
        # (label, input) of every field.
        self.inputs: list[tuple[str, Json]] = []
        for component in data["components"]:
            if component["type"] == LABEL:
                self.inputs.append((component["label"], component["component"]))
            elif component["type"] == ACTION_ROW:
                child = component["components"][0]
                self.inputs.append((child.get("label") or "", child))

    @property
    def labels(self) -> list[str]:
        """The labels of the fields."""
        return [label for label, _ in self.inputs]

    @property
    def text(self) -> str:
        """All text of the form."""
        parts = [self.title]
        for component in self.data["components"]:
            parts += [component.get(key) or "" for key in ("content", "label", "description")]
        return "\n".join(part for part in parts if part)

    def submit(self, values: Json | None = None, files: dict[str, list[Any]] | None = None) -> Interaction:
        """Fill in fields by label or custom_id and send the form. Fields not named keep their defaults."""
        given = {**(values or {}), **(files or {})}
        answers: dict[str, Any] = {}
        for label, field in self.inputs:
            names = [name for name in (label, field["custom_id"]) if name in given]
            answers[field["custom_id"]] = self._check(
                label, field, given.pop(names[0]) if names else default_of(field)
            )
        if given:
            raise ClientRefuses(f"the modal {self.title!r} has no {sorted(given)}, only {self.labels}")
        return self.shown_by.member.submit(self, answers)

    def _check(self, label: str, field: Json, value: Any) -> Any:
        """Check one field as the client does before it sends."""
        kind, required = field["type"], field.get("required", True)
        if kind == CHECKBOX:
            return bool(value)
        if kind in (TEXT_INPUT, RADIO_GROUP):
            return self._check_text(label, field, value, required)
        items = value if isinstance(value, list) else [] if value is None else [value]
        if kind in (STRING_SELECT, CHECKBOX_GROUP):
            options = {o["label"]: o["value"] for o in field["options"]}
            items = [options.get(item, item) for item in items]
            if not set(items) <= set(options.values()):
                raise ClientRefuses(f"{label!r} offers {sorted(options)}, not {items}")
        least = field.get("min_values", 1)
        most = field.get("max_values") or (len(field["options"]) if kind == CHECKBOX_GROUP else 1)
        if (required or items) and not max(least, required) <= len(items) <= most:
            raise ClientRefuses(f"{label!r} wants {least} to {most} items, not {len(items)}")
        return [Upload.of(item) for item in items] if kind == FILE_UPLOAD else items

    def _check_text(self, label: str, field: Json, value: Any, required: bool) -> str | None:
        if required and not value:
            raise ClientRefuses(f"{label!r} must be filled in")
        if field["type"] == RADIO_GROUP:
            options = {o["label"]: o["value"] for o in field["options"]}
            if value and options.get(value, value) not in options.values():
                raise ClientRefuses(f"{label!r} offers {sorted(options)}, not {value!r}")
            return options.get(value, value)
        text = "" if value is None else str(value)
        if text and not (field.get("min_length") or 0) <= len(text) <= (field.get("max_length") or 4000):
            raise ClientRefuses(
                f"{label!r} must be {field.get('min_length')} to {field.get('max_length')} long"
            )
        return text


def default_of(field: Json) -> Any:
    """Return what a field holds before it is touched."""
    if field["type"] in (STRING_SELECT, CHECKBOX_GROUP):
        return [option["value"] for option in field["options"] if option.get("default")]
    if field["type"] == RADIO_GROUP:
        return next((option["value"] for option in field["options"] if option.get("default")), None)
    return field.get("default") if field["type"] == CHECKBOX else field.get("value")


def submission(data: Json, answers: dict[str, Any]) -> list[Json]:
    """Write the answers in the shape in which Discord sends a filled modal."""
    components: list[Json] = []
    for component in data["components"]:
        base = {"type": component["type"], "id": component["id"]}
        if component["type"] == LABEL:
            components.append({**base, "component": answer(component["component"], answers)})
        elif component["type"] == ACTION_ROW:
            components.append({**base, "components": [answer(c, answers) for c in component["components"]]})
        elif component["type"] == TEXT_DISPLAY:
            components.append(base)
    return components


def answer(field: Json, answers: dict[str, Any]) -> Json:
    base = {key: field[key] for key in ("type", "id", "custom_id")}
    value = answers[field["custom_id"]]
    single = field["type"] in (TEXT_INPUT, RADIO_GROUP, CHECKBOX)
    return {**base, "value" if single else "values": value}
