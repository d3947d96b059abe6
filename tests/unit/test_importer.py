"""Importing a file: what is read from it, what is sent, and what is said about bad rows."""

import asyncio
import csv
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from bazar import importer, wire
from bazar.catalog.imports import take_in
from bazar.catalog.service import Catalog
from bazar.importer import ImportFileError, ImportOptions, ImportReport, Reject, parse_pairs
from bazar.kit.migrate import migrate
from bazar.kit.sqlite import SqliteDatabase
from bazar.remote import Addresses, RemoteError, Shop
from bazar.wire import ImportRequest, ImportResult, NewBook

T = TypeVar("T")

Answer = Callable[[ImportRequest], list[ImportResult]]


def create_all(request: ImportRequest) -> list[ImportResult]:
    """Answer as a catalog that takes every row in."""
    return [ImportResult(row=row.row, status="created", id=row.row) for row in request.rows]


@dataclass
class FakeShop(Shop):
    """A shop whose catalog answers right here; requests and answers pass through JSON."""

    addresses: Addresses = field(default_factory=lambda: Addresses("", "", ""))
    answer: Answer = create_all
    sent: list[ImportRequest] = field(default_factory=list)

    def call(
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: object = None,
        key: str | None = None,
    ) -> T:
        """Answer an import."""
        assert ("catalog", "POST", "/imports", None) == (service, method, path, key)
        content = msgspec.json.encode(body)
        assert len(content) <= wire.IMPORT_BODY_BYTES_MAX
        request = msgspec.json.decode(content, type=ImportRequest)
        self.sent.append(request)
        return msgspec.json.decode(msgspec.json.encode(self.answer(request)), type=kind)

    @property
    def books(self) -> list[NewBook]:
        """All books that were sent, in order."""
        return [row.book for request in self.sent for row in request.rows]


@dataclass
class Desk:
    """A folder with a file to import, and a shop to import it into."""

    folder: Path
    shop: FakeShop
    progress: list[int] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The file to import."""
        return self.folder / "books.csv"

    @property
    def rejects(self) -> Path:
        """The file of rejected rows."""
        return self.folder / "rejects.csv"

    def options(self, **changed: object) -> ImportOptions:
        """Return what to import, with changes."""
        options: dict[str, Any] = {
            "file": self.file,
            "update": "none",
            "dry_run": False,
            "mapping": {},
            "defaults": {},
            "rejects": self.rejects,
            **changed,
        }
        return ImportOptions(**options)

    def take(self, content: str | bytes, **changed: object) -> ImportReport:
        """Import a file with this content."""
        self.file.write_bytes(content.encode() if isinstance(content, str) else content)
        return importer.import_file(self.shop, self.options(**changed), self.progress.append)

    def refused(self, content: str | bytes, **changed: object) -> str:
        """Return the error that this content makes, after checking that nothing came of it."""
        with pytest.raises(ImportFileError) as caught:
            self.take(content, **changed)
        assert [] == self.shop.sent
        assert [self.file] == sorted(self.folder.iterdir())
        return str(caught.value)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a folder and a shop whose catalog takes everything in."""
    return Desk(tmp_path, FakeShop())


def row_of(cells: list[str]) -> str:
    """Return cells as a line of CSV."""
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


# Pairs


def test_pairs_may_be_repeated_or_separated_by_commas() -> None:
    """Both ways, and both mixed, should give the same mapping; spaces should not matter."""
    expected = {"title": "original_title", "author": "authors", "year": "when"}
    assert expected == parse_pairs(["title=original_title, author = authors", "year=when"], "--map")


def test_a_default_may_hold_commas_and_equals_signs() -> None:
    """With one pair per text, everything after the first equals sign should be the value."""
    pairs = parse_pairs(["topic=ships, trains", "description=a=b"], "--default", several=False)
    assert {"topic": "ships, trains", "description": "a=b"} == pairs


def test_no_pairs_are_an_empty_mapping() -> None:
    """An option that was not given should map nothing."""
    assert {} == parse_pairs([], "--map")


@pytest.mark.parametrize("text", ["title", "title=", "=name", "", "title=a,", "title=a,,year=b"])
def test_a_malformed_pair_is_refused(text: str) -> None:
    """The message should name the option and the form that it wants."""
    with pytest.raises(ImportFileError, match="--map wants COLUMN=VALUE, not "):
        parse_pairs([text], "--map")


