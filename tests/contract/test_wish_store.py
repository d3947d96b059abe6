"""What every engine keeps of wishes and of the letters about them, told by one suite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bazar.kit.data.database import Database
from bazar.order.app import POSTGRES_SCHEMA, SCHEMA
from bazar.order.letters import Letter
from bazar.order.store import Store
from bazar.order.store.postgres import PostgresStore
from bazar.order.store.sqlite import SqliteStore
from bazar.order.store.wishes import WishStore
from bazar.order.wishes import Wish, stop_key
from support.engines import POSTGRES, with_tables

KEPT: dict[str, tuple[str, type[Store]]] = {
    "sqlite": (SCHEMA, SqliteStore),
    **dict.fromkeys(POSTGRES, (POSTGRES_SCHEMA, PostgresStore)),
}
"""How the orders are kept on each engine."""


@pytest.fixture(params=sorted(KEPT))
def kept(request: pytest.FixtureRequest) -> str:
    """Name each engine in turn."""
    return str(request.param)


@pytest.fixture
async def database(kept: str, tmp_path: Path) -> AsyncIterator[Database]:
    """Open an empty database with the service's tables."""
    async with with_tables(kept, tmp_path / "order.db", KEPT[kept][0]) as database:
        yield database


@pytest.fixture
def store(kept: str) -> Store:
    """Return the engine's statements about letters."""
    return KEPT[kept][1]()


wishes = WishStore()


def wish(book_id: int, email: str = "Lina@example.org", at_ms: int = 5) -> Wish:
    """Return a wish that is not kept yet."""
    return Wish(0, book_id, email, stop_key("s", email), "ar", at_ms)


async def add(database: Database, *some: Wish) -> None:
    """Keep wishes, in this order."""
    for one in some:
        await database.write(lambda t, one=one: wishes.add_wish(t, one))  # type: ignore[misc]


async def letters(database: Database, store: Store) -> list[Letter]:
    """Return the letters that wait."""
    return await database.read(lambda t: store.letters_after(t, 0, 99))


async def test_an_address_has_one_wish_a_book(database: Database) -> None:
    """In any case of its letters; asked again it only gets younger, and keeps its number."""
    await add(database, wish(8), wish(9), wish(8, "omar@example.org"))
    await add(database, replace(wish(8, "LINA@example.org", at_ms=7), language="en"))
    found = await database.read(lambda t: wishes.wish_for(t, "lina@example.org", 8))
    assert found is not None
    assert replace(wish(8, at_ms=7), wish_id=found.wish_id, language="en") == found
    assert found == await database.read(lambda t: wishes.wish(t, found.wish_id))
    assert None is await database.read(lambda t: wishes.wish_for(t, "lina@example.org", 7))
    assert None is await database.read(lambda t: wishes.wish(t, 99))
    assert 3 == await database.read(wishes.count_wishes)
    assert 2 == await database.read(lambda t: wishes.count_wishes_of(t, "lina@example.org", 9))
    assert 1 == await database.read(lambda t: wishes.count_wishes_of(t, "lina@example.org", 1))


async def test_a_wish_gets_one_letter_which_outlives_it(database: Database, store: Store) -> None:
    """Once it is noted no look finds it; a letter that was dropped has it wait again."""
    await add(database, wish(8), wish(8, "omar@example.org"), wish(9))
    assert [8, 9] == await database.scan(lambda t: wishes.wanted_books(t, 0, 9))
    assert [9] == await database.scan(lambda t: wishes.wanted_books(t, 8, 9))
    assert [8] == await database.scan(lambda t: wishes.wanted_books(t, 0, 1))
    first, second = await database.read(lambda t: wishes.wishes_for(t, 8, 9))
    assert [first] == await database.read(lambda t: wishes.wishes_for(t, 8, 1))
    for _ in range(2):
        await database.write(lambda t: wishes.note_wishes(t, [first], 6))
    (letter,) = await letters(database, store)
    assert Letter(letter.letter_id, "", "back-in-stock", 0, first) == letter
    assert [second] == await database.read(lambda t: wishes.wishes_for(t, 8, 9))
    await database.write(lambda t: store.note_letter(t, letter.letter_id, "dropped", 7, None))
    await database.write(lambda t: wishes.reopen_wish(t, first))
    assert [first, second] == await database.read(lambda t: wishes.wishes_for(t, 8, 9))
    await database.write(lambda t: wishes.note_wishes(t, [first], 8))
    (anew,) = await letters(database, store)
    assert letter.letter_id < anew.letter_id
    await database.write(lambda t: store.note_letter(t, anew.letter_id, "sent", 9, None))
    await database.write(lambda t: wishes.end_wish(t, first))
    assert None is await database.read(lambda t: wishes.wish(t, first))
    await add(database, wish(8))
    newest = await database.read(lambda t: wishes.wishes_for(t, 8, 9))
    assert newest[-1] not in {first, second}


async def test_wishes_end_by_their_address_or_their_age(database: Database) -> None:
    """All of an address, in any case of its letters; of the old ones not too many at once."""
    await add(database, wish(8), wish(9), wish(8, "omar@example.org"))
    assert 2 == await database.write(
        lambda t: wishes.stop_wishes(t, stop_key("s", "LINA@example.org"))
    )
    assert 0 == await database.write(lambda t: wishes.stop_wishes(t, stop_key("s", "lina@")))
    await add(database, *[wish(book_id, at_ms=book_id) for book_id in (1, 2, 3)])
    ended = [await database.write(lambda t: wishes.end_wishes_before(t, 3, 1)) for _ in range(3)]
    assert [1, 1, 0] == ended
    assert [3, 8] == await database.scan(lambda t: wishes.wanted_books(t, 0, 9))
