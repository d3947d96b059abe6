"""The catalog, every route, through its own app on a real database."""

import asyncio
import subprocess
import sys
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import apsw
import pytest
from pyreqwest.client import ClientBuilder

from bazar.catalog import imports
from bazar.catalog.app import SCHEMA, catalog_app
from bazar.catalog.feed import BACKLOG_MAX, Changes, Feed
from bazar.catalog.service import Catalog
from bazar.kit.http import HttpApp
from bazar.kit.migrate import migrate
from bazar.kit.sqlite import SqliteDatabase
from bazar.wire import BookChanged, ImportRequest, ImportRow, Line, NewBook, Reserve
from conftest import CATALOG_URL, SECRET, Caller, InProcess, Reply, Shop

BOOK = {"title": "RPCs for Noobs", "topic": "distributed systems", "price": 19.99}
PRICE = Decimal("19.99")
ISBN = "9780131103627"
ISBN_10 = "0-13-110362-8"


@pytest.fixture
def catalog(shop: Shop) -> Caller:
    """Call the catalog with the service secret."""
    return shop.catalog


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[HttpApp]:
    """Open the catalog's app, to be called without a client."""
    async with catalog_app(tmp_path / "app.db", SECRET) as app:
        yield app


async def call(app: HttpApp, method: str, path: str, body: object = None) -> Reply:
    """Send one request to an app."""
    network = InProcess()
    network.host(CATALOG_URL, app)
    async with ClientBuilder().with_middleware(network).build() as client:
        return await Caller(CATALOG_URL, client, SECRET).call(method, path, body)


async def added(app: HttpApp) -> int:
    """Add a book to an app and return its id."""
    return int((await call(app, "POST", "/books", BOOK)).json["id"])


async def streamed(app: HttpApp, path: str) -> AsyncGenerator[MutableMapping[str, Any], None]:
    """Yield what an app sends, message by message.

    The app goes on only when the next message is asked for, as under a slow connection.
    """
    messages: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    wanted = asyncio.Semaphore(0)

    async def receive() -> MutableMapping[str, Any]:
        return await asyncio.Future()

    async def send(message: MutableMapping[str, Any]) -> None:
        await messages.put(message)
        await wanted.acquire()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
    }
    answering = asyncio.ensure_future(app(scope, receive, send))
    try:
        while True:
            yield await messages.get()
            wanted.release()
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def following(feed: Feed) -> AsyncGenerator[Changes, None]:
    """Subscribe to a feed with a short heartbeat."""
    return cast("AsyncGenerator[Changes, None]", feed.follow(0.02))


@pytest.fixture
async def open_catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    """Open the catalog's use cases without HTTP."""
    database = SqliteDatabase(tmp_path / "direct.db")
    await migrate(database, SCHEMA)
    yield Catalog(database)
    await database.close()


def ids(books: list[dict[str, Any]]) -> list[int]:
    """Return the ids of an answer's books."""
    return [book["id"] for book in books]


async def reserve(catalog: Caller, order_id: str, *lines: tuple[int, int]) -> dict[str, Any]:
    """Ask for (book id, copies) and return the outcome."""
    request = {"order_id": order_id, "lines": [{"id": b, "quantity": n} for b, n in lines]}
    reply = await catalog.post("/reservations", [request])
    assert 200 == reply.status, reply.content
    (outcome,) = reply.json
    assert isinstance(outcome, dict)
    return outcome


async def release(catalog: Caller, order_id: str) -> dict[str, Any]:
    """Give an order back and return the outcome."""
    reply = await catalog.post(f"/reservations/{order_id}/release")
    assert 200 == reply.status, reply.content
    outcome = reply.json
    assert isinstance(outcome, dict)
    return outcome


async def ledger(catalog: Caller) -> list[tuple[int, str, int, str | None]]:
    """Return the whole ledger as (book id, kind, copies, order id)."""
    rows = (await catalog.get("/movements")).json
    return [(row["book_id"], row["kind"], row["copies"], row["order_id"]) for row in rows]


# ------------------------------------------------------------------- the lab's routes


async def test_a_book_is_shown_by_info_and_by_query(shop: Shop) -> None:
    """Both names of the route answer the same book, the price with all its decimals."""
    book_id = await shop.add_book(quantity=3, price=40, year=1978, author="K & R", isbn=ISBN_10)
    info = await shop.catalog.get(f"/info/{book_id}")
    assert 200 == info.status
    assert b'"price":40.00' in info.content
    wanted = {
        "id": book_id,
        "title": "RPCs for Noobs",
        "topic": "distributed systems",
        "quantity": 3,
        "price": 40.0,
        "currency": "USD",
        "author": "K & R",
        "year": 1978,
        "isbn": ISBN,
        "description": "",
        "version": 2,
    }
    assert wanted == info.json
    assert info.content == (await shop.catalog.get(f"/query/{book_id}")).content


async def test_an_unknown_book_is_not_found(catalog: Caller) -> None:
    """Info and query answer 404 with the id that was asked for."""
    for path in ("/info/7", "/query/7", f"/info/{2**63 - 1}"):
        reply = await catalog.get(path)
        assert (404, "book-not-found") == (reply.status, reply.code)
    assert 7 == (await catalog.get("/info/7")).json["book_id"]


async def test_a_book_id_is_a_positive_whole_number(catalog: Caller) -> None:
    """Anything else in its place is an invalid request."""
    for number in ("0", "-1", "1.0", "x", "%D9%A3", str(2**63), "1e3", "%20", "9" * 30):
        for method, path, body in (
            ("GET", f"/info/{number}", None),
            ("GET", f"/query/{number}", None),
            ("PATCH", f"/books/{number}", {}),
            ("PUT", f"/update/{number}/price/1", None),
        ):
            reply = await catalog.call(method, path, body)
            assert (400, "invalid-request") == (reply.status, reply.code), path


SPELLINGS = (
    "distributed%20systems",
    "Distributed%20SYSTEMS",
    "distributed-systems",
    "Distributed--Systems",
    "%20%20distributed%20%20%20systems%20",
)


async def test_a_topic_is_found_however_it_is_spelt(shop: Shop) -> None:
    """Any case, spaces or hyphens, in the path and in the query string."""
    book_id = await shop.add_book(topic="Distributed Systems")
    await shop.add_book(topic="distributed")
    wanted = [{"id": book_id, "title": "RPCs for Noobs"}]
    for spelling in SPELLINGS:
        assert wanted == (await shop.catalog.get(f"/search/{spelling}")).json, spelling
        assert wanted == (await shop.catalog.get(f"/query?topic={spelling}")).json, spelling