def test_an_unknown_column_is_refused_with_the_list_of_ours() -> None:
    """Somebody who mistypes a column should see all of them."""
    with pytest.raises(ImportFileError) as caught:
        parse_pairs(["titel=name"], "--map")
    message = str(caught.value)
    assert "--map titel=name" in message
    assert "id, isbn, title, author, year, topic, price, quantity, description" in message


def test_a_column_given_twice_is_refused() -> None:
    """Two values for one column should not silently become one of them."""
    with pytest.raises(ImportFileError, match="--map names title twice: 'a' and 'b'"):
        parse_pairs(["title=a", "title=b"], "--map")


# What is read


def test_every_column_arrives(desk: Desk) -> None:
    """A full row should arrive with all its values, each in its type."""
    report = desk.take(
        "id,isbn,title,author,year,topic,price,quantity,description\n"
        '7,978-0-439-02348-1,"Fire, fire",A. Author,1999,gardens,19.90,12,"Two\nlines"\n'
    )
    expected = NewBook(
        id=7,
        isbn="9780439023481",
        title="Fire, fire",
        author="A. Author",
        year=1999,
        topic="gardens",
        price=Decimal("19.90"),
        quantity=12,
        description="Two\nlines",
    )
    assert [expected] == desk.shop.books
    assert ImportReport(rows=1, created=1) == report


def test_title_and_price_are_enough(desk: Desk) -> None:
    """Without other columns a book should be general, out of stock and without an ISBN."""
    desk.take("title,price\nA,1\n")
    assert [NewBook(title="A", price=Decimal(1), topic="general", quantity=0)] == desk.shop.books


def test_spaces_around_cells_and_names_of_columns_are_trimmed(desk: Desk) -> None:
    """Spaces that nobody sees should not matter, no-break spaces neither."""
    desk.take(" title ,price , year\n  A\u00a0, 1.50 , 2008 \n")
    assert [("A", Decimal("1.50"), 2008)] == [(b.title, b.price, b.year) for b in desk.shop.books]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_end_of_line_are_fine(desk: Desk, mark: bytes, end: str) -> None:
    """Files of spreadsheets should be read as they are, with the rows where they are."""
    report = desk.take(mark + f"title,price{end}Ä,1{end}B,x{end}".encode())
    assert ["Ä"] == [book.title for book in desk.shop.books]
    assert [3] == [reject.row for reject in report.rejects]


def test_columns_that_are_not_ours_are_passed_over(desk: Desk) -> None:
    """Further columns, even several without a name, should not matter."""
    desk.take("x,title,,price,\n1,A,2,3,4\n")
    assert [("A", Decimal(3))] == [(book.title, book.price) for book in desk.shop.books]


def test_a_mapped_column_is_used(desk: Desk) -> None:
    """A value should come from the column that it is mapped to, not from the one of its name."""
    desk.take("name,title,price\nA,B,1\n", mapping={"title": "name"})
    assert ["A"] == [book.title for book in desk.shop.books]


def test_an_empty_mapped_cell_falls_back_to_the_column_of_our_name(desk: Desk) -> None:
    """Where the mapped cell is empty, the file's own column should serve; for every column."""
    desk.take(
        "name,title,when,year,price\n ,B,,1999,1\nA,B,1998,1999,1\n",
        mapping={"title": "name", "year": "when"},
    )
    assert [("B", 1999), ("A", 1998)] == [(book.title, book.year) for book in desk.shop.books]


def test_the_fallback_comes_before_the_default(desk: Desk) -> None:
    """A default should serve only where neither column has a value."""
    desk.take(
        "name,title,price\n,B,1\n,,1\n", mapping={"title": "name"}, defaults={"title": "none"}
    )
    assert ["B", "none"] == [book.title for book in desk.shop.books]


def test_a_column_that_another_is_mapped_to_is_no_fallback(desk: Desk) -> None:
    """A file whose title column holds authors should not make a title of an author."""
    report = desk.take("name,title,price\n,Doe,1\n", mapping={"title": "name", "author": "title"})
    assert [Reject(2, "title", "", "title must be 1 to 500 characters")] == report.rejects


