from __future__ import annotations

from raft_core.dataset.generators.fields import ask_fields

RECORD = """-
user_name: mira
name: Belmo Mill
year_built: 1873
rooms: 12
updated: 2004-06-02
owner: Arlo Venn
notes:
  roof: made of slate
link: https://example.org/mill"""
TABLE = """Mills

Mill | Built | Owner | Stones
Belmo Mill | 1873 | Arlo Venn | 4
Sarn Mill | 1902 | | 2
Old Mill |  | Mira Solt

The mills are open in summer."""


def asked(text: str, *, whole_start: bool = True) -> dict[str, tuple[str, str]]:
    return {made.question: (made.answer, quote) for quote, made in ask_fields(text, whole_start=whole_start)}


def test_fields_of_a_record() -> None:
    """A record that names itself is asked for its other fields, not for links and book-keeping."""
    made = asked(RECORD)
    assert {question: answer for question, (answer, _) in made.items()} == {
        "What is the year built of Belmo Mill?": "1873",
        "What are the rooms of Belmo Mill?": "12",
        "When was Belmo Mill updated?": "2004-06-02",
        "Who is the owner of Belmo Mill?": "Arlo Venn",
    }
    assert made["What is the year built of Belmo Mill?"][1] == "name: Belmo Mill year_built: 1873"


def test_a_record_ends_where_another_begins() -> None:
    """The fields of one record are not asked of its neighbour."""
    made = asked("name: Belmo Mill\nrooms: 12\n-\nname: Sarn Mill\nrooms: 7\nand more\ncolour: red")
    assert [(question, answer) for question, (answer, _) in made.items()] == [
        ("What are the rooms of Belmo Mill?", "12"),
        ("What are the rooms of Sarn Mill?", "7"),
    ]


def test_definitions() -> None:
    """What an identifier or an abbreviation means is asked where its line says so; a plain label is none."""
    made = asked(
        "pageToken: The token of the next page.\nLRM: Linear Reference Method\nNote: it is open today."
    )
    assert {question: answer for question, (answer, _) in made.items()} == {
        'What is "pageToken"?': "The token of the next page.",
        'What is "LRM"?': "Linear Reference Method",
    }


def test_cells_of_a_table() -> None:
    """A cell is asked for by its column and its row's first cell, with the row as the quote."""
    made = asked(TABLE)
    assert {question: answer for question, (answer, _) in made.items()} == {
        "When was Belmo Mill built?": "1873",
        "Who is the owner of Belmo Mill?": "Arlo Venn",
        "What are the stones of Belmo Mill?": "4",
        "When was Sarn Mill built?": "1902",
        "What are the stones of Sarn Mill?": "2",
        "Who is the owner of Old Mill?": "Mira Solt",
    }
    assert made["When was Belmo Mill built?"][1] == "Belmo Mill | 1873 | Arlo Venn | 4"


def test_a_markdown_table() -> None:
    """Bars at both ends and the line below the header make no difference."""
    made = asked("| Mill | Owner |\n|------|-------|\n| Belmo Mill | Arlo Venn |")
    assert made == {"Who is the owner of Belmo Mill?": ("Arlo Venn", "| Belmo Mill | Arlo Venn |")}


def test_a_table_without_its_header_is_left_alone() -> None:
    """Where a chunk begins inside a table nobody knows what its columns are."""
    assert asked(TABLE.split("\n\n")[1], whole_start=False) == {}
    assert asked("1873 | 4\nBelmo Mill | 7", whole_start=True) == {}
