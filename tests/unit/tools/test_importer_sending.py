"""Importing a file: what is sent, and what comes of the answers and the rejects."""

import csv
import re
import threading
from typing import Any

import pytest

from bazar.formats.books import Row
from bazar.tools import importing
from bazar.tools.importing import ImportFileError, Reject, reading
from bazar.tools.importing.report import Tally
from bazar.tools.remote import RemoteError
from bazar.wire.imports import ImportRequest, ImportResult
from support.importing import Desk, create_all, row_of

OWN_COLUMNS = ["bazar_row", "bazar_column", "bazar_value", "bazar_reason"]

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
    """The next batch is read meanwhile, and no further, however long the file is."""
    read: list[int] = []
    further = threading.Event()
    real = reading.for_catalog

    def counted(row: Row, update: str) -> reading.ReadRow:
        read.append(row.line)
        if len(read) > 1000:
            further.set()
        return real(row, update)

    ahead: list[int] = []

    def answer(request: ImportRequest) -> list[ImportResult]:
        assert further.wait(30)
        ahead.append(len(read) - sum(len(sent.rows) for sent in desk.shop.sent))
        return create_all(request)

    monkeypatch.setattr(reading, "for_catalog", counted)
    desk.shop.answer = answer
    desk.take("title,price\n" + "A,1\n" * 2400)
    assert 5 == len(ahead)
    assert 501 >= max(ahead)


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_an_import_that_is_refused_midway_ends(desk: Desk, broken: int) -> None:
    """With the error of the batch, and without sending more than the one that was read."""

    def answer(request: ImportRequest) -> list[ImportResult]:
        if len(desk.shop.sent) == broken:
            message = "away"
            raise RemoteError(message)
        return create_all(request)

    desk.shop.answer = answer
    with pytest.raises(RemoteError, match="away"):
        desk.take("title,price\n" + "A,1\n" * 1400)
    assert broken == len(desk.shop.sent)
    assert 500 * (broken - 1) == sum(desk.progress)


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
    report = desk.take("title,cost\nA,x\nB,1.23\nC,y\nD,2\n", mapping={"price": "cost"})
    assert [(2, "x"), (3, "1.23"), (4, "y"), (5, "2")] == [
        (reject.row, reject.value) for reject in report.rejects
    ]
    assert Reject(3, "price", "1.23", "price is odd") == report.rejects[1]
    with desk.rejects.open(newline="") as file:
        assert ["bazar_row", "2", "3", "4", "5"] == [cells[2] for cells in csv.reader(file)]


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
    """It should hold the rejected rows as they were, and behind each what is wrong with it."""
    report = desk.take('note,title,price\n"a, b",A,x\n,B,1\n,"C\nc",2,3,4\n')
    assert desk.rejects.read_bytes().startswith(b"\xef\xbb\xbf")
    assert str(desk.rejects) == report.rejects_file
    with desk.rejects.open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.reader(file))
    price = "price must be an amount such as 1299.99"
    mark = written[0].pop()
    assert re.fullmatch(r"bazar_written_[0-9a-f]{16}\.[0-9a-f]{64}", mark)
    assert [
        ["note", "title", "price", *OWN_COLUMNS],
        ["a, b", "A", "x", "2", "price", "x", price, ""],
        [
            *["", "C\nc", "2", "4"],
            *["", ",C\nc,2,3,4", "the row has 5 cells, the header 3", ""],
        ],
    ] == written
    assert {desk.file, desk.rejects} == set(desk.folder.iterdir())


def test_a_mended_rejects_file_can_be_imported(desk: Desk) -> None:
    """Its last columns should be passed over, and not pile up in the next rejects."""
    desk.take("title,price\nA,x\nB,y\n")
    mended = desk.rejects.read_text("utf-8").replace("A,x,", "A,1,")
    report = desk.take(mended)
    assert ["A"] == [book.title for book in desk.shop.books]
    assert 1 == report.rejected
    assert [] == report.file.unused
    header, row = desk.rejects.read_text("utf-8-sig").splitlines()
    assert ["title", "price", *OWN_COLUMNS] == header.split(",")[:-1]
    assert row.startswith("B,y,3,price,y,")


