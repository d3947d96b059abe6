"""What the catalog's store promises, function by function, told by one suite for every engine."""

import ast
import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bazar.catalog.domain import StoredBook
from bazar.catalog.store import AFTER_ALL_ORDERS, AFTER_ALL_ROWS, Store
from bazar.catalog.store.sqlite import SqliteStore
from bazar.kit.data.database import Database, Transaction
from bazar.wire.books import BookEdited, BookTitle, TopicCount
from bazar.wire.stock import Movement, Outcome, SoldLine
from support import stored_books
from support.searches import searched
from support.stored_books import EDITED_MS, NOW_MS, added, book, rejected, reserved

NOW = datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
ISBN = "9780131103627"
HELPERS = Path(stored_books.__file__)
ALL = (0, AFTER_ALL_ROWS)
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
"""All that need not be known of a book."""


def test_no_function_of_the_store_is_left_out() -> None:
    """Each one that the protocol names is called in one of these modules, so on every engine."""
    called = {
        node.attr
        for module in (*Path(__file__).parent.glob("test_*.py"), HELPERS)
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "store"
    }
    promised = {name for name, _ in inspect.getmembers(Store, inspect.isfunction)}
    assert set() == {name for name in promised - called if not name.startswith("_")}


# ------------------------------------------------------------------- books


async def test_a_book_comes_back_as_it_was_added(database: Database, store: Store) -> None:
    """With an id of the database's choice, or its own, and with every member that may be empty."""
    chosen, own, bare = await added(
        database,
        store,
        book(stock=5, isbn=ISBN, **DESCRIBED),
        book(book_id=40, **DESCRIBED),
        book(author="", year=None, description=""),
    )
    assert [(1, 5, 2), (40, 0, 1)] == [(b.book_id, b.stock, b.version) for b in (chosen, own)]
    assert bare.book_id not in {0, chosen.book_id, own.book_id}
    for one in (chosen, own, bare):
        assert one == await database.read(lambda t, one=one: store.book(t, one.book_id))  # type: ignore[misc]
    assert None is await database.read(lambda t: store.book(t, 99))


def for_sale(one: StoredBook) -> StoredBook:
    """Return what sales need to know of a book."""
    return StoredBook(
        book_id=one.book_id,
        isbn=None,
        title=one.title,
        author="",
        year=None,
        topic="",
        description="",
        price_minor=one.price_minor,
        currency=one.currency,
        stock=one.stock,
        version=one.version,
        retired_at_ms=one.retired_at_ms,
    )


async def test_some_books_are_found_together(database: Database, store: Store) -> None:
    """Those that exist, by id, each once however often it was asked for; of none, none."""
    first, _second, third = await added(
        database, store, book("A", **DESCRIBED), book("B"), book("C")
    )
    asked = [third.book_id, 99, first.book_id, third.book_id]
    found = await database.read(lambda t: store.books(t, asked))
    assert {one.book_id: for_sale(one) for one in (first, third)} == found
    assert found == await database.read(lambda t: store.books(t, set(asked)))
    assert {} == await database.read(lambda t: store.books(t, []))


async def test_a_book_is_found_by_its_isbn(database: Database, store: Store) -> None:
    """Exactly that one."""
    (wanted, _other) = await added(database, store, book(isbn=ISBN), book())
    assert wanted == await database.read(lambda t: store.book_by_isbn(t, ISBN))
    assert None is await database.read(lambda t: store.book_by_isbn(t, "9780306406157"))


async def test_topics_are_one_in_any_case(database: Database, store: Store) -> None:
    """Titles come in order of id, up to a limit, and each topic is counted once."""
    first, _other, second = await added(
        database,
        store,
        book("B", topic="Dark-Arts"),
        book(topic="law"),
        book("A", topic="dark arts"),
    )
    titles = [BookTitle(one.book_id, one.title) for one in (first, second)]
    assert titles == await database.read(lambda t: store.titles_by_topic(t, "DARK arts", 9))
    assert titles[:1] == await database.read(lambda t: store.titles_by_topic(t, "dark-arts", 1))
    assert [] == await database.read(lambda t: store.titles_by_topic(t, "nothing", 9))
    wanted = [TopicCount("Dark-Arts", 2), TopicCount("law", 1)]
    assert wanted == await database.scan(lambda t: store.topics(t, 9))