async def test_a_topic_stored_with_a_hyphen_is_found_with_a_space(shop: Shop) -> None:
    """The spelling in the store matters as little as the one that is asked for."""
    book_id = await shop.add_book(topic="Café-Society  Life")
    assert [book_id] == ids((await shop.catalog.get("/search/caf%C3%A9%20society-LIFE")).json)
    assert [book_id] == ids((await shop.catalog.get("/search/cafe%CC%81-society-life")).json)


async def test_a_topic_with_a_slash_can_be_searched(shop: Shop) -> None:
    """TCP/IP is a topic like any other; its slash is sent as %2F."""
    book_id = await shop.add_book(topic="TCP/IP")
    assert [book_id] == ids((await shop.catalog.get("/query?topic=tcp%2Fip")).json)
    assert [book_id] == ids((await shop.catalog.get("/search/tcp%2Fip")).json)


async def test_an_unknown_topic_has_no_books(catalog: Caller) -> None:
    """The answer is an empty list, not an error."""
    assert [] == (await catalog.get("/search/nothing")).json
    assert [] == (await catalog.get("/query?topic=nothing")).json


async def test_the_query_route_needs_its_topic_and_takes_nothing_else(catalog: Caller) -> None:
    """A missing, unknown, doubled or overlong argument is refused."""
    for query in ("", "?Topic=x", "?topic=a&b=c", "?topic=a&topic=b", "?topic=" + "x" * 201):
        reply = await catalog.get(f"/query{query}")
        assert (400, "invalid-request") == (reply.status, reply.code), query


async def test_stock_is_changed_relative_to_what_is_there(shop: Shop) -> None:
    """Each update of amount_of_items adds or takes away, and is a row of the ledger."""
    book_id = await shop.add_book()
    for change, stock in (("10", 10), ("-3", 7), ("+2", 9)):
        reply = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/{change}")
        assert (200, stock) == (reply.status, reply.json["quantity"])
    wanted = [(book_id, "received", 10), (book_id, "adjusted", -3), (book_id, "received", 2)]
    assert wanted == [row[:3] for row in await ledger(shop.catalog)]


async def test_stock_never_goes_below_zero(shop: Shop) -> None:
    """Taking away more than is there is refused, and changes neither stock nor ledger."""
    book_id = await shop.add_book(quantity=2)
    reply = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-3")
    assert (409, "stock-too-low") == (reply.status, reply.code)
    assert 2 == reply.json["available"]
    assert reply.json["definite"] is True
    assert 2 == await shop.stock(book_id)
    assert 1 == len(await ledger(shop.catalog))
    emptied = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-2")
    assert 0 == emptied.json["quantity"]


