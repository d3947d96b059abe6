"""Records of a CSV text: their rows, their damage, and what stands between their cells."""

import io

import pytest

from bazar.formats.csv import BrokenText, Dialect, Record, found_delimiter, header_at, records
from bazar.formats.header import Wanted


def test_a_record_has_its_row_in_a_spreadsheet() -> None:
    """Blank lines and empty rows are counted, and passed over; a line break in a cell is not."""
    lines = ["a,b\r\n", "\r\n", '"1\n', '2", 3\n', " , \n", "4,5"]
    assert [Record(1, ["a", "b"]), Record(3, ["1\n2", "3"]), Record(5, ["4", "5"])] == list(
        records(lines)
    )


def test_a_damaged_line_is_a_record_and_the_next_is_read() -> None:
    """It is shown as it is, with what is wrong."""
    header, damaged, row = records(["a,b\n", '"1"x,2\n', "3,4\n"])
    assert (["a", "b"], ["3", "4"]) == (header.cells, row.cells)
    assert (2, ['"1"x,2']) == (damaged.row, damaged.cells)
    assert damaged.problem.startswith("cannot be read: ")


def test_a_text_that_breaks_off_says_where() -> None:
    """Nobody can tell what comes after that."""
    with pytest.raises(BrokenText, match=r"^lines 2 to 3: .*; is a quote open"):
        list(records(["a\n", '"b\n', "c\n"]))


def test_no_more_is_read_than_is_asked_for() -> None:
    """However long the text is."""
    lines = iter(["a\n", "b\n", "c\n"])
    assert Record(1, ["a"]) == next(records(lines))
    assert ["b\n", "c\n"] == list(lines)


def test_a_space_before_a_quotation_mark_is_none() -> None:
    """As people type lists by hand."""
    assert ["Emma", "Austen, Jane", "9"] == next(records(['Emma, "Austen, Jane", 9\n'])).cells


def test_quotation_marks_are_written_in_three_ways() -> None:
    """Twice, behind a backslash, or as any letter."""
    assert ['He said "no"', "1"] == next(records(['"He said ""no""",1\n'])).cells
    escaped = Dialect(quotes="escaped")
    assert ['He said "no"', "1"] == next(records(['"He said \\"no\\"",1\n'], escaped)).cells
    letters = Dialect("\t", "letters")
    assert ['"Fine" copy', '5"'] == next(records(['"Fine" copy\t5"\n'], letters)).cells


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["title,price\n", "A,1\n"], ","),
        (["Titel;Preis;Autor\n", "A;9,50;Kafka, Franz\n"], ";"),
        (["title\tprice\n", "A\t1\n"], "\t"),
        (["title|price\n", "A|1\n"], "|"),
        (['"title";"price"\n', '"A;b";"1"\n'], ";"),
        (["sep=;\r\n", "title;price\r\n"], ";"),
        (["sep=^\n", "title^price\n"], "^"),
        (["naam;kosten;bedrag\n", "A;1,5;2,5\n", "B;1;2\n"], ";"),
        (["Shop list, May; all\n", "\n", "title;price\n", "A;1\n"], ";"),
        (["title\n", "A;B;C\n"], ","),
        (["title\tnote\n", '"Fine copy\tx\n', "B\ty\n"], "\t"),
        ([], ","),
    ],
)
def test_what_stands_between_cells_is_found(lines: list[str], delimiter: str) -> None:
    """By what a first line says, by our columns, or by lines that part alike."""
    assert delimiter == found_delimiter(lines, Wanted())


def test_a_mapped_name_helps_to_find_it() -> None:
    """As it is a column of ours then."""
    lines = ["naam;kosten, eur\n", "A, b;1\n", "B;1\n"]
    assert ";" == found_delimiter(lines, Wanted({"title": "naam"}))


def test_a_first_line_that_names_the_delimiter_is_no_record() -> None:
    """Whichever it names; no spreadsheet shows it as a row."""
    assert [Record(1, ["title", "price"])] == list(
        records(["sep=;\r\n", "title;price\r\n"], Dialect(";"))
    )


def test_a_header_may_stand_below_other_lines() -> None:
    """Some programs write above it what the list is."""
    report = [["Stock report"], ["2026-11-27", "Sea Books"], ["Title", "Price"], ["Emma", "1"]]
    found = [Record(number, cells) for number, cells in enumerate(report, 1)]
    assert 2 == header_at(found, Wanted())
    plain = [["naam", "kosten"], ["Title", "1"]]
    assert 0 == header_at([Record(n, cells) for n, cells in enumerate(plain, 1)], Wanted())


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    """Blank ones too, and one for a cell of several lines; what names the delimiter is none."""
    text = 'sep=,\ntitle,note\n\nA,"one\ntwo\nthree"\nB,\n'
    assert [(1, "title"), (3, "A"), (4, "B")] == [
        (one.row, one.cells[0]) for one in records(io.StringIO(text, newline=""))
    ]