async def test_topics_follow_every_change_of_a_book(database: Database, store: Store) -> None:
    """Each counts its books in all spellings; one without books is gone; a limit keeps the most."""
    first, second, _third = await added(
        database, store, book(topic="Law"), book(topic="law"), book(topic="arts")
    )

    async def topics(limit: int = 9) -> list[TopicCount]:
        return await database.scan(lambda t: store.topics(t, limit))

    assert [TopicCount("arts", 1), TopicCount("Law", 2)] == await topics()
    assert [TopicCount("Law", 2)] == await topics(1)
    await database.write(lambda t: store.edit_book(t, replace(first, topic="Arts"), EDITED_MS))
    assert [TopicCount("Arts", 2), TopicCount("law", 1)] == await topics()
    await database.write(lambda t: store.edit_book(t, replace(second, topic="ARTS"), EDITED_MS))
    await database.write(
        lambda t: store.edit_book(t, replace(second, topic="ARTS", price_minor=9), EDITED_MS)
    )
    assert [TopicCount("ARTS", 3)] == await topics()


@pytest.mark.parametrize("how", [{"topic": "arts"}, {"retired_at_ms": EDITED_MS}])
async def test_a_topic_may_lose_hundreds_of_books(
    database: Database, store: Store, how: dict[str, Any]
) -> None:
    """To another one, or because they are no longer sold; all at once, or one after the other."""
    new = [book(f"T{n}", topic="law") for n in range(400)]
    ids = await database.write(lambda t: store.add_books(t, new, NOW_MS))
    changed = [replace(one, book_id=book_id, **how) for one, book_id in zip(new, ids, strict=True)]
    left = [TopicCount("arts", 390)] if "topic" in how else []

    async def one_by_one(transaction: Transaction) -> None:
        for one in changed[200:390]:
            await store.edit_book(transaction, one, EDITED_MS)

    await database.write(lambda t: store.edit_books(t, changed[:200], EDITED_MS))
    await database.write(one_by_one)
    assert [*left, TopicCount("law", 10)] == await database.scan(lambda t: store.topics(t, 9))
    await database.write(lambda t: store.edit_books(t, changed[390:], EDITED_MS))
    await database.write(
        lambda t: store.add_books(t, [book(f"S{n}", topic="sea") for n in range(300)], NOW_MS)
    )
    left = [TopicCount("arts", 400)] if "topic" in how else []
    assert [*left, TopicCount("sea", 300)] == await database.scan(lambda t: store.topics(t, 9))
    assert [] == await database.scan(store.faults)


async def test_books_are_paged_by_id(database: Database, store: Store) -> None:
    """After an id, up to a limit, of one topic or of all."""
    books = await added(
        database, store, book("A"), book("B", topic="law"), book("C"), book("D", topic="law")
    )
    assert books[1:3] == await database.scan(lambda t: store.books_after(t, 1, None, 2))
    assert books[3:] == await database.scan(lambda t: store.books_after(t, 2, "LAW", 2))
    assert [] == await database.scan(lambda t: store.books_after(t, 4, None, 2))


async def test_books_tell_when_they_were_edited(database: Database, store: Store) -> None:
    """In order of id; not those that are retired, nor a time that nobody noted; stock is none."""
    first, gone, old, last = await added(database, store, *map(book, "ABCD"))
    await database.write(lambda t: store.edit_book(t, replace(gone, retired_at_ms=9), EDITED_MS))
    await database.write(lambda t: store.edit_book(t, replace(last, title="E"), EDITED_MS))
    await database.write(lambda t: store.move_stock(t, first.book_id, "received", 2, None, 9))
    await database.write(
        lambda t: t.run("UPDATE books SET edited_at_ms = NULL WHERE book_id = ?1", old.book_id)
    )
    edits = [
        BookEdited(first.book_id, "A", NOW),
        BookEdited(old.book_id, "C"),
        BookEdited(last.book_id, "E", NOW + timedelta(seconds=1)),
    ]
    assert edits == await database.scan(lambda t: store.edits_after(t, 0, 9))
    assert edits[1:2] == await database.scan(lambda t: store.edits_after(t, first.book_id, 1))