async def test_concurrent_changes_of_stock_are_all_counted(shop: Shop) -> None:
    """Forty changes at once end at their sum; those that cannot be done are refused."""
    book_id = await shop.add_book(quantity=10)
    replies = await asyncio.gather(
        *(shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-1") for _ in range(40))
    )
    assert [200] * 10 + [409] * 30 == sorted(reply.status for reply in replies)
    assert 0 == await shop.stock(book_id)
    assert 11 == len(await ledger(shop.catalog))


async def test_stock_has_an_upper_limit(shop: Shop) -> None:
    """More than 10^9 copies are refused and change nothing."""
    book_id = await shop.add_book(quantity=10**9)
    reply = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/1")
    assert (400, "invalid-request") == (reply.status, reply.code)
    assert 10**9 == await shop.stock(book_id)


async def test_a_change_of_stock_is_a_whole_number(shop: Shop) -> None:
    """Anything else, and 0, is refused and changes nothing."""
    book_id = await shop.add_book(quantity=1)
    wrong = ("0", "-0", "1.5", "x", "-+5", "+-5", "--5", "1_000", "%D9%A3", "9" * 11, "-", "+")
    path = f"/update/{book_id}/amount_of_items"
    found = {value: (await shop.catalog.call("PUT", f"{path}/{value}")).status for value in wrong}
    assert dict.fromkeys(wrong, 400) == found
    assert 1 == await shop.stock(book_id)


@pytest.mark.parametrize("field", ["price", "cost"])
async def test_a_price_is_set_as_it_is(shop: Shop, field: str) -> None:
    """Price and cost are two names of one absolute value; the version rises."""
    book_id = await shop.add_book(price=10)
    first = await shop.catalog.call("PUT", f"/update/{book_id}/{field}/25")
    assert b'"price":25.00' in first.content
    second = await shop.catalog.call("PUT", f"/update/{book_id}/{field}/0.05")
    assert b'"price":0.05' in second.content
    assert 1 == second.json["version"] - first.json["version"]


async def test_a_price_is_a_number_with_the_currencys_decimals(shop: Shop) -> None:
    """Anything else is refused and changes nothing."""
    book_id = await shop.add_book()
    wrong = ["-1", "1.999", "NaN", "sNaN", "Infinity", "x", "1e20", "1E-9999999999"]
    wrong += ["1_0", "%D9%A3", "0.0100000000000000000000000000000001", "1." + "0" * 40 + "1"]
    path = f"/update/{book_id}/price"
    found = {value: (await shop.catalog.call("PUT", f"{path}/{value}")).status for value in wrong}
    assert dict.fromkeys(wrong, 400) == found
    assert 19.99 == (await shop.catalog.get(f"/info/{book_id}")).json["price"]


async def test_an_update_of_anything_else_is_refused(shop: Shop) -> None:
    """Only the three fields can be updated, and only of a book that exists."""
    book_id = await shop.add_book()
    reply = await shop.catalog.call("PUT", f"/update/{book_id}/title/x")
    assert (400, "invalid-request") == (reply.status, reply.code)
    for field in ("price", "amount_of_items"):
        reply = await shop.catalog.call("PUT", f"/update/99/{field}/1")
        assert (404, "book-not-found") == (reply.status, reply.code)


# ------------------------------------------------------------------- books


async def test_a_new_book_is_answered_with_its_address(catalog: Caller) -> None:
    """201, a Location, the id that was asked for, and its first stock in the ledger."""
    reply = await catalog.post("/books", BOOK | {"id": 40, "quantity": 4})
    assert (201, "/info/40") == (reply.status, reply.headers["location"])
    assert (40, 4) == (reply.json["id"], reply.json["quantity"])
    assert [(40, "received", 4, None)] == await ledger(catalog)
    following = await catalog.post("/books", BOOK)
    assert 41 == following.json["id"]


async def test_texts_lose_their_needless_spaces(catalog: Caller) -> None:
    """Title and topic are kept with single spaces, author and description without outer ones."""
    texts = {"title": " a  b ", "topic": " c \t d ", "author": " e ", "description": " f "}
    added = (await catalog.post("/books", BOOK | texts)).json
    wanted = {"title": "a b", "topic": "c d", "author": "e", "description": "f"}
    assert wanted == {name: added[name] for name in wanted}


async def test_an_edit_cleans_texts_as_an_addition_does(shop: Shop) -> None:
    """The same text gives the same book, whichever way it came in."""
    book_id = await shop.add_book()
    texts = {"title": " a  b ", "topic": " c \t d ", "author": " e ", "description": " f "}
    edited = (await shop.catalog.call("PATCH", f"/books/{book_id}", texts)).json
    wanted = {"title": "a b", "topic": "c d", "author": "e", "description": "f"}
    assert wanted == {name: edited[name] for name in wanted}


WRONG_FIELDS: list[dict[str, object]] = [
    {"title": ""},
    {"title": "  "},
    {"title": "\0"},
    {"title": "x" * 501},
    {"title": None},
    {"topic": ""},
    {"topic": " - "},
    {"topic": "x" * 101},
    {"author": "x" * 501},
    {"description": "x" * 5001},
    {"price": -1},
    {"price": 1.999},
    {"price": "NaN"},
    {"price": 10**13},
    {"price": True},
    {"isbn": "978013110362X"},
    {"isbn": "0-13-110362-9"},
    {"isbn": "x" * 21},
    {"quantity": -1},
    {"quantity": 10**9 + 1},
    {"quantity": 1.5},
    {"year": 3001},
    {"id": 0},
    {"id": 2**63},
    {"surprise": 1},
]


async def test_a_book_that_breaks_a_rule_is_refused(catalog: Caller) -> None:
    """Every field has its limits; nothing is added."""
    replies = [(fields, await catalog.post("/books", BOOK | fields)) for fields in WRONG_FIELDS]
    assert [] == [(fields, reply.json) for fields, reply in replies if reply.status != 400]
    assert {"invalid-request"} == {reply.code for _fields, reply in replies}
    assert [] == (await catalog.get("/books")).json


@pytest.mark.parametrize("missing", ["title", "topic", "price"])
async def test_a_book_needs_title_topic_and_price(catalog: Caller, missing: str) -> None:
    """Without one of them it is refused, and the message names it."""
    reply = await catalog.post("/books", {k: v for k, v in BOOK.items() if k != missing})
    assert (400, "invalid-request") == (reply.status, reply.code)
    assert missing in reply.json["detail"]


async def test_an_id_that_is_taken_is_a_conflict(shop: Shop) -> None:
    """The book that has it stays as it is."""
    book_id = await shop.add_book()
    reply = await shop.catalog.post("/books", BOOK | {"id": book_id, "title": "Other"})
    assert (409, "book-exists") == (reply.status, reply.code)
    assert book_id == reply.json["book_id"]
    assert "RPCs for Noobs" == (await shop.catalog.get(f"/info/{book_id}")).json["title"]


async def test_an_isbn_that_is_taken_is_a_conflict(shop: Shop) -> None:
    """In whichever form it comes, when a book is added and when one is edited."""
    first = await shop.add_book(isbn=ISBN)
    second = await shop.add_book(isbn=None)
    added = await shop.catalog.post("/books", BOOK | {"isbn": ISBN_10})
    edited = await shop.catalog.call("PATCH", f"/books/{second}", {"isbn": "978-0-13-110362-7"})
    for reply in (added, edited):
        assert (409, "book-exists") == (reply.status, reply.code)
        assert first == reply.json["book_id"]
    same = await shop.catalog.call("PATCH", f"/books/{first}", {"isbn": ISBN_10})
    assert (200, ISBN) == (same.status, same.json["isbn"])


async def test_many_books_may_have_no_isbn(shop: Shop) -> None:
    """A blank ISBN is none, and none never conflicts."""
    first = await shop.add_book(isbn="")
    second = await shop.add_book(isbn=" ")
    for book_id in (first, second):
        assert (await shop.catalog.get(f"/info/{book_id}")).json["isbn"] is None


async def test_two_additions_of_one_isbn_at_once_add_one_book(catalog: Caller) -> None:
    """One is created, the others are conflicts, none is a fault."""
    replies = await asyncio.gather(
        *(catalog.post("/books", BOOK | {"isbn": ISBN}) for _ in range(8))
    )
    assert [201] + [409] * 7 == sorted(reply.status for reply in replies)


LARGEST_ID = """
import asyncio, msgspec, pathlib, sys
from bazar.catalog.app import SCHEMA
from bazar.catalog.service import Catalog
from bazar.kit.migrate import migrate
from bazar.kit.sqlite import SqliteDatabase
from bazar.wire import NewBook

async def main():
    database = SqliteDatabase(pathlib.Path(sys.argv[1]))
    await migrate(database, SCHEMA)
    book = {"title": "a", "topic": "b", "price": "1"}
    try:
        last = msgspec.convert(book | {"id": 2**63 - 1}, NewBook)
    except msgspec.ValidationError:
        return  # an id that large is refused
    await Catalog(database).add(last)
    await Catalog(database).add(msgspec.convert(book, NewBook))

asyncio.run(main())
"""


def test_the_largest_id_does_not_end_the_numbering(tmp_path: Path) -> None:
    """Whatever id a book was given, the next one without an id is added, and nothing stops.

    In a process of its own, since the engine stops its process when the disk is full.
    """
    done = subprocess.run(
        [sys.executable, "-c", LARGEST_ID, str(tmp_path / "test.db")],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Stopping" not in done.stderr
    assert 0 == done.returncode, done.stderr


async def test_an_edit_changes_what_it_names_and_nothing_else(shop: Shop) -> None:
    """What is left out stays, null clears what may be empty, and the version rises by one."""
    book_id = await shop.add_book(quantity=2, isbn=ISBN, year=1999, author="A")
    before = (await shop.catalog.get(f"/info/{book_id}")).json
    changes = {"title": "New", "year": None, "isbn": None, "price": 5}
    reply = await shop.catalog.call("PATCH", f"/books/{book_id}", changes)
    assert 200 == reply.status
    assert before | changes | {"version": before["version"] + 1} == reply.json
    assert reply.json == (await shop.catalog.get(f"/info/{book_id}")).json


async def test_an_edit_that_changes_nothing_keeps_the_version(shop: Shop) -> None:
    """An empty edit, or one to the same values, leaves the book as it is."""
    book_id = await shop.add_book()
    before = (await shop.catalog.get(f"/info/{book_id}")).json
    for edit in ({}, {"title": before["title"], "price": 19.99}):
        assert before == (await shop.catalog.call("PATCH", f"/books/{book_id}", edit)).json


WRONG_EDITS: list[dict[str, object]] = [
    {"title": None},
    {"title": " "},
    {"topic": "--"},
    {"price": None},
    {"price": -1},
    {"isbn": "123"},
    {"title": "\0"},
    {"quantity": 5},
    {"id": 9},
    {"version": 9},
]


async def test_an_edit_that_breaks_a_rule_is_refused(shop: Shop) -> None:
    """Stock and id have no place in an edit; nothing changes."""
    book_id = await shop.add_book()
    before = (await shop.catalog.get(f"/info/{book_id}")).json
    replies = [
        (edit, await shop.catalog.call("PATCH", f"/books/{book_id}", edit)) for edit in WRONG_EDITS
    ]
    assert [] == [(edit, reply.json) for edit, reply in replies if reply.status != 400]
    assert {"invalid-request"} == {reply.code for _edit, reply in replies}
    assert before == (await shop.catalog.get(f"/info/{book_id}")).json


async def test_an_edit_of_an_unknown_book_is_not_found(catalog: Caller) -> None:
    """It does not create one."""
    reply = await catalog.call("PATCH", "/books/7", {"title": "x"})
    assert (404, "book-not-found") == (reply.status, reply.code)


async def test_topics_are_counted_however_they_are_spelt(shop: Shop) -> None:
    """Spellings of one topic are one topic, in alphabetical order."""
    for topic in ("Graduate School", "distributed systems", "Distributed-Systems"):
        await shop.add_book(topic=topic)
    reply = await shop.catalog.get("/topics")
    assert [2, 1] == [topic["books"] for topic in reply.json]
    assert ["distributed systems", "graduate school"] == [
        topic["topic"].lower().replace("-", " ") for topic in reply.json
    ]


# ------------------------------------------------------------------- pages and search


async def pages(catalog: Caller, path: str) -> list[list[int]]:
    """Follow the Link headers from a path on; return the ids of each page."""
    found: list[list[int]] = []
    following: str | None = path
    while following is not None:
        reply = await catalog.get(following)
        assert 200 == reply.status, reply.content
        found.append(ids(reply.json))
        link = reply.headers.get("link")
        assert link is None or link.endswith('>; rel="next"')
        following = link.removeprefix("<").partition(">")[0] if link else None
        assert len(found) < 100
    return found


async def test_pages_by_id_show_every_book_once(shop: Shop) -> None:
    """Following the Link header visits every book in order of id, the last page has no Link."""
    wanted = [await shop.add_book() for _ in range(7)]
    found = await pages(shop.catalog, "/books?limit=3")
    assert [wanted[:3], wanted[3:6], wanted[6:]] == found
    assert [wanted] == await pages(shop.catalog, "/books?limit=7")
    assert [wanted] == await pages(shop.catalog, "/books")


async def test_pages_of_a_topic_show_its_books_only(shop: Shop) -> None:
    """The topic goes along with the Link, in any spelling."""
    wanted = []
    for number in range(9):
        book_id = await shop.add_book(topic="A & B" if number % 2 else "other")
        if number % 2:
            wanted.append(book_id)
    assert [wanted[:3], wanted[3:]] == await pages(shop.catalog, "/books?topic=a-%26-b&limit=3")


async def test_pages_by_id_reach_books_with_the_largest_ids(catalog: Caller) -> None:
    """A cursor that we gave out is one that we take, however large the id."""
    wanted = []
    for book_id in (2**53 - 2, 2**53 - 1, 2**62, 2**62 + 1):
        reply = await catalog.post("/books", BOOK | {"id": book_id})
        assert reply.status in {201, 400}  # 400 where it is beyond the limit of ids
        if reply.status == 201:
            wanted.append([book_id])
    assert len(wanted) >= 2
    assert wanted == await pages(catalog, "/books?limit=1")


async def test_pages_by_words_show_every_book_once_in_order_of_relevance(shop: Shop) -> None:
    """Pages of any size add up to the list of one page, with ties in order of id."""
    for number in range(23):
        await shop.add_book(
            title=f"Go {'go ' * (number % 4)}{number % 2}",
            author="Go" if number % 3 == 0 else "",
            description="go " * (number % 5),
        )
    (whole,) = await pages(shop.catalog, "/books?q=go&limit=100")
    assert 23 == len(set(whole))
    for limit in (1, 4, 22, 23):
        found = await pages(shop.catalog, f"/books?q=go&limit={limit}")
        assert whole == [book_id for page in found for book_id in page]
        assert limit == len(found[0])


async def test_a_match_in_the_title_comes_first(shop: Shop) -> None:
    """Title weighs more than author, author more than topic, topic more than description."""
    texts = {"title": "x", "author": "x", "topic": "x", "description": "x"}
    found_in = {}
    for field in ("description", "topic", "author", "title"):
        found_in[field] = await shop.add_book(**(texts | {field: "lighthouse"}))
    for _ in range(6):
        await shop.add_book(**texts)
    wanted = [found_in[field] for field in ("title", "author", "topic", "description")]
    assert wanted == ids((await shop.catalog.get("/books?q=lighthouse")).json)


async def test_words_are_prefixes_and_all_of_them_must_match(shop: Shop) -> None:
    """Half a word finds the whole one, in any order and field; a word too many finds nothing."""
    book_id = await shop.add_book(title="The Lighthouse Keeper", author="Ada Quill")
    await shop.add_book(title="Keepers of Bees")
    for query in ("light", "KEEP+light", "quill+lighthouse", "l", "li"):
        assert [book_id] == ids((await shop.catalog.get(f"/books?q={query}")).json), query
    for query in ("house", "lighthouse+bees", "lighthouses"):
        assert [] == (await shop.catalog.get(f"/books?q={query}")).json, query


async def test_diacritics_do_not_matter_in_a_search(shop: Shop) -> None:
    """With accents or without, composed or not, upper case or lower."""
    book_id = await shop.add_book(title="Writing a Résumé")
    for query in ("resume", "RÉSUMÉ", "résu", unicodedata.normalize("NFD", "résumé")):
        reply = await shop.catalog.get(f"/books?q={quote(query)}")
        assert [book_id] == ids(reply.json), ascii(query)


async def test_an_isbn_in_any_form_finds_its_book(shop: Shop) -> None:
    """As words and as an argument of its own, with or without hyphens."""
    book_id = await shop.add_book(isbn=ISBN)
    await shop.add_book(title=f"About {ISBN_10}")
    for isbn in (ISBN, ISBN_10, "0131103628", "978-0-13-110362-7", "978%200131103627"):
        assert [book_id] == ids((await shop.catalog.get(f"/books?q={isbn}")).json), isbn
        assert [book_id] == ids((await shop.catalog.get(f"/books?isbn={isbn}")).json), isbn


async def test_an_isbn_argument_must_be_one(catalog: Caller) -> None:
    """A wrong check digit is an error there; an unknown ISBN finds nothing."""
    reply = await catalog.get("/books?isbn=0-13-110362-9")
    assert (400, "invalid-request") == (reply.status, reply.code)
    assert [] == (await catalog.get(f"/books?isbn={ISBN}")).json
    assert [] == (await catalog.get("/books?q=0-13-110362-9")).json


async def test_a_search_follows_edits(shop: Shop) -> None:
    """The old words find the book no more, the new ones do; stock changes do not matter."""
    book_id = await shop.add_book(title="Aardvark", quantity=1)
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"title": "Zebra"})
    await reserve(shop.catalog, "o", (book_id, 1))
    assert [] == (await shop.catalog.get("/books?q=aardvark")).json
    assert [book_id] == ids((await shop.catalog.get("/books?q=zebra")).json)


