"""Importing a file: files that cannot be used are refused whole."""

import pytest

from bazar.cli.importing import show_import
from bazar.tools import importing
from bazar.tools.importing import ImportFileError, ImportReport, Reject
from support.importing import Desk


@pytest.mark.parametrize("tail", ["", 'C,"3"\n'])
def test_a_quotation_mark_left_open_refuses_the_file_unsent(desk: Desk, tail: str) -> None:
    """Nobody can tell where the next row starts, so nothing should go in, with the lines named."""
    message = desk.refused(f'title,price\nA,1\n"B,2\nC,3\n{tail}')
    assert "lines 3 to " in message
    assert "is a quote open?" in message


def test_a_missing_needed_column_refuses_the_file(desk: Desk) -> None:
    """The message should name the columns that miss, those that are there, and the way out."""
    message = desk.refused("naam,kosten\nA,1\n")
    assert "no column 'title': use --map title=" in message
    assert "no column 'price': use --map price=... or --default price=" in message
    assert "Its columns: ['naam', 'kosten']" in message


def test_a_mapped_column_that_is_not_there_refuses_the_file(desk: Desk) -> None:
    """The message should name it and the columns that are there."""
    message = desk.refused("title,price\nA,1\n", mapping={"author": "writer"})
    assert "no column 'writer' for --map author=writer" in message
    assert "Its columns: ['title', 'price']" in message


def test_a_column_that_is_there_twice_refuses_the_file(desk: Desk) -> None:
    """Of two columns of a name neither is the right one."""
    assert "the column 'title' more than once" in desk.refused("title,price, title\nA,1,B\n")
    assert 1 == desk.take("title,price,note,note\nA,1,B,C\n").created


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", " , \n"])
def test_an_empty_file_is_refused(desk: Desk, content: str) -> None:
    """A file without a header should be called empty."""
    assert "is empty" in desk.refused(content)


def test_a_damaged_header_refuses_the_file(desk: Desk) -> None:
    """A header that cannot be read should not make a traceback."""
    assert "cannot be read" in desk.refused('"title"x,price\nA,1\n')


def test_a_file_in_two_encodings_is_refused_unsent_wherever_that_shows(desk: Desk) -> None:
    """Even after more rows than a batch holds, the line should be named and nothing sent."""
    content = b"title,price\n" + "\u00c9\u00c9,1\n".encode() * 600 + b"\xc9,1\n"
    assert "line 602 is not UTF-8; save the file as UTF-8" in desk.refused(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b'[{"title": "Emma", "price": 1}]', "is JSON"),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"PK\x03\x04\x14\x00\x06\x00", "is a damaged spreadsheet or archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "cannot be read as a spreadsheet"),
        (b"\x1f\x8b\x08", "is packed with gzip: gunzip -c FILE | bazar import -"),
    ],
)
def test_what_is_no_list_of_books_is_called_by_its_name(
    desk: Desk, content: bytes, told: str
) -> None:
    """With what to do about it, whatever the file is called."""
    assert f"{desk.file} {told}" in desk.refused(content)


def test_options_that_nobody_knows_are_refused(desk: Desk) -> None:
    """A delimiter of two letters, an encoding of no name, a sheet that is not there."""
    rows = "title,price\nA,1\n"
    assert "--delimiter wants one character" in desk.refused(rows, delimiter="ab")
    assert "nobody knows an encoding 'klingon'" in desk.refused(rows, encoding="klingon")
    assert "has no sheets, so no --sheet Mai" in desk.refused(rows, sheet="Mai")


def test_a_bad_default_refuses_the_file(desk: Desk) -> None:
    """One wrong default should be one message, not a reject for each row."""
    message = desk.refused("title\nA\n", defaults={"price": "9,99"})
    assert "--default price=9,99: price must be an amount" in message


def test_a_file_that_is_not_there_is_an_error_that_names_it(desk: Desk) -> None:
    """A missing file should give a message, and leave nothing behind."""
    with pytest.raises(ImportFileError, match=r"books\.csv: No such file or directory"):
        importing.import_file(desk.shop, desk.options(), desk.progress.append)
    assert [] == list(desk.folder.iterdir())


def test_a_folder_is_not_a_file(desk: Desk) -> None:
    """A folder should give a message."""
    with pytest.raises(ImportFileError, match="Is a directory"):
        importing.import_file(desk.shop, desk.options(file=desk.folder), desk.progress.append)


@pytest.mark.parametrize("name", ["no/rejects.csv", "books.csv/rejects.csv"])
def test_a_rejects_file_that_cannot_be_written_is_an_error_before_a_row_is_sent(
    desk: Desk, name: str
) -> None:
    """Rejects that could not be kept should be known of first."""
    assert name in desk.refused("title,price\nA,1\n", rejects=desk.folder / name)


@pytest.mark.parametrize("name", ["books.csv", "../{folder}/books.csv", "."])
def test_the_rejects_must_not_overwrite_the_file_or_a_folder(desk: Desk, name: str) -> None:
    """The file that is read should not be written; nor can a folder be."""
    rejects = desk.folder / name.format(folder=desk.folder.name)
    assert "cannot have its rejects in " in desk.refused("title,price\nA,1\n", rejects=rejects)


def test_a_book_with_another_title_is_told_how_it_gets_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As the catalog refuses a row that names a book by its number and calls it otherwise."""
    reason = "book 2 is 'A', not 'B'"
    for found, expected in ((reason, 1), ("price must be an amount", 0)):
        report = ImportReport(rows=1, rejected=1, rejects=[Reject(2, "title", "B", found)])
        show_import(report, dry_run=False)
        assert expected == capsys.readouterr().out.count("bazar book edit ID --title TITLE")


def test_stocks_are_told_apart_from_counts_that_are_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where books were there: a new one has the copies of its row."""
    for created, expected in ((0, True), (3, False)):
        report = ImportReport(
            rows=3, created=created, unchanged=3 - created, stocks=2, as_exported=1
        )
        show_import(report, dry_run=False)
        out = capsys.readouterr().out
        assert "2 stocks changed" in out
        assert expected == ("1 row with as many copies as exported" in out)
