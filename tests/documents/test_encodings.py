"""The encoding of a text is found by its mark, its validity or its likelihood."""

# ruff: noqa: RUF001  # texts in many scripts

from __future__ import annotations

from pathlib import Path

import pytest

from raft_core.documents.encodings import decode_text
from raft_core.documents.readers import parse_document

TEXTS = {
    "german": "Der Müller öffnet die Mühle früh am Morgen und schließt sie spät. Für größere Mengen gilt ein höherer Preis.",
    "french": "Le gardien ferme la porte à l’heure où le marché s’achève. Les élèves reçoivent un goûter très léger près du château.",
    "spanish": "¿Quién abrió la puerta del almacén? La guardia mañana revisará el camión y después cerrará el jardín más pequeño.",
    "portuguese": "A colheita não começou ainda. As informações estão na estação, e o capitão irá à reunião amanhã de manhã.",
    "swedish": "Vakten öppnar bron på våren och stänger den när isen lägger sig. Båtarna får då ligga kvar på andra sidan ån.",
    "icelandic": "Vörðurinn opnar brúna á vorin og lokar henni þegar ísinn kemur. Það verður að bíða þar til veðrið batnar.",
    "polish": "Młynarz otwiera bramę wcześnie rano. Każdy gość może wejść po śniadaniu, lecz później już się nie wpuszcza łodzi.",
    "czech": "Mlynář otevírá bránu časně ráno. Žádný člun nesmí vplout, dokud není hladina řeky dostatečně nízká a břeh čistý.",
    "hungarian": "A molnár kora reggel nyitja ki a kaput. Később már csak azok jöhetnek be, akiknek engedélyük van az őrtől és időben érkeznek.",
    "slovak": "Mlynár otvára bránu skoro ráno. Žiadna loď nesmie vplávať, kým hladina rieky neklesne a breh nie je opäť čistý, hovorí stráž.",
    "romanian": "Morarul deschide poarta dimineaţa. Toţi cei care vin după prânz aşteaptă până când paznicul îi lasă să intre în curte.",
    "turkish": "Değirmenci kapıyı sabah erken açar. Öğleden sonra gelenler için bekçi ayrı bir giriş gösterir, ışık sönünce kapı kapanır.",
    "lithuanian": "Malūnininkas vartus atidaro anksti rytą. Vėliau atvykę žmonės turi palaukti, kol sargas juos įleis į kiemą šalia upės.",
    "latvian": "Dzirnavnieks vārtus atver agri no rīta. Vēlāk atnākušie cilvēki gaida, līdz sargs viņus ielaiž pagalmā pie upes krasta.",
    "russian": "Мельник открывает ворота рано утром. Кто приходит позже, тот ждёт, пока сторож не впустит его во двор у реки.",
    "ukrainian": "Мельник відчиняє ворота рано вранці. Хто приходить пізніше, той чекає, доки сторож не впустить його на подвір'я.",
    "bulgarian": "Мелничарят отваря портата рано сутрин. Който дойде по-късно, чака пазачът да го пусне в двора край реката.",
    "greek": "Ο μυλωνάς ανοίγει την πύλη νωρίς το πρωί. Όποιος έρθει αργότερα περιμένει τον φύλακα να τον αφήσει να μπει στην αυλή.",
    "hebrew": "הטוחן פותח את השער מוקדם בבוקר. מי שבא מאוחר יותר מחכה עד שהשומר מכניס אותו אל החצר שליד הנהר.",
    "arabic": "يفتح الطحان البوابة في الصباح الباكر. ومن يأتي متأخرا ينتظر حتى يسمح له الحارس بالدخول إلى الساحة قرب النهر.",
    "thai": "คนโม่แป้งเปิดประตูแต่เช้าตรู่ ผู้ที่มาสายต้องรอจนกว่ายามจะให้เข้าไปในลานริมแม่น้ำ",
    "japanese": "水車小屋の番人は朝早く門を開ける。遅れて来た人は、川のそばの庭に入れてもらうまで待たなければならない。",
    "simplified": "磨坊的主人每天清晨打开大门。来得晚的人要等看守让他们进入河边的院子，下雨的时候可以在屋里等。",
    "traditional": "磨坊的主人每天清晨打開大門。來得晚的人要等看守讓他們進入河邊的院子，下雨的時候可以在屋裡等。",
    "korean": "방앗간 주인은 아침 일찍 문을 연다. 늦게 온 사람은 문지기가 강가의 마당으로 들여보낼 때까지 기다려야 한다.",
}  # fmt: skip