def test_defaults_fill_empty_cells_and_missing_columns(desk: Desk) -> None:
    """A default should serve for a column that is not there and for cells that are empty."""
    desk.take(
        "title,quantity\nA,\nB,3\n",
        defaults={"price": "9.99", "quantity": "5", "topic": "ships, trains"},
    )
    expected = [(Decimal("9.99"), 5, "ships, trains"), (Decimal("9.99"), 3, "ships, trains")]
    assert expected == [(book.price, book.quantity, book.topic) for book in desk.shop.books]


def test_a_row_shorter_than_the_header_ends_in_empty_cells(desk: Desk) -> None:
    """Programs that leave out empty cells at the end should be understood."""
    desk.take("title,price,author,year\nA,1\n")
    assert [NewBook(title="A", price=Decimal(1), topic="general")] == desk.shop.books


def test_rows_without_any_value_are_passed_over(desk: Desk) -> None:
    """Blank lines and rows of empty cells should count as no rows, before the header too."""
    report = desk.take("\ntitle,price\n\n , \n,\nA,1\n\n", defaults={"title": "x", "price": "2"})
    assert 1 == report.rows
    assert [[6]] == [[row.row for row in request.rows] for request in desk.shop.sent]


def test_a_row_has_the_number_of_its_first_line(desk: Desk) -> None:
    """With cells of several lines, rows should be numbered as a person counts lines."""
    report = desk.take('title,price\n"A\n\na",1\n"B\nb",x\nC,y\n')
    assert [2] == [row.row for row in desk.shop.sent[0].rows]
    assert [(5, "x"), (7, "y")] == [(reject.row, reject.value) for reject in report.rejects]


def test_a_file_with_only_a_header_is_an_empty_import(desk: Desk) -> None:
    """Without rows nothing should be sent or reported, and nothing should fail."""
    assert ImportReport() == desk.take("title,price\n")
    assert [] == desk.shop.sent
    assert [] == desk.progress


# Rules of cells

COLUMN_VALUES = [
    ("id", "1", 1),
    ("id", "007", 7),
    ("id", str(2**63 - 1), 2**63 - 1),
    ("isbn", "", None),
    ("isbn", "9780439023481", "9780439023481"),
    ("isbn", "978-0-439-02348-1", "9780439023481"),
    ("isbn", "0439023483", "9780439023481"),
    ("isbn", "0-439-02348-3", "9780439023481"),
    ("isbn", "043965548X", "9780439655484"),
    ("isbn", "439023483", "9780439023481"),
    ("isbn", "43965548X", "9780439655484"),
    ("isbn", "43965548x", "9780439655484"),
    ("isbn", "61120081", "9780061120084"),
    ("isbn", "7442912", "9780007442911"),
    ("title", "t" * 500, "t" * 500),
    ("title", "12", "12"),
    ("author", "a" * 500, "a" * 500),
    ("year", "2008", 2008),
    ("year", "2008.0", 2008),
    ("year", "-720.0", -720),
    ("year", "-5000", -5000),
    ("year", "3000", 3000),
    ("year", "", None),
    ("topic", "t" * 100, "t" * 100),
    ("price", "0", Decimal(0)),
    ("price", "19.99", Decimal("19.99")),
    ("price", "1299.5", Decimal("1299.5")),
    ("quantity", "0", 0),
    ("quantity", "1000000000", 10**9),
    ("description", "d" * 5000, "d" * 5000),
]

BAD_COLUMN_VALUES = [
    *(("id", text) for text in ["0", "-1", "1.5", "1.0", "1e3", "x", "٣", str(2**63), "9" * 5000]),
    *(("isbn", text) for text in ["439023484", "9780439023482", "9.78043902348e+12", "12345"]),
    *(("isbn", text) for text in ["-", "x", "X439023483", "٤٣٩٠٢٣٤٨٣"]),
    *(("title", text) for text in ["", "t" * 501]),
    ("author", "a" * 501),
    *(("year", text) for text in ["-5001", "3001", "2008.5", "MCM", "2e3", "1_000", "nan"]),
    ("topic", "t" * 101),
    *(("price", text) for text in ["", "19,99", "-1", "-0.01", "NaN", "inf", "1e3", "$5", "5 USD"]),
    *(("price", text) for text in ["1,299.00", "+1", "1.", ".", "0x10", "9" * 5000]),
    *(("quantity", text) for text in ["-1", "1000000001", "1.5", "5.0", "many", "1e3"]),
    ("description", "d" * 5001),
]


