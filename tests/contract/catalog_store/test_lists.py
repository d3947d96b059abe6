"""What the catalog's store promises about lists of books, told by one suite for every engine."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from bazar.catalog.domain import StoredBook
from bazar.catalog.expressions import All, But, Either, Expression, Term
from bazar.catalog.store import Store
from bazar.catalog.store.lists import LAST_ID, Narrowing, Order, Ranked, Stage
from bazar.kit.data.database import Database
from bazar.wire.books import TopicCount
from bazar.wire.stock import Outcome
from support.stored_books import EDITED_MS, NOW_MS, added, book, reserved

DAY_MS = 24 * 60 * 60 * 1000
ALL_ORDERS: list[Order] = ["rank", "new", "price", "-price", "title"]


def ids(found: Sequence[Ranked]) -> list[int]:
    """Return the books of a set in its own order."""
    return [one.book_id for one in sorted(found)]


async def retire(database: Database, store: Store, one: StoredBook, at_ms: int) -> StoredBook:
    """Take a book off sale."""
    return await database.write(
        lambda t: store.edit_book(t, replace(one, retired_at_ms=at_ms), EDITED_MS)
    )


async def shelf(database: Database, store: Store) -> list[StoredBook]:
    """Store five books of which nothing comes in the same order, and a retired one."""
    made = []
    for number, (title, author, topic, price, stock) in enumerate(
        [
            ("Delta", "Ada Quill", "law", 500, 1),
            ("alpha", "Émile Zola", "arts", 900, 0),
            ("Éclair", "Ada Quill", "law", 100, 9),
            ("Beta", "Émile Zola", "Law", 500, 4),
            ("beta", "", "arts", 700, 2),
            ("Gone", "Ada Quill", "law", 300, 3),
        ]
    ):
        one = book(title, author=author, topic=topic, price_minor=price, stock=stock)
        made.append(
            await database.write(
                lambda t, one=one, at_ms=NOW_MS + number: store.add_book(t, one, at_ms)  # type: ignore[misc]
            )
        )
    made[5] = await retire(database, store, made[5], NOW_MS)
    return made


async def paged(
    database: Database,
    store: Store,
    order: Order,
    narrowing: Narrowing = Narrowing(),  # noqa: B008  it never changes
    found: Sequence[Ranked] | None = None,
) -> list[int]:
    """Return the books of a list, read two at a time."""
    books: list[StoredBook] = []
    after: tuple[float | str, int] | None = None
    while True:
        page = await database.scan(
            lambda t: (
                store.page_of_all(t, narrowing, order, after, 2)  # noqa: B023  run at once
                if found is None
                else store.page_of_set(t, found, narrowing, order, after, 2)  # noqa: B023
            )
        )
        books += [one for _key, one in page]
        if len(page) < 2:
            return [one.book_id for one in books]
        after = page[-1][0], page[-1][1].book_id


async def test_all_books_come_in_each_order(database: Database, store: Store) -> None:
    """Page by page each once; those with the same place by id, the other way where it goes down."""
    await shelf(database, store)
    wanted: dict[Order, list[int]] = {
        "rank": [1, 2, 3, 4, 5],
        "new": [5, 4, 3, 2, 1],
        "price": [3, 1, 4, 5, 2],
        "-price": [2, 5, 4, 1, 3],
        "title": [2, 4, 5, 1, 3],
    }
    for order, books in wanted.items():
        assert books == await paged(database, store, order), order
    whole = [Ranked(one, one) for one in range(1, 7)]
    for order, books in wanted.items():
        assert books == await paged(database, store, order, found=whole), order


@pytest.mark.parametrize(
    ("narrowing", "wanted"),
    [
        (Narrowing(topic="LAW"), {1, 3, 4}),
        (Narrowing(author="ada quill"), {1, 3}),
        (Narrowing(low_minor=500), {1, 2, 4, 5}),
        (Narrowing(high_minor=500), {1, 3, 4}),
        (Narrowing(low_minor=500, high_minor=500), {1, 4}),
        (Narrowing(low_minor=501, high_minor=499), set()),
        (Narrowing(in_stock=True), {1, 3, 4, 5}),
        (Narrowing("law", "emile zola", 500, 900, in_stock=True), {4}),
    ],
)
async def test_a_list_is_narrowed_in_every_order(
    database: Database, store: Store, narrowing: Narrowing, wanted: set[int]
) -> None:
    """To the books that fit in all respects, on a way through all and in a set, counted too.

    On a way through all books the stock does not matter: who reads it passes over what is sold out.
    """
    books = {one.book_id: one for one in await shelf(database, store)}
    whole = [Ranked(0, one) for one in books]
    for order in ALL_ORDERS:
        for found in (None, whole)[narrowing.in_stock :]:
            ids_found = await paged(database, store, order, narrowing, found)
            assert (wanted, len(wanted)) == (set(ids_found), len(ids_found))
    for topics in (
        await database.scan(lambda t: store.topics_of_all(t, narrowing, 99)),
        await database.scan(lambda t: store.topics_of_set(t, whole, narrowing)),
    ):
        assert len(wanted) == sum(topic.books for topic in topics)
        assert {books[one].topic.lower() for one in wanted} == {one.topic.lower() for one in topics}


async def test_topics_of_all_stop_counting(database: Database, store: Store) -> None:
    """After so many books, so that it takes no longer the more there are."""
    await shelf(database, store)
    found = await database.scan(lambda t: store.topics_of_all(t, Narrowing(in_stock=True), 2))
    assert [TopicCount("law", 2)] == found


async def test_sets_are_what_few_books_have(database: Database, store: Store) -> None:
    """Each up to its limit, and no retired book in any."""
    await shelf(database, store)
    assert [1, 3, 4] == ids(await database.scan(lambda t: store.of_topic(t, "Law", 9)))
    assert [1, 3] == ids(await database.scan(lambda t: store.by_author(t, "ada quill", 9)))
    assert [1, 4, 5] == ids(await database.scan(lambda t: store.priced(t, 500, 700, 9)))
    for count in (
        len(await database.scan(lambda t: store.of_topic(t, "law", 2))),
        len(await database.scan(lambda t: store.by_author(t, "ada quill", 2))),
        len(await database.scan(lambda t: store.priced(t, 0, 9999, 2))),
        len(await database.scan(lambda t: store.listed(t, "last", (), 2))),
    ):
        assert 2 == count


async def test_lists_by_name_follow_the_stock(database: Database, store: Store) -> None:
    """The last copies and the low ones by stock, the sold out by id; each move counts at once."""
    books = await shelf(database, store)

    async def listed(name: str) -> list[int]:
        return ids(await database.scan(lambda t: store.listed(t, name, (), 9)))

    assert [[1, 5, 4], [2, 1, 5], [2]] == [await listed(name) for name in ("last", "low", "out")]
    await database.write(lambda t: store.edit_book(t, replace(books[2], low_at=9), EDITED_MS))
    await database.write(lambda t: store.move_stock(t, 5, "adjusted", -2, None, NOW_MS))
    await database.write(lambda t: store.move_stock(t, 4, "received", 2, None, NOW_MS))
    assert [[1], [2, 5, 1, 3], [2, 5]] == [await listed(name) for name in ("last", "low", "out")]


async def test_retired_books_have_a_list_of_their_own(database: Database, store: Store) -> None:
    """The last to retire first; words are looked for in its author and its title."""
    books = await shelf(database, store)
    await retire(database, store, books[2], NOW_MS + 1)

    async def listed(*words: str) -> list[int]:
        return ids(await database.scan(lambda t: store.listed(t, "retired", words, 9)))

    assert [3, 6] == await listed()
    assert [3, 6] == await listed("quill")
    assert [3] == await listed("ecl", "ada")
    assert [] == await listed("uill")
    found = await database.scan(lambda t: store.listed(t, "retired", (), 9))
    retired = Narrowing(retired=True)
    assert [3, 6] == await paged(database, store, "rank", retired, found)
    assert [6] == await paged(database, store, "price", retired._replace(low_minor=200), found)
    assert [] == await paged(database, store, "rank", Narrowing(), found)


async def test_what_was_bought_most_comes_first(database: Database, store: Store) -> None:
    """Of some time and of the end of the ledger; copies that were given back do not count."""
    one, two, three = await added(database, store, *(book(stock=99) for _ in range(3)))

    async def buy(order_id: str, bought: StoredBook, copies: int, at_ms: int) -> None:
        sold = reserved(order_id, (bought.book_id, copies, 9))
        await database.write(lambda t: store.sell(t, [sold], at_ms))

    await buy("o1", three, 50, NOW_MS - DAY_MS)
    await buy("o2", two, 2, NOW_MS)
    await buy("o3", one, 1, NOW_MS)
    await buy("o4", two, 2, NOW_MS)
    await buy("o5", one, 9, NOW_MS)
    for order_id, given, copies in (("o5", one, 9), ("o1", three, 50)):
        await database.write(
            lambda t, o=order_id, g=given, c=copies: store.move_stock(  # type: ignore[misc]
                t, g.book_id, "released", c, o, NOW_MS
            )
        )
        released = Outcome(order_id, "released")
        await database.write(lambda t, r=released: store.save_outcome(t, r))  # type: ignore[misc]

    async def most(since_ms: int, rows: int) -> list[Ranked]:
        return await database.scan(lambda t: store.bought(t, since_ms, rows, 9))

    assert [(-4, 2), (-1, 1)] == await most(NOW_MS - DAY_MS, 99)
    assert [(-2, 2)] == await most(NOW_MS, 4)
    await buy("o6", three, 7, NOW_MS - 1)
    assert [(-7, 3), (-4, 2), (-1, 1)] == await most(NOW_MS - 1, 99)
    assert [(-4, 2), (-1, 1)] == await most(NOW_MS, 99)
    assert [] == await most(NOW_MS + 1, 99)


async def test_terms_find_books_in_order_of_id(database: Database, store: Store) -> None:
    """All, either, not; from one id to another; none of a book that is no longer sold."""
    books = await added(
        database,
        store,
        book("Sea wind"),
        book("Sea", description="wind"),
        book("Seal"),
        book("Wind", author="Sea"),
    )
    gone = replace(books[1], retired_at_ms=9)
    sea, seas = Term("tsea"), Term("tsea", more=True)

    async def found(asked: Expression, after: int = 0, until: int = LAST_ID) -> list[int]:
        return await database.scan(lambda t: store.found(t, asked, after, until, 9))

    assert [1, 2] == await found(sea)
    assert [1, 2, 3] == await found(seas)
    assert [2] == await found(seas, 1, 2)
    assert [1, 2] == await found(All((sea, Term("awind"))))
    assert [1, 2, 4] == await found(Either((sea, Term("hsea"))))
    assert [3] == await found(But(seas, Either((sea, Term("twind")))))
    assert [1] == await database.scan(lambda t: store.found(t, seas, 0, LAST_ID, 1))
    await database.write(lambda t: store.edit_book(t, gone, NOW_MS))
    assert [1, 3] == await found(seas)
    (head,) = await database.scan(lambda t: store.heads(t, [4, 9]))
    assert (4, "Wind", "", "Sea", "", "systems") == head
    assert [books[3]] == await database.scan(lambda t: store.shown(t, [4, 9]))


async def test_long_beginnings_are_known_by_their_words(database: Database, store: Store) -> None:
    """Which are asked for as the beginning is, and find the same."""
    await added(database, store, book("Seashore"), book("Land", description="Seashells"))
    words = await database.scan(lambda t: store.spelt(t, ["seash", "landscape", "s"]))
    assert {"seash": ("seashells", "seashore"), "landscape": ()} == words
    spelt = Term("aseash", more=True, spelt=tuple(f"a{word}" for word in words["seash"]))
    assert [1, 2] == await database.scan(lambda t: store.found(t, spelt, 0, LAST_ID, 9))
    assert [1, 2] == await database.scan(lambda t: store.few(t, spelt, 9))


async def test_few_are_all_that_fit_or_none(database: Database, store: Store) -> None:
    """One more than are few is too many, also where it does not come first."""
    await added(database, store, *(book(f"Sea {n}") for n in range(5)))
    seas = Term("tsea", more=True)
    assert [1, 2, 3, 4, 5] == await database.scan(lambda t: store.few(t, seas, 5))
    assert None is await database.scan(lambda t: store.few(t, seas, 4))
    assert [] == await database.scan(lambda t: store.few(t, Term("tland"), 4))


async def test_tiers_follow_each_other(database: Database, store: Store) -> None:
    """Within a tier by id; of the first one only what comes after an id."""
    titles = "Sea wind", "Wind", "Sea", "Land", "Seal", "Sea"
    await added(database, store, *(book(title) for title in titles))
    sea, wind, seas = Term("tsea"), Term("twind"), Term("tsea", more=True)
    stages = [
        Stage(Either((seas, wind)), (All((sea, wind)), But(sea, wind), But(wind, sea))),
        Stage(seas, (But(seas, sea),)),
    ]
    wanted = [(0, 1), (1, 3), (1, 6), (2, 2), (3, 5)]
    for limit in range(1, 7):
        found = await database.scan(lambda t, n=limit: store.in_tiers(t, stages, 0, n))  # type: ignore[misc]
        assert wanted[:limit] == found
    assert wanted[1:] == await database.scan(lambda t: store.in_tiers(t, stages, 1, 9))
    of_books = await database.scan(lambda t: store.tiers_of(t, stages, [1, 2, 4, 5, 6]))
    assert {1: 0, 2: 2, 5: 3, 6: 1} == of_books