async def test_search_words_are_never_syntax(shop: Shop) -> None:
    """Quotes, operators and odd bytes are words, or nothing."""
    await shop.add_book(title="a and or near b title")
    for query in ('"', "AND", "a OR", "NEAR(a b)", "title:a", "a*", "^a", "-a", "(", "\0", "💥"):
        assert 200 == (await shop.catalog.get(f"/books?q={quote(query)}")).status, query


WRONG_QUERIES = [
    "after=x",
    "after=-1",
    "after=%D9%A3",
    f"after={'9' * 30}",
    "limit=0",
    "limit=101",
    "limit=x",
    "limit=",
    "surprise=1",
    "q=a&q=b",
    "q=" + "x" * 201,
    "q=a&after=x",
    "q=a&after=%20",
    "q=a&after=bmFuOjE",  # nan:1
    "q=a&after=MS4wOjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk",  # 1.0: and a number beyond 64 bits
    "q=a&after=" + "x" * 201,
]


async def test_an_improper_argument_of_a_page_is_refused(catalog: Caller) -> None:
    """Cursors that are not ours, limits beyond the limits, unknown and doubled arguments."""
    found = {query: (await catalog.get(f"/books?{query}")).status for query in WRONG_QUERIES}
    assert dict.fromkeys(WRONG_QUERIES, 400) == found


