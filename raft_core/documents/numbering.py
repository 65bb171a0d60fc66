"""The numbers and bullets that Word shows before paragraphs; a file holds only their rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_MAX_BASES = 20
"""Styles that are based on each other; real ones stop under ten, hostile ones go round in circles."""
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


@dataclass(slots=True)
class _Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""
    digits: bool = False
    """Whether the numbers of the levels above are digits here, whatever their own form."""
    style: str | None = None


@dataclass(slots=True)
class _List:
    """One w:num. Lists of the same rules count on from each other: they share `counters`."""

    levels: dict[int, _Level]
    counters: dict[int, int]
    restarts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Give paragraphs their numbers, in the order of the text.

    `numbering` and `styles` are the roots of the parts, None where a file has none.
    """

    def __init__(self, numbering: Any, styles: Any) -> None:
        found = () if styles is None else styles.iter(f"{W}style")
        self._styles = {style.get(f"{W}styleId"): style for style in found}
        paragraphs = (each for each in self._styles.values() if each.get(f"{W}type") == "paragraph")
        defaults = (each for each in paragraphs if each.get(f"{W}default") in ("1", "true", "on"))
        self._default = next((style.get(f"{W}styleId") for style in defaults), None)
        self._lists = {} if numbering is None else self._read(numbering)

    def label(self, paragraph: Any) -> str:
        """Return "3.1 " or "- ", or "" for a paragraph that is in no list."""
        number, depth = self._place(paragraph)
        rules = self._lists.get(number)
        level = rules and rules.levels.get(depth)
        if not rules or not level:
            return ""
        if depth in rules.restarts:
            rules.counters[depth] = rules.restarts.pop(depth) - 1
        rules.counters[depth] = rules.counters.get(depth, level.start - 1) + 1
        for deeper in [each for each in rules.counters if each > depth]:
            del rules.counters[deeper]
        if level.form == "bullet":
            return "- "
        text = level.text
        for above in range(depth + 1):
            rule = rules.levels.get(above, level)
            if f"%{above + 1}" in text:
                value = rules.counters.setdefault(above, rule.start)
                text = text.replace(
                    f"%{above + 1}", _written(value, "decimal" if level.digits else rule.form)
                )
        return f"{text.strip()} " if text.strip() else ""

    def style(self, paragraph: Any) -> str:
        """Return the name of a paragraph's style in small letters, such as "heading 1"; "" for none."""
        style = self._styles.get(_value(paragraph, "pPr/pStyle") or self._default)
        return "" if style is None else (_value(style, "name") or "").lower()

    def _place(self, paragraph: Any) -> tuple[str, int]:
        """Return the list and level of a paragraph: its own, or those of its style or one that this is based on."""
        number, level = _numbered(paragraph)
        name = _value(paragraph, "pPr/pStyle") or self._default
        for _ in range(_MAX_BASES):
            style = self._styles.get(name)
            if style is None or number is not None:
                break
            number, depth = _numbered(style)
            if number in self._lists and level is None:
                levels = self._lists[number].levels.items()
                level = next((at for at, each in levels if each.style == name), None)
            level = depth if level is None else level
            name = _value(style, "basedOn")
        return number or "0", level or 0

    def _read(self, numbering: Any) -> dict[str, _List]:
        abstract = {each.get(f"{W}abstractNumId"): each for each in numbering.iter(f"{W}abstractNum")}
        numbers = {each.get(f"{W}numId"): each for each in numbering.iter(f"{W}num")}
        counters: dict[str | None, dict[int, int]] = {}
        lists = {}
        for name, number in numbers.items():
            key = _value(number, "abstractNumId")
            link = _value(abstract[key], "numStyleLink") if key in abstract else None
            if link in self._styles:  # the rules are those of a list that a style names
                linked = numbers.get(_numbered(self._styles[link])[0])
                key = key if linked is None else _value(linked, "abstractNumId")
            if key not in abstract:
                continue
            levels = dict(map(_level, abstract[key].iterchildren(f"{W}lvl")))
            rules = _List(levels, counters.setdefault(key, {}))
            for override in number.iterchildren(f"{W}lvlOverride"):
                depth = _int(override.get(f"{W}ilvl"), 0)
                levels.update(map(_level, override.iterchildren(f"{W}lvl")))
                start = _value(override, "startOverride")
                if start is not None:
                    rules.restarts[depth] = _int(start, 1)
            lists[name] = rules
        return lists


def _level(element: Any) -> tuple[int, _Level]:
    legal = element.find(f"{W}isLgl")
    return _int(element.get(f"{W}ilvl"), 0), _Level(
        start=_int(_value(element, "start"), 1),
        form=_value(element, "numFmt") or "decimal",
        text=_value(element, "lvlText") or "",
        digits=legal is not None and legal.get(f"{W}val", "1") not in ("0", "false", "off"),
        style=_value(element, "pStyle"),
    )


def _numbered(element: Any) -> tuple[str | None, int | None]:
    level = _value(element, "pPr/numPr/ilvl")
    return _value(element, "pPr/numPr/numId"), None if level is None else _int(level, 0)


def _value(element: Any, path: str) -> str | None:
    found = element.find("/".join(W + step for step in path.split("/")))
    value: str | None = None if found is None else found.get(f"{W}val")
    return value


def _int(text: str | None, otherwise: int) -> int:
    digits = (text or "").strip()
    return int(digits) if digits.isdecimal() and len(digits) < 10 else otherwise


def _written(value: int, form: str) -> str:
    """Return a counter as its level writes it; forms of other scripts as digits."""
    if form in ("lowerLetter", "upperLetter") and value > 0:
        # Word goes on with aa, bb, cc after z.
        letter = chr(ord("a") + (value - 1) % 26) * min((value - 1) // 26 + 1, 30)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman") and 0 < value < 4000:
        roman = ""
        for worth, sign in _ROMAN:
            roman += sign * (value // worth)
            value %= worth
        return roman if form == "lowerRoman" else roman.upper()
    if form == "none":
        return ""
    return f"{value:02d}" if form == "decimalZero" else str(value)
