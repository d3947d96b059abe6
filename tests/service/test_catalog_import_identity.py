"""Which book a row of a file is about: never another one, and none of them twice."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import pytest

from bazar.kit.text import INVISIBLE
from support.catalog_calls import BOOK, ISBN, ISBN_10, reserve
from support.engines import on_every_engine
from support.shops import Caller, Shop

OTHER = "9780306406157"


async def take_in(catalog: Caller, *books: object, **options: object) -> list[dict[str, Any]]:
    """Import rows numbered from 2, as in a file with a header, in one batch."""
    return await send(
        catalog, [{"row": row, "book": one} for row, one in enumerate(books, 2)], options
    )


async def send(
    catalog: Caller, rows: list[dict[str, Any]], options: Mapping[str, object]
) -> list[dict[str, Any]]:
    """Import a batch of rows and return the results."""
    reply = await catalog.post("/imports", {"rows": rows, **options})
    assert 200 == reply.status, reply.content
    results = reply.json
    assert isinstance(results, list)
    return results


def told(results: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return the status of each row, and the column and the reason of a refusal."""
    return [(one["status"], one.get("column", ""), one.get("reason", "")) for one in results]


def statuses(results: list[dict[str, Any]]) -> list[str]:
    """Return the status of each row."""
    return [one["status"] for one in results]


@pytest.mark.parametrize("update", ["none", "all"])
@on_every_engine
async def test_a_row_about_another_book_than_its_id_says_changes_nothing(
    shop: Shop, update: str
) -> None:
    """Whether its ISBN or its title tells; nor is it called unchanged."""
    book = BOOK | {"title": "Robinson Crusoe", "quantity": 5}
    (one, other, bare) = [
        result["id"]
        for result in await take_in(
            shop.catalog,
            book | {"isbn": ISBN},
            BOOK | {"title": "Emma", "isbn": OTHER},
            BOOK | {"title": "Harrow"},
        )
    ]
    before = (await shop.catalog.get("/books")).json
    rows = [
        BOOK | {"id": one, "title": "Gideon the Ninth", "quantity": 1},
        book | {"id": one, "isbn": OTHER, "quantity": 1},
        book | {"id": one, "isbn": "9781250313195", "quantity": 1},
        BOOK | {"id": bare, "title": "Harrow the Ninth"},
        BOOK | {"id": other, "title": "???", "quantity": 1},
    ]
    options = {"update": update, "key": "file"}
    for dry_run in (True, False):
        results = await take_in(shop.catalog, *rows, dry_run=dry_run, **options)
        assert ["rejected"] * 5 == statuses(results)
    assert ["title", "isbn", "isbn", "title", "title"] == [row["column"] for row in results]
    assert f"book {one} is 'Robinson Crusoe', not 'Gideon the Ninth'" == results[0]["reason"]
    assert f"isbn {OTHER} belongs to book {other}, 'Emma', not to {one}" == results[1]["reason"]
    assert before == (await shop.catalog.get("/books")).json
    assert {"received"} == {row["kind"] for row in (await shop.catalog.get("/movements")).json}


async def test_a_row_that_spells_its_title_otherwise_is_the_same_book(shop: Shop) -> None:
    """In case, accents and signs; what it says else is taken."""
    book_id = await shop.add_book(title="Café Society", isbn=ISBN, quantity=1)
    row = BOOK | {"id": book_id, "title": "CAFE  SOCIETY!", "isbn": ISBN_10, "quantity": 4}
    assert ["updated"] == statuses(await take_in(shop.catalog, row, update="all"))
    info = (await shop.catalog.get(f"/info/{book_id}")).json
    assert ("CAFE SOCIETY!", 4) == (info["title"], info["quantity"])


REPEATED = [
    BOOK | {"isbn": ISBN, "quantity": 1, "price": 9},
    BOOK | {"title": "Other", "quantity": 7},
    BOOK | {"isbn": ISBN_10, "quantity": 2, "price": 4},
    BOOK | {"title": "Other", "quantity": 1},
    BOOK | {"isbn": ISBN, "quantity": 4, "price": 5},
]
SAME = {
    # The stocks and the first price that come of it.
    "reject": (["created", "created", "rejected", "rejected", "rejected"], (1, 7), 9),
    "add": (["created", "created", "updated", "updated", "updated"], (7, 8), 9),
    "last": (["created", "created", "updated", "updated", "updated"], (4, 1), 5),
}


