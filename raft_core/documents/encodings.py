"""The encoding of a text, by its mark or by how likely the text is that each encoding gives.

A reading is scored by what its characters cost: little for the letters of one language in the order of their
frequency, much for symbols inside words, scripts mixed in one word, or characters that hardly any text has.
"""

# ruff: noqa: RUF001  # the tables below are letters of many scripts

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import NamedTuple

SAMPLE_BYTES = 2_000
"""Bytes of the lines that are not plain ASCII, from which the encoding is judged."""

# The UTF-32 mark begins with the UTF-16 one, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_ESCAPED = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"), (b"\x1b$", "iso2022_jp_ext"))
_EAST_ASIAN = ("gb18030", "cp932", "euc_jp", "cp950", "cp949", "big5hkscs")
# What a single byte may be, and what each costs beforehand: those of Windows were the commonest by far.
_PRIOR = {
    "cp1252": 0.0,
    **dict.fromkeys(("cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp874"), 0.4),
    **dict.fromkeys(("cp1257", "koi8_u", "iso8859_2", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8", "iso8859_15"), 1.0),
    **dict.fromkeys(("iso8859_13", "cp866"), 2.0),
    **dict.fromkeys(("mac_roman", "mac_cyrillic", "mac_latin2", "mac_greek", "mac_turkish", "cp437", "cp850", "cp852"), 6.0),
    **dict.fromkeys(("cp855", "cp857", "cp737", "cp775", "cp862"), 7.0),
}  # fmt: skip
# What pages declare, and the larger encoding that browsers read it as.
_LARGER = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "big5": "cp950", "euc_kr": "cp949", "iso8859-11": "cp874"}  # fmt: skip
_DECLARED_GAIN = 12.0
"""What a declaration is worth: about two impossible characters."""

# The letters of languages beside a to z, roughly the commonest first.
_LETTERS = (
    "üäöß", "éèàêçôùîâûœëïæ", "óíáéñúü", "ãçáéíóõêâúàôü", "àèéùòìî", "àéóèíçòúïü", "äöåé", "åøæéö", "áíóðéúöþýæ", "ëéïöüè",
    "łąęóżśćńź", "íáéěřýčžšůúťňóď", "áíéýžčšúľťňôóäďĺŕ", "áéőöíóüúű", "ăîșâț", "ăîşâţ", "čšžćđ", "ışğüçöiâî", "ėšųžįčąūę",
    "āīēšņļūžķģčŗ", "äõüöšž", "ëç", "ŵŷâêôîö",
    "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ", "оанивітерслкдмпузяьбгйчхєщжюцїшґф", "аиоентрсвлкдпмзгъучбяцжщйхфшюь",
    "аиоенрстујвкдмпзлгбчшцњжћљхђфџ", "аоиетнрсвјдлпкмузгбчшцњжќѓѕџфх", "анірыеслкдовтпямьзугбчйўшжхюцэфё",
    "αοιετσνηυρπκμλςωίγόθάέδήχύώβξφζψϊϋΐΰ", "יוהלאתרבמשנדעקחפכםגטסזןצךףץ", "اليمنتربودعهسفقكحجةشصىطخأضثذزءغئظؤإآـ",
    "ايرندهمتوشبسزکلگخفعقپچجحآصطغژضظثذئیك", "านร่กอเงมยลว้ัตทดสิปีุคบแหพชะาขำไใู์ืโซผถภจณธฟศึๆฐษญฉฝ็",
)  # fmt: skip
_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "這個們來為國說時會對於過發後裡種經麼學現當沒動還進樣開從實"
    "日十二長三見月間東四今金九入高円外八六気七山話女北午百書先名川千水半男西電校語土木聞食車何南万毎白母火右読友左休父雨合用者場物度性力発社自対倉庫番持"
    "이다는을가에의고하지한도로사기어리나자인대시아해서부정일과전수보그만제니었있라습들와은를스며할된"
)
_USUAL = frozenset("–—‘’“”„…«»\xa0°")
_POSSIBLE = frozenset("€•©§®™£±·×‹›¿¡№´¨`¹²³½¼¾ºª•、。「」")
_ODD_NEIGHBOURS = frozenset("0123456789@[\\]^`{|}~<=>#$%&+")
_INSIDE_WORDS = frozenset("’–—\xa0·\xad")
# Half-width kana, full-width letters, private use.
_RANGES = (("\uff61", "\uff9f", 9.0), ("\uff01", "\uff5e", 7.0), ("\ue000", "\uf8ff", 16.0))
_UNLISTED = 9.0
"""What a letter costs that the language does not have."""
_CUT = 6.0
_BROKEN = 12.0
_ASCII = 2.0
_HIGH = re.compile(rb"[\x80-\xff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Decoded(NamedTuple):
    """A text, and how many bytes of it could not be decoded (they are U+FFFD in the text)."""

    text: str
    broken: int


def decode_text(data: bytes, declared: str | None = None) -> Decoded:
    """Return a text by its byte order mark, as UTF-8, or in the likeliest encoding; a declared one is likelier."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data.removeprefix(mark) if encoding == "utf-8" else data, encoding)
    for escape, encoding in _ESCAPED:
        if escape in data[:100_000]:
            decoded = _decoded(data, encoding)
            if not decoded.broken:
                return decoded
    if b"\0" not in data:
        try:
            return Decoded(data.decode(), 0)
        except UnicodeDecodeError:
            pass
    return _decoded(data, likeliest(data, declared))


def _decoded(data: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(data.decode(encoding), 0)
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        return Decoded(text, max(text.count("\ufffd"), 1))


def likeliest(data: bytes, declared: str | None = None) -> str:
    """Return the encoding whose reading of some bytes is the likeliest text."""
    wide = (encoding for encoding in _WIDE if _may_be_wide(data[:SAMPLE_BYTES], encoding))
    candidates = {"utf-8": 0.0, **_PRIOR, **dict.fromkeys(_EAST_ASIAN, 0.0), **dict.fromkeys(wide, 0.0)}
    known = _known(declared)
    if known:
        candidates[known] = candidates.get(known, 0.0) - _DECLARED_GAIN
    sample = data[:SAMPLE_BYTES] if b"\0" in data else _sample(data)
    return min(candidates, key=lambda encoding: candidates[encoding] + _cost(data, sample, encoding))


def _may_be_wide(sample: bytes, encoding: str) -> bool:
    """Return whether the NULs of a sample are halves of Latin letters, digits, line ends, or signs such as 一."""
    text = sample.decode(encoding, "ignore")
    if encoding.startswith("utf-32"):  # hardly anything else is valid
        return len(text) == len(sample) // 4 and sum(char < "\U00010000" for char in text) * 2 > len(text)
    explained = sum(
        " " <= char < "\u0100" or char in "\t\r\n" or (char >= "\u3000" and not ord(char) % 256)
        for char in text
    )
    return explained >= sample.count(0) // 4


def _known(declared: str | None) -> str | None:
    try:
        name = codecs.lookup(declared or "").name
    except (LookupError, ValueError):
        return None
    name = _LARGER.get(name, name)
    return None if name.startswith(("utf", "iso2022")) else codecs.lookup(name).name.replace("-", "_")


def _sample(data: bytes) -> bytes:
    """Return lines that are not plain ASCII; all encodings but the wide ones agree on what a line is."""
    lines, size = [], 0
    for line in data[: 2**24].splitlines():
        first = _HIGH.search(line)
        if first:  # where ASCII ends a character begins, so that a long line can be entered there
            lines.append(line[max(0, first.start() - 100) :][:SAMPLE_BYTES])
            size += len(lines[-1])
            if size > SAMPLE_BYTES:
                break
    return b"\n".join(lines)


def _cost(data: bytes, sample: bytes, encoding: str) -> float:
    """Return what the reading of a sample costs; its end may cut a character in two."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(data[:SAMPLE_BYTES] if encoding in _WIDE else sample)
    return _text_cost(text, encoding) + _CUT * bool(decoder.getstate()[0])


def _text_cost(text: str, encoding: str) -> float:
    letters: Counter[str] = Counter()
    cost = 0.0
    wide = encoding in _EAST_ASIAN or encoding.startswith("utf")
    for match in _NOT_ASCII.finditer(text):
        at = match.start()
        char = match[0]
        before = text[at - 1] if at else " "
        after = text[at + 1] if at + 1 < len(text) else " "
        if char == "\ufffd":
            cost += _BROKEN * (5 if encoding.startswith("utf-32") else 1)
        elif ord(char) >= 0x2E80 and wide:
            cost += _east_asian(char, encoding)
            cost += 4 * (before.isascii() and before.isalpha()) + 4 * (after.isascii() and after.isalpha())
        elif _is_letter(char):
            letters[char.lower()] += 1
            cost += _joined(char, before, after) + 3 * (encoding in _EAST_ASIAN)
        else:
            cost += _symbol(char, before, after)
    cost += 20.0 * len(_CONTROL.findall(text)) + _ASCII * (len(text) - len(_NOT_ASCII.findall(text)))
    return cost + min(
        sum(count * table.get(each, _UNLISTED) for each, count in letters.items()) for table in _tables()
    )


@cache
def _tables() -> list[dict[str, float]]:
    """Return what each letter costs in each language."""
    return [
        {letter: 1.6 + rank * (0.13 if len(letters) > 25 else 0.25) for rank, letter in enumerate(letters)}
        for letters in _LETTERS
    ]


def _joined(char: str, before: str, after: str) -> float:
    """Return what a letter costs for its neighbours: words have one script, and capitals at their beginning."""
    script = _script(char)
    cost = sum(5.0 for each in (before, after) if _is_letter(each) and _script(each) != script)
    cost += sum(2.0 for each in (before, after) if each in _ODD_NEIGHBOURS)
    if char.isupper():
        return cost + 0.5 + 5 * before.islower()
    if char.islower() and after.isupper():
        cost += 5
    return cost


def _symbol(char: str, before: str, after: str) -> float:
    inside = _is_letter(before) and _is_letter(after)
    if char in _USUAL or (char in "¡¿" and not _is_letter(before)):
        return 3.0 + (1.5 if char in _INSIDE_WORDS else 5.0) * inside
    if char in _POSSIBLE:
        return 4.5 + 3 * (_is_letter(before) or _is_letter(after))
    if unicodedata.category(char) in ("Cn", "Co", "Cc", "Cs"):
        return _BROKEN
    return 8.0 + 3 * (_is_letter(before) or _is_letter(after))


@lru_cache(20_000)
def _is_letter(char: str) -> bool:
    return (char.isalpha() and char not in "ªºµ") or unicodedata.category(char) == "Mn"


@lru_cache(20_000)
def _script(char: str) -> str:
    return "LATIN" if char.isascii() else unicodedata.name(char, "").partition(" ")[0]


@lru_cache(50_000)
def _east_asian(char: str, encoding: str) -> float:
    """Return what a character of East Asia costs in one of its encodings."""
    if char in _FREQUENT:
        return 5.0
    if char in "、。，：！？「」（）　・ー；“”":
        return 4.5
    if "\u4e00" <= char <= "\u9fff":
        return min((_ideograph(char, each) for each in _own_sets(encoding)), default=12.0)
    if "ぁ" <= char <= "ヾ":  # the Chinese and Korean sets have kana too, their texts do not
        return 4.5 if encoding in ("cp932", "euc_jp", *_WIDE, "utf-8") else 9.0
    if "가" <= char <= "힣":
        return 6.5 if _bytes(char, "euc_kr") else 12.0
    return next((cost for first, last, cost in _RANGES if first <= char <= last), 11.0)


def _own_sets(encoding: str) -> tuple[tuple[str, int, int], ...]:
    """Return the sets whose first half, between two lead bytes, is the ideographs in everyday use."""
    sets = {
        "gb18030": ("gb2312", 0xB0, 0xD7),
        "cp932": ("shift_jis", 0x88, 0x98),
        "cp950": ("big5", 0xA4, 0xC6),
    }
    same = {"euc_jp": "cp932", "big5hkscs": "cp950"}
    name = same.get(encoding, encoding)
    if name in sets:
        return (sets[name],)
    return tuple(sets.values()) if name.startswith("utf") else ()


def _ideograph(char: str, own: tuple[str, int, int]) -> float:
    name, first, last = own
    encoded = _bytes(char, name)
    if not encoded:
        return 13.0
    return 7.0 if first <= encoded[0] <= last else 10.5


def _bytes(char: str, encoding: str) -> bytes:
    return char.encode(encoding, "ignore")