def test_a_mended_rejects_file_is_the_rest_of_those_before(desk: Desk) -> None:
    """Each names the files whose rejected rows it has, the last one first, up to eight."""
    keys: list[str | None] = []
    content = "title,price\nGood,1\n" + "".join(f"T{number},x\n" for number in range(11))
    for number in range(11):
        desk.take(content)
        assert keys[:-9:-1] == desk.shop.sent[-1].rest_of
        keys.append(desk.shop.sent[-1].key)
        content = desk.rejects.read_text("utf-8").replace(f"T{number},x,", f"T{number},1,")
    assert 11 == len(set(keys))


@pytest.mark.parametrize("last", ["bazar_written_x", "bazar_written_0123456789abcdef..a b", "n.o"])
def test_a_file_of_no_known_rejects_is_the_rest_of_none(desk: Desk, last: str) -> None:
    """Whatever its last column is called."""
    desk.take(f"title,price,{','.join(OWN_COLUMNS)},{last}\nA,1,,,,,\n")
    assert [] == desk.shop.sent[0].rest_of


def test_rejects_that_nobody_has_changed_are_written_over_and_removed(desk: Desk) -> None:
    """Old rejects should not be taken for those of this import."""
    desk.take("title,price\nA,x\n")
    assert 2 == desk.take("title,price\nB,x\nC,x\n").rejected
    assert 3 == len(desk.rejects.read_text().splitlines())
    assert desk.take("title,price\nA,1\n").rejects_file is None
    assert [desk.file] == list(desk.folder.iterdir())


