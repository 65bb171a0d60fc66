"""Fonts whose letters are symbols: what a reader sees where the file says "m in the font Symbol"."""

# ruff: noqa: RUF001  # its tables are symbols

from __future__ import annotations

UNKNOWN = "\ufffd"
"""A symbol of a font whose letters are not known here."""

# Each table begins at the code of a space; a space within it is a code that has no equivalent.
_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼ "
    + " " * 32
    + "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…|—↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ ⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
)
_WINGDINGS = (
    " ✏✂✁👓🔔📖🕯☎✆✉✉📪📫📬📭📁📂📄📄📄🗄⌛⌨🖱🖲🖥💾💾💾✇✍✍✌👌👍👎☜☞☝☟✋☺😐☹💣☠⚐⚐✈☼💧❄✝✞✝✠✡☪☯ॐ☸♈♉♊♋♌♍♎♏♐♑♒♓&&●○■□□❑❒⬧⧫◆❖⬥⌧⮹⌘❀✿“” "
    "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿❧❧❧❧❧❧❧❧·•▪○○○◉◎○▪□✦✦★✶✴✹✵⌖⌖✧✧✧✪✰🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛↩↪↩↪↰↱↲↳❦❦❦❦❦❦❦❦❦❦⌫⌦➢➢➢➢➲➲➲➲←→↑↓↖↗↙↘←→↑↓↖↗↙↘⇦⇨⇧⇩⇔⇕⬁⬀⬃⬂▭▫✗✓☒☑"
)
_OTHERS = {
    "wingdings 2": {"O": "✗", "P": "✓", "Q": "☒", "R": "☑", "S": "☒", "T": "☒", "\xa3": "☐"},
    "wingdings 3": {"f": "←", "g": "→", "h": "↑", "i": "↓", "p": "▲", "q": "▼", "t": "◀", "u": "▶", "}": "▶"},
    "webdings": {"a": "✓", "r": "✗", "3": "◀", "4": "▶", "5": "▲", "6": "▼", "c": "☐", "g": "■", "n": "●"},
}


def _table(symbols: str) -> dict[str, str]:
    pairs = zip(map(chr, range(0x20, 0xFF)), symbols, strict=True)
    return {code: symbol for code, symbol in pairs if symbol != " "} | {" ": " "}


_FONTS = {"symbol": _table(_SYMBOL), "wingdings": _table(_WINGDINGS), **_OTHERS}


def is_symbol_font(font: str) -> bool:
    """Return whether a font's letters are symbols."""
    return font.lower() in _FONTS


def shown(text: str, font: str) -> str:
    """Return what a reader sees of a text in a symbol font; UNKNOWN for each symbol without an equivalent.

    Word writes codes of such fonts as they are, or from U+F000 on, in the private use area.
    """
    table = _FONTS.get(font.lower(), {})
    return "".join(_shown(char, table) for char in text)


def _shown(char: str, table: dict[str, str]) -> str:
    code = chr(ord(char) - 0xF000) if 0xF020 <= ord(char) <= 0xF0FF else char
    if code in table:
        return table[code]
    return UNKNOWN if code.isprintable() and (code != char or (table and code < "\u0100")) else char