@pytest.mark.parametrize(("column", "text", "value"), COLUMN_VALUES)
def test_a_good_cell_is_taken(desk: Desk, column: str, text: str, value: object) -> None:
    """Every form that people and spreadsheets write should give the value that was meant."""
    cells = {"title": "A", "price": "1"} | {column: text}
    report = desk.take(row_of(list(cells)) + row_of(list(cells.values())))
    assert [] == report.rejects
    assert [value] == [getattr(book, column) for book in desk.shop.books]


@pytest.mark.parametrize(("column", "text"), BAD_COLUMN_VALUES)
def test_a_bad_cell_rejects_its_row_alone(desk: Desk, column: str, text: str) -> None:
    """The reject should name row, column, value and a reason; the next row should go in."""
    good = {"title": "A", "price": "1"}
    bad = good | {column: text}
    rows = [list(bad), list(bad.values()), [good.get(name, "") for name in bad]]
    report = desk.take("".join(map(row_of, rows)))
    assert ["A"] == [book.title for book in desk.shop.books]
    assert (2, 1, 1) == (report.rows, report.created, report.rejected)
    (reject,) = report.rejects
    assert (2, column, text[:200]) == (reject.row, reject.column, reject.value)
    assert reject.reason.startswith(("is not an ISBN", f"{column} must be "))


def test_the_rules_are_those_of_the_catalog() -> None:
    """The words about a column should state the limits that its type has."""
    for column, (kind, wanted) in importer.COLUMNS.items():
        for limit in kind.__metadata__:
            for bound in (limit.le, limit.max_length if column != "isbn" else None):
                assert bound is None or bound == 2**63 - 1 or str(bound) in wanted


def test_a_row_with_several_bad_cells_is_rejected_once(desk: Desk) -> None:
    """The first bad cell should be named, so that rejects count rows."""
    report = desk.take("title,price,year\n,x,y\n")
    assert (1, 1) == (report.rows, report.rejected)
    assert ["title"] == [reject.column for reject in report.rejects]


def test_a_row_with_more_cells_than_the_header_is_rejected(desk: Desk) -> None:
    """A comma too many shifts the cells, so the row should not be guessed at."""
    report = desk.take("title,price\nA,1,\nB,2\n")
    reason = "the row has 3 cells, the header 2"
    assert [Reject(2, "", "A,1,", reason)] == report.rejects
    assert ["B"] == [book.title for book in desk.shop.books]


def test_a_cell_over_the_limit_of_the_csv_module_rejects_its_row(desk: Desk) -> None:
    """A huge cell should be a reject with a reason, and the next row should go in."""
    report = desk.take(f"title,price\n{'A' * (csv.field_size_limit() + 1)},1\nB,2\n")
    reason = f"cannot be read: field larger than field limit ({csv.field_size_limit()})"
    assert [Reject(2, "", "A" * 200, reason)] == report.rejects
    assert ["B"] == [book.title for book in desk.shop.books]


@pytest.mark.parametrize("line", ['"A"a,1', '"A,1'])
def test_a_line_with_a_stray_quotation_mark_is_rejected(desk: Desk, line: str) -> None:
    """Damage within a line should reject it with the line as its value, last line or not."""
    report = desk.take(f"title,price\nB,2\n{line}")
    assert [(3, "", line)] == [(r.row, r.column, r.value) for r in report.rejects]
    assert report.rejects[0].reason.startswith("cannot be read: ")
    assert ["B"] == [book.title for book in desk.shop.books]


# Files that cannot be used


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
        importer.import_file(desk.shop, desk.options(), desk.progress.append)
    assert [] == list(desk.folder.iterdir())


def test_a_folder_is_not_a_file(desk: Desk) -> None:
    """A folder should give a message."""
    with pytest.raises(ImportFileError, match="Is a directory"):
        importer.import_file(desk.shop, desk.options(file=desk.folder), desk.progress.append)


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


