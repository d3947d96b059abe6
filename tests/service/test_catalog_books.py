"""Adding and editing the books of the catalog, and the topics that they are under."""

import asyncio

import pytest

from support.catalog_calls import BOOK, ISBN, ISBN_10, ledger
from support.shops import Caller, Shop


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
    {"id": 10**15 + 1},
    {"topic": "a/"},
    {"topic": "."},
    {"topic": ".."},
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


async def test_the_largest_id_that_can_be_given_does_not_end_the_numbering(shop: Shop) -> None:
    """The books after it get ids that every route takes."""
    assert 10**15 == await shop.add_book(id=10**15)
    book_id = await shop.add_book(quantity=1)
    assert 200 == (await shop.catalog.get(f"/info/{book_id}")).status
    assert 201 == (await shop.front.post(f"/purchase/{book_id}")).status


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
