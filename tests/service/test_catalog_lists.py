"""Lists of books in every order and narrowed in every way, and how many there are of each topic."""

from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bazar.catalog import listing
from bazar.wire.books import BookQuery, NewBook
from support.catalog_calls import ids, release, reserve
from support.catalogs import open_catalog
from support.shops import Caller, Shop

SHELF = [
    {"title": "Delta", "author": "Ada Quill", "topic": "law", "price": 5, "quantity": 1},
    {"title": "alpha sea", "author": "Émile Zola", "topic": "arts", "price": 9, "quantity": 0},
    {"title": "Éclair sea", "author": "Ada Quill", "topic": "law", "price": 1, "quantity": 9},
    {"title": "Beta", "author": "Émile Zola", "topic": "Law", "price": 5, "quantity": 4},
    {"title": "beta sea", "author": "", "topic": "arts", "price": 7.5, "quantity": 20},
]


async def fill(shop: Shop) -> None:
    """Add the books of the shelf, with the ids 1 to 5."""
    for one in SHELF:
        await shop.add_book(**one)


async def listed(catalog: Caller, **query: object) -> list[int]:
    """Follow a list of pages of two books, whose links keep all that was asked."""
    found: list[int] = []
    path = f"/books?{urlencode(query | {'limit': 2})}"
    while path:
        reply = await catalog.get(path)
        assert 200 == reply.status, reply.content
        found += ids(reply.json)
        link = reply.headers.get("link")
        path = link.removeprefix("<").partition(">")[0] if link else ""
        assert len(found) < 100
    return found


@pytest.mark.parametrize("few", [10_000, 1])
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"sort": "title"}, [2, 4, 5, 1, 3]),
        ({"sort": "price"}, [3, 1, 4, 5, 2]),
        ({"sort": "-price"}, [2, 5, 4, 1, 3]),
        ({"sort": "new"}, [5, 4, 3, 2, 1]),
        ({"sort": "match"}, [1, 2, 3, 4, 5]),
        ({"list": "new"}, [5, 4, 3, 2, 1]),
        ({"list": "new", "sort": "price"}, [3, 1, 4, 5, 2]),
        ({"topic": "LAW", "sort": "-price"}, [4, 1, 3]),
        ({"author": "emile-zola"}, [2, 4]),
        ({"author": "ÉMILE ZOLA", "sort": "title"}, [2, 4]),
        ({"author": "ada"}, []),
        ({"min": 5, "max": 7.5}, [1, 4, 5]),
        ({"min": "5.001", "max": "7.499"}, []),
        ({"min": 7.5, "sort": "price"}, [5, 2]),
        ({"max": 0}, []),
        ({"min": 0, "max": 1e30, "in_stock": 1}, [1, 3, 4, 5]),
        ({"in_stock": 1, "topic": "arts"}, [5]),
        ({"in_stock": 0, "topic": "arts"}, [2, 5]),
    ],
)
async def test_books_are_listed_as_they_are_asked_for(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    query: dict[str, object],
    wanted: list[int],
    few: int,
) -> None:
    """Page by page, each once; alike whether few books have what was asked for or too many."""
    monkeypatch.setattr(listing, "SET_MAX", few)
    await fill(shop)
    assert wanted == await listed(shop.catalog, **query)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"q": "sea", "sort": "price"}, [3, 5, 2]),
        ({"q": "sea", "sort": "title"}, [2, 5, 3]),
        ({"q": "sea", "in_stock": 1, "sort": "new"}, [5, 3]),
        ({"q": "sea", "topic": "arts", "min": 8}, [2]),
        ({"q": "sea", "author": "Ada Quill"}, [3]),
        ({"q": "sea", "list": "out"}, [2]),
        ({"q": "zola", "list": "last"}, [4]),
        ({"q": "!", "sort": "new"}, []),
        ({"list": "last"}, [1, 4]),
        ({"list": "last", "sort": "-price"}, [4, 1]),
        ({"list": "low"}, [2, 1]),
        ({"list": "low", "topic": "law"}, [1]),
        ({"list": "out"}, [2]),
        ({"list": "retired"}, []),
        ({"list": "bought"}, []),
    ],
)
async def test_words_and_lists_by_name_are_narrowed_and_ordered(
    shop: Shop, query: dict[str, object], wanted: list[int]
) -> None:
    """What is found is what each of the arguments leaves."""
    await fill(shop)
    assert wanted == await listed(shop.catalog, **query)