# What is sent


def test_rows_are_sent_in_batches_and_progress_is_told(desk: Desk) -> None:
    """At most 500 rows should go at a time, in order; bad rows should count as done too."""
    rows = [f"T{number},{'x' if number % 100 == 0 else 1}\n" for number in range(1, 1202)]
    report = desk.take("title,price\n" + "".join(rows))
    assert [500, 500, 201] == desk.progress
    assert [495, 495, 199] == [len(request.rows) for request in desk.shop.sent]
    expected = [number + 1 for number in range(1, 1202) if number % 100]
    assert expected == [row.row for request in desk.shop.sent for row in request.rows]
    assert (1201, 1189, 12) == (report.rows, report.created, report.rejected)


def test_batches_stay_below_the_largest_body(desk: Desk) -> None:
    """500 rows of the longest cells should be split, as the catalog takes 2 MiB at a time."""
    wide = row_of(["\u20ac" * 500, "1", "\u20ac" * 5000])
    report = desk.take("title,price,description\n" + wide * 500)
    assert 500 == report.created == sum(desk.progress)
    assert 4 == len(desk.shop.sent)


def test_rows_are_read_while_others_are_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only about a batch should be held in memory, however long the file is."""
    made: list[int] = []
    real = importer._made  # noqa: SLF001  to see how far it has come

    def counted(number: int, values: dict[str, str]) -> wire.ImportRow | wire.ImportResult:
        made.append(number)
        return real(number, values)

    ahead: list[int] = []

    def answer(request: ImportRequest) -> list[ImportResult]:
        ahead.append(len(made) - sum(len(sent.rows) for sent in desk.shop.sent))
        return create_all(request)

    monkeypatch.setattr(importer, "_made", counted)
    desk.shop.answer = answer
    desk.take("title,price\n" + "A,1\n" * 1400)
    assert [1, 1, 0] == ahead


@pytest.mark.parametrize("update", ["none", "stock", "all"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_the_catalog_is_told_what_to_do(desk: Desk, update: str, dry_run: bool) -> None:  # noqa: FBT001
    """Both options should arrive with every batch."""
    desk.take("title,price\n" + "A,1\n" * 501, update=update, dry_run=dry_run)
    assert [(update, dry_run)] * 2 == [(sent.update, sent.dry_run) for sent in desk.shop.sent]


def test_no_request_is_made_for_bad_rows_alone(desk: Desk) -> None:
    """A batch without good rows should not be sent, and still be done."""
    report = desk.take("title,price\nA,x\n")
    assert [] == desk.shop.sent
    assert [1] == desk.progress
    assert 1 == report.rejected


# What comes back


def test_each_answer_is_counted(desk: Desk) -> None:
    """Every row should be counted once, as what became of it."""
    statuses: list[Any] = ["created", "updated", "updated", "unchanged", "rejected"]
    desk.shop.answer = lambda request: [
        ImportResult(row=row.row, status=status)
        for row, status in zip(request.rows, statuses, strict=True)
    ]
    report = desk.take("title,price\n" + "A,1\n" * 5 + "B,x\n")
    counts = (report.rows, report.created, report.updated, report.unchanged, report.rejected)
    assert (6, 1, 2, 1, 2) == counts


def test_what_the_catalog_rejects_is_reported_among_the_others_in_order(desk: Desk) -> None:
    """A reject of the catalog should have its column and reason, and the value of the row."""
    desk.shop.answer = lambda request: [
        ImportResult(row=row.row, status="rejected", column="price", reason="price is odd")
        for row in request.rows
    ]
    report = desk.take("title,cost\nA,x\nB,1.234\nC,y\nD,2\n", mapping={"price": "cost"})
    assert [(2, "x"), (3, "1.234"), (4, "y"), (5, "2")] == [
        (reject.row, reject.value) for reject in report.rejects
    ]
    assert Reject(3, "price", "1.234", "price is odd") == report.rejects[1]
    with desk.rejects.open(newline="") as file:
        assert ["row", "2", "3", "4", "5"] == [cells[0] for cells in csv.reader(file)]


def test_a_reject_of_an_unknown_column_has_no_value(desk: Desk) -> None:
    """A newer catalog may name columns that we do not know."""
    desk.shop.answer = lambda request: [
        ImportResult(row=row.row, status="rejected", column="weight", reason="weight misses")
        for row in request.rows
    ]
    assert [Reject(2, "weight", "", "weight misses")] == desk.take("title,price\nA,1\n").rejects


def test_the_first_thousand_rejects_are_kept_and_all_are_written(desk: Desk) -> None:
    """A file that is bad from end to end should not fill the memory."""
    report = desk.take("title,price\n" + "A,x\n" * 1200)
    assert (1200, 1000) == (report.rejected, len(report.rejects))
    assert 1201 == len(desk.rejects.read_text().splitlines())


def test_the_rejects_file_has_the_reasons_and_the_cells_of_the_file(desk: Desk) -> None:
    """It should hold the rejected rows as they were, each behind what is wrong with it."""
    report = desk.take('note,title,price\n"a, b",A,x\n,B,1\n,"C\nc",2,3,4\n')
    assert str(desk.rejects) == report.rejects_file
    with desk.rejects.open(encoding="utf-8", newline="") as file:
        written = list(csv.reader(file))
    price = "price must be a plain decimal such as 1299.99: no sign, comma, currency or exponent"
    assert [
        ["row", "column", "value", "reason", "note", "title", "price"],
        ["2", "price", "x", price, "a, b", "A", "x"],
        [
            *["4", "", ",C\nc,2,3,4", "the row has 5 cells, the header 3"],
            *["", "C\nc", "2", "3", "4"],
        ],
    ] == written
    assert {desk.file, desk.rejects} == set(desk.folder.iterdir())


def test_a_mended_rejects_file_can_be_imported(desk: Desk) -> None:
    """Its first four columns should be passed over, and not pile up in the next rejects."""
    desk.take("title,price\nA,x\nB,y\n")
    mended = desk.rejects.read_text().replace("A,x\n", "A,1\n")
    report = desk.take(mended)
    assert ["A"] == [book.title for book in desk.shop.books]
    assert 1 == report.rejected
    assert "row,column,value,reason,title,price" == desk.rejects.read_text().splitlines()[0]
    assert desk.rejects.read_text().endswith(",B,y\n")


def test_an_old_rejects_file_is_removed_when_nothing_is_rejected(desk: Desk) -> None:
    """Old rejects should not be taken for those of this import."""
    desk.rejects.write_text("old")
    assert desk.take("title,price\nA,1\n").rejects_file is None
    assert [desk.file] == list(desk.folder.iterdir())


def test_a_dry_run_writes_its_rejects_too(desk: Desk) -> None:
    """To see what would be rejected is what a dry run is for."""
    assert str(desk.rejects) == desk.take("title,price\nA,x\n", dry_run=True).rejects_file


def test_a_shop_that_fails_midway_leaves_no_half_file(desk: Desk) -> None:
    """The error should come through; an older rejects file should stay as it was."""
    desk.rejects.write_text("old")

    def fail(request: ImportRequest) -> list[ImportResult]:
        if len(desk.shop.sent) == 2:
            message = "the catalog does not answer"
            raise RemoteError(message)
        return create_all(request)

    desk.shop.answer = fail
    with pytest.raises(RemoteError, match="does not answer"):
        desk.take("title,price\n" + "B,x\n" * 100 + "A,1\n" * 500)
    assert [500] == desk.progress
    assert "old" == desk.rejects.read_text()
    assert {desk.file, desk.rejects} == set(desk.folder.iterdir())


# With the real catalog


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Desk]:
    """Return a folder and a shop with the real catalog on a real database."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> Catalog:
        database = SqliteDatabase(tmp_path / "catalog.db")
        await migrate(database, "bazar.catalog.schema.sqlite")
        return Catalog(database)

    catalog = asyncio.run_coroutine_threadsafe(start(), loop).result()

    def answer(request: ImportRequest) -> list[ImportResult]:
        return asyncio.run_coroutine_threadsafe(take_in(catalog, request), loop).result()

    folder = tmp_path / "files"
    folder.mkdir()
    try:
        yield Desk(folder, FakeShop(answer=answer))
    finally:
        asyncio.run_coroutine_threadsafe(catalog.database.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def isbn10(number: int) -> str:
    """Return a valid ISBN-10 for a number below 10^9."""
    digits = f"{number:09}"
    check = -sum((10 - place) * int(digit) for place, digit in enumerate(digits)) % 11
    return digits + ("X" if check == 10 else str(check))


def goodbooks(count: int) -> str:
    """Return a file with the damage of the goodbooks data set: 1 row of 100 has a bad ISBN."""
    header = "book_id,isbn,isbn13,authors,original_publication_year,original_title,title,rating"
    rows = [header.split(",")]
    for number in range(1, count + 1):
        isbn = isbn10(number * 600_011)
        if number % 100 == 50:
            isbn = isbn[:-1] + ("1" if isbn[-1] == "0" else "0")
        rows.append(
            [
                str(number),
                "" if number % 14 == 0 else isbn.lstrip("0"),
                f"9.78{number:08}e+12",
                f"J.K. Author {number}, Mary GrandPré",
                "" if number % 470 == 0 else f"{-720 + number % 2700}.0",
                "" if number % 17 == 0 else f"Original {number}",
                f'Title {number} ("Series", #{number % 9})',
                "4.34",
            ]
        )
    return "".join(map(row_of, rows))


@pytest.mark.parametrize("update", ["none", "stock", "all"])
def test_a_damaged_file_is_taken_whole_and_a_second_time_changes_nothing(
    real: Desk, update: str
) -> None:
    """Good rows should go in, bad ones be reported; the same file again should do nothing."""
    asked = {
        "mapping": parse_pairs(
            ["title=original_title,author=authors", "year=original_publication_year"], "--map"
        ),
        "defaults": parse_pairs(["price=9.99", "quantity=5"], "--default", several=False),
        "update": update,
    }
    count = 1400
    bad = [number for number in range(50, count, 100) if number % 14]
    dry = real.take(goodbooks(count), **asked, dry_run=True)
    first = real.take(goodbooks(count), **asked)
    again = real.take(goodbooks(count), **asked)
    for report in (dry, first):
        assert (count, count - len(bad), 0, 0) == (
            *(report.rows, report.created),
            *(report.updated, report.unchanged),
        )
    assert (count, 0, 0, count - len(bad)) == (
        *(again.rows, again.created),
        *(again.updated, again.unchanged),
    )
    for report in (dry, first, again):
        assert [(number + 1, "isbn") for number in bad] == [
            (reject.row, reject.column) for reject in report.rejects
        ]
    assert 3 * count == sum(real.progress)
    books = {row.row: row.book for request in real.shop.sent for row in request.rows}
    assert 'Title 17 ("Series", #8)' == books[18].title
    assert "Original 18" == books[19].title
    assert "J.K. Author 18, Mary GrandPré" == books[19].author
    assert -702 == books[19].year


def test_what_only_the_catalog_can_refuse_becomes_a_reject(real: Desk) -> None:
    """Decimals that the currency lacks, and an ISBN of another book, should be rejected there."""
    report = real.take(
        "id,isbn,title,price,topic\n"
        "1,0439023483,A,1.00,x\n2,439023483,B,1.00,x\n3,,C,1.234,x\n4,,D,1.00,--\n5,,E,1.00,x\n"
    )
    assert (5, 2, 3) == (report.rows, report.created, report.rejected)
    assert [(3, "isbn", "439023483"), (4, "price", "1.234"), (5, "topic", "--")] == [
        (reject.row, reject.column, reject.value) for reject in report.rejects
    ]


def test_update_decides_what_happens_to_books_that_are_there(real: Desk) -> None:
    """With none they should stay, with stock get the stock, with all get everything."""
    isbn = "0439023483"
    real.take(f"isbn,title,price,quantity\n{isbn},A,1.00,5\n")
    changed = f"isbn,title,price,quantity\n{isbn},B,2.00,7\n"
    assert 1 == real.take(changed, update="none").unchanged
    assert 1 == real.take(changed, update="stock").updated
    assert 1 == real.take(changed, update="stock").unchanged
    assert 1 == real.take(changed, update="all").updated
    assert 1 == real.take(changed, update="all").unchanged
