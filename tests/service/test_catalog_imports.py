"""Taking files of books into the catalog."""

import asyncio
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import apsw
import pytest

from bazar.catalog import rehearsal
from bazar.catalog.rehearsal import RUNS_MAX
from bazar.catalog.store.sqlite import SqliteStore
from bazar.kit.data.database import Work
from bazar.kit.data.sqlite import SqliteDatabase
from support.catalog_calls import BOOK, ISBN, ISBN_10, ledger, reserve
from support.engines import on_every_engine
from support.shops import Caller, Shop

Form = Literal["NFC", "NFD"]


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


@on_every_engine
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


BEFORE = BOOK | {"title": "First of its file"}
COUNTED = BOOK | {"isbn": ISBN, "quantity": 9}


@pytest.mark.parametrize("how", ["count", "reason", "same count", "new book", "no key"])
@on_every_engine
async def test_an_older_file_does_not_undo_what_was_counted_since(shop: Shop, how: str) -> None:
    """By hand, or by rows of no file; what broke off goes on without it, and a new file counts."""
    catalog = shop.catalog
    if how != "new book":
        book_id = await shop.add_book(isbn=ISBN, quantity=4 if how == "same count" else 6)
    await take_in(catalog, BEFORE, key="broken off", update="stock")
    match how:
        case "count" | "same count":
            reply = await catalog.post(f"/books/{book_id}/stock", {"count": 4})
            assert 200 == reply.status
        case "reason":
            change = {"change": -2, "reason": "counted"}
            assert 200 == (await catalog.post(f"/books/{book_id}/stock", change)).status
        case "new book":
            book_id = await shop.add_book(isbn=ISBN, quantity=4)
        case _:
            await take_in(catalog, COUNTED | {"quantity": 4}, update="stock")
    for dry_run in (True, False):
        options = {"update": "stock", "key": "broken off", "dry_run": dry_run}
        rest = (await take_in(catalog, BEFORE, COUNTED, **options))[1]
        assert ("unchanged", True) == (rest["status"], rest["repeated"])
        assert 4 == await shop.stock(book_id)
    await take_in(catalog, COUNTED, update="stock", key="new")
    assert 9 == await shop.stock(book_id)


async def test_what_came_or_went_since_is_no_count(shop: Shop) -> None:
    """A file that broke off still counts a book of which copies were received or lost."""
    book_id = await shop.add_book(isbn=ISBN, quantity=6)
    await take_in(shop.catalog, BEFORE, key="broken off", update="stock")
    for change in ({"change": 3}, {"change": -1, "reason": "lost"}):
        assert 200 == (await shop.catalog.post(f"/books/{book_id}/stock", change)).status
    await take_in(shop.catalog, BEFORE, COUNTED, key="broken off", update="stock")
    assert 9 == await shop.stock(book_id)


@pytest.mark.parametrize(
    ("update", "status", "title", "quantity"),
    [
        ("none", "unchanged", "RPCs for Noobs", 5),
        ("stock", "updated", "RPCs for Noobs", 2),
        ("all", "updated", "New", 2),
    ],
)
@on_every_engine
async def test_an_import_updates_as_much_as_it_is_told(
    shop: Shop, update: str, status: str, title: str, quantity: int
) -> None:
    """Nothing, the stock, or everything; the ledger says by how much the stock was adjusted."""
    book_id = await shop.add_book(quantity=5, isbn=ISBN)
    row = BOOK | {"isbn": ISBN, "title": "New", "quantity": 2}
    (result,) = await take_in(shop.catalog, row, update=update)
    moved = {"copies": quantity - 5} if quantity != 5 else {}
    assert {"row": 1, "status": status, "id": book_id} | moved == result
    book = (await shop.catalog.get(f"/info/{book_id}")).json
    assert (title, quantity) == (book["title"], book["quantity"])
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


@on_every_engine
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
    """The second row meets the book that the first one made, and says so."""
    rows = [BOOK | {"isbn": ISBN}, BOOK | {"isbn": ISBN_10}]
    results = await take_in(catalog, *rows)
    assert ["created", "rejected"] == statuses(results)
    assert ("isbn", "is the same book as row 1") == (results[1]["column"], results[1]["reason"])


@on_every_engine
async def test_an_import_by_name_does_not_touch_a_book_with_an_isbn(shop: Shop) -> None:
    """A book that has an ISBN is known by it alone."""
    await shop.add_book(isbn=ISBN)
    assert ["created"] == statuses(await take_in(shop.catalog, BOOK))