async def test_the_best_match_comes_first_where_words_are_narrowed(shop: Shop) -> None:
    """As without anything else, page by page."""
    await fill(shop)
    wanted = await listed(shop.catalog, q="sea")
    assert wanted == await listed(shop.catalog, q="sea", min=0, sort="match")


async def test_what_was_bought_is_listed_without_what_was_given_back(shop: Shop) -> None:
    """By copies, and no retired book."""
    await fill(shop)
    await reserve(shop.catalog, "o1", (3, 2), (5, 3))
    await reserve(shop.catalog, "o2", (4, 4))
    assert [4, 5, 3] == await listed(shop.catalog, list="bought")
    assert [3, 4] == await listed(shop.catalog, list="bought", topic="law", sort="price")
    await release(shop.catalog, "o2")
    await shop.catalog.call("PATCH", "/books/5", {"retired": True})
    assert [3] == await listed(shop.catalog, list="bought")


async def test_retired_books_are_found_in_their_list_and_by_isbn(shop: Shop) -> None:
    """As an argument an ISBN finds a retired book, in a search it does not."""
    await fill(shop)
    isbn = "9780131103627"
    await shop.catalog.call("PATCH", "/books/3", {"retired": True, "isbn": isbn})
    await shop.catalog.call("PATCH", "/books/1", {"retired": True})
    assert {1, 3} == set(await listed(shop.catalog, list="retired"))
    assert [3, 1] == await listed(shop.catalog, list="retired", sort="price")
    assert [3] == await listed(shop.catalog, list="retired", q="quill eclair")
    assert [2, 4, 5] == await listed(shop.catalog, sort="match")
    assert [4, 5, 2] == await listed(shop.catalog, sort="price")
    assert [3] == ids((await shop.catalog.get(f"/books?isbn={isbn}")).json)
    assert [] == ids((await shop.catalog.get(f"/books?q={isbn}")).json)
    assert [3] == ids((await shop.catalog.get(f"/books?q={isbn}&list=retired")).json)


async def test_books_come_into_lists_and_leave_them_with_each_change(shop: Shop) -> None:
    """A price, a sale and a new author count from then on."""
    await fill(shop)
    await shop.catalog.call("PUT", "/update/1/price/100")
    await reserve(shop.catalog, "o", (1, 1))
    await shop.catalog.call("PATCH", "/books/1", {"author": "Al-Khwārizmī", "title": "Aa"})
    assert [2, 5, 4, 3] == (await listed(shop.catalog, sort="-price"))[1:]
    assert [1, 2] == await listed(shop.catalog, list="out")
    assert [1] == await listed(shop.catalog, author="al-khwarizmi")
    assert 1 == (await listed(shop.catalog, sort="title"))[0]


WRONG = [
    "sort=best",
    "list=all",
    "in_stock=yes",
    "min=cheap",
    "max=NaN",
    "min=Infinity",
    "min=-1",
    "sort=price&after=x",
    "sort=title&after=x",
    "sort=price&after=" + "x" * 301,
    "sort=price&after=YTox",  # a:1, where a price should be
]


async def test_what_no_list_understands_is_refused(shop: Shop) -> None:
    """And a wide one is not: a title of any length has a cursor."""
    for query in WRONG:
        reply = await shop.catalog.get(f"/books?{query}")
        assert (400, "invalid-request") == (reply.status, reply.code), query
    for _ in range(3):
        await shop.add_book(title="٣" * 500)
    assert [1, 2, 3] == await listed(shop.catalog, sort="title")


