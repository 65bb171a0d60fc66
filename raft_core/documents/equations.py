"""Equations of Office files (OMML) as a line of text that people can read: x = (-b ± √(b^2 - 4ac))/2a."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_ATOM = re.compile(r"[\w.,\u0300-\u036f\u2032]*|\(.*\)|\[.*\]|.", re.DOTALL)
_LEFT_OUT = (f"{_W}del", f"{_W}moveFrom", f"{_W}rPr", f"{M}ctrlPr", f"{M}rPr", f"{M}argPr")


def equation(element: Any) -> str:
    """Return an m:oMath or m:oMathPara as text."""
    return " ".join(_text(element).split())


def _text(element: Any) -> str:
    if element is None or not isinstance(element.tag, str) or element.tag in _LEFT_OUT:
        return ""
    if element.tag in (f"{M}t", f"{_W}t"):
        return element.text or ""
    if element.tag == f"{_W}br":
        return " "
    write = _WRITERS.get(element.tag)
    if write:
        return write(element)
    parts = [_text(child) for child in element]
    return "; ".join(parts) if element.tag == f"{M}oMathPara" else "".join(parts)


def _part(element: Any, name: str) -> str:
    return _text(element.find(f"{M}{name}")).strip()


def _property(element: Any, name: str, missing: str) -> str:
    """Return a setting of an object; one without a value is "on" (so an empty delimiter is "")."""
    found = element.find(f"{element.tag}Pr/{M}{name}")
    return missing if found is None else found.get(f"{M}val", "")


def _is_on(element: Any, name: str) -> bool:
    found = element.find(f"{element.tag}Pr/{M}{name}")
    return found is not None and found.get(f"{M}val", "1").lower() not in ("0", "off", "false")


def grouped(text: str) -> str:
    """Return a part of a formula in brackets unless it is one number, one word or in brackets already."""
    whole = _ATOM.fullmatch(text) and (text[:1] not in "([" or _closes_last(text))
    return text if whole else f"({text})"


def _closes_last(text: str) -> bool:
    depth = 0
    for position, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0:
            return position == len(text) - 1
    return False


def _fraction(element: Any) -> str:
    above, below = _part(element, "num"), _part(element, "den")
    if _property(element, "type", "bar") == "noBar":  # a binomial coefficient; its brackets stand around it
        return f"{above} over {below}"
    return f"{grouped(above)}/{grouped(below)}"


def _scripts(element: Any) -> str:
    return _part(element, "e") + _marks(element)


def _before(element: Any) -> str:
    return _marks(element) + _part(element, "e")


def _marks(element: Any) -> str:
    below, above = _part(element, "sub"), _part(element, "sup")
    return (f"_{grouped(below)}" if below else "") + (f"^{grouped(above)}" if above else "")


def _root(element: Any) -> str:
    degree = "" if _is_on(element, "degHide") else _part(element, "deg")
    return f"√{f'[{degree}]' if degree else ''}({_part(element, 'e')})"


def _sum(element: Any) -> str:
    return f"{_property(element, 'chr', '∫')}{_marks(element)} {_part(element, 'e')}"


def _brackets(element: Any) -> str:
    separator = _property(element, "sepChr", "|") or " "
    inside = separator.join(_text(part).strip() for part in element.iterchildren(f"{M}e"))
    return f"{_property(element, 'begChr', '(')}{inside}{_property(element, 'endChr', ')')}"


def _function(element: Any) -> str:
    argument = _part(element, "e")
    return f"{_part(element, 'fName')}{'' if argument.startswith('(') else ' '}{argument}"


def _limit(element: Any) -> str:
    mark = "_" if element.tag == f"{M}limLow" else "^"
    return f"{_part(element, 'e')}{mark}{grouped(_part(element, 'lim'))}"


def _accent(element: Any) -> str:
    return _part(element, "e") + _property(element, "chr", "\u0302")


def _bar(element: Any) -> str:
    return _part(element, "e") + ("\u0305" if _property(element, "pos", "bot") == "top" else "\u0332")


def _phantom(element: Any) -> str:
    shown = element.find(f"{M}phantPr/{M}show")
    hidden = shown is not None and not _is_on(element, "show")
    return "" if hidden else _part(element, "e")


def _matrix(element: Any) -> str:
    rows = (
        ", ".join(_text(cell).strip() for cell in row.iterchildren(f"{M}e"))
        for row in element.iterchildren(f"{M}mr")
    )
    return f"[{'; '.join(rows)}]"


def _lines(element: Any) -> str:
    return "; ".join(_text(line).strip().replace("&", "") for line in element.iterchildren(f"{M}e"))


_WRITERS: dict[str, Callable[[Any], str]] = {
    f"{M}{name}": writer
    for name, writer in {
        "f": _fraction,
        "sSup": _scripts,
        "sSub": _scripts,
        "sSubSup": _scripts,
        "sPre": _before,
        "rad": _root,
        "nary": _sum,
        "d": _brackets,
        "func": _function,
        "limLow": _limit,
        "limUpp": _limit,
        "acc": _accent,
        "bar": _bar,
        "phant": _phantom,
        "m": _matrix,
        "eqArr": _lines,
    }.items()
}
