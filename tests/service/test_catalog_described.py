"""What is known of a book beside its title: added, edited, imported, and told to whoever lists."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import apsw
import pytest

from bazar.formats.books import Reader
from bazar.formats.columns import COLUMNS, Reading
from bazar.formats.csv import records
from bazar.formats.header import Layout, Wanted
from support.catalog_calls import BOOK, ask
from support.shops import Caller, Shop

DESCRIBED: dict[str, Any] = {
    "subtitle": "A Journey",
    "publisher": "Presses",
    "format": "hardback",
    "pages": 320,
    "language": "fr",
    "condition": "very-good",
    "shelf": "B 4",
    "low_at": 7,
}


async def import_all(catalog: Caller, **row: object) -> dict[str, Any]:
    """Import one row, with what it gives, and return what became of it."""
    body = {"rows": [{"row": 1, "book": row, "given": list(row)}], "update": "all"}
    reply = await catalog.post("/imports", body)
    assert 200 == reply.status, reply.content
    (result,) = reply.json
    assert isinstance(result, dict)
    return result


async def test_a_book_is_added_with_all_that_is_known_of_it(catalog: Caller) -> None:
    """And shown with it; a book of which nothing is known has none of these members."""
    added = (await catalog.post("/books", BOOK | DESCRIBED)).json
    assert DESCRIBED.items() <= added.items()
    assert added == (await catalog.get(f"/info/{added['id']}")).json
    bare = (await catalog.post("/books", BOOK)).json
    assert set() == DESCRIBED.keys() & bare.keys()
    assert "retired" not in bare


@pytest.mark.parametrize("member", sorted(DESCRIBED))
async def test_each_member_is_edited_by_itself(catalog: Caller, member: str) -> None:
    """It gives the book its next version; the same again changes nothing."""
    before = (await catalog.post("/books", BOOK)).json
    path, edit = f"/books/{before['id']}", {member: DESCRIBED[member]}
    after = (await catalog.call("PATCH", path, edit)).json
    assert before | edit | {"version": before["version"] + 1} == after
    assert after == (await catalog.call("PATCH", path, edit)).json


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "scroll"},
        {"pages": 0},
        {"language": "not a tag"},
        {"condition": "worn"},
        {"low_at": -1},
        {"shelf": "x" * 41},
        {"publisher": "\0"},
        {"retired": 1},
    ],
)
async def test_what_no_book_can_be_is_refused(catalog: Caller, wrong: dict[str, object]) -> None:
    """By an edit as by a new book, and nothing changes."""
    book = (await catalog.post("/books", BOOK)).json
    for reply in (
        await catalog.call("PATCH", f"/books/{book['id']}", wrong),
        await catalog.post("/books", BOOK | wrong),
    ):
        assert (400, "invalid-request") == (reply.status, reply.code)
    assert [book] == (await catalog.get("/books")).json


async def test_an_import_takes_what_a_row_gives(catalog: Caller) -> None:
    """Into a new book and into one that is there; the same row again changes nothing."""
    row = BOOK | {"price": "19.99"} | DESCRIBED
    assert "created" == (await import_all(catalog, **row))["status"]
    assert DESCRIBED.items() <= (await catalog.get("/info/1")).json.items()
    assert "unchanged" == (await import_all(catalog, **row))["status"]
    changed = BOOK | {"shelf": "C 1", "pages": 321}
    assert "updated" == (await import_all(catalog, **changed))["status"]
    after = (await catalog.get("/info/1")).json
    assert DESCRIBED | {"shelf": "C 1", "pages": 321} == {name: after[name] for name in DESCRIBED}


async def test_an_import_leaves_a_retired_book_off_sale(shop: Shop) -> None:
    """It changes what the row says, and no row says that it is sold again."""
    book_id = await shop.add_book(quantity=3)
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"retired": True})
    assert "updated" == (await import_all(shop.catalog, **BOOK, quantity=5))["status"]
    assert "book-retired" == (await ask(shop.catalog, "o", id=book_id))["rejection"]["code"]
    assert [] == (await shop.catalog.get("/books")).json


async def test_no_import_and_no_edit_changes_a_currency(shop: Shop, tmp_path: Path) -> None:
    """The number of a row is a price in the book's own currency, as that of an edit is."""
    book_id = await shop.add_book(price=19.99)
    connection = apsw.Connection(str(tmp_path / "catalog.db"))
    connection.execute("UPDATE books SET currency = 'JPY', price_minor = 1999")
    connection.close()
    assert "updated" == (await import_all(shop.catalog, **BOOK | {"price": 2500}))["status"]
    book = (await shop.catalog.get(f"/info/{book_id}")).json
    assert ("JPY", 2500) == (book["currency"], book["price"])
    refused = await import_all(shop.catalog, **BOOK | {"price": 25.5})
    assert ("rejected", "price") == (refused["status"], refused["column"])
    edited = (await shop.catalog.call("PATCH", f"/books/{book_id}", {"price": 2600})).json
    assert ("JPY", 2600) == (edited["currency"], edited["price"])
    reply = await shop.catalog.call("PATCH", f"/books/{book_id}", {"currency": "USD"})
    assert 400 == reply.status


def test_the_sample_catalogue_is_a_file_that_an_import_takes() -> None:
    """Each row makes a book, and each says in which language it is, but one of two languages."""
    text = (files("bazar.sample") / "books.csv").read_text("utf-8")
    header, *rows = records(text.splitlines(keepends=True))
    assert set(header.cells) <= set(COLUMNS)
    reader = Reader(Layout(header.cells, Wanted()), Reading("USD"), strict=True)
    books = [read.book for row in rows if (read := reader.read(row)) and read.book]
    assert 110 == len(books)
    assert ["Les Fleurs du mal"] == [book.title for book in books if not book.language]
    assert {"en", "pt", "ru", ""} == {book.language for book in books}
    by_title = {book.title: book for book in books}
    assert "A Study of Provincial Life" == by_title["Middlemarch"].subtitle
    assert not [book for book in books if re.search("[\x00-\x1f]", book.description)]
