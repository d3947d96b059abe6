"""What a search promises on every engine: no book lost or twice, the best first, however many."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from bazar.catalog import searching
from bazar.catalog.searching import Searching, search
from bazar.catalog.store import Store
from bazar.kit.data.database import Database, Transaction
from bazar.kit.errors import InvalidRequest
from support.searches import search_pages, searched
from support.stored_books import EDITED_MS, KEPT, added, book


class Shelf(NamedTuple):
    """A store, and its database."""

    database: Database
    store: Store

    async def page(self, text: str, cursor: str | None, limit: int) -> tuple[list[int], str | None]:
        """Return the ids of a page of what a text finds, and the cursor of the next one."""

        async def work(transaction: Transaction) -> tuple[list[int], str | None]:
            asked = search(text, None)
            assert asked is not None
            books, following = await Searching(self.store).page(transaction, asked, cursor, limit)
            return [one.book_id for one in books], following

        return await self.database.scan(work)


@pytest.fixture(params=KEPT, ids=lambda kept: kept.name)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    """Open a catalog on each engine, where more than five matches are many."""
    kept = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "FEW", 5)
        async with kept.opened(tmp_path / "catalog.db") as database:
            yield Shelf(database, kept.store())


@pytest.mark.parametrize("there", [5, 12])
async def test_pages_show_each_book_once_whatever_is_added_meanwhile(
    shelf: Shelf, there: int
) -> None:
    """Few matches or many; others come, come back and go, and what is left keeps its place."""
    wanted = [
        one.book_id
        for one in await added(
            shelf.database,
            shelf.store,
            *(book("Gone", retired_at_ms=9) for _ in range(3)),
            *(
                book(f"Garden {n}" if n % 2 else f"Sea {n}", description="garden " * (n % 3 or 1))
                for n in range(there)
            ),
        )
    ][3:]
    seen: list[int] = []
    cursor = None
    for step in range(100):
        found, cursor = await shelf.page("garden", cursor, 2)
        seen += found
        if cursor is None:
            break
        more = [book("Garden garden", description="garden"), book("Elsewhere"), book("Garden")]
        if step < 4:
            await added(shelf.database, shelf.store, *more)
        if step < 3:
            back = book("Gardening", book_id=step + 1, retired_at_ms=None)
            await shelf.database.write(lambda t, b=back: shelf.store.edit_book(t, b, EDITED_MS))  # type: ignore[misc]
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert sorted(wanted) == sorted(set(seen) & set(wanted))


async def test_a_match_that_goes_moves_no_other(shelf: Shelf) -> None:
    """Few stay few for who reads on, however many match by then."""
    books = await added(shelf.database, shelf.store, *(book(f"Garden {n}") for n in range(5)))
    first, cursor = await shelf.page("garden", None, 2)
    await added(shelf.database, shelf.store, *(book("Garden") for _ in range(20)))
    gone = replace(books[0], retired_at_ms=9)
    await shelf.database.write(lambda t: shelf.store.edit_book(t, gone, EDITED_MS))
    second, cursor = await shelf.page("garden", cursor, 3)
    assert [one.book_id for one in books] == sorted({*first, *second})[:5]
    rest = []
    while cursor is not None:
        found, cursor = await shelf.page("garden", cursor, 7)
        rest += found
    assert list(range(6, 26)) == rest


async def test_many_matches_come_in_tiers(shelf: Shelf) -> None:
    """Just this title, then whole words before beginnings: in the title, in the head, anywhere."""
    books = await added(
        shelf.database,
        shelf.store,
        book("A", description="kingdoms"),
        book("B", description="a king"),
        book("C", author="Kingsley"),
        book("Kingdom"),
        book("D", author="S. King"),
        book("E", topic="king"),
        book("The King"),
        book("King!"),
        book("Law"),
    )
    places = [one.book_id for one in books]
    wanted = [places[at] for at in (7, 6, 4, 5, 3, 2, 1, 0)]
    assert wanted == await searched(shelf.database, shelf.store, "king")
    for limit in (1, 3, 8):
        pages = await search_pages(shelf.database, shelf.store, "KING", limit=limit)
        assert wanted == [book_id for page in pages for book_id in page]
    assert [places[5]] == await searched(shelf.database, shelf.store, "king", "King")


async def test_long_titles_are_their_own_tier(shelf: Shelf) -> None:
    """Also those that begin with the same two hundred letters."""
    long = "word " * 45
    await added(
        shelf.database, shelf.store, *(book(f"{long} {end}") for end in "aabbccdd"), book("word")
    )
    assert list(range(1, 10)) == await searched(shelf.database, shelf.store, long)
    assert 9 == len(await searched(shelf.database, shelf.store, "word word"))


@pytest.mark.parametrize("cursor", ["MQ", "x", "LTE6MTox", "MTo6MQ"])
async def test_a_cursor_of_another_list_is_refused(shelf: Shelf, cursor: str) -> None:
    """Whatever it is."""
    with pytest.raises(InvalidRequest):
        await shelf.page("garden", cursor, 2)
