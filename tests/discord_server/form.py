"""Renders a modal as an HTML page in Discord's look, with what was filled in.

write_form(alice.slash("/docs add").modal, Path("form.html"), {"Title": "Manual"})
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from tests.discord_server.markdown import Markdown
from tests.discord_server.messages import (
    ACTION_ROW,
    CHECKBOX,
    CHECKBOX_GROUP,
    FILE_UPLOAD,
    LABEL,
    RADIO_GROUP,
    TEXT_DISPLAY,
    TEXT_INPUT,
)
from tests.discord_server.modal import Modal, default_of
from tests.discord_server.parts import select
from tests.discord_server.transcript import STYLE

Json = dict[str, Any]


def write_form(modal: Modal, file: Path, values: Json | None = None) -> Path:
    """Write the page. `values` are by label or custom_id, as for `Modal.submit`."""
    server, channel = modal.shown_by.server, modal.shown_by.channel
    text = Markdown(server.world, channel, server.clock.now())
    parts = [f'<div class="form"><h2>{html.escape(modal.title)}</h2>']
    parts += [part(component, text, values or {}) for component in modal.data["components"]]
    bot = html.escape(server.bot.name)
    parts.append(f'<div class="warning">This form will be submitted to <b>{bot}</b>.</div>')
    parts.append(
        '<div class="row end"><span class="button">Cancel</span><span class="button s1">Submit</span></div></div>'
    )
    page = f'<!doctype html><meta charset="utf-8"><style>{STYLE.read_text(encoding="utf-8")}</style>{"".join(parts)}\n'
    file.write_text(page, encoding="utf-8")
    return file


def part(component: Json, text: Markdown, values: Json) -> str:
    """Show a text, or a field under its label."""
    if component["type"] == TEXT_DISPLAY:
        return text.block(component["content"])
    if component["type"] == ACTION_ROW:
        field = component["components"][0]
        return labelled(field.get("label") or "", None, field, values)
    assert component["type"] == LABEL
    return labelled(component["label"], component.get("description"), component["component"], values)


def labelled(label: str, description: str | None, field: Json, values: Json) -> str:
    """Show a field with its label, its description and whether it must be filled in."""
    value = values.get(label, values.get(field["custom_id"], default_of(field)))
    star = ' <span class="star">*</span>' if field.get("required", field["type"] != CHECKBOX) else ""
    about = f'<div class="subtext">{html.escape(description)}</div>' if description else ""
    if field["type"] == CHECKBOX:
        return f'<div class="field check">{box(bool(value))}<div><b>{html.escape(label)}{star}</b>{about}</div></div>'
    return f'<div class="field"><b>{html.escape(label)}{star}</b>{about}{entry(field, value)}</div>'


def entry(field: Json, value: Any) -> str:
    """Show where a field is filled in."""
    kind = field["type"]
    if kind == TEXT_INPUT:
        size = " tall" if field["style"] == 2 else ""
        shown = html.escape(value or field.get("placeholder") or "")
        return f'<div class="input{size}{"" if value else " empty"}">{shown}</div>'
    if kind == FILE_UPLOAD:
        names = [getattr(item, "name", None) or str(item[0]) for item in value or []]
        most = field.get("max_values") or 1
        listed = "".join(f"<div>📄 {html.escape(name)}</div>" for name in names)
        return (
            f'<div class="upload">⬆ Drop files here or <a>browse</a><small>up to {most}</small>{listed}</div>'
        )
    if kind in (RADIO_GROUP, CHECKBOX_GROUP):
        chosen = value if isinstance(value, list) else [value]
        rows = [f"<div>{box(o['value'] in chosen)} {html.escape(o['label'])}</div>" for o in field["options"]]
        return "".join(rows)
    options = [{**o, "default": o["value"] in (value or [])} for o in field.get("options", [])]
    return select({**field, "options": options})


def box(checked: bool) -> str:
    return f'<span class="box{" on" if checked else ""}">{"✓" if checked else ""}</span>'