# ------------------------------------------------------------------- reservations


async def test_a_reservation_takes_its_copies(shop: Shop) -> None:
    """The outcome says what was sold at which price, and the ledger has a row for it."""
    book_id = await shop.add_book(quantity=5)
    outcome = await reserve(shop.catalog, "o1", (book_id, 2))
    line = {
        "id": book_id,
        "quantity": 2,
        "title": "RPCs for Noobs",
        "price_minor": 1999,
        "currency": "USD",
        "version": 3,
    }
    assert {"order_id": "o1", "status": "reserved", "lines": [line]} == outcome
    book = (await shop.catalog.get(f"/info/{book_id}")).json
    assert (3, 3) == (book["quantity"], book["version"])
    assert (book_id, "sold", -2, "o1") == (await ledger(shop.catalog))[-1]
    assert outcome == (await shop.catalog.get("/reservations/o1")).json


async def test_a_batch_is_answered_in_its_order(shop: Shop) -> None:
    """Each request of a batch gets its own outcome, and later ones see what earlier ones took."""
    book_id = await shop.add_book(quantity=3)
    batch = [
        {"order_id": "o1", "lines": [{"id": book_id, "quantity": 2}]},
        {"order_id": "o2", "lines": [{"id": book_id, "quantity": 2}]},
        {"order_id": "o3", "lines": [{"id": 999}]},
        {"order_id": "o4", "lines": [{"id": book_id}]},
        {"order_id": "o1", "lines": [{"id": book_id, "quantity": 2}]},
    ]
    outcomes = (await shop.catalog.post("/reservations", batch)).json
    assert ["o1", "o2", "o3", "o4", "o1"] == [outcome["order_id"] for outcome in outcomes]
    assert ["reserved", "rejected", "rejected", "reserved", "reserved"] == [
        outcome["status"] for outcome in outcomes
    ]
    assert outcomes[0] == outcomes[4]
    rejections = [outcome.get("rejection") for outcome in outcomes]
    assert "book-not-found" == rejections[2]["code"]
    detail = rejections[1].pop("detail")
    assert "1 in stock, 2 asked for" in detail
    wanted = {"code": "out-of-stock", "book_id": book_id, "requested": 2, "available": 1}
    assert wanted == rejections[1]
    assert 0 == await shop.stock(book_id)


async def test_the_same_order_again_gets_the_stored_outcome(shop: Shop) -> None:
    """Even if it asks for something else now; nothing is sold twice."""
    first = await shop.add_book(quantity=5)
    second = await shop.add_book(quantity=5)
    outcome = await reserve(shop.catalog, "o1", (first, 2))
    assert outcome == await reserve(shop.catalog, "o1", (first, 2))
    assert outcome == await reserve(shop.catalog, "o1", (second, 5), (first, 1))
    await shop.catalog.call("PATCH", f"/books/{first}", {"title": "Renamed", "price": 1})
    assert outcome == await reserve(shop.catalog, "o1", (first, 2))
    assert (3, 5) == (await shop.stock(first), await shop.stock(second))


async def test_a_delayed_duplicate_after_a_rejection_and_a_restock_does_not_sell(
    shop: Shop,
) -> None:
    """A rejection is stored: the same order stays rejected however much stock there is now."""
    book_id = await shop.add_book(quantity=0)
    rejected = await reserve(shop.catalog, "o1", (book_id, 1))
    assert "rejected" == rejected["status"]
    await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/10")
    assert rejected == await reserve(shop.catalog, "o1", (book_id, 1))
    assert 10 == await shop.stock(book_id)
    assert "reserved" == (await reserve(shop.catalog, "o2", (book_id, 1)))["status"]


async def test_several_lines_are_sold_all_or_none(shop: Shop) -> None:
    """One line that cannot be sold keeps all the others in stock."""
    plenty = await shop.add_book(quantity=5)
    scarce = await shop.add_book(quantity=1)
    rejected = await reserve(shop.catalog, "o1", (plenty, 2), (scarce, 2))
    assert scarce == rejected["rejection"]["book_id"]
    unknown = await reserve(shop.catalog, "o2", (plenty, 2), (999, 1))
    assert "book-not-found" == unknown["rejection"]["code"]
    assert (5, 1) == (await shop.stock(plenty), await shop.stock(scarce))
    sold = await reserve(shop.catalog, "o3", (plenty, 5), (scarce, 1))
    assert "reserved" == sold["status"]
    assert (0, 0) == (await shop.stock(plenty), await shop.stock(scarce))