@on_every_engine
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
        "book": {"id": 7, "title": "OLD", "topic": "x", "price": 9},
        "given": ["title"],
    }
    for update, title in (("stock", "Old"), ("all", "OLD")):
        reply = await catalog.post("/imports", {"rows": [row], "update": update})
        assert 200 == reply.status
        info = (await catalog.get("/info/7")).json
        assert (title, "new", 5, "Ann", 4) == tuple(
            info[name] for name in ("title", "topic", "price", "author", "quantity")
        )


# ------------------------------------------------------------------- counts


@on_every_engine
async def test_a_count_of_a_file_is_taken_once(shop: Shop) -> None:
    """Copies that were sold since are not put back on sale by the same file."""
    row = BOOK | {"isbn": ISBN, "quantity": 10}
    (first,) = await take_in(shop.catalog, row, update="stock", key="monday")
    book_id = first["id"]
    await reserve(shop.catalog, "o1", (book_id, 3))
    for update in ("stock", "all", "none"):
        (again,) = await take_in(shop.catalog, row, update=update, key="monday")
        assert "unchanged" == again["status"], update
        assert (update != "none") == again.get("repeated", False)
    assert 7 == await shop.stock(book_id)
    (counted,) = await take_in(shop.catalog, row, update="stock", key="friday")
    assert ("updated", 10) == (counted["status"], await shop.stock(book_id))
    await take_in(shop.catalog, row | {"quantity": 1}, update="stock", key="monday")
    assert 10 == await shop.stock(book_id)  # what was counted before friday


async def test_a_count_that_found_nothing_to_change_is_taken_too(shop: Shop) -> None:
    """The shelf had what the file says; what is sold after that is sold."""
    book_id = await shop.add_book(isbn=ISBN, quantity=5)
    row = BOOK | {"isbn": ISBN, "quantity": 5}
    assert ["unchanged"] == statuses(await take_in(shop.catalog, row, update="stock", key="k"))
    await reserve(shop.catalog, "o1", (book_id, 2))
    assert ["unchanged"] == statuses(await take_in(shop.catalog, row, update="stock", key="k"))
    assert 3 == await shop.stock(book_id)


async def test_a_count_that_was_passed_over_may_be_taken_later(shop: Shop) -> None:
    """Without an update only new books are counted; the same file then counts the others."""
    old = await shop.add_book(isbn=ISBN, quantity=5)
    rows = [BOOK | {"isbn": ISBN, "quantity": 9}, BOOK | {"title": "New", "quantity": 4}]
    results = await take_in(shop.catalog, *rows, key="k")
    assert ["unchanged", "created"] == statuses(results)
    new = results[1]["id"]
    await reserve(shop.catalog, "o1", (new, 1))
    results = await take_in(shop.catalog, *rows, update="stock", key="k")
    assert ["updated", "unchanged"] == statuses(results)
    assert (9, 3) == (await shop.stock(old), await shop.stock(new))


async def test_of_two_counts_in_a_file_the_last_holds_however_often(shop: Shop) -> None:
    """Sent again, neither the first nor the last is taken."""
    rows = [BOOK | {"isbn": ISBN, "quantity": copies} for copies in (4, 6)]
    options = {"update": "stock", "same": "last", "key": "k"}
    results = await take_in(shop.catalog, *rows, **options)
    assert ["created", "updated"] == statuses(results)
    book_id = results[0]["id"]
    await reserve(shop.catalog, "o1", (book_id, 1))
    assert ["unchanged"] * 2 == statuses(await take_in(shop.catalog, *rows, **options))
    assert 5 == await shop.stock(book_id)


@on_every_engine
async def test_an_import_that_broke_off_goes_on_where_it_was(shop: Shop) -> None:
    """Rows that were in stay as they are, the others are taken in."""
    rows = [BOOK | {"title": f"T{n}", "quantity": 10} for n in range(3)]
    (first, *_rest) = await take_in(shop.catalog, *rows[:2], update="stock", key="k")
    await reserve(shop.catalog, "o1", (first["id"], 4))
    results = await take_in(shop.catalog, *rows, update="stock", key="k")
    assert ["unchanged", "unchanged", "created"] == statuses(results)
    assert [6, 10, 10] == [await shop.stock(one["id"]) for one in results]


