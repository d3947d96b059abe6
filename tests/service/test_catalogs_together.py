"""Several catalogs over one database: each order is decided once, and no copy is lost or made."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bazar.catalog.domain import StockTooLow, StoredBook
from bazar.catalog.settings import Settings
from bazar.catalog.store import KnownBy, Sought
from bazar.catalog.store.postgres import PostgresStore
from bazar.kit.data.database import Transaction
from bazar.kit.http.conditions import PreconditionFailed
from bazar.wire.books import Book, BookEdit, NewBook, TopicCount
from bazar.wire.imports import ImportRequest, ImportRow
from bazar.wire.orders import Line
from bazar.wire.shop import ShopEdit
from bazar.wire.stock import Outcome, Reserve, StockChange
from support.catalogs import OpenCatalog, catalog_over
from support.engines import POSTGRES

PRICE = Decimal("19.99")
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()"""
FREE = "SELECT book_id FROM books ORDER BY book_id FOR NO KEY UPDATE SKIP LOCKED"
WAIT_S = 10.0

Open = Callable[..., Awaitable[OpenCatalog]]


@pytest.fixture(params=sorted(POSTGRES))
async def another(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Open one catalog more over the database of the test."""
    async with AsyncExitStack() as stack:

        async def opened(store: PostgresStore | None = None) -> OpenCatalog:
            catalog = catalog_over(request.param, tmp_path / "catalog", store)
            return await stack.enter_async_context(catalog)

        yield opened


@pytest.fixture
async def left(another: Open) -> OpenCatalog:
    """Open a catalog."""
    return await another()


@pytest.fixture
async def right(another: Open) -> OpenCatalog:
    """Open a second one over the same database."""
    return await another()


async def books(catalog: OpenCatalog, *stocks: int) -> list[int]:
    """Add books with so many copies, and return their ids."""
    new = [NewBook(title=f"T{n}", topic="t", price=PRICE, quantity=n) for n in stocks]
    return [(await catalog.shelf.add(one)).id for one in new]


async def check(catalog: OpenCatalog) -> None:
    """Stock, ledger and decisions agree, and so does what is kept to find books by."""
    report = await catalog.checking.part("")
    assert report.next is None
    assert [] == report.differences
    assert [] == await catalog.checking.faults()


async def waiting(catalog: OpenCatalog, transactions: int = 1) -> None:
    """Wait until so many transactions wait for a lock."""
    async with asyncio.timeout(WAIT_S):
        while (await catalog.database.read(lambda t: t.one(WAITING))) != (transactions,):
            pass


class Hooked(PostgresStore):
    """A store that counts what is looked up, and has something done after the first time."""

    def __init__(self) -> None:
        """Do nothing yet."""
        self.looks = 0
        self.then: Callable[[], Awaitable[object]] | None = None

    async def outcome(
        self, transaction: Transaction, order_id: str, *, lock: bool = False
    ) -> Outcome | None:
        """Return what was decided, and have something done then, once."""
        outcome = await super().outcome(transaction, order_id, lock=lock)
        then, self.then = self.then, None
        if then is not None:
            await then()
        return outcome

    async def outcomes(
        self, transaction: Transaction, order_ids: Collection[str]
    ) -> dict[str, Outcome]:
        """Return what was decided, and count it."""
        self.looks += 1
        return await super().outcomes(transaction, order_ids)


# ------------------------------------------------------------------- one order at two catalogs


async def test_an_order_at_two_catalogs_is_decided_once(
    left: OpenCatalog, right: OpenCatalog
) -> None:
    """Whoever is asked, and however the batches are put together; all hear the same."""
    first, second = await books(left, 30, 40)
    orders = [
        Reserve(f"o{number:02}", [Line(first, 1), Line(second, 2)][:: (-1) ** number])
        for number in range(20)
    ]
    batches = [orders[:10], orders[5:], orders[::-1], [orders[0]], [Reserve("x", [Line(99, 1)])]]
    told = await asyncio.gather(
        *(catalog.stock.reserve(batch) for batch in batches * 3 for catalog in (left, right))
    )
    heard: dict[str, set[bytes]] = {}
    for outcome in (one for answers in told for one in answers):
        heard.setdefault(outcome.order_id, set()).add(msgspec.json.encode(outcome))
    assert {1} == {len(answers) for answers in heard.values()}
    assert (10, 0) == tuple([(await left.shelf.info(book)).quantity for book in (first, second)])
    versions = [(await right.shelf.info(book)).version for book in (first, second)]
    assert [22, 22] == versions
    await check(right)


async def test_who_waited_for_the_books_sees_what_was_decided_meanwhile(
    left: OpenCatalog, another: Open
) -> None:
    """At its first look: it comes after the books are locked, and not before."""
    store = Hooked()
    right = await another(store)
    (book,) = await books(left, 5)
    order = [Reserve("o1", [Line(book, 2)])]
    late: list[asyncio.Task[list[Outcome]]] = []

    async def slow(transaction: Transaction) -> None:
        await left.store.books(transaction, [book], lock=True)
        late.append(asyncio.ensure_future(right.stock.reserve(order)))
        await waiting(left)
        await left.store.sell(transaction, [Outcome("o1", "rejected")], 0)

    await left.database.write(slow)
    assert [Outcome("o1", "rejected")] == await late[0]
    assert 1 == store.looks
    assert 5 == (await left.shelf.info(book)).quantity


async def test_books_are_locked_in_one_order(left: OpenCatalog, right: OpenCatalog) -> None:
    """By id, wherever their rows lie: who waits for the first holds none of the others."""
    first, *rest = await books(left, *[5] * 12)
    await left.stock.move_stock(first, 1)  # its row lies behind the others now
    late: list[asyncio.Task[list[Outcome]]] = []
    lines = [Line(book, 1) for book in (*rest, first)]

    async def slow(transaction: Transaction) -> list[Any]:
        await left.store.books(transaction, [first], lock=True)
        late.append(asyncio.ensure_future(right.stock.reserve([Reserve("o1", lines)])))
        await waiting(left)
        return await left.database.write(lambda t: t.all(FREE))

    assert rest == [row[0] for row in await left.database.write(slow)]
    assert "reserved" == (await late[0])[0].status


async def test_a_release_that_meets_its_reservation_gives_back_what_it_took(
    left: OpenCatalog, another: Open
) -> None:
    """It has looked, and found nothing; then the order is sold elsewhere; then it goes on."""
    store = Hooked()
    right = await another(store)
    (book,) = await books(left, 5)
    store.then = lambda: left.stock.reserve([Reserve("o1", [Line(book, 2)])])
    released = await right.stock.release("o1")
    assert ("released", [book]) == (released.status, [line.book_id for line in released.lines])
    assert 5 == (await left.shelf.info(book)).quantity
    assert released == await left.stock.reservation("o1")
    await check(left)


async def test_a_release_that_meets_another_gives_back_once(
    left: OpenCatalog, another: Open
) -> None:
    """Both found the order reserved; the second finds it released when its turn comes."""
    store = Hooked()
    right = await another(store)
    (book,) = await books(left, 5)
    await left.stock.reserve([Reserve("o1", [Line(book, 2)])])
    store.then = lambda: left.stock.release("o1")
    assert await right.stock.release("o1") == await left.stock.release("o1")
    assert 5 == (await left.shelf.info(book)).quantity
    await check(left)


# ------------------------------------------------------------------- the keeper at two catalogs


async def test_no_change_of_a_book_is_lost(left: OpenCatalog, right: OpenCatalog) -> None:
    """Counts, deliveries and edits at both: each sees what the others did before it."""
    (book,) = await books(left, 10)
    edits = [BookEdit(title="New"), BookEdit(author="B"), BookEdit(topic="law")]
    edits.append(BookEdit(price=PRICE * 2))
    await asyncio.gather(
        *(one.stock.move_stock(book, copies) for one in (left, right) for copies in (3, -2) * 5),
        *(one.shelf.edit(book, edit) for one, edit in zip((left, right) * 2, edits, strict=True)),
    )
    after = await left.shelf.info(book)
    assert ("New", "B", "law", PRICE * 2) == (after.title, after.author, after.topic, after.price)
    assert (20, 26) == (after.quantity, after.version)
    await check(left)


@pytest.mark.parametrize("by_count", [True, False])
async def test_a_stock_is_changed_by_what_it_is_then(
    left: OpenCatalog, right: OpenCatalog, *, by_count: bool
) -> None:
    """A count, or what is taken away, that had to wait goes by what the others left."""
    (book,) = await books(left, 10)
    late: list[asyncio.Task[Book]] = []

    async def slow(transaction: Transaction) -> None:
        await left.store.move_stock(transaction, book, "adjusted", -8, None, 0)
        counted = right.stock.change_stock(book, StockChange(count=7), "")
        taken = right.stock.move_stock(book, -3)
        late.append(asyncio.ensure_future(counted if by_count else taken))
        (taken if by_count else counted).close()
        await waiting(left)

    await left.database.write(slow)
    if by_count:
        assert 7 == (await late[0]).quantity
    else:
        with pytest.raises(StockTooLow):
            await late[0]
    assert (7 if by_count else 2) == (await left.shelf.info(book)).quantity
    await check(left)


async def test_a_key_counts_once_at_two_catalogs(left: OpenCatalog, right: OpenCatalog) -> None:
    """Even where both are asked at the same time; both answer the same."""
    (book,) = await books(left, 10)
    told = await asyncio.gather(
        *(one.stock.move_stock(book, 5, "key") for one in (left, right) * 5)
    )
    assert [told[0]] * 10 == told
    assert 15 == (await left.shelf.info(book)).quantity


async def test_a_repetition_that_meets_the_first_gets_its_answer(
    left: OpenCatalog, right: OpenCatalog
) -> None:
    """Though the book is another one once it is its turn: it was this very request that did it."""
    (book_id,) = await books(left, 1)
    seen = await left.shelf.info(book_id)

    def check(book: Book) -> None:
        if book != seen:
            message = "it is another one"
            raise PreconditionFailed(message)

    asking: list[asyncio.Task[Book]] = []

    async def held(transaction: Transaction) -> None:
        await left.store.book(transaction, book_id, lock=True)
        for number, catalog in enumerate((left, right, left), 1):
            edit = catalog.shelf.edit(book_id, BookEdit(year=1900), "key", check)
            asking.append(asyncio.create_task(edit))
            await waiting(right, number)

    await left.database.write(held)
    told = await asyncio.gather(*asking)
    assert [replace(seen, year=1900, version=seen.version + 1)] * 3 == told


async def test_an_isbn_is_one_book(left: OpenCatalog, right: OpenCatalog) -> None:
    """Of two who add it at the same time, one is told that it is there."""
    new = NewBook(title="A", topic="t", price=PRICE, isbn="9780131103627")
    told = await asyncio.gather(
        *(one.shelf.add(new) for one in (left, right) * 3), return_exceptions=True
    )
    assert 1 == sum(not isinstance(one, BaseException) for one in told)
    assert {"BookExists"} == {type(one).__name__ for one in told if isinstance(one, BaseException)}


async def test_ids_go_on_behind_those_that_were_given(
    left: OpenCatalog, right: OpenCatalog
) -> None:
    """Whichever catalog was given them, and in whatever order."""
    for given in (7, 3, 7000):
        await left.shelf.add(NewBook(id=given, title="A", topic="t", price=PRICE))
        assert given < (await right.shelf.add(NewBook(title="B", topic="t", price=PRICE))).id
    assert [3, 7, 8, 9, 7000, 7001] == [
        row[0]
        for row in await left.database.read(
            lambda t: t.all("SELECT book_id FROM books ORDER BY book_id")
        )
    ]


async def test_a_file_that_two_take_in_makes_each_book_once(
    left: OpenCatalog, right: OpenCatalog
) -> None:
    """In whatever order its rows come, and though nothing but names tells the books apart."""
    rows = [
        ImportRow(row=n, book=NewBook(title=f"T{n}", topic=f"t{n % 3}", price=PRICE, quantity=n))
        for n in range(1, 60)
    ]
    requests = [ImportRequest(rows=rows, update="all"), ImportRequest(rows=rows[::-1])]
    told = await asyncio.gather(
        *(one.imports.take_in(each) for one in (left, right) for each in requests)
    )
    statuses = [one.status for results in told for one in results]
    assert {"created": len(rows), "unchanged": 3 * len(rows)} == {
        status: statuses.count(status) for status in ("created", "unchanged")
    }
    topics = [TopicCount("t0", 19), TopicCount("t1", 20), TopicCount("t2", 20)]
    assert topics == await right.shelf.topics()
    await check(left)


class Raced(PostgresStore):
    """A store after whose look-ups for a file another adds one of the books, before they end."""

    def __init__(self, other: OpenCatalog, isbns: Sequence[str]) -> None:
        """Have the last of those books added first."""
        self._other = other
        self._free = [*isbns]
        self.looks = 0

    async def known_by(
        self, transaction: Transaction, sought: Sequence[Sought], import_id: int | None
    ) -> list[KnownBy]:
        """Look books up, and have one of them added then by another catalog."""
        self.looks += 1
        found = await super().known_by(transaction, sought, import_id)
        isbns = {one.isbn for one in sought}
        free = [isbn for isbn in self._free if isbn in isbns]
        if free:
            self._free.remove(free[-1])
            new = NewBook(title="T", topic="t", price=PRICE, isbn=free[-1])
            await self._other.shelf.add(new)
        return found


async def test_a_file_meets_others_who_add_its_books(left: OpenCatalog, another: Open) -> None:
    """However many of them are added while it is taken in, each book is there once."""
    isbns = [_isbn(f"978013110{number:03}") for number in range(30)]
    store = Raced(left, isbns)
    right = await another(store)
    rows = [
        ImportRow(row=row, book=NewBook(title="T", topic="t", price=PRICE, isbn=isbn))
        for row, isbn in enumerate(isbns, 2)
    ]
    told = await right.imports.take_in(ImportRequest(rows=rows))
    assert list(range(2, 32)) == [one.row for one in told]
    assert {"unchanged", "created"} >= {one.status for one in told}
    assert [TopicCount("t", 30)] == await left.shelf.topics()
    assert len(rows) == len({one.id for one in told})
    await check(left)


def _isbn(digits: str) -> str:
    """Return twelve digits with the one that makes them an ISBN."""
    weighed = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits))
    return f"{digits}{-weighed % 10}"


async def test_topics_are_counted_without_a_wait(left: OpenCatalog, right: OpenCatalog) -> None:
    """A book is added while another of its topic is not there yet; sums are folded on the way."""
    new = StoredBook(0, None, "T", "", None, "law", "", 1, "USD", 0, 1)

    async def many(transaction: Transaction) -> None:
        for _ in range(300):
            await left.store.add_book(transaction, new, 0)
        await right.shelf.add(NewBook(title="T", topic="law", price=PRICE))

    await left.database.write(many)
    assert [TopicCount("law", 301)] == await right.shelf.topics()
    await left.shelf.edit(1, BookEdit(retired=True))
    assert [TopicCount("law", 300)] == await right.shelf.topics()
    kept = await left.database.read(lambda t: t.one("SELECT count(*) FROM topics_moved"))
    assert kept is not None
    assert 300 > int(str(kept[0]))
    await check(right)


async def test_settings_are_made_once_and_none_is_lost(
    left: OpenCatalog, right: OpenCatalog
) -> None:
    """Two that start at once have the same ones, and of two edits none undoes the other."""
    both = [Settings(one.database, one.store) for one in (left, right)]
    names = ("Sea Books", "Hill Books")
    opened = await asyncio.gather(
        *(one.open("JOD", name) for one, name in zip(both, names, strict=True))
    )
    assert opened[0] == opened[1]
    edits = [ShopEdit(address="1 Sea Road"), ShopEdit(name="Both"), ShopEdit(tel="555 0100")]
    await asyncio.gather(
        *(one.edit(edit) for one, edit in zip((*both, both[0]), edits, strict=True))
    )
    after = await both[0].shop()
    assert (4, "1 Sea Road", "Both", "555 0100") == (
        after.version,
        after.address,
        after.name,
        after.tel,
    )


async def test_of_two_who_know_the_same_book_one_changes_it(
    left: OpenCatalog, right: OpenCatalog
) -> None:
    """Each asks another catalog; what they know is compared while the row is theirs alone."""
    (book_id,) = await books(left, 1)
    version = (await left.shelf.info(book_id)).version

    def check(book: Book) -> None:
        if book.version != version:
            message = "it is another one"
            raise PreconditionFailed(message)

    edits = [
        catalog.shelf.edit(book_id, BookEdit(year=1900 + number), key, check)
        for number, (catalog, key) in enumerate(
            ((left, None), (right, None), (left, "k"), (right, "l"))
        )
    ]
    done = await asyncio.gather(*edits, return_exceptions=True)
    assert [Book] == [type(one) for one in done if not isinstance(one, PreconditionFailed)]
    assert version + 1 == (await right.shelf.info(book_id)).version