async def test_a_book_in_two_lines_of_an_order_harms_nobody_else(shop: Shop) -> None:
    """Together the lines ask for more than there is: no sale, and the batch mates are decided."""
    book_id = await shop.add_book(quantity=5)
    lines = [{"id": book_id, "quantity": 3}, {"id": book_id, "quantity": 3}]
    batch = [
        {"order_id": "twice", "lines": lines},
        {"order_id": "once", "lines": [{"id": book_id}]},
    ]
    reply = await shop.catalog.post("/reservations", batch)
    assert reply.status in {200, 400}
    if reply.status == 200:
        assert ["rejected", "reserved"] == [outcome["status"] for outcome in reply.json]
        assert 4 == await shop.stock(book_id)
    else:
        assert 5 == await shop.stock(book_id)


async def test_every_copy_is_sold_once_to_concurrent_orders(shop: Shop) -> None:
    """Of forty orders at once for ten copies, ten are sold."""
    book_id = await shop.add_book(quantity=10)
    outcomes = await asyncio.gather(
        *(reserve(shop.catalog, f"o{number}", (book_id, 1)) for number in range(40))
    )
    assert 10 == sum(outcome["status"] == "reserved" for outcome in outcomes)
    assert 0 == await shop.stock(book_id)
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


async def test_the_same_order_many_times_at_once_is_sold_once(shop: Shop) -> None:
    """All twenty callers get one and the same outcome."""
    book_id = await shop.add_book(quantity=10)
    outcomes = await asyncio.gather(*(reserve(shop.catalog, "o1", (book_id, 1)) for _ in range(20)))
    assert [outcomes[0]] * 20 == outcomes
    assert 9 == await shop.stock(book_id)


async def test_a_release_returns_the_stock_once(shop: Shop) -> None:
    """The second release changes nothing, and the ledger has one row for it."""
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 3))
    first = await release(shop.catalog, "o1")
    assert "released" == first["status"]
    assert 5 == await shop.stock(book_id)
    assert first == await release(shop.catalog, "o1")
    await asyncio.gather(*(release(shop.catalog, "o1") for _ in range(5)))
    assert 5 == await shop.stock(book_id)
    assert [(book_id, "released", 3, "o1")] == [
        row for row in await ledger(shop.catalog) if row[1] == "released"
    ]


async def test_a_reservation_after_its_release_is_refused(shop: Shop) -> None:
    """The order stays released: a late duplicate takes nothing."""
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 3))
    await release(shop.catalog, "o1")
    assert "released" == (await reserve(shop.catalog, "o1", (book_id, 3)))["status"]
    assert 5 == await shop.stock(book_id)


async def test_a_release_that_overtakes_its_reservation_wins(shop: Shop) -> None:
    """An unknown order can be released; the reservation that arrives later is refused."""
    book_id = await shop.add_book(quantity=5)
    assert "released" == (await release(shop.catalog, "o1"))["status"]
    assert "released" == (await reserve(shop.catalog, "o1", (book_id, 1)))["status"]
    assert 5 == await shop.stock(book_id)
    assert "released" == (await shop.catalog.get("/reservations/o1")).json["status"]


async def test_a_release_of_a_rejected_order_returns_nothing(shop: Shop) -> None:
    """It took nothing, so nothing comes back; it is released from then on."""
    book_id = await shop.add_book(quantity=1)
    await reserve(shop.catalog, "o1", (book_id, 2))
    assert "released" == (await release(shop.catalog, "o1"))["status"]
    assert 1 == await shop.stock(book_id)
    assert "released" == (await reserve(shop.catalog, "o1", (book_id, 1)))["status"]


async def test_a_release_and_a_reservation_at_once_leave_no_copy_lost(shop: Shop) -> None:
    """Whichever comes first, the stock is whole once the order is released."""
    book_id = await shop.add_book(quantity=8)
    for number in range(8):
        await asyncio.gather(
            reserve(shop.catalog, f"o{number}", (book_id, 1)),
            release(shop.catalog, f"o{number}"),
        )
    assert 8 == await shop.stock(book_id)
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


WRONG_BATCHES: list[object] = [
    [],
    {},
    [{"order_id": "o", "lines": []}],
    [{"order_id": "", "lines": [{"id": 1}]}],
    [{"order_id": "x" * 65, "lines": [{"id": 1}]}],
    [{"order_id": "o", "lines": [{"id": 1, "quantity": 0}]}],
    [{"order_id": "o", "lines": [{"id": 1, "quantity": 1001}]}],
    [{"order_id": "o", "lines": [{"id": 1, "quantity": -1}]}],
    [{"order_id": "o", "lines": [{"id": 0}]}],
    [{"order_id": "o", "lines": [{"id": 1, "surprise": 1}]}],
    [{"order_id": "o", "lines": [{"id": n} for n in range(1, 102)]}],
    [{"order_id": f"o{n}", "lines": [{"id": 1}]} for n in range(513)],
]


async def test_a_batch_beyond_its_limits_is_refused(catalog: Caller) -> None:
    """1 to 512 reservations, each of 1 to 100 lines of 1 to 1000 copies; nothing is decided."""
    for batch in WRONG_BATCHES:
        reply = await catalog.post("/reservations", batch)
        assert (400, "invalid-request") == (reply.status, reply.code), batch
    assert [] == (await catalog.get("/reservations")).json


async def test_a_batch_at_its_limits_is_decided(shop: Shop) -> None:
    """512 reservations in one call, and 100 lines in one order."""
    books = [await shop.add_book(quantity=10) for _ in range(100)]
    wide = await reserve(shop.catalog, "wide", *((book_id, 1) for book_id in books))
    assert ("reserved", 100) == (wide["status"], len(wide["lines"]))
    batch = [{"order_id": f"o{n}", "lines": [{"id": books[n % 100]}]} for n in range(512)]
    outcomes = (await shop.catalog.post("/reservations", batch)).json
    assert {"reserved"} == {outcome["status"] for outcome in outcomes}


async def test_decisions_are_listed_by_order_id(shop: Shop) -> None:
    """Pages continue after an order id; an unknown order is not found."""
    book_id = await shop.add_book(quantity=1)
    for order_id in ("c", "a", "b"):
        await reserve(shop.catalog, order_id, (book_id, 1))
    whole = (await shop.catalog.get("/reservations")).json
    assert [("a", "rejected"), ("b", "rejected"), ("c", "reserved")] == [
        (outcome["order_id"], outcome["status"]) for outcome in whole
    ]
    assert whole[1:2] == (await shop.catalog.get("/reservations?after=a&limit=1")).json
    reply = await shop.catalog.get("/reservations/nobody")
    assert (404, "reservation-not-found") == (reply.status, reply.code)