@pytest.mark.parametrize("changed", ["", "A,x,", "\n"])
def test_rejects_that_somebody_has_worked_on_are_never_written_over(
    desk: Desk, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named file is refused, before a row is sent; one of our choice gets another name."""
    monkeypatch.chdir(desk.folder)
    default = desk.folder / "books.rejects.csv"
    for options, path in (({}, desk.rejects), ({"rejects": None}, default)):
        desk.take("title,price\nA,x\n", **options)
        theirs = path.read_bytes().replace(changed.encode(), b"A,1,") if changed else b"theirs"
        path.write_bytes(theirs)
        desk.shop.sent.clear()
        if options:
            second = str(desk.take("title,price\nB,1\nC,x\n", **options).rejects_file)
            assert "books.rejects-2.csv" == second
            assert desk.take("title,price\nB,1\n", **options).rejects_file is None
        else:
            desk.file.write_text("title,price\nB,1\n")
            with pytest.raises(ImportFileError, match="holds what no import has written"):
                importing.import_file(desk.shop, desk.options(), desk.progress.append)
            assert [] == desk.shop.sent
        assert theirs == path.read_bytes()


def test_a_dry_run_writes_and_removes_nothing(desk: Desk) -> None:
    """It tells its rejects, and that is all."""
    assert desk.take("title,price\nA,x\n", dry_run=True).rejects_file is None
    assert [desk.file] == list(desk.folder.iterdir())
    desk.take("title,price\nA,x\n")
    before = desk.rejects.read_bytes()
    assert 1 == desk.take("title,price\nB,x\n", dry_run=True).rejected
    assert 0 == desk.take("title,price\nB,1\n", dry_run=True).rejected
    assert before == desk.rejects.read_bytes()
    assert {desk.file, desk.rejects} == set(desk.folder.iterdir())


def test_a_file_with_semicolons_has_rejects_with_semicolons(desk: Desk) -> None:
    """The spreadsheet that wrote the one opens the other."""
    desk.take("title;price\nA;x\n")
    assert desk.rejects.read_text("utf-8-sig").startswith("title;price;bazar_row;")


def test_all_faults_of_a_row_are_told_at_once(desk: Desk) -> None:
    """In the report one by one, in the file in one line; a row is rejected once."""
    report = desk.take("title,price,isbn\n,x,0439023484\n")
    assert (1, 1) == (report.rows, report.rejected)
    assert ["isbn", "title", "price"] == [one.column for one in report.rejects]
    with desk.rejects.open(encoding="utf-8-sig", newline="") as file:
        _header, row = csv.reader(file)
    assert ["2", "isbn, title, price", "0439023484 | x"] == row[3:6]


def test_faults_are_counted_by_column_and_reason(desk: Desk) -> None:
    """The most frequent first; numbers in a reason make no other reason of it."""
    report = desk.take("title,price\nA,x\nB,1,2\nC,y\nD,1,2,3\n")
    assert [
        Tally("price", "price must be an amount such as N.N", 2),
        Tally("", "the row has N cells, the header N", 2),
    ] == report.rejects_by


def test_a_shop_that_fails_midway_leaves_no_half_file(desk: Desk) -> None:
    """The error should come through; an older rejects file should stay as it was."""
    desk.take("title,price\nA,x\n")
    old = desk.rejects.read_bytes()
    desk.progress.clear()

    def fail(request: ImportRequest) -> list[ImportResult]:
        if len(desk.shop.sent) == 2:
            message = "the catalog does not answer"
            raise RemoteError(message)
        return create_all(request)

    desk.shop.answer = fail
    with pytest.raises(RemoteError, match="does not answer"):
        desk.take("title,price\n" + "B,x\n" * 100 + "A,1\n" * 500)
    assert [500] == desk.progress
    assert old == desk.rejects.read_bytes()
    assert {desk.file, desk.rejects} == set(desk.folder.iterdir())


def keys(desk: Desk) -> set[str | None]:
    """Return the keys of all that was sent, and forget it."""
    found = {request.key for request in desk.shop.sent}
    desk.shop.sent.clear()
    return found


ROWS = "title,price,quantity\nA,1,2\nB,1,3\n"


@pytest.mark.parametrize(
    "spelling",
    [
        ROWS,
        ROWS.replace("\n", "\r\n"),
        "\ufeff" + ROWS,
        ROWS.rstrip(),
        ROWS.replace("A", '"A"'),
    ],
)
def test_a_file_that_says_the_same_has_the_same_key(desk: Desk, spelling: str) -> None:
    """However its lines end, whatever is quoted, in each mode, and under another name."""
    desk.take(ROWS)
    (key,) = keys(desk)
    for update in ("none", "stock", "all"):
        desk.take(spelling, update=update)
        assert {key} == keys(desk)
    other = desk.folder / "other.csv"
    other.write_text(spelling, newline="")
    importing.import_file(desk.shop, desk.options(file=other), desk.progress.append)
    assert {key} == keys(desk)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (ROWS.replace("3", "4"), {}),
        (ROWS + "C,1,1\n", {}),
        (ROWS.replace("A,1,2\nB,1,3", "B,1,3\nA,1,2"), {}),
        (ROWS, {"defaults": {"topic": "t"}}),
        (ROWS, {"mapping": {"author": "quantity"}}),
    ],
)
def test_a_file_that_says_something_else_has_another_key(
    desk: Desk, content: str, options: dict[str, Any]
) -> None:
    """One cell, one row, their order, or what was said about the columns."""
    desk.take(ROWS)
    (key,) = keys(desk)
    desk.take(content, **options)
    assert key not in keys(desk)


def test_again_is_another_key_each_time(desk: Desk) -> None:
    """So that the counts of the file are taken anew."""
    found: list[str | None] = []
    for _ in range(2):
        desk.take(ROWS, again=True)
        found += keys(desk)
    desk.take(ROWS)
    assert 3 == len({*found, *keys(desk)})


def test_each_dry_run_has_a_name_of_its_own_in_all_its_batches(desk: Desk) -> None:
    """So that a batch meets what those before it would have done, and no other run."""
    rows = "title,price\n" + "".join(f"T{n},1\n" for n in range(1100))
    runs: list[set[str | None]] = []
    for dry_run in (True, True, False):
        desk.take(rows, dry_run=dry_run)
        assert 3 == len(desk.shop.sent)
        runs.append({request.run for request in desk.shop.sent})
        desk.shop.sent.clear()
    assert [1, 1, 1] == [len(run) for run in runs]
    assert runs[0] != runs[1]
    assert {None} == runs[2]


def test_counts_that_were_taken_before_are_counted(desk: Desk) -> None:
    """The report says how many, whatever else became of their rows."""
    desk.shop.answer = lambda request: [
        ImportResult(row=row.row, status="unchanged", id=1, repeated=row.row == 2)
        for row in request.rows
    ]
    report = desk.take(ROWS, update="stock")
    assert (2, 2, 1) == (report.rows, report.unchanged, report.repeated)