async def test_an_import_is_taken_in_over_as_many_units_as_it_has_time_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one row takes all the time of a unit, each has its own; the answer is of all rows."""
    rows = [BOOK | {"title": title, "quantity": 10} for title in ("T1", "T2", "  ", "T3")]
    expected = await take_in(shop.catalog, *rows, dry_run=True, key="k")
    monkeypatch.setattr(SqliteStore, "unit_s", 0.0)
    monkeypatch.setattr(SqliteStore, "part_rows", 1)
    units = []
    write = SqliteDatabase.write

    def counted(database: SqliteDatabase, work: Work[object], *, lazy: bool = False) -> object:
        units.append(work)
        return write(database, work, lazy=lazy)

    monkeypatch.setattr(SqliteDatabase, "write", counted)
    results = await take_in(shop.catalog, *rows, key="k")
    assert ["created", "created", "rejected", "created"] == statuses(results)
    assert statuses(expected) == statuses(results)
    assert len(rows) == len(units)
    before = (await shop.catalog.get("/books")).json
    again = await take_in(shop.catalog, *rows, update="stock", key="k")
    assert ["unchanged", "unchanged", "rejected", "unchanged"] == statuses(again)
    assert before == (await shop.catalog.get("/books")).json
    assert 3 == len((await shop.catalog.get("/movements")).json)


@pytest.mark.parametrize(
    "change", [{"isbn": "9780306406157"}, {"title": "Renamed"}, {"author": "B", "year": 1}]
)
@pytest.mark.parametrize("isbn", [None, ISBN])
@pytest.mark.parametrize("update", ["none", "stock", "all"])
async def test_a_row_is_the_book_that_it_made(
    shop: Shop, change: dict[str, object], isbn: str | None, update: str
) -> None:
    """Whatever the keeper has changed about it since: no second one is made of the same copies."""
    row = BOOK | {"title": "By name", "quantity": 4} | ({"isbn": isbn} if isbn else {})
    (first,) = await take_in(shop.catalog, row, update=update, key="k")
    assert 200 == (await shop.catalog.call("PATCH", f"/books/{first['id']}", change)).status
    await reserve(shop.catalog, "o1", (first["id"], 1))
    for dry_run in (True, False):
        (again,) = await take_in(shop.catalog, row, update=update, key="k", dry_run=dry_run)
        assert first["id"] == again["id"]
        assert "created" != again["status"]
    assert 1 == len((await shop.catalog.get("/books")).json)
    assert 3 == await shop.stock(first["id"])


@on_every_engine
async def test_a_rejected_row_leaves_its_count_open(shop: Shop) -> None:
    """Mended, it is taken as if it came for the first time."""
    row = BOOK | {"isbn": ISBN, "quantity": 3}
    bad = row | {"price": 1.999}
    assert ["rejected"] == statuses(await take_in(shop.catalog, bad, update="stock", key="k"))
    assert ["created"] == statuses(await take_in(shop.catalog, row, update="stock", key="k"))


async def test_without_a_key_every_count_counts(shop: Shop) -> None:
    """As a program that knows what it does may want it."""
    book_id = await shop.add_book(isbn=ISBN, quantity=5)
    row = BOOK | {"isbn": ISBN, "quantity": 9}
    for _ in range(2):
        await take_in(shop.catalog, row, update="stock")
        await reserve(shop.catalog, f"o{await shop.stock(book_id)}", (book_id, 1))
        await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-1")
        assert 7 <= await shop.stock(book_id) <= 8


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_composed_letters_and_parted_ones_are_the_same(shop: Shop, form: Form) -> None:
    """A book without an ISBN is found by its name, from whichever system the row comes."""
    title, author = "Étude für Zoë", "Ḥasan Ångström"
    other: Form = "NFD" if form == "NFC" else "NFC"
    for one, status in ((form, "created"), (other, "unchanged")):
        row = BOOK | {"title": normalize(one, title), "author": normalize(one, author)}
        assert [status] == statuses(await take_in(shop.catalog, row))
    (kept,) = (await shop.catalog.get("/books")).json
    assert (normalize("NFC", title), normalize("NFC", author)) == (kept["title"], kept["author"])


async def test_a_name_that_an_older_release_kept_parted_is_found(
    shop: Shop, tmp_path: Path
) -> None:
    """It did not compose what it kept."""
    await shop.add_book(title="Etude", author="A")
    connection = apsw.Connection(str(tmp_path / "catalog.db"))
    connection.execute("UPDATE books SET title = ?", (normalize("NFD", "Étude"),))
    connection.close()
    row = BOOK | {"title": normalize("NFC", "Étude"), "author": "A"}
    assert ["unchanged"] == statuses(await take_in(shop.catalog, row))


async def test_letters_that_grow_when_composed_keep_the_limits(catalog: Caller) -> None:
    """A few have no composed form; a title of them is refused as a row, not as a batch."""
    longer = "\u0958" * 500  # each becomes two letters
    results = await take_in(
        catalog,
        *(BOOK | {name: longer} for name in ("title", "author")),
        BOOK | {"topic": "\u0958" * 100},
        BOOK | {"title": "\u0958" * 250},
    )
    assert ["rejected"] * 3 + ["created"] == statuses(results)
    assert ["title", "author", "topic"] == [one["column"] for one in results[:3]]


# ------------------------------------------------------------------- dry runs


SEQUENCES: dict[str, list[dict[str, object]]] = {
    "the same ISBN": [BOOK | {"isbn": ISBN}, BOOK | {"isbn": ISBN_10}],
    "an ISBN of another id": [BOOK | {"id": 8, "isbn": ISBN}, BOOK | {"id": 9, "isbn": ISBN}],
    "the same id": [BOOK | {"id": 8}, BOOK | {"id": 8, "title": "Other", "quantity": 2}],
    "the same name": [BOOK | {"author": "A"}, BOOK | {"author": "A", "quantity": 4}],
    "an id that was given": [BOOK | {"title": "A"}, BOOK | {"id": 3, "title": "B"}],
    "an id that came before": [BOOK | {"id": 40}, BOOK | {"title": "A"}, BOOK | {"id": 41}],
    "an ISBN that was moved": [
        BOOK | {"id": 1, "isbn": "9780306406157"},
        BOOK | {"isbn": ISBN, "title": "Another"},
        BOOK | {"isbn": "9780306406157", "quantity": 3},
    ],
    "a count, and one more": [
        BOOK | {"isbn": ISBN, "quantity": 3},
        BOOK | {"isbn": ISBN, "quantity": 3},
        BOOK | {"isbn": ISBN, "quantity": 5},
    ],
    "a bad one between": [BOOK | {"id": 8, "price": 1.999}, BOOK | {"id": 8}],
}


@pytest.mark.parametrize(
    ("update", "same"),
    [("none", "reject"), ("none", "last"), ("stock", "add"), ("all", "last")],
)
@pytest.mark.parametrize("name", SEQUENCES)
async def test_a_dry_run_in_batches_tells_what_the_import_does(
    shop: Shop, name: str, update: str, same: str
) -> None:
    """Each batch meets what those before it would have done: statuses, ids and reasons."""
    await shop.add_book(isbn=ISBN, quantity=1)
    await shop.add_book(title="By name", author="A")
    before = (await shop.catalog.get("/books")).json
    told: dict[bool, list[dict[str, Any]]] = {}
    for dry_run in (True, False):
        told[dry_run] = []
        for number, row in enumerate(SEQUENCES[name]):
            request = {
                "rows": [{"row": number, "book": row}],
                "update": update,
                "same": same,
                "key": "file",
                "dry_run": dry_run,
                "run": "this one",
            }
            told[dry_run] += (await shop.catalog.post("/imports", request)).json
        if dry_run:
            assert before == (await shop.catalog.get("/books")).json
    assert told[True] == told[False]


@on_every_engine
async def test_a_dry_run_knows_which_counts_were_taken(shop: Shop) -> None:
    """The file's own, and that of a later file."""
    row = BOOK | {"isbn": ISBN, "quantity": 10}
    (result,) = await take_in(shop.catalog, row, update="stock", key="monday")
    await reserve(shop.catalog, "o1", (result["id"], 3))
    options = {"update": "stock", "dry_run": True}
    assert ["unchanged"] == statuses(await take_in(shop.catalog, row, key="monday", **options))
    assert ["updated"] == statuses(await take_in(shop.catalog, row, key="friday", **options))
    assert ["updated"] == statuses(await take_in(shop.catalog, row, **options))
    assert 7 == await shop.stock(result["id"])