# ------------------------------------------------------------------- the ledger and its check


async def test_the_ledger_is_read_in_pages(shop: Shop) -> None:
    """Rows come in the order in which they were written, after an id, at most so many."""
    first = await shop.add_book(quantity=1)
    second = await shop.add_book(quantity=2)
    await reserve(shop.catalog, "o1", (second, 2))
    rows = (await shop.catalog.get("/movements")).json
    assert [first, second, second] == [row["book_id"] for row in rows]
    assert all(row["moved_at"].endswith("Z") for row in rows)
    after = rows[0]["id"]
    assert rows[1:2] == (await shop.catalog.get(f"/movements?after={after}&limit=1")).json
    for query in ("after=-1", f"after={2**63}", "limit=0", "limit=101", "x=1"):
        assert 400 == (await shop.catalog.get(f"/movements?{query}")).status


async def test_the_stock_report_is_empty_when_all_is_well(shop: Shop) -> None:
    """After sales, rejections, releases and corrections nothing differs."""
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 2))
    await reserve(shop.catalog, "o2", (book_id, 9))
    await reserve(shop.catalog, "o3", (book_id, 1))
    await release(shop.catalog, "o1")
    await release(shop.catalog, "o2")
    await release(shop.catalog, "o4")
    await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-1")
    report = (await shop.catalog.get("/stock-report")).json
    assert {"books": 1, "movements": 5, "reservations": 4, "differences": []} == report


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE books SET stock = stock + 1 WHERE book_id = 1", ["book 1: stock is 4"]),
        ("UPDATE movements SET copies = copies + 2 WHERE kind = 'received'", ["book 1: stock"]),
        ("DELETE FROM movements WHERE kind = 'sold'", ["book 1: stock", "order o1, book 1"]),
        (
            "UPDATE movements SET copies = -1 WHERE kind = 'sold'",
            ["book 1: stock", "order o1, book 1"],
        ),
        ("DELETE FROM reservations WHERE order_id = 'o1'", ["order o1, book 1"]),
        ("UPDATE reservations SET status = 'released' WHERE order_id = 'o1'", ["order o1, book 1"]),
        (
            "INSERT INTO movements VALUES (99, 1, 'released', 2, 'o1', 0)",
            ["book 1: stock", "order o1, book 1"],
        ),
        (
            "INSERT INTO movements VALUES (99, 1, 'sold', -1, 'ghost', 0)",
            ["book 1: stock", "order ghost, book 1"],
        ),
    ],
)
async def test_the_stock_report_finds_what_was_tampered_with(
    shop: Shop, tmp_path: Path, statement: str, expected: list[str]
) -> None:
    """Each change behind the catalog's back is named, with the book and the order."""
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 2))
    connection = apsw.Connection(str(tmp_path / "catalog.db"))
    connection.execute("DROP TRIGGER movements_never_change; DROP TRIGGER movements_never_go")
    connection.execute(statement)
    connection.close()
    differences = (await shop.catalog.get("/stock-report")).json["differences"]
    assert len(expected) == len(differences)
    for wanted, found in zip(expected, differences, strict=True):
        assert found.startswith(wanted)


# ------------------------------------------------------------------- taking in files


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


# ------------------------------------------------------------------- the change feed


async def test_every_change_is_told_after_its_commit(open_catalog: Catalog) -> None:
    """Add, stock, price, sale and release each give the book's new version, once."""
    catalog = open_catalog
    async with aclosing(following(catalog.feed)) as events:
        assert () == await anext(events)
        book = await catalog.add(NewBook(title="A", topic="b", price=PRICE, quantity=5))
        await catalog.change_stock(book.id, 2)
        await catalog.reprice(book.id, PRICE * 2)
        await catalog.reserve([Reserve("o1", [Line(book.id, 2)])])
        await catalog.reserve([Reserve("o1", [Line(book.id, 2)])])
        await catalog.reserve([Reserve("o2", [Line(book.id, 99)])])
        await catalog.release("o1")
        await catalog.release("o1")
        told: list[BookChanged] = []
        while changes := await anext(events):
            told += changes
    wanted = [
        BookChanged(book.id, 2, listed=True),
        BookChanged(book.id, 3),
        BookChanged(book.id, 4, listed=True),
        BookChanged(book.id, 5),
        BookChanged(book.id, 6),
    ]
    assert wanted == told
    assert 6 == (await catalog.info(book.id)).version


async def test_an_import_is_told_as_one_commit(open_catalog: Catalog) -> None:
    """Every row that changed something is told at once; a dry run tells nothing."""
    rows = [
        ImportRow(row=row, book=NewBook(title=f"Book {row}", topic="t", price=PRICE))
        for row in range(3)
    ]
    async with aclosing(following(open_catalog.feed)) as events:
        assert () == await anext(events)
        await imports.take_in(open_catalog, ImportRequest(rows=rows, dry_run=True))
        await imports.take_in(open_catalog, ImportRequest(rows=rows))
        await imports.take_in(open_catalog, ImportRequest(rows=rows))
        wanted = [BookChanged(book_id, 1, listed=True) for book_id in (1, 2, 3)]
        assert [wanted, []] == [list(await anext(events)) for _ in range(2)]


async def test_what_is_told_is_already_there(open_catalog: Catalog) -> None:
    """A subscriber that reads on every event sees at least the version that it was told."""
    catalog = open_catalog
    book = await catalog.add(NewBook(title="A", topic="b", price=PRICE))
    versions: list[int] = []
    async with asyncio.timeout(10), aclosing(following(catalog.feed)) as events:
        assert () == await anext(events)
        writing = asyncio.gather(*(catalog.change_stock(book.id, 1) for _ in range(30)))
        while len(versions) < 30:
            for change in await anext(events):
                versions.append(change.version)
                assert change.version <= (await catalog.info(book.id)).version
        await writing
    assert list(range(2, 32)) == versions


async def test_a_caller_that_goes_away_does_not_hide_its_change(open_catalog: Catalog) -> None:
    """A change that was committed is told, even where nobody waited for its answer."""
    catalog = open_catalog
    book = await catalog.add(NewBook(title="A", topic="b", price=PRICE))
    async with aclosing(following(catalog.feed)) as events:
        assert () == await anext(events)
        caller = asyncio.ensure_future(catalog.change_stock(book.id, 5))
        await asyncio.sleep(0)
        caller.cancel()
        await catalog.database.write(lambda t: t.one("SELECT 1"))
        assert 5 == (await catalog.info(book.id)).quantity
        assert [BookChanged(book.id, 2)] == list(await anext(events))