ENCODINGS = {
    "cp1252": "german french spanish portuguese swedish icelandic",
    "iso8859_15": "german french",
    "mac_roman": "german french spanish portuguese",
    "cp850": "german french spanish",
    "cp437": "german french",
    "cp1250": "polish czech hungarian slovak romanian",
    "iso8859_2": "polish czech hungarian slovak",
    "cp852": "polish czech hungarian",
    "mac_latin2": "polish czech",
    "cp1254": "turkish",
    "iso8859_9": "turkish",
    "cp1257": "lithuanian latvian",
    "iso8859_13": "lithuanian",
    "cp1251": "russian ukrainian bulgarian",
    "koi8_r": "russian",
    "koi8_u": "ukrainian",
    "iso8859_5": "russian bulgarian",
    "cp866": "russian",
    "mac_cyrillic": "russian ukrainian bulgarian",
    "cp1253": "greek",
    "iso8859_7": "greek",
    "cp1255": "hebrew",
    "iso8859_8": "hebrew",
    "cp1256": "arabic",
    "iso8859_6": "arabic",
    "cp874": "thai",
    "shift_jis": "japanese",
    "euc_jp": "japanese",
    "iso2022_jp": "japanese",
    "gb18030": "simplified traditional",
    "big5": "traditional",
    "euc_kr": "korean",
    "iso2022_kr": "korean",
    "utf-8": "german polish russian greek hebrew thai japanese korean",
    "utf-16-le": "german russian hebrew thai japanese simplified traditional korean",
    "utf-16-be": "german russian japanese simplified korean",
    "utf-32-le": "german russian japanese",
    "utf-32-be": "german russian japanese",
}
PAIRS = [(encoding, name) for encoding, names in ENCODINGS.items() for name in names.split()]


def bare(text: str, encoding: str) -> str:
    """Return a text without the typographic apostrophes that an encoding lacks."""
    return text.encode(encoding, "ignore").decode(encoding)


@pytest.mark.parametrize(("encoding", "name"), PAIRS)
@pytest.mark.parametrize("length", ["sentence", "two", "page"])
def test_an_encoding_without_a_mark(encoding: str, name: str, length: str) -> None:
    """One sentence is enough, and a page, cut anywhere, too."""
    text = bare(TEXTS[name], encoding)
    text = {
        "sentence": text[:75],
        "two": text,
        "page": text * 30,
    }[length]
    decoded = decode_text(text.encode(encoding))
    assert (decoded.text, decoded.broken) == (text, 0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_decides(encoding: str) -> None:
    """It is no part of the text."""
    assert decode_text("Bush hid the facts".encode(encoding)).text == "Bush hid the facts"


def test_few_letters_beside_much_ascii() -> None:
    """They are found wherever they are, and judged with their neighbours."""
    text = "plain words\n" * 50_000 + "Der Müller schließt früh." + " plain words" * 50_000
    assert decode_text(text.encode("cp1252")).text == text


@pytest.mark.parametrize(
    ("data", "text", "broken"),
    [
        ("Müller öffnet ".encode() * 30 + b"\xff und geht", "Müller öffnet " * 30 + "\ufffd und geht", 1),
        ("Müller öffnet früh".encode()[:-2], "Müller öffnet fr\ufffd", 1),
        ("Мельник спит".encode()[:-1], "Мельник спи\ufffd", 1),
        ("水車小屋の番人".encode()[:-1], "水車小屋の番\ufffd", 1),
        (b"\xe9t\xe9 " + "été ".encode() * 9, "\ufffdt\ufffd " + "été " * 9, 2),
        (
            "水車小屋の番人は朝早く門を開ける。".encode("cp932") + b"\x85",
            "水車小屋の番人は朝早く門を開ける。\ufffd",
            1,
        ),
        ("Мельник спит".encode("utf-16")[:-1], "Мельник спи\ufffd", 1),
        (b"caf\xe9", "café", 0),
        (b"one\x00 stray NUL in M\xc3\xbcller", "one\x00 stray NUL in Müller", 0),
    ],
)
def test_broken_bytes_do_not_change_the_encoding(data: bytes, text: str, broken: int) -> None:
    """A bad byte or a cut letter is replaced and counted; the other letters are those of the encoding."""
    assert decode_text(data) == (text, broken)


def test_broken_bytes_are_reported() -> None:
    """A document says that some of it is not read."""
    assert parse_document("Müller\xff früh".encode("latin-1").replace(b"\xfc", b"\xc3\xbc"), Path("a.txt")).unread == ("1 undecodable byte",)  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [("iso-8859-1", "cp1252", "10 €"), ("gb2312", "gb18030", "开"), ("windows-1251", "cp1251", "да"), ("shift_jis", "cp932", "番人"), ("nonsense", "cp1252", "Müller schließt früh"), ("utf-8", "cp1252", "Café £1"), ("windows-1251", "cp1252", "Der Müller öffnet die Mühle früh und schließt sie spät")],
)  # fmt: skip
def test_a_declared_encoding_is_likelier(declared: str, encoding: str, text: str) -> None:
    """It decides where the letters do not, and does not where they speak against it."""
    assert decode_text(text.encode(encoding), declared).text == text
