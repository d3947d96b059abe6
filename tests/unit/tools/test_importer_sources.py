"""Importing a file: of any program and any country, and through any pipe."""

import os
import sys
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.tools import importing
from bazar.tools.importing import ImportReport
from bazar.tools.importing.report import FileUnderstood, Understood
from support.importing import Desk, FakeShop
from support.workbooks import Rows, xlsx

TEA = "\u0427\u0430\u0439"
ROWS = b"title,price\nPiped A,1\nPiped B,2\n"


def titles(desk: Desk) -> list[str]:
    """Return the titles of all that was sent."""
    return [book.title for book in desk.shop.books]


def import_from(desk: Desk, path: Path, *, dry_run: bool = False) -> ImportReport:
    """Import from a path that is no ordinary file."""
    options = desk.options(file=path, dry_run=dry_run)
    return importing.import_file(desk.shop, options, desk.progress.append)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_pipe_is_read_once_and_taken_whole(desk: Desk, dry_run: bool) -> None:  # noqa: FBT001
    """As a shell hands one over for <(...), with more in it than a pipe holds."""
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb") as pipe:  # noqa: PTH123  of a descriptor
            pipe.write(ROWS * 4_000)

    writer = Thread(target=write)
    writer.start()
    report = import_from(desk, Path(f"/dev/fd/{reading}"), dry_run=dry_run)
    writer.join()
    os.close(reading)
    assert (11_999, 8_000, 3_999) == (report.rows, report.created, report.rejected)


def test_a_named_pipe_is_read_once(desk: Desk) -> None:
    """Its writer may come later."""
    path = desk.folder / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=[ROWS])
    writer.start()
    assert 2 == import_from(desk, path).created
    writer.join()
    assert ["Piped A", "Piped B"] == titles(desk)


