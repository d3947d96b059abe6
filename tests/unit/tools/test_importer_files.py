"""Importing a file: files that cannot be used are refused whole."""

import pytest

from bazar.tools import importing
from bazar.tools.importing import ImportFileError
from support.importing import Desk


@pytest.mark.parametrize("tail", ["", 'C,"3"\n'])
def test_a_quotation_mark_left_open_refuses_the_file_unsent(desk: Desk, tail: str) -> None:
    """Nobody can tell where the next row starts, so nothing should go in, with the lines named."""
    message = desk.refused(f'title,price\nA,1\n"B,2\nC,3\n{tail}')
    assert "lines 3 to " in message
    assert "is a quote open?" in message


def test_a_missing_needed_column_refuses_the_file(desk: Desk) -> None:
    """The message should name the columns that miss, those that are there, and the way out."""
    message = desk.refused("name,cost\nA,1\n")
    assert "no column 'title': use --map title=" in message
    assert "no column 'price': use --map price=... or --default price=" in message
    assert "Its columns: ['name', 'cost']" in message


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_file_with_other_separators_is_told_so(desk: Desk, separator: str) -> None:
    """Many spreadsheets save with semicolons."""
    message = desk.refused(f"title{separator}price\nA{separator}1\n")
    assert f"seems to have {separator!r} between its cells: save it with commas" in message


def test_a_mapped_column_that_is_not_there_refuses_the_file(desk: Desk) -> None:
    """The message should name it and the columns that are there."""
    message = desk.refused("title,price\nA,1\n", mapping={"author": "writer"})
    assert "no column 'writer' for --map author=writer" in message
    assert "Its columns: ['title', 'price']" in message


def test_a_column_that_is_there_twice_refuses_the_file(desk: Desk) -> None:
    """Of two columns of a name neither is the right one."""
    assert "the column 'title' more than once" in desk.refused("title,price, title\nA,1,B\n")


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", " , \n"])
def test_an_empty_file_is_refused(desk: Desk, content: str) -> None:
    """A file without a header should be called empty."""
    assert "is empty" in desk.refused(content)


def test_a_damaged_header_refuses_the_file(desk: Desk) -> None:
    """A header that cannot be read should not make a traceback."""
    assert "cannot be read" in desk.refused('"title"x,price\nA,1\n')


def test_a_file_that_is_not_utf_8_is_refused_unsent_wherever_that_shows(desk: Desk) -> None:
    """Even after more rows than a batch holds, the line should be named and nothing sent."""
    content = b"title,price\n" + b"A,1\n" * 600 + "É,1\n".encode("latin-1")
    assert "line 602 is not UTF-8" in desk.refused(content)


def test_a_file_in_utf_16_is_refused(desk: Desk) -> None:
    """What Windows calls Unicode should be refused for what it is."""
    assert "line 1 is not UTF-8" in desk.refused("title,price\nA,1\n".encode("utf-16"))


def test_a_bad_default_refuses_the_file(desk: Desk) -> None:
    """One wrong default should be one message, not a reject for each row."""
    message = desk.refused("title\nA\n", defaults={"price": "9,99"})
    assert "--default price=9,99: price must be a plain decimal" in message


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