@pytest.mark.parametrize("batch_rows", [1, 5])
@pytest.mark.parametrize("same", SAME)
@on_every_engine
async def test_a_book_that_comes_twice_in_a_file_is_told(
    shop: Shop, same: str, batch_rows: int
) -> None:
    """In whatever batches; dry first, then the same; and again, when copies were sold meanwhile."""
    wanted, stocks, price = SAME[same]
    rows = [{"row": row, "book": one} for row, one in enumerate(REPEATED, 2)]
    cuts = [*range(0, len(rows), batch_rows), len(rows)]

    async def imported(*, dry_run: bool = False, update: str = "none") -> list[dict[str, Any]]:
        options = {"key": "k", "same": same, "dry_run": dry_run, "run": "r", "update": update}
        parts = [await send(shop.catalog, rows[a:b], options) for a, b in pairwise(cuts)]
        return [row for part in parts for row in part]

    dry = await imported(dry_run=True)
    first = await imported()
    assert wanted == statuses(first)
    assert told(dry) == told(first)
    if same == "reject":
        assert [("isbn", 2), ("title", 3), ("isbn", 2)] == [
            (one["column"], int(one["reason"].removeprefix("is the same book as row ")))
            for one in first[2:]
        ]
    ids = [one["id"] for one in first[:2]]
    assert list(stocks) == [await shop.stock(book_id) for book_id in ids]
    assert price == (await shop.catalog.get(f"/info/{ids[0]}")).json["price"]
    await reserve(shop.catalog, "o1", (ids[0], 1), (ids[1], 1))
    for update in ("none", "stock", "all"):
        again = await imported(update=update)
        assert ["unchanged"] * 2 + (
            ["rejected"] * 3 if same == "reject" else ["unchanged"] * 3
        ) == statuses(again)
        assert [one - 1 for one in stocks] == [await shop.stock(book_id) for book_id in ids]
        assert price == (await shop.catalog.get(f"/info/{ids[0]}")).json["price"]


@pytest.mark.parametrize("first", [2, 3])
@pytest.mark.parametrize("update", ["none", "stock"])
@pytest.mark.parametrize(("same", "stock"), [("reject", 3), ("add", 5), ("last", 2)])
@on_every_engine
async def test_mended_rows_are_the_rest_of_their_file(
    shop: Shop, same: str, stock: int, update: str, first: int
) -> None:
    """A double is one, whichever row was refused at first, and whatever was sold meanwhile."""
    good = BOOK | {"isbn": ISBN, "quantity": 3}
    rows = [{"row": first, "book": good}, {"row": 5 - first, "book": good | {"price": 1.999}}]
    options: dict[str, object] = {"key": "file", "same": same, "update": update}
    made, bad = await send(shop.catalog, rows, options)
    assert ("created", "rejected") == (made["status"], bad["status"])
    book_id = made["id"]
    rest = options | {"key": "rejects", "rest_of": ["file"]}
    last = options | {"key": "rejects of those", "rest_of": ["rejects", "file"]}
    mended = good | {"quantity": 2}
    for dry_run in (True, False):
        (told_of,) = await take_in(shop.catalog, mended, dry_run=dry_run, **rest)
        if same == "reject":
            assert f"is the same book as row {first} of the file before" == told_of["reason"]
        else:
            assert "updated" == told_of["status"]
    assert stock == await shop.stock(book_id)
    await shop.catalog.post(f"/books/{book_id}/stock", {"change": -1})
    await send(shop.catalog, rows[:1], options)
    await take_in(shop.catalog, mended, **rest)
    assert stock - 1 == await shop.stock(book_id)
    await take_in(shop.catalog, mended, **last)
    assert {"reject": 2, "add": 6, "last": 2}[same] == await shop.stock(book_id)


