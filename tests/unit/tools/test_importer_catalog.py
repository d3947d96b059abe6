"""Importing a file into the real catalog."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bazar.tools.importing import parse_pairs
from bazar.wire.imports import ImportRequest, ImportResult
from support.catalogs import open_catalog
from support.importing import Desk, FakeShop, row_of


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Desk]:
    """Return a folder and a shop with the real catalog on a real database."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    opening = open_catalog(tmp_path / "catalog.db")
    catalog = asyncio.run_coroutine_threadsafe(opening, loop).result()

    def answer(request: ImportRequest) -> list[ImportResult]:
        return asyncio.run_coroutine_threadsafe(catalog.imports.take_in(request), loop).result()

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
        "defaults": parse_pairs(["price=9.99", "quantity=5"], "--default"),
        "update": update,
    }
    count = 520
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
    rows = (row for request in real.shop.sent for row in request.rows)
    books = {row.row: row.book for row in rows if row.book is not None}
    assert 'Title 17 ("Series", #8)' == books[18].title
    assert "Original 18" == books[19].title
    assert "J.K. Author 18, Mary GrandPré" == books[19].author
    assert -702 == books[19].year


def test_what_only_the_catalog_can_refuse_becomes_a_reject(real: Desk) -> None:
    """Such as an ISBN of another book."""
    report = real.take(
        "bazar_id,isbn,title,price,topic\n"
        "1,0439023483,A,1.00,x\n2,439023483,B,1.00,x\n5,,E,1.00,x\n"
    )
    assert (3, 2, 1) == (report.rows, report.created, report.rejected)
    assert [(3, "isbn", "439023483")] == [
        (reject.row, reject.column, reject.value) for reject in report.rejects
    ]


@pytest.mark.parametrize("header", ["bazar_id,title,price,", "bazar_id,price,", "bazar_id,"])
def test_a_stock_that_was_exported_is_no_count(real: Desk, header: str) -> None:
    """What was sold meanwhile stays sold; a number that somebody changed there is a new count."""
    real.take("bazar_id,title,price,quantity\n1,A,1.00,9\n2,B,1.00,9\n")
    real.take("bazar_id,quantity\n1,6\n2,6\n", update="stock")
    cells = {"bazar_id": "{}", "title": "{}", "price": "1.00"}
    said = [",".join(cells[name] for name in header.split(",")[:-1]) for _ in "12"]
    rows = [said[0].format(1, "A") + ",9,9.0", said[1].format(2, "B") + ",5,9"]
    file = f"{header}quantity,quantity_exported\n" + "\n".join(rows)
    for update in ("all", "stock"):
        report = real.take(file, update=update, again=True)
        assert (0, 1) == (report.rejected, report.as_exported)
        assert int(update == "all") == report.stocks
    fresh = real.take("title,price,quantity,quantity_exported\nC,1,4,4\n")
    assert (1, 0, 4) == (fresh.created, fresh.stocks, real.shop.books[-1].quantity)
    counted = real.take("bazar_id,quantity\n1,6\n2,5\n3,4\n", update="stock")
    assert (3, 0) == (counted.unchanged, counted.stocks)


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