async def test_all_books_are_read_in_pages_the_retired_ones_too(
    database: Database, store: Store
) -> None:
    """In order of id, none twice and none left out."""
    first, gone, last = await added(database, store, *map(book, "ABC"))
    await database.write(lambda t: store.edit_book(t, replace(gone, retired_at_ms=9), EDITED_MS))
    page = await database.scan(lambda t: store.all_after(t, 0, 2))
    assert [(first.book_id, None), (gone.book_id, 9)] == [
        (one.book_id, one.retired_at_ms) for one in page
    ]
    rest = await database.scan(lambda t: store.all_after(t, gone.book_id, 2))
    assert [last.book_id] == [one.book_id for one in rest]


async def test_books_are_found_by_the_beginnings_of_words(database: Database, store: Store) -> None:
    """All of them, in any field and case, with or without accents; a title weighs most."""
    by_topic, by_title, _neither = await added(
        database,
        store,
        book("On calls", topic="cooking"),
        book("Cooking, a résumé", topic="food"),
        book("Law", description="COOK"),
    )

    async def ids(text: str, topic: str | None = None) -> list[int]:
        return await searched(database, store, text, topic)

    assert [by_title.book_id, by_topic.book_id] == await ids("COOKIN")
    assert [by_title.book_id] == await ids("cook resu")
    assert [by_topic.book_id] == await ids("cook", topic="Cooking")
    assert [] == await ids("cook nothing")


async def test_an_edit_replaces_what_describes_a_book(database: Database, store: Store) -> None:
    """All of it but the stock, with the next version; it is found under its new words alone."""
    (before,) = await added(database, store, book("Before", stock=5, isbn=ISBN))
    changed = replace(
        before, isbn=None, title="After", author="B", year=None, topic="law", price_minor=1
    )
    changed = replace(changed, **DESCRIBED)
    after = await database.write(lambda t: store.edit_book(t, changed, EDITED_MS))
    assert NOW_MS == before.edited_at_ms
    assert replace(changed, version=before.version + 1, edited_at_ms=EDITED_MS) == after
    assert after == await database.read(lambda t: store.book(t, before.book_id))
    assert [TopicCount("law", 1)] == await database.scan(lambda t: store.topics(t, 9))
    for text, count in (("after", 1), ("before", 0)):
        assert count == len(await searched(database, store, text))


