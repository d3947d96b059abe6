"""Taking files of books into the catalog."""

from typing import Any

import pytest

from support.catalog_calls import BOOK, ISBN, ISBN_10, ledger
from support.shops import Caller, Shop


async def take_in(catalog: Caller, *books: object, **options: object) -> list[dict[str, Any]]:
    """Import rows numbered from 1 and return the results."""
    rows = [{"row": row, "book": book} for row, book in enumerate(books, 1)]
    reply = await catalog.post("/imports", {"rows": rows} | options)
    assert 200 == reply.status, reply.content
    results = reply.json
    assert isinstance(results, list)
    return results


def statuses(results: list[dict[str, Any]]) -> list[str]:
    """Return the status of each row."""
    return [result["status"] for result in results]


async def test_an_import_twice_changes_nothing_the_second_time(catalog: Caller) -> None:
    """A row is the book with its id, else its ISBN, else its title, author and year."""
    rows = [
        BOOK | {"id": 7, "title": "By id", "quantity": 1},
        BOOK | {"isbn": ISBN_10, "title": "By ISBN", "quantity": 2},
        BOOK | {"title": "By name", "author": "A", "year": 2000, "quantity": 3},
        BOOK | {"title": "By name", "author": "A", "year": 2001},
        BOOK | {"title": "By name", "author": "B", "year": 2000},
    ]
    first = await take_in(catalog, *rows)
    assert ["created"] * 5 == statuses(first)
    assert [1, 2, 3, 4, 5] == [result["row"] for result in first]
    before = (await catalog.get("/books")).json
    for update in ("none", "stock", "all"):
        again = await take_in(catalog, *rows, update=update)
        assert ["unchanged"] * 5 == statuses(again), update
        assert [r["id"] for r in first] == [r["id"] for r in again]
    assert before == (await catalog.get("/books")).json


@pytest.mark.parametrize(
    ("update", "status", "title", "quantity"),
    [
        ("none", "unchanged", "RPCs for Noobs", 5),
        ("stock", "updated", "RPCs for Noobs", 2),
        ("all", "updated", "New", 2),
    ],
)
async def test_an_import_updates_as_much_as_it_is_told(
    shop: Shop, update: str, status: str, title: str, quantity: int
) -> None:
    """Nothing, the stock, or everything; the ledger says by how much the stock was adjusted."""
    book_id = await shop.add_book(quantity=5, isbn=ISBN)
    row = BOOK | {"isbn": ISBN, "title": "New", "quantity": 2}
    (result,) = await take_in(shop.catalog, row, update=update)
    assert {"row": 1, "status": status, "id": book_id} == result
    book = (await shop.catalog.get(f"/info/{book_id}")).json
    assert (title, quantity) == (book["title"], book["quantity"])
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


async def test_an_import_keeps_the_good_rows_and_names_the_bad(catalog: Caller) -> None:
    """A rejected row says its column and why; the rows around it are taken in."""
    results = await take_in(
        catalog,
        BOOK | {"title": "Good"},
        BOOK | {"title": "  "},
        BOOK | {"isbn": "123"},
        BOOK | {"price": 1.999},
        BOOK | {"topic": "-"},
        BOOK | {"title": "Good too"},
    )
    assert ["created", "rejected", "rejected", "rejected", "rejected", "created"] == statuses(
        results
    )
    assert ["title", "isbn", "price", "topic"] == [r["column"] for r in results[1:5]]
    assert all(result["reason"] for result in results[1:5])
    assert 2 == len((await catalog.get("/books")).json)


async def test_an_isbn_of_another_book_rejects_the_row(shop: Shop) -> None:
    """An id and an ISBN that belong to two books contradict each other."""
    first = await shop.add_book(isbn=ISBN)
    second = await shop.add_book()
    results = await take_in(
        shop.catalog, BOOK | {"id": second, "isbn": ISBN}, BOOK | {"id": 99, "isbn": ISBN}
    )
    assert ["rejected", "rejected"] == statuses(results)
    assert all(f"belongs to book {first}" in result["reason"] for result in results)
    assert ["isbn", "isbn"] == [result["column"] for result in results]
    assert 404 == (await shop.catalog.get("/info/99")).status


async def test_the_same_book_twice_in_one_import_is_one_book(catalog: Caller) -> None:
    """The second row meets the book that the first one made."""
    rows = [BOOK | {"isbn": ISBN}, BOOK | {"isbn": ISBN_10}]
    assert ["created", "unchanged"] == statuses(await take_in(catalog, *rows))


async def test_an_import_by_name_does_not_touch_a_book_with_an_isbn(shop: Shop) -> None:
    """A book that has an ISBN is known by it alone."""
    await shop.add_book(isbn=ISBN)
    assert ["created"] == statuses(await take_in(shop.catalog, BOOK))


async def test_a_dry_run_tells_what_would_happen_and_keeps_nothing(shop: Shop) -> None:
    """The results are those of the real run; no book, no stock and no event comes of it."""
    book_id = await shop.add_book(isbn=ISBN, quantity=1)
    rows = [BOOK | {"title": "New", "quantity": 3}, BOOK | {"isbn": ISBN, "quantity": 9}]
    before = (await shop.catalog.get("/books")).json
    dry = await take_in(shop.catalog, *rows, update="all", dry_run=True)
    assert ["created", "updated"] == statuses(dry)
    assert before == (await shop.catalog.get("/books")).json
    assert 1 == len(await ledger(shop.catalog))
    assert [] == (await shop.catalog.get("/books?q=new")).json
    assert statuses(dry) == statuses(await take_in(shop.catalog, *rows, update="all"))
    assert 9 == await shop.stock(book_id)


async def test_an_import_row_with_odd_text_harms_no_other(catalog: Caller) -> None:
    """A title that the database cannot hold is a rejected row, not a fault of ours."""
    results = await take_in(catalog, BOOK | {"title": "\0"}, BOOK | {"title": "Good"})
    assert ["rejected", "created"] == statuses(results)


async def test_an_import_beyond_its_limits_is_refused(catalog: Caller) -> None:
    """No rows, 501 rows, an unknown mode or a body over 2 MiB: nothing is taken in."""
    row = {"row": 1, "book": BOOK}
    bodies: list[object] = [{"rows": []}, {"rows": [row] * 501}, {"rows": [row], "update": "some"}]
    for body in (*bodies, {}):
        reply = await catalog.post("/imports", body)
        assert (400, "invalid-request") == (reply.status, reply.code)
    reply = await catalog.call("POST", "/imports", content=b" " * (2 * 1024 * 1024 + 1))
    assert (413, "body-too-large") == (reply.status, reply.code)
    assert [] == (await catalog.get("/books")).json


async def test_an_update_leaves_alone_what_the_row_does_not_give(catalog: Caller) -> None:
    """Only the given columns change; an empty cell takes neither author nor stock away."""
    book = {"id": 7, "title": "Old", "topic": "new", "price": 5, "author": "Ann", "quantity": 4}
    await catalog.post("/imports", {"rows": [{"row": 2, "book": book}]})
    row = {
        "row": 2,
        "book": {"id": 7, "title": "New", "topic": "x", "price": 9},
        "given": ["title"],
    }
    for update, title in (("stock", "Old"), ("all", "New")):
        reply = await catalog.post("/imports", {"rows": [row], "update": update})
        assert 200 == reply.status
        info = (await catalog.get("/info/7")).json
        assert (title, "new", 5, "Ann", 4) == tuple(
            info[name] for name in ("title", "topic", "price", "author", "quantity")
        )