async def test_dry_runs_do_not_meet_each_other(catalog: Caller) -> None:
    """Each has a copy of its own, and one without a name has it for one batch."""
    row = BOOK | {"isbn": ISBN}
    for run in ("a", "b", None, None):
        options = {"dry_run": True} | ({"run": run} if run else {})
        assert ["created"] == statuses(await take_in(catalog, row, **options)), run
    assert ["unchanged"] == statuses(await take_in(catalog, row, dry_run=True, run="a"))


async def test_old_dry_runs_are_forgotten(catalog: Caller) -> None:
    """Those that are idle for longest; a run that goes on meets its own rows."""
    row = BOOK | {"isbn": ISBN}
    for run in range(RUNS_MAX + 1):
        await take_in(catalog, row, dry_run=True, run=f"{run}")
    assert ["unchanged"] == statuses(await take_in(catalog, row, dry_run=True, run="1"))
    assert ["created"] == statuses(await take_in(catalog, row, dry_run=True, run="0"))


async def test_a_dry_run_that_is_idle_is_forgotten(
    catalog: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts anew when it goes on after all."""
    monkeypatch.setattr(rehearsal, "IDLE_S", 0.05)
    row = BOOK | {"isbn": ISBN}
    await take_in(catalog, row, dry_run=True, run="a")
    await asyncio.sleep(0.2)
    assert ["created"] == statuses(await take_in(catalog, row, dry_run=True, run="a"))