async def test_sold_out_books_are_passed_over_a_part_at_a_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no page takes long; the link of one that holds less leads on to the rest."""
    monkeypatch.setattr(listing, "PASSED_OVER_MAX", 6)
    monkeypatch.setattr(listing, "STEP_MAX", 4)
    stocks = [0, 1, *[0] * 20, 3, 0, 0, 4, 5, 0]
    wanted = [await shop.add_book(quantity=stock) for stock in stocks]
    in_stock = [book for book, stock in zip(wanted, stocks, strict=True) if stock]
    assert in_stock == await listed(shop.catalog, in_stock=1)
    assert in_stock[::-1] == await listed(shop.catalog, in_stock=1, sort="new")
    reply = await shop.catalog.get("/books?in_stock=1&limit=2")
    assert (in_stock[:1], True) == (ids(reply.json), "link" in reply.headers)


# ------------------------------------------------------------------- counts


@pytest.mark.parametrize("few", [10_000, 1])
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", (5, {"arts": 2, "law": 3})),
        ("topic=law", (3, {"arts": 2, "law": 3})),
        ("in_stock=1", (4, {"arts": 1, "law": 3})),
        ("in_stock=1&topic=arts", (1, {"arts": 1, "law": 3})),
        ("author=emile-zola", (2, {"arts": 1, "law": 1})),
        ("min=6&max=9", (2, {"arts": 2})),
        ("q=sea", (3, {"arts": 2, "law": 1})),
        ("q=sea&topic=law", (1, {"arts": 2, "law": 1})),
        ("q=sea&topic=science", (0, {"arts": 2, "law": 1})),
        ("q=!", (0, {})),
        ("list=out", (1, {"arts": 1})),
        ("list=new&sort=price", (5, {"arts": 2, "law": 3})),
    ],
)
async def test_books_are_counted_by_topic(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    wanted: tuple[int, dict[str, int]],
    few: int,
) -> None:
    """Those that a list has; the choice of a topic is not held against the other topics."""
    monkeypatch.setattr(listing, "SET_MAX", few)
    await fill(shop)
    reply = await shop.catalog.get(f"/books/counts?{query}")
    assert 200 == reply.status, reply.content
    topics = {one["topic"].lower(): one["books"] for one in reply.json["topics"]}
    assert wanted == (reply.json["books"], topics)
    names = list(topics)
    assert sorted(names) == names
    assert (
        304
        == (
            await shop.catalog.get(
                f"/books/counts?{query}", headers={"if-none-match": reply.headers["etag"]}
            )
        ).status
    )


async def test_an_isbn_is_counted_as_it_is_listed(shop: Shop) -> None:
    """As one book, or none."""
    await shop.add_book(isbn="9780131103627", topic="law")
    for query in ("isbn=0131103628", "q=978-0-13-110362-7"):
        counts = (await shop.catalog.get(f"/books/counts?{query}")).json
        assert {"books": 1, "topics": [{"topic": "law", "books": 1}]} == counts
    counts = (await shop.catalog.get("/books/counts?isbn=9780306406157")).json
    assert {"books": 0, "topics": []} == counts


async def test_counting_stops(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 10,000 books: what comes then takes too long to count, and nobody needs to know."""
    monkeypatch.setattr(listing, "COUNT_MAX", 2)
    monkeypatch.setattr(listing, "SET_MAX", 1)
    await fill(shop)
    for query in ("", "topic=law", "min=1", "in_stock=1"):
        assert 2 == (await shop.catalog.get(f"/books/counts?{query}")).json["books"], query


async def test_the_most_bought_are_those_of_thirty_days(tmp_path: Path) -> None:
    """By the catalog's clock."""
    now_ms = 1_700_000_000_000
    catalog = await open_catalog(tmp_path / "catalog.db", lambda: now_ms)
    try:
        new = NewBook(title="A", topic="b", price=Decimal(1), quantity=5)
        book = await catalog.shelf.add(new)
        await catalog.database.write(
            lambda t: catalog.store.move_stock(t, book.id, "sold", -1, "o1", now_ms)
        )
        for days, wanted in ((30, [book.id]), (31, [])):
            catalog_ms = 1_700_000_000_000 + days * 24 * 60 * 60 * 1000
            now_ms = catalog_ms
            found, _ = await catalog.shelf.list_books(BookQuery(list="bought"))
            assert wanted == [one.id for one in found]
    finally:
        await catalog.database.close()