NAMED = BOOK | {"title": "Emma", "quantity": 1}


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (NAMED, {"isbn": OTHER}),
        (NAMED, {"title": "Persuasion"}),
        (NAMED | {"isbn": ISBN}, {"isbn": OTHER}),
    ],
    ids=["numbered", "renamed", "corrected"],
)
@pytest.mark.parametrize("same", SAME)
@on_every_engine
async def test_a_row_that_was_about_a_book_is_about_it_when_its_file_comes_again(
    shop: Shop, same: str, row: dict[str, Any], change: dict[str, Any]
) -> None:
    """Whatever the keeper has made of it: the one that added it, its double, and a later file's."""
    options = {"same": same, "update": "stock"}
    files = {"one": [row, row | {"quantity": 2}], "two": [row | {"quantity": 5}]}
    ids = {
        result.get("id", 0)
        for key, rows in files.items()
        for result in await take_in(shop.catalog, *rows, key=key, **options)
    }
    (book_id,) = ids - {0}
    assert 200 == (await shop.catalog.call("PATCH", f"/books/{book_id}", change)).status
    await reserve(shop.catalog, "o1", (book_id, 1))
    for key, rows in files.items():
        for dry_run in (True, False):
            again = await take_in(shop.catalog, *rows, key=key, dry_run=dry_run, **options)
            double = "rejected" if same == "reject" else "unchanged"
            assert ["unchanged", double][: len(rows)] == statuses(again)
    assert [4] == [one["quantity"] for one in (await shop.catalog.get("/books")).json]


@pytest.mark.parametrize(("same", "stock"), [("reject", 3), ("add", 5), ("last", 2)])
@pytest.mark.parametrize("batch_rows", [1, 2])
async def test_one_row_may_name_the_id_and_another_the_isbn(
    shop: Shop, same: str, stock: int, batch_rows: int
) -> None:
    """Of one book; only the catalog knows, and it does across batches too."""
    book_id = await shop.add_book(title="Emma", isbn=ISBN, quantity=9)
    books = [
        BOOK | {"id": book_id, "title": "Emma", "quantity": 3},
        BOOK | {"isbn": ISBN, "title": "Emma", "quantity": 2},
    ]
    rows = [{"row": row, "book": one} for row, one in enumerate(books, 2)]
    options = {"key": "k", "same": same, "update": "stock"}
    for _ in range(2):
        for at in range(0, 2, batch_rows):
            results = await send(shop.catalog, rows[at : at + batch_rows], options)
        assert stock == await shop.stock(book_id)
    if same == "reject":
        assert ("rejected", "isbn", "is the same book as row 2") == told(results)[-1]


async def test_a_second_row_counts_where_the_first_was_refused(catalog: Caller) -> None:
    """Only a row that was taken in makes another one its double."""
    rows = [BOOK | {"isbn": ISBN, "price": 1.999}, BOOK | {"isbn": ISBN}, BOOK | {"isbn": ISBN}]
    for options in ({}, {"key": "k"}):
        results = await take_in(catalog, *rows, **options)
        assert "rejected" == results[0]["status"]
        assert "rejected" != results[1]["status"]
        assert "is the same book as row 3" == results[2]["reason"]


@on_every_engine
async def test_a_number_that_fills_the_place_of_an_isbn_is_none(catalog: Caller) -> None:
    """Books that have it are known by their names."""
    fillers = ("0000000000", "9780000000002", "1111111111", "9999999999999", "0")
    rows = [BOOK | {"title": f"T{n}", "isbn": isbn} for n, isbn in enumerate(fillers)]
    assert ["created"] * 5 == statuses(await take_in(catalog, *rows))
    assert ["unchanged"] * 5 == statuses(await take_in(catalog, *rows))
    assert {None} == {one.get("isbn") for one in (await catalog.get("/books")).json}


@on_every_engine
async def test_signs_that_nobody_sees_make_no_other_book(catalog: Caller) -> None:
    """They are not kept, but for joiners in scripts that need them."""
    first = BOOK | {"title": "\u2066Dune\u2069", "author": "Fr\u00adank\u200b Herbert\ufeff"}
    spelt = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    persian = BOOK | {"title": spelt}
    assert ["created"] * 2 == statuses(await take_in(catalog, first, persian))
    kept = {(one["title"], one.get("author", "")) for one in (await catalog.get("/books")).json}
    assert {("Dune", "Frank Herbert"), (spelt, "")} == kept
    rows = [BOOK | {"title": f"Du{sign}ne", "author": f"{sign}Frank Herbert"} for sign in INVISIBLE]
    for row in (*rows, persian | {"title": spelt.replace("\u200c", "")}):
        assert ["unchanged"] == statuses(await take_in(catalog, row))
    assert 2 == len((await catalog.get("/books")).json)
    assert ["rejected"] == statuses(await take_in(catalog, BOOK | {"title": INVISIBLE}))