WRONG: list[dict[str, Any]] = [
    {"format": "scroll"},
    {"pages": 0},
    {"condition": "worn"},
    {"low_at": -1},
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_book_that_cannot_be_is_refused(
    database: Database, store: Store, wrong: dict[str, Any]
) -> None:
    """By the database itself, whoever writes."""
    (member,) = wrong
    with pytest.raises(Exception, match=f"books_{member}"):
        await added(database, store, book(**wrong))


async def test_a_retired_book_leaves_every_list(database: Database, store: Store) -> None:
    """It is found by its id, by its ISBN and by its name, and comes back as it was."""
    gone, other = await added(
        database, store, book("Gone", topic="law", isbn=ISBN), book("Other", topic="law")
    )

    async def lists() -> list[object]:
        matching = [await searched(database, store, "gone", topic) for topic in (None, "law")]
        return [
            [
                one.book_id
                for one in await database.scan(lambda t: store.books_after(t, 0, None, 9))
            ],
            [
                one.book_id
                for one in await database.scan(lambda t: store.books_after(t, 0, "law", 9))
            ],
            [one.id for one in await database.scan(lambda t: store.titles_by_topic(t, "law", 9))],
            await database.scan(lambda t: store.topics(t, 9)),
            [len(found) for found in matching],
        ]

    both = [gone.book_id, other.book_id]
    before = [both, both, both, [TopicCount("law", 2)], [1, 1]]
    assert before == await lists()
    retired = await database.write(
        lambda t: store.edit_book(t, replace(gone, retired_at_ms=9), EDITED_MS)
    )
    left = [other.book_id]
    assert [left, left, left, [TopicCount("law", 1)], [0, 0]] == await lists()
    assert retired == await database.read(lambda t: store.book(t, gone.book_id))
    assert retired == await database.read(lambda t: store.book_by_isbn(t, ISBN))
    found = await database.read(lambda t: store.books(t, [gone.book_id]))
    assert {gone.book_id: for_sale(retired)} == found
    await database.write(lambda t: store.edit_book(t, gone, EDITED_MS))
    assert before == await lists()


async def test_books_of_an_older_release_get_what_lists_compare(
    database: Database, store: Store
) -> None:
    """A part at a time, until there is none without: keys, topics, and words to find them by."""
    await added(
        database, store, *(book(f"Book {n}", author="Émile Zola", topic="É") for n in range(3))
    )

    async def forget(transaction: Transaction) -> None:
        await transaction.run("UPDATE books SET author_key = NULL, title_key = NULL")
        await transaction.run("UPDATE books SET topic_key = 'é' WHERE book_id > 1")
        await transaction.run("DELETE FROM books_text WHERE rowid > 1".replace(*row_id(store)))
        await transaction.run("INSERT INTO unfolded VALUES (1, 1, 3)")

    await database.write(forget)
    counts = [await database.write(lambda t: store.complete_keys(t, 2)) for _ in range(4)]
    assert [2, 1, 0, 0] == counts
    sql = "SELECT title_key, author_key, topic_key FROM books ORDER BY book_id"
    rows = await database.read(lambda t: t.all(sql))
    assert [(f"book {n}", "emile zola", "e") for n in range(3)] == rows
    assert [1, 2, 3] == await searched(database, store, "zola", "e")
    assert [TopicCount("É", 3)] == await database.scan(lambda t: store.topics(t, 9))


def row_id(store: Store) -> tuple[str, str]:
    """Return what the index of words calls the id of a book, and its name on this engine."""
    return "rowid", "rowid" if isinstance(store, SqliteStore) else "book_id"


@pytest.mark.parametrize(
    "written",
    ["distributedsystems", "distributed_systems", "DistributedSystems", "DISTRIBUTED-systems"],
)
async def test_a_topic_is_known_however_it_is_written(
    database: Database, store: Store, written: str
) -> None:
    """Without spaces too, where no topic is called just so."""
    await added(database, store, book("A", topic="distributed systems"), book(topic="C++"))

    async def known(topic: str) -> str:
        return await database.read(lambda t: store.known_topic(t, topic))

    assert "distributed systems" == await known(written)
    assert "c" == await known("C")
    await added(database, store, book("B", topic=written))
    exact = "distributedsystems" if written.isalpha() else "distributed systems"
    assert exact == await known(written)


# ------------------------------------------------------------------- stock and decisions


async def test_stock_moves_with_a_row_of_the_ledger(database: Database, store: Store) -> None:
    """Each move gives the next version, and a row that says when, why and how many."""
    (one,) = await added(database, store, book(stock=5))
    number = one.book_id
    moved = await database.write(
        lambda t: store.move_stock(t, number, "adjusted", -2, None, NOW_MS)
    )
    given = await database.write(lambda t: store.move_stock(t, number, "released", 1, "o1", NOW_MS))
    assert (one.version + 1, one.version + 2) == (moved, given)
    after = await database.read(lambda t: store.book(t, number))
    assert replace(one, stock=4, version=given) == after
    ledger = await database.scan(lambda t: store.movements_after(t, 0, 9))
    assert [
        Movement(id=1, book_id=number, kind="received", copies=5, order_id=None, moved_at=NOW),
        Movement(id=2, book_id=number, kind="adjusted", copies=-2, order_id=None, moved_at=NOW),
        Movement(id=3, book_id=number, kind="released", copies=1, order_id="o1", moved_at=NOW),
    ] == ledger
    assert ledger[1:2] == await database.scan(lambda t: store.movements_after(t, 1, 1))


async def test_a_stock_below_zero_is_refused(database: Database, store: Store) -> None:
    """The database itself says no, and neither stock nor ledger change."""
    (one,) = await added(database, store, book(stock=1))
    number, sold = one.book_id, reserved("o1", (one.book_id, 2, 3))
    with pytest.raises(Exception, match="books_stock_not_negative"):
        await database.write(lambda t: store.move_stock(t, number, "adjusted", -2, None, NOW_MS))
    with pytest.raises(Exception, match="books_stock_not_negative"):
        await database.write(lambda t: store.sell(t, [sold], NOW_MS))
    assert one == await database.read(lambda t: store.book(t, number))
    assert (1, 1) == await database.scan(store.ledger_numbers)
    assert "" == await database.read(store.last_order_id)


async def test_a_batch_of_sales_is_written_at_once(database: Database, store: Store) -> None:
    """Each sale counts for the version, each line has its row, and each outcome is kept."""
    left, right, other = await added(database, store, *(book(stock=9) for _ in range(3)))
    decided = [
        reserved("o1", (left.book_id, 2, 3), (right.book_id, 1, 3)),
        rejected("o2"),
        reserved('o"3\1', (left.book_id, 3, 4)),
    ]
    await database.write(lambda t: store.sell(t, decided, NOW_MS))
    assert {
        1: for_sale(replace(left, stock=4, version=4)),
        2: for_sale(replace(right, stock=8, version=3)),
        3: for_sale(other),
    } == await database.read(lambda t: store.books(t, [1, 2, 3]))
    ledger = await database.scan(lambda t: store.movements_after(t, 3, 9))
    assert [(1, -2, "o1"), (2, -1, "o1"), (1, -3, 'o"3\1')] == [
        (row.book_id, row.copies, row.order_id) for row in ledger
    ]
    assert {("sold", NOW)} == {(row.kind, row.moved_at) for row in ledger}
    assert sorted(decided, key=lambda one: one.order_id) == await database.scan(
        lambda t: store.outcomes_after(t, "", 9)
    )
    assert [(1, 4), (2, 8), (3, 9)] == await database.scan(lambda t: store.stocks_after(t, 0, 9))
    assert [(1, 4), (2, 8), (3, 9)] == await database.scan(lambda t: store.ledger_sums(t, ALL, ALL))
    assert [] == await database.scan(
        lambda t: store.reservation_differences(t, "", AFTER_ALL_ORDERS)
    )


async def test_decisions_are_found_one_by_one_and_together(
    database: Database, store: Store
) -> None:
    """By order id, of any characters; what was not decided is not there."""
    decided = {order_id: rejected(order_id) for order_id in ('o"1', "o\1 2", "öö3", "4")}
    await database.write(lambda t: store.sell(t, list(decided.values()), NOW_MS))
    asked = [*decided, "unknown", *decided]
    assert decided == await database.read(lambda t: store.outcomes(t, asked))
    assert {} == await database.read(lambda t: store.outcomes(t, []))
    for order_id, outcome in decided.items():
        assert outcome == await database.read(lambda t, o=order_id: store.outcome(t, o))  # type: ignore[misc]
    assert None is await database.read(lambda t: store.outcome(t, "unknown"))
    page = await database.scan(lambda t: store.outcomes_after(t, "4", 2))
    assert ["o\1 2", 'o"1'] == [one.order_id for one in page]


async def test_a_decision_is_made_once(database: Database, store: Store) -> None:
    """The first is kept, and who comes later is told that there is one."""
    first, second = rejected("o1"), Outcome("o1", "released")
    assert await database.write(lambda t: store.add_outcome(t, first, NOW_MS))
    assert not await database.write(lambda t: store.add_outcome(t, second, NOW_MS))
    assert first == await database.read(lambda t: store.outcome(t, "o1"))


async def test_a_release_takes_the_place_of_a_decision(database: Database, store: Store) -> None:
    """Of the one that is there, and of no other."""
    await database.write(lambda t: store.sell(t, [rejected("o1"), rejected("o2")], NOW_MS))
    released = Outcome("o1", "released")
    await database.write(lambda t: store.save_outcome(t, released))
    found = await database.read(lambda t: store.outcomes(t, ["o1", "o2"]))
    assert {"o1": released, "o2": rejected("o2")} == found
    row = await database.read(lambda t: store.kept_decision(t, "o1"))
    assert row is not None
    assert "released" == row.status


async def test_an_outcome_of_an_older_release_is_understood(
    database: Database, store: Store
) -> None:
    """The book of a stored line is its `id`, as it always was."""
    line = '{"id":7,"quantity":2,"title":"T","price_minor":5,"currency":"USD","version":3}'
    text = f'{{"order_id":"o1","status":"reserved","lines":[{line}]}}'
    await database.write(
        lambda t: t.run(
            "INSERT INTO reservations (order_id, status, outcome, decided_at_ms) "
            "VALUES ('o1', 'reserved', ?1, 0)",
            text,
        )
    )
    wanted = Outcome("o1", "reserved", [SoldLine(7, 2, "T", 5, "USD", 3)])
    assert wanted == await database.read(lambda t: store.outcome(t, "o1"))
    await database.write(lambda t: store.save_outcome(t, wanted))
    row = await database.read(lambda t: t.one("SELECT outcome FROM reservations"))
    assert (text,) == row