def test_a_dash_is_standard_input(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is: a workbook too. An empty one is called by its name."""
    for content in (ROWS, xlsx({"A": [["title", "price"], ["Piped A", 1], ["Piped B", 2]]}), b""):
        desk.file.write_bytes(content)
        with desk.file.open(encoding="utf-8") as file:
            monkeypatch.setattr(sys, "stdin", file)
            if content:
                assert 2 == import_from(desk, Path("-")).created
            else:
                with pytest.raises(importing.ImportFileError, match=r"^standard input is empty$"):
                    import_from(desk, Path("-"))


def test_rejects_of_a_pipe_have_a_name_of_our_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of a descriptor, which means nothing afterwards."""
    monkeypatch.chdir(desk.folder)
    desk.file.write_bytes(b"title,price\nA,x\n")
    with desk.file.open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        options = desk.options(file=Path("-"), rejects=None)
        report = importing.import_file(desk.shop, options, desk.progress.append)
        assert "stdin.rejects.csv" == report.rejects_file
        file.seek(0)
        options = desk.options(file=Path(f"/dev/fd/{file.fileno()}"), rejects=None)
        report = importing.import_file(desk.shop, options, desk.progress.append)
        assert "pipe.rejects.csv" == report.rejects_file


GERMAN = "Titel;Autor;Preis;Bestand;Regalmeter\nDer Prozeß;Kafka, Franz;1.299,00;1.000;2\n"
CONTENTS = {
    "of a spreadsheet in Windows": (GERMAN.encode("cp1252"), "Windows-1252", ";"),
    "with a line for spreadsheets": (b"sep=;\r\n" + GERMAN.encode(), "UTF-8", ";"),
    "in UTF-16": (GERMAN.replace(";", "\t").encode("utf-16"), "UTF-16", "\t"),
    "with bars": (GERMAN.replace(";", "|").encode("utf-8-sig"), "UTF-8", "|"),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_a_file_of_another_country_is_understood(desk: Desk, what: str) -> None:
    """And the report says how: letters, cells, decimals, columns, and what nobody used."""
    content, encoding, delimiter = CONTENTS[what]
    desk.shop.currency = "EUR"
    report = desk.take(content)
    (book,) = desk.shop.books
    assert ("Der Prozeß", "Kafka, Franz", Decimal("1299.00"), 1000) == (
        *(book.title, book.author),
        *(book.price, book.quantity),
    )
    assert (
        FileUnderstood(
            kind="CSV",
            encoding=encoding,
            encoding_guessed=encoding == "Windows-1252",
            delimiter=delimiter,
            sample="Der Prozeß" if encoding == "Windows-1252" else "",
            columns=[
                Understood("title", ["Titel"]),
                Understood("author", ["Autor"]),
                Understood("price", ["Preis"], ","),
                Understood("quantity", ["Bestand"], ","),
            ],
            unused=["Regalmeter"],
        )
        == report.file
    )


def test_a_person_may_say_how_a_file_is_written(desk: Desk) -> None:
    """Where nothing in it tells."""
    desk.take(f"title~price\n{TEA}~1\n".encode("cp1251"), encoding="windows-1251", delimiter="~")
    desk.take(b"title\tprice\nB\t2\n", delimiter="tab")
    assert [TEA, "B"] == titles(desk)
    message = desk.refused_again("title,price\n\u20ac,1\n".encode(), encoding="ascii")
    assert "it is not ascii; name another with --encoding" in message


def test_a_workbook_is_read_from_the_sheet_that_looks_like_books(desk: Desk) -> None:
    """Below what stands above its header; another can be named."""
    books: Rows = [["Stock of May"], [], ["Title", "Price"], ["A", 9.99], ["B", "x"]]
    content = xlsx({"Notes": [["remember"]], "Stock": books, "Old": [["Title", "Price"], ["C", 1]]})
    report = desk.take(content)
    assert ["A"] == titles(desk)
    assert ("workbook", "Stock", ["Notes", "Old"], 3) == (
        *(report.file.kind, report.file.sheet),
        *(report.file.other_sheets, report.file.header_row),
    )
    assert [5] == [reject.row for reject in report.rejects]
    assert "C" == (desk.take(content, sheet="Old"), titles(desk))[1][-1]
    assert "has no sheet 'New'; it has Notes, Stock, Old" in desk.refused_again(
        content, sheet="New"
    )


def test_quotation_marks_are_read_as_the_file_writes_them(desk: Desk) -> None:
    """Behind backslashes, or as letters; the report says so where it is not the usual way."""
    report = desk.take(b'title,price,stock\n"He said \\"no\\"",1,1\n"Fire, fire",2,1\n')
    assert ['He said "no"', "Fire, fire"] == titles(desk)
    assert ["quotation marks in cells are read behind backslashes"] == report.file.notes
    report = desk.take(b'title\tprice\tstock\n"Fine" copy\t1\t1\n"open\t2\t1\n5" tear\t3\t1\n')
    assert ['"Fine" copy', '"open', '5" tear'] == titles(desk)[2:]
    assert ["quotation marks in cells are read as letters like any other"] == report.file.notes


def test_a_program_is_named_and_what_it_means_is_told(desk: Desk) -> None:
    """With the rows that are no books."""
    report = desk.take(
        "listingid,title,price,quantity,booktype\nB1,Emma,$12.50,,Hardcover\nB2,<i>It</i>,8,2,\n"
    )
    assert [("Emma", 1, "hardback"), ("It", 2, "")] == [
        (book.title, book.quantity, book.format) for book in desk.shop.books
    ]
    assert ("AbeBooks", {"quantity": "1"}, ["listingid"]) == (
        *(report.file.program, report.file.defaults),
        report.file.unused,
    )
    assert ["cells of title with HTML, or guarded, taken as plain text: 1"] == report.file.notes


def test_a_file_of_numbers_alone_says_what_is_missing(desk: Desk) -> None:
    """Stock and prices change books; without an update there is nothing to do with them."""
    rows = "isbn;Bestand\n0439023483;5\n"
    assert "add --update stock" in desk.refused(rows)
    report = desk.take(rows, update="stock")
    assert [None] == [row.book for row in desk.shop.sent[0].rows]
    assert [5] == [row.known.quantity for row in desk.shop.sent[0].rows if row.known]
    assert ["without titles: it changes books that are there, and adds none"] == report.file.notes


ANY_FILE = st.one_of(
    st.binary(max_size=300),
    st.text("title,price;\"'\\\n\r\t=0A9.\u0661é\u200b<&", max_size=200).map(
        lambda text: f"title,price\n{text}".encode()
    ),
)


@given(content=ANY_FILE, encoding=st.sampled_from(["", "utf-16", "cp1252", "utf-8"]))
@settings(max_examples=60, deadline=None)
def test_any_file_is_taken_or_refused(content: bytes, encoding: str) -> None:
    """Whatever it holds, each row is counted once, or the file is refused with a message."""
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), FakeShop())
        message = ""
        try:
            report = desk.take(content, encoding=encoding)
        except importing.ImportFileError as error:
            message = str(error)
        if message:
            assert message.startswith(str(desk.file))
            assert [] == desk.shop.sent
        else:
            counts = (report.created, report.updated, report.unchanged, report.rejected)
            assert report.rows == sum(counts)


@pytest.mark.parametrize(
    ("codec", "name", "title"),
    [
        ("cp1256", "Windows-1256", "\u0627\u0644\u0639\u0646\u0648\u0627\u0646"),
        ("mac-roman", "Mac Roman", "T\u00edtulo"),
        ("cp850", "DOS 850", "T\u00edtulo"),
        ("cp1252", "Windows-1252", "T\u00edtulo"),
    ],
)
def test_a_guess_is_that_under_which_the_header_is_understood(
    desk: Desk, codec: str, name: str, title: str
) -> None:
    """And a cell shows whether it is right."""
    report = desk.take(f"{title};price\nA;1\n".encode(codec))
    assert (name, True, title) == (
        *(report.file.encoding, report.file.encoding_guessed),
        report.file.sample,
    )


def test_a_cell_shows_what_a_guess_makes_of_letters(desk: Desk) -> None:
    """Signs look alike in many encodings, and where nothing was guessed nothing is shown."""
    report = desk.take("title,price\nFor 5 \u20ac,1\n\u00dcber,1\n".encode("cp1252"))
    assert "\u00dcber" == report.file.sample
    assert "" == desk.take("title,price\n\u00dcber,1\n").file.sample


def test_prices_that_an_update_of_stock_leaves_are_told(desk: Desk) -> None:
    """With what changes them."""
    content = "isbn,price\n9780439023481,1\n"
    for update, notes in (("stock", 1), ("all", 0)):
        report = desk.take(content, update=update)
        assert notes == sum("--update all" in note for note in report.file.notes)