async def test_a_book_that_an_older_release_kept_with_such_signs_is_found(
    shop: Shop, tmp_path: Path
) -> None:
    """By rows with them and without."""
    await shop.add_book(title="Dune", author="A")
    connection = apsw.Connection(str(tmp_path / "catalog.db"))
    connection.execute("UPDATE books SET title = ?", ("\u2066Du\u00adne\u2069",))
    connection.close()
    for title in ("Dune", "\u2066Du\u00adne\u2069", "D\u200bune"):
        row = BOOK | {"title": title, "author": "A"}
        assert ["unchanged"] == statuses(await take_in(shop.catalog, row))


# ------------------------------------------------------------------- rows without a title


@on_every_engine
async def test_a_row_without_a_title_changes_a_book_that_is_there(shop: Shop) -> None:
    """Its stock with `stock`, all that it says with `all`; nothing without an update."""
    book_id = await shop.add_book(title="Emma", isbn=ISBN, quantity=9, price=8)
    known = {"isbn": ISBN_10, "quantity": 4, "price": 5}
    rows = [{"row": 2, "known": known}]
    (row,) = await send(shop.catalog, rows, {})
    assert ("rejected", "a file without titles only changes books: say --update") == (
        row["status"],
        row["reason"],
    )
    for update, price, copies in (("stock", 8, {"copies": -5}), ("all", 5, {})):
        options = {"update": update, "key": update}
        (dry,) = await send(shop.catalog, rows, options | {"dry_run": True, "run": update})
        (row,) = await send(shop.catalog, rows, options)
        assert {"row": 2, "status": "updated", "id": book_id} | copies == row == dry
        info = (await shop.catalog.get(f"/info/{book_id}")).json
        assert ("Emma", 4, price) == (info["title"], info["quantity"], info["price"])
    await reserve(shop.catalog, "o1", (book_id, 1))
    (row,) = await send(shop.catalog, rows, options)
    assert ("unchanged", True, 3) == (row["status"], row["repeated"], await shop.stock(book_id))


async def test_a_row_without_a_title_adds_no_book(shop: Shop) -> None:
    """It says so; each is judged alone."""
    book_id = await shop.add_book(title="Emma", isbn=ISBN, quantity=9)
    known: list[dict[str, Any]] = [
        {"isbn": OTHER, "quantity": 4},
        {"id": 99, "quantity": 4},
        {"quantity": 4},
        {"isbn": "0000000000", "quantity": 4},
        {"id": book_id, "isbn": OTHER, "quantity": 4},
        {"id": book_id, "price": 1},
        {"isbn": ISBN, "quantity": 1},
        {"isbn": "123", "quantity": 4},
    ]
    rows = [{"row": row, "known": one} for row, one in enumerate(known, 2)]
    results = await send(shop.catalog, rows, {"update": "all"})
    absent = "is not in the shop; a file without titles adds no books"
    nameless = "a row without a title needs an ISBN or a bazar_id"
    assert [
        ("rejected", "isbn", absent),
        ("rejected", "bazar_id", absent),
        ("rejected", "isbn", nameless),
        ("rejected", "isbn", nameless),
        ("rejected", "isbn", f"book {book_id} is 'Emma' with the ISBN {ISBN}, not {OTHER}"),
        ("updated", "", ""),
        ("rejected", "isbn", "is the same book as row 7"),
    ] == told(results)[:-1]
    assert ("rejected", "isbn") == told(results)[-1][:2]
    assert 1 == len((await shop.catalog.get("/books")).json)


async def test_a_row_says_one_thing(catalog: Caller) -> None:
    """A new book, or something about a known one."""
    rows: list[dict[str, Any]] = [{"row": 2}, {"row": 3, "book": BOOK, "known": {"isbn": ISBN}}]
    assert ["rejected", "rejected"] == statuses(await send(catalog, rows, {"update": "all"}))
