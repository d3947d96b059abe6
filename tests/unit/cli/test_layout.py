"""Tables and facts in terminals of any width, with letters of any width."""

import pytest
from rich.cells import cell_len

from bazar.cli.layout import fact_lines, steady, table_lines, wrapped

COLUMNS = ("id", "title", "topic", "stock")
ROWS = [
    ("1", "How to get a good grade in DOS in 40 minutes a day", "distributed systems", "5"),
    ("22", "红楼梦 全集 吾輩は猫である대한민국의역사红楼梦红楼梦红楼梦红楼梦红楼梦", "小说", "12"),
    ("333", "رِسَالَةُ الغُفران", "أدب عربي", "1"),
    ("4", "Cafe\u0301 👩‍👩‍👧", "n/a", "-3"),
]
ORDER = "01m8305m92xkwqsj041tznent2"


def starts(line: str, text: str) -> int:
    """Return at which letter of a terminal a text begins in a line."""
    return cell_len(line[: line.index(text)])


def test_columns_are_aligned_whatever_letters_they_hold() -> None:
    """Wide ones count twice, marks and joiners not at all."""
    _head, *lines = table_lines(COLUMNS, ROWS, None)
    assert len(ROWS) == len(lines)
    topics = [starts(line, row[2]) for line, row in zip(lines, ROWS, strict=True)]
    assert 1 == len(set(topics))
    assert 1 == len({cell_len(line) for line in lines}), "numbers end at the right"


@pytest.mark.parametrize("width", [200, 100, 80, 60])
def test_a_table_fits_the_terminal_and_loses_nothing(width: int) -> None:
    """What does not fit is folded between words, or where a word alone is too long."""
    lines = table_lines(COLUMNS, ROWS, width)
    assert [] == [line for line in lines if cell_len(line) > width]
    shown = "".join("".join(lines).split())
    for row in ROWS:
        for letter in "".join(row).replace(" ", ""):
            assert letter in shown
    assert lines[0].split() == list(COLUMNS)


def test_words_are_not_broken_where_they_fit() -> None:
    """A title reads on below its beginning."""
    lines = table_lines(COLUMNS, ROWS[:1], 50)
    assert ["How to get a good", "grade in DOS in 40", "minutes a day"] == [
        line[4:24].strip() for line in lines[1:]
    ]


@pytest.mark.parametrize("width", [36, 30, 15])
def test_what_fits_no_table_becomes_facts(width: int) -> None:
    """A few lines a row, and an empty one between two."""
    lines = table_lines(COLUMNS, ROWS, width)
    assert len(ROWS) - 1 == lines.count("")
    assert "id     1" == lines[0]
    assert "stock  -3" == lines[-1]


def test_what_is_copied_is_never_folded() -> None:
    """An order's id is whole in the narrowest table, or it is a fact."""
    rows = [(ORDER, "confirmed", "one two three four five six seven")]
    columns = ("order", "status", "books")
    for width in (100, 60, 50, 40):
        lines = table_lines(columns, rows, width, ("order", "status"))
        assert 1 == sum(ORDER in line for line in lines)


def test_an_id_in_a_text_is_not_broken() -> None:
    """Nor any word that is not longer than one; where there is no room, rows become facts."""
    rows = [("1", f"sold by {ORDER}", "x" * 31)]
    assert 1 == sum(ORDER in line for line in table_lines(("n", "why", "y"), rows, 60))
    assert f"why  sold by {ORDER}" in table_lines(("n", "why", "y"), rows, 42)


def test_lines_below_a_row_stand_below_it() -> None:
    """In a table and among facts, folded too."""
    below = [["2 x How to get a good grade in DOS"], ["1 x B"]]
    rows = [("1", "a"), ("2", "b")]
    assert ["n  x", "1  a", "    2 x How to get a", "    good grade in", "    DOS", "2  b"] == (
        table_lines(("n", "x"), rows, 20, (), below)[:-1]
    )
    assert "    2 x How to get a good grade in DOS" in table_lines(
        ("n", "x"), rows, None, (), below
    )


def test_facts_go_on_below_their_beginning() -> None:
    """With the letters of their names in one column."""
    facts = [("title", "one two three four"), ("n", "a\nb"), ("empty", "")]
    assert ["title  one two", "       three four", "n      a", "       b", "empty"] == fact_lines(
        facts, 19
    )
    assert ["title    one two three four"] == fact_lines(facts[:1], None, 9)


def test_a_word_is_broken_only_where_it_has_to_be() -> None:
    """Of wide letters none is cut in half."""
    assert ["ab", "cdefg", "hij k"] == wrapped("ab cdefghij k", 5)
    assert ["红楼", "梦"] == wrapped("红楼梦", 5)
    assert ["a  b"] == wrapped("a  b", None)


def test_what_is_written_to_the_left_does_not_move_its_neighbours() -> None:
    """Each such cell ends with a mark, and so begins the line; other lines stay as they are."""
    mark = "\u200e"
    assert "1  plain  2" == steady("1  plain  2")
    assert f"{mark}1  كتاب البخلاء{mark}  2" == steady("1  كتاب البخلاء  2")
    assert cell_len("1  שלום  2") == cell_len(steady("1  שלום  2"))
