"""Numbers, dates and texts of cells as a sheet shows them, by Excel's number formats.

A format has up to four sections: positive; negative; zero; text. What no section can show is shown as the
number that it is. Formats that follow the computer's language (short dates) are written year first.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache

# fmt: off
BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0;-$#,##0", 6: "$#,##0;-$#,##0",
    7: "$#,##0.00;-$#,##0.00", 8: "$#,##0.00;-$#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?",
    13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;-#,##0",
    38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00", 40: "#,##0.00;-#,##0.00", 41: "#,##0;-#,##0;-;@",
    42: "$#,##0;-$#,##0;$-;@", 43: "#,##0.00;-#,##0.00;-;@", 44: "$#,##0.00;-$#,##0.00;$-;@", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}
# fmt: on
GENERAL_DIGITS = 10
"""Digits that a number without a format shows at most beside its point; whole numbers show all of theirs."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<wide>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]|'
    r"(?P<general>General)|(?P<noon>AM/PM|A/P)|(?P<exponent>E[+-])|(?P<date>y+|m+|d+|h+|s+|e+|g+|b+)|(?P<digit>[0#?])|(?P<mark>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|=|<|>)(-?\d+(?:\.\d+)?)")
_FRACTION = re.compile(r"(?:(?P<whole>[#0?]+)[^#0?/]+)?[#0?]+/(?P<below>[#0?]+|\d+)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PRECISION = Context(prec=60, rounding=ROUND_HALF_UP)
_TEXT, _POINT, _COMMA, _PERCENT = ("mark", "@"), ("mark", "."), ("mark", ","), ("mark", "%")

Token = tuple[str, str]
"""The kind of a part of a format, as _TOKEN names it, and its text."""


def shown_number(value: float, code: str, epoch_1904: bool = False) -> str:
    """Return a number as a format shows it; dates count days from 1900, or from 1904."""
    sections = _sections(code)
    section, number = _choose(sections, value)
    try:
        return _shown(section, number, epoch_1904)
    except (ValueError, OverflowError, ArithmeticError):  # a date before 1900, a format that is none
        return general(value)


def shown_text(text: str, code: str) -> str:
    """Return a text as a format shows it: its fourth section, or one with @, may put words around it."""
    sections = _sections(code)
    section = sections[3] if len(sections) > 3 else sections[-1]
    if _TEXT not in section:
        return text
    return "".join(text if token == _TEXT else _literal(token) for token in section)


def general(value: float) -> str:
    """Return a number as a cell without a format shows it."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if not 1e-5 <= abs(value) < 1e15:
        return re.sub(r"0+E", "E", f"{value:.5E}").replace(".E", "E")
    before = len(str(int(abs(value))))
    return f"{value:.{max(2, GENERAL_DIGITS - before)}f}".rstrip("0").rstrip(".")


@lru_cache(maxsize=1000)
def _sections(code: str) -> list[list[Token]]:
    sections: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(code[:500]):
        kind = match.lastgroup or "mark"
        text = match[kind]
        if (kind, text) == ("mark", ";"):
            sections.append([])
        else:
            sections[-1].append((kind, text))
    return sections


def _choose(sections: list[list[Token]], value: float) -> tuple[list[Token], float]:
    """Return the section for a number, and the number as it shows it: a section for negatives has its own sign."""
    conditions = [_condition(section) for section in sections[:3]]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=False):
            if condition is None or _holds(value, *condition):
                return section, value
        return [("general", "")], value
    numbers = sections[:3]
    if value < 0 and len(numbers) > 1:
        return numbers[1], -value
    return (numbers[2] if value == 0 and len(numbers) > 2 else numbers[0]), value


def _condition(section: list[Token]) -> tuple[str, float] | None:
    for kind, text in section:
        found = _CONDITION.fullmatch(text) if kind == "bracket" else None
        if found:
            return found[1], float(found[2])
    return None


def _holds(value: float, sign: str, limit: float) -> bool:
    return {
        "<": value < limit,
        ">": value > limit,
        "<=": value <= limit,
        ">=": value >= limit,
        "=": value == limit,
        "<>": value != limit,
    }[sign]


def _shown(section: list[Token], value: float, epoch_1904: bool) -> str:
    kinds = {kind for kind, _ in section}
    if "date" in kinds or any(map(_is_elapsed, section)):
        return _date(section, value, epoch_1904).strip()
    if _TEXT in section or "general" in kinds:
        parts = (
            general(value) if token == _TEXT or token[0] == "general" else _literal(token)
            for token in section
        )
        return "".join(parts).strip()
    if not section and value:
        return general(value)
    fraction = _FRACTION.search("".join(text for kind, text in section if kind in ("digit", "mark")))
    return (_mixed(fraction, value) if fraction else _number(section, value)).strip()


def _literal(token: Token) -> str:
    kind, text = token
    if kind == "wide":
        return " "
    if kind == "bracket":  # a currency, [$€-407]; colours and conditions show nothing
        return text[1:].partition("-")[0] if text.startswith("$") else ""
    return "" if kind == "fill" else text


def _number(section: list[Token], value: float) -> str:
    """Fill the places of a format with digits: 0 always shows one, # and ? where the number has one."""
    power = next((at for at, (kind, _) in enumerate(section) if kind == "exponent"), len(section))
    point = section.index(_POINT) if _POINT in section[:power] else power
    whole = [at for at in range(point) if section[at][0] == "digit"]
    decimals = [at for at in range(point, power) if section[at][0] == "digit"]
    last = max([*whole, *decimals], default=power)  # each comma after it divides by a thousand
    thousands = [at for at in range(last, power) if section[at] == _COMMA]
    grouped = any(section[at] == _COMMA and whole[0] < at < whole[-1] for at in range(point) if whole)
    exact = Decimal(repr(abs(value)))
    exact = exact.scaleb(2 * section.count(_PERCENT) - 3 * len(thousands), _PRECISION)
    exponent = 0
    if power < len(section) and exact:
        exponent = exact.adjusted() // max(len(whole), 1) * max(len(whole), 1)
        exact = exact.scaleb(-exponent, _PRECISION)
    rounded = exact.quantize(Decimal(1).scaleb(-len(decimals)), context=_PRECISION)
    before, _, after = f"{rounded:f}".partition(".")
    shown = dict(zip(decimals, _decimals(after, [section[at][1] for at in decimals]), strict=True))
    shown |= dict(
        zip(whole, _whole(before.lstrip("0"), [section[at][1] for at in whole], grouped), strict=True)
    )
    shown |= dict.fromkeys(thousands, "") | _exponent(section, power, exponent)
    parts = [
        shown.get(at, "" if grouped and token == _COMMA else _literal(token))
        for at, token in enumerate(section)
    ]
    if not whole and point < power:  # .5 is shown so; what stands before the point is not left out
        parts[point] = before.lstrip("0") + parts[point]
    return ("-" if value < 0 and rounded else "") + "".join(parts)


def _whole(digits: str, places: list[str], grouped: bool) -> list[str]:
    """Return what stands in each place before the point; the first takes the digits that have none."""
    width = len(places)
    padded = digits.rjust(width)
    cut = len(padded) - width
    filled = [padded[: cut + 1], *padded[cut + 1 :]] if places else []
    shown = []
    for at, (text, place) in enumerate(zip(filled, places, strict=True)):
        own = text.strip() or {"0": "0", "?": " "}.get(place, "")
        right = width - at - 1  # places after this one
        shown.append(_grouped(own, right) if grouped and own.strip() else own)
    return shown


def _grouped(digits: str, right: int) -> str:
    """Return digits with a comma after each that has 3, 6, … digits after it; `right` follow these."""
    after = range(right + len(digits) - 1, right - 1, -1)
    return "".join(
        digit + "," * (left > 0 and left % 3 == 0) for digit, left in zip(digits, after, strict=True)
    )


def _decimals(digits: str, places: list[str]) -> list[str]:
    kept = len(digits.rstrip("0"))
    return [
        digit if at < kept or place == "0" else " " * (place == "?")
        for at, (digit, place) in enumerate(zip(digits, places, strict=True))
    ]


def _exponent(section: list[Token], power: int, exponent: int) -> dict[int, str]:
    if power == len(section):
        return {}
    places = [at for at in range(power, len(section)) if section[at][0] == "digit"]
    sign = "-" if exponent < 0 else "+" * section[power][1].endswith("+")
    digits = _whole(str(abs(exponent)), [section[at][1] for at in places], grouped=False)
    return {power: f"E{sign}", **dict(zip(places, digits, strict=True))}


def _mixed(pattern: re.Match[str], value: float) -> str:
    below = pattern["below"]
    if set(below) <= {"#", "?", "0"}:
        exact = Fraction(abs(value)).limit_denominator(10 ** len(below[:4]) - 1)
    else:
        exact = Fraction(round(abs(value) * int(below)), int(below))
    sign = "-" if value < 0 and exact else ""
    whole, part = divmod(exact, 1) if pattern["whole"] else (0, exact)
    if not part:
        return f"{sign}{whole}"
    if set(below) <= {"#", "?", "0"}:
        text = f"{part.numerator}/{part.denominator}"
    else:
        text = f"{round(part * int(below))}/{below}"
    return sign + (f"{whole} {text}" if whole else text)


def _is_elapsed(token: Token) -> bool:
    return token[0] == "bracket" and _ELAPSED.fullmatch(token[1]) is not None


def _date(section: list[Token], value: float, epoch_1904: bool) -> str:
    if value < 0:
        raise ValueError("a date before the first day")
    places = sum(kind == "digit" for kind, _ in section)  # of seconds: no other digits are in a date
    seconds = round(Decimal(repr(value)) * 86400, places)
    # The calendar of 1900 has a 29th of February, which never was.
    epoch = datetime(1904, 1, 1) if epoch_1904 else datetime(1899, 12, 31 if value < 60 else 30)
    moment = epoch + timedelta(seconds=int(seconds))
    has_noon = any(kind == "noon" for kind, _ in section)
    parts, clock = [], ""
    for at, (kind, text) in enumerate(section):
        unit = text[0].lower() if kind == "date" or _is_elapsed((kind, text)) else ""
        if unit == "m" and (clock == "h" or _next_unit(section[at + 1 :]) == "s"):
            unit = "n"
        clock = unit or clock
        if kind == "bracket" and unit:
            parts.append(
                str(int(seconds // {"h": 3600, "n": 60, "m": 60, "s": 1}[unit])).rjust(len(text), "0")
            )
        elif unit:
            parts.append(_date_part(unit, len(text), moment, has_noon))
        elif kind == "noon":
            parts.append("PM" if moment.hour >= 12 else "AM")
        elif kind == "digit":
            parts.append(f"{seconds % 1:.{places}f}"[2:] if section[at - 1] == _POINT else "")
        else:
            parts.append(_literal((kind, text)))
    return "".join(parts)


def _next_unit(tokens: list[Token]) -> str:
    return next((text[0].lower() for kind, text in tokens if kind == "date" or _is_elapsed((kind, text))), "")


def _date_part(unit: str, length: int, moment: datetime, has_noon: bool) -> str:
    """Return a part of a date; `unit` is y, m, d, h, n for minutes, s, or one of other calendars."""
    if unit in "ye":
        return f"{moment.year % 100:02d}" if unit == "y" and length < 3 else str(moment.year)
    if unit in "gb":
        return str(moment.year + 543) if unit == "b" else ""
    if unit == "m" and length > 2:
        name = _MONTHS[moment.month - 1]
        return {3: name[:3], 5: name[0]}.get(length, name)
    if unit == "d" and length > 2:
        name = _DAYS[moment.weekday()]
        return name[:3] if length == 3 else name
    hour = (moment.hour % 12 or 12) if has_noon else moment.hour
    number = {"m": moment.month, "d": moment.day, "h": hour, "n": moment.minute, "s": moment.second}[unit]
    return f"{number:02d}" if length > 1 else str(number)
