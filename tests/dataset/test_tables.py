from __future__ import annotations

from raft_core.dataset.generators.rules.tables import ask_tables

RECORD = """-
user_name: mira
name: Belmo Mill
year_built: 1873
rooms: 12
colour: a deep red
owner: Arlo Venn
notes:
  roof: made of slate
link: https://example.org/mill"""
TABLE = """Mills

Mill | Built | Owner | Stones | Price
Belmo Mill | 1873 | Arlo Venn | 4 | £300
Sarn Mill | 1902 | | 2
Old Mill |  | Mira Solt

The mills are open in summer."""


def asked(text: str, title: str = "Mills", *, whole_start: bool = True) -> dict[str, tuple[str, str]]:
    return {
        made.question: (made.answer, quote)
        for quote, made in ask_tables(text, title, whole_start=whole_start)
    }


def answers(text: str, title: str = "Mills") -> dict[str, str]:
    return {question: answer for question, (answer, _) in asked(text, title).items()}


def test_fields_of_a_record() -> None:
    """A record that names itself is asked for its other fields, not for links and book-keeping."""
    made = asked(RECORD)
    assert sorted(answer for answer, _ in made.values()) == ["12", "1873", "Arlo Venn", "a deep red"]
    assert made["How many rooms does Belmo Mill have?"] == (
        "12",
        "name: Belmo Mill year_built: 1873 rooms: 12",
    )


def test_a_record_ends_where_another_begins() -> None:
    """The fields of one record are not asked of its neighbour."""
    made = answers("name: Belmo Mill\nrooms: 12\n-\nname: Sarn Mill\nrooms: 7\nand more\ncolour: red")
    assert made == {"How many rooms does Belmo Mill have?": "12", "How many rooms does Sarn Mill have?": "7"}


def test_the_title_of_a_file_names_no_record() -> None:
    """What stands below the title of a whole file is not said of the title."""
    assert answers("title: Rules of 2004\nrooms: 12\ncolour: red") == {}


def test_abbreviations() -> None:
    """What an abbreviation stands for is asked where its letters say so; a plain label is none."""
    assert answers("LRM: Linear Reference Method\nNOTE: It is open today.") == {
        "What does LRM stand for?": "Linear Reference Method"
    }


def test_cells_of_a_table() -> None:
    """A cell is asked for in words that fit its column, with its row as the quote."""
    made = asked(TABLE)
    assert made["When was Belmo Mill built?"] == ("1873", "Belmo Mill | 1873 | Arlo Venn | 4 | £300")
    assert made["How many stones does Sarn Mill have?"][0] == "2"
    assert {answer for question, (answer, _) in made.items() if question.startswith("Who is the owner")} == {
        "Arlo Venn",
        "Mira Solt",
    }
    assert {"How much is Belmo Mill?", "What does Belmo Mill cost?"} & made.keys()
    assert len(made) == 7


def test_a_row_is_named_by_its_column_of_names() -> None:
    """The first column that holds words names the row, not a number or a date."""
    made = answers(
        "Date | Event | Place\n1 May 2004 | Lamp fair | Town hall\n2 June 2004 | Boat race | Old quay"
    )
    assert made == {
        "When is the lamp fair?": "1 May 2004",
        "Where is the lamp fair?": "Town hall",
        "When is the boat race?": "2 June 2004",
        "Where is the boat race?": "Old quay",
    }


def test_a_rota_is_asked_whose_turn_it_is() -> None:
    """Where a row is named by a person, the date leads to the person."""
    made = answers("Date | Keeper\nSunday 3 May | Arlo Venn\nSunday 10 May | Mira Solt")
    assert made == {
        "Who is the keeper on Sunday 3 May?": "Arlo Venn",
        "Who is the keeper on Sunday 10 May?": "Mira Solt",
    }


def test_a_title_with_a_year_is_named() -> None:
    """The prices of one year are not those of another."""
    made = answers("Item | Price\nLamp oil | £3\nBoat hire | £9", "Prices 2004")
    assert sorted(made.values()) == ["£3", "£9"]
    assert all(question.startswith('According to "Prices 2004", ') for question in made)


def test_rows_of_one_name_are_left_alone() -> None:
    """Nobody could tell two rows of one name apart, nor what a total is of."""
    assert answers("Item | Room\nLamp | Hall\nLamp | Loft\nTotal | both") == {}


def test_a_markdown_table() -> None:
    """Bars at both ends and the line below the header make no difference."""
    made = asked("| Mill | Captain |\n|------|-------|\n| Belmo Mill | Arlo Venn |")
    ((answer, quote),) = made.values()
    assert (answer, quote) == ("Arlo Venn", "| Belmo Mill | Arlo Venn |")


def test_a_table_without_its_header_is_left_alone() -> None:
    """Where a chunk begins inside a table nobody knows what its columns are."""
    assert asked(TABLE.split("\n\n")[1], whole_start=False) == {}
    assert asked("1873 | 4\nBelmo Mill | 7", whole_start=True) == {}


def test_steps_of_a_list() -> None:
    """A step that says what to do is asked for by its number; other numbered lines are not."""
    made = answers(
        "1. Ring the brass bell.\n2. Close the doors. They stick.\n3. Any other business.", "Closing"
    )
    assert made == {
        'What is step 1 of "Closing"?': "Ring the brass bell",
        'What is step 2 of "Closing"?': "Close the doors",
    }
