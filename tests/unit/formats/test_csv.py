"""Records of a CSV text: their lines, their damage, and what a header must have."""

import pytest

from bazar.formats.csv import BrokenText, Record, header_problems, records


def test_a_record_has_the_line_that_it_starts_on() -> None:
    """Blank lines and empty rows are counted, and passed over."""
    lines = ["a,b\r\n", "\r\n", '"1\n', '2", 3\n', " , \n", "4,5"]
    assert [Record(1, ["a", "b"]), Record(3, ["1\n2", " 3"]), Record(6, ["4", "5"])] == list(
        records(lines)
    )


def test_a_damaged_line_is_a_record_and_the_next_is_read() -> None:
    """It is shown as it is, with what is wrong."""
    header, damaged, row = records(["a,b\n", '"1"x,2\n', "3,4\n"])
    assert (["a", "b"], ["3", "4"]) == (header.cells, row.cells)
    assert (2, ['"1"x,2']) == (damaged.line, damaged.cells)
    assert damaged.problem.startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a\n", '"b\n', "c\n"], "lines 2 to 3: .*; is a quote open"),
        (["a\n", "b\n", "\udcc9\n"], "line 3 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_text_that_breaks_off_says_where(lines: list[str], message: str) -> None:
    """Nobody can tell what comes after that."""
    with pytest.raises(BrokenText, match=f"^{message}"):
        list(records(lines))


def test_no_more_is_read_than_is_asked_for() -> None:
    """However long the text is."""
    lines = iter(["a\n", "b\n", "c\n"])
    assert Record(1, ["a"]) == next(records(lines))
    assert ["b\n", "c\n"] == list(lines)


def test_a_header_with_the_needed_columns_is_fine() -> None:
    """They may be there, be mapped, or have a default."""
    assert [] == list(header_problems(["title", "x", "price", ""], {}, {}))
    assert [] == list(header_problems(["name"], {"title": "name"}, {"price": "1"}))


def test_every_problem_of_a_header_is_told() -> None:
    """Each with a way out, in one go."""
    assert [
        "has the column 'x' more than once",
        "has no column 'name' for --map title=name",
        "has no column 'price': use --map price=... or --default price=...",
    ] == list(header_problems(["x", "x"], {"title": "name"}, {}))
    assert "seems to have ';' between its cells: save it with commas" in list(
        header_problems(["title;price"], {}, {})
    )