async def test_a_quiet_feed_has_a_heartbeat() -> None:
    """A subscriber hears something at once, and again within each interval."""
    async with asyncio.timeout(5), aclosing(following(Feed())) as events:
        assert [(), (), ()] == [await anext(events) for _ in range(3)]


async def test_every_subscriber_hears_every_change() -> None:
    """Two subscribers get the same changes, in the same order."""
    feed = Feed()
    async with aclosing(following(feed)) as left, aclosing(following(feed)) as right:
        assert [(), ()] == [await anext(left), await anext(right)]
        commits = [[BookChanged(1, version)] for version in range(5)]
        for changes in commits:
            feed.publish(changes)
        assert commits == [await anext(left) for _ in range(5)]
        assert commits == [await anext(right) for _ in range(5)]


async def test_a_subscriber_that_lags_too_far_is_dropped() -> None:
    """Its stream ends after what was kept for it, so that it knows to start afresh."""
    feed = Feed()
    async with aclosing(following(feed)) as slow, aclosing(following(feed)) as other:
        assert [(), ()] == [await anext(slow), await anext(other)]
        for version in range(BACKLOG_MAX):
            feed.publish([BookChanged(1, version)])
        assert [BookChanged(1, 0)] == await anext(other)
        feed.publish([BookChanged(1, BACKLOG_MAX)])
        assert BACKLOG_MAX == len([changes async for changes in slow])
        rest = [await anext(other) for _ in range(BACKLOG_MAX)]
        assert [BookChanged(1, BACKLOG_MAX)] == rest[-1]


async def test_a_closed_feed_ends_its_subscriptions() -> None:
    """A subscriber gets what was told before the close, and then the end, without a wait."""
    feed = Feed()
    async with asyncio.timeout(5), aclosing(following(feed)) as events:
        assert () == await anext(events)
        feed.publish([BookChanged(1, 1)])
        feed.close()
        assert [[BookChanged(1, 1)]] == [changes async for changes in events if changes]
    async with asyncio.timeout(5):
        endless = cast("AsyncGenerator[Changes, None]", feed.follow(60))
        assert () == await anext(endless)
        feed.close()
        assert [] == [changes async for changes in endless if changes]


async def test_the_stream_is_made_of_server_sent_events(app: HttpApp) -> None:
    """GET /changes opens at once, tells a change as data, and then sends heartbeats."""
    book_id = await added(app)
    async with asyncio.timeout(10), aclosing(streamed(app, "/changes")) as messages:
        start = await anext(messages)
        headers = dict(start["headers"])
        assert 200 == start["status"]
        assert headers[b"content-type"].startswith(b"text/event-stream")
        assert b"no-store" == headers[b"cache-control"]
        assert b": open\n\n" == (await anext(messages))["body"]
        reading = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        assert 200 == (await call(app, "PUT", f"/update/{book_id}/amount_of_items/1")).status
        event = (await reading)["body"]
        assert b'data: {"book_id":%d,"version":2,"listed":false}\n\n' % book_id == event
        assert b": alive\n\n" == (await anext(messages))["body"]


async def test_the_stream_ends_when_the_service_stops(app: HttpApp) -> None:
    """What would go on for ever ends with on_stop, so that a stop need not wait for it."""
    async with asyncio.timeout(5), aclosing(streamed(app, "/changes")) as messages:
        assert 200 == (await anext(messages))["status"]
        assert b": open\n\n" == (await anext(messages))["body"]
        app.on_stop()
        async for message in messages:
            if not message.get("more_body"):
                break


async def test_nothing_is_missed_from_the_first_byte_of_the_stream_on(app: HttpApp) -> None:
    """A change right after the stream's first words is told: whoever hears them may cache."""
    book_id = await added(app)
    async with asyncio.timeout(10), aclosing(streamed(app, "/changes")) as messages:
        assert 200 == (await anext(messages))["status"]
        assert b": open\n\n" == (await anext(messages))["body"]
        assert 200 == (await call(app, "PUT", f"/update/{book_id}/amount_of_items/1")).status
        event = (await anext(messages))["body"]
        assert b'data: {"book_id":%d,"version":2,"listed":false}\n\n' % book_id == event


async def test_head_of_the_stream_ends(shop: Shop) -> None:
    """HEAD /changes answers the headers and no body, at once."""
    async with asyncio.timeout(2):
        reply = await shop.catalog.call("HEAD", "/changes")
    assert (200, b"") == (reply.status, reply.content)


# ------------------------------------------------------------------- who may write

SECRET_ROUTES: list[tuple[str, str, object]] = [
    ("POST", "/books", BOOK),
    ("PATCH", "/books/1", {"title": "x"}),
    ("PUT", "/update/1/price/1", None),
    ("PUT", "/update/1/amount_of_items/1", None),
    ("POST", "/imports", {"rows": [{"row": 1, "book": BOOK}]}),
    ("POST", "/reservations", [{"order_id": "o", "lines": [{"id": 1}]}]),
    ("POST", "/reservations/o/release", None),
    ("GET", "/reservations", None),
    ("GET", "/reservations/o", None),
    ("GET", "/movements", None),
    ("GET", "/stock-report", None),
]


async def test_without_the_secret_nothing_is_written(shop: Shop) -> None:
    """No secret or a wrong one is 401 with a challenge, and changes nothing."""
    assert 1 == await shop.add_book(quantity=1)
    stranger = Caller(CATALOG_URL, shop.client)
    before = (await stranger.get("/books")).json
    wrong = ["", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"]
    wrong += [SECRET, f"Basic {SECRET}", f"Bearer {SECRET} {SECRET}", f"Bearer  {SECRET}"]
    for method, path, body in SECRET_ROUTES:
        for headers in ({}, *({"authorization": value} for value in wrong)):
            reply = await stranger.call(method, path, body, headers)
            assert (401, "unauthorized") == (reply.status, reply.code), (path, headers)
            assert reply.headers["www-authenticate"].startswith("Bearer")
    assert before == (await stranger.get("/books")).json
    assert [] == (await shop.catalog.get("/reservations")).json


async def test_every_write_is_behind_the_secret(shop: Shop) -> None:
    """The list above is complete: all else in the description only reads."""
    document = (await shop.catalog.get("/openapi.json")).json
    described = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "security" in operation or method != "get"
    }
    listed = {
        ("POST", "/books"),
        ("PATCH", "/books/{book_id}"),
        ("PUT", "/update/{book_id}/{field}/{value}"),
        ("POST", "/imports"),
        ("POST", "/reservations"),
        ("POST", "/reservations/{order_id}/release"),
        ("GET", "/reservations"),
        ("GET", "/reservations/{order_id}"),
        ("GET", "/movements"),
        ("GET", "/stock-report"),
    }
    assert listed == described
