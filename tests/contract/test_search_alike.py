"""Search finds the same books on every engine, and in the same order."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from bazar.catalog import searching
from bazar.catalog.domain import StoredBook
from bazar.catalog.searching import FEW
from bazar.catalog.store import Store, postgres_search, sqlite_search
from bazar.kit.data.database import Database
from support.engines import POSTGRES
from support.searches import search_pages
from support.stored_books import EDITED_MS, KEPT, added, book

TEXT = (
    "cook cooking cookery coöp résumé resume Resumé RESUMES naïve Straße STRASSE ﬁsh fish 漢字 漢 "
    "كتاب كتب الكِتاب مكتبة مكتبه أدب ادب إدب على علي مسؤول C++ c# don't x_y 12½ 1/2 Ωmega ωμέγα ά "
    "\U0001d518nicode İstanbul istanbul \u0131 e\u0301t\u0301 हिन्दी हि \ue000mark a-b-c '' \\ "
    ":* & | ! <-> A:1"
)
WORDS = TEXT.split()
ASKED = (
    *WORDS,
    "co",
    "c",
    "res",
    "كت",
    "الك",
    "م",
    "str",
    "naive",
    "fi",
    "d",
    "t",
    "h",
    "1",
    "x y",
)
BOOKS = 70
LARGE = {"SMALL_BOOKS": 1, "MANY_FACTOR": 1000, "COUNTED_US_MAX": 1e9}
AT_ONCE = LARGE | {"FETCH_US": 1.0, "GATHER_US": 0.01, "SKIP_US": 0.01, "LOOK_US": 1e6}
"""What steps cost where the index is asked, for the books of several tiers."""
LOOKED_THROUGH = LARGE | {"FETCH_US": 100.0, "GATHER_US": 0.01, "LOOK_US": 20.0}
"""What they cost where the books are looked through, often in vain."""
AMONG = LARGE | {"FETCH_US": 100.0, "SPAN_US": 0.0, "LOOK_US": 1e6}
"""What they cost where one part of the books after the other is asked for."""


class Shelf(NamedTuple):
    """An engine's store, and a database with the books."""

    database: Database
    store: Store


def made_up(seed: int) -> list[StoredBook]:
    """Return books of few words, so that many of them match."""
    chance = random.Random(seed)

    def text(most: int) -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(1, most)))

    return [
        replace(
            book(
                text(4),
                subtitle=text(3),
                author=text(2),
                publisher=text(1),
                topic=chance.choice(("Law", "law", "كتب")),
                description=text(12),
            ),
            book_id=number << 12,
        )
        for number in range(1, BOOKS + 1)
    ]


@pytest.fixture(params=sorted(POSTGRES))
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sequence[Shelf]]:
    """Open an empty catalog in SQLite and in a PostgreSQL."""
    async with AsyncExitStack() as stack:
        yield [
            Shelf(await stack.enter_async_context(kept.opened(tmp_path / kept.name)), kept.store())
            for kept in KEPT
            if kept.name in {"sqlite", request.param}
        ]


async def found(shelf: Shelf, text: str, topic: str | None = None) -> list[int]:
    """Return what a search for a text finds, in its order, page by page."""
    pages = await search_pages(shelf.database, shelf.store, text, topic, limit=17)
    return [book_id for page in pages for book_id in page]


@pytest.mark.parametrize(
    ("few", "prices"), [(FEW, {}), (5, AT_ONCE), (5, LOOKED_THROUGH), (5, AMONG)]
)
async def test_a_search_finds_the_same_books_in_the_same_order(
    both: Sequence[Shelf], monkeypatch: pytest.MonkeyPatch, few: int, prices: dict[str, float]
) -> None:
    """Whatever the words: beginnings, accents, other scripts, signs, and some that nothing has.

    And whatever the plan, which in a shop of many books goes by what the server knows of them.
    """
    monkeypatch.setattr(searching, "FEW", few)
    for name, value in prices.items():
        monkeypatch.setattr(postgres_search, name, value)
    if few < FEW:
        monkeypatch.setattr(sqlite_search, "WORDS_MAX", 1)
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for shelf in both:
        books = await added(shelf.database, shelf.store, *made_up(seed))
        for one in books[::9]:
            for changed in (replace(one, retired_at_ms=9), replace(one, title="fish")):
                await shelf.database.write(
                    lambda t, s=shelf.store, c=changed: s.edit_book(t, c, EDITED_MS)  # type: ignore[misc]
                )
    await both[0].database.write(lambda t: t.script("ANALYZE"))
    await both[1].database.write(lambda t: t.script("ANALYZE"))
    matches = 0
    pairs = [" ".join(chance.sample(ASKED, 2)) for _ in range(30)]
    for text in (*ASKED, *pairs, " ".join(WORDS[:4]), " ".join(["c"] * 20)):
        for topic in (None, "LAW"):
            left, right = [await found(shelf, text, topic) for shelf in both]
            assert left == right, (seed, text, topic)
            assert len(set(left)) == len(left)
            matches += len(left)
    assert 1000 < matches


async def test_texts_of_any_length_are_indexed(both: Sequence[Shelf]) -> None:
    """A word that is longer than an index takes is found by its beginning."""
    long = "x" * 5000
    books = [
        book("Long", description=long),
        book("Often", description="y " * 2500),
        book("Z" * 500, author="Ω" * 500, subtitle="w " * 250),
    ]
    for shelf in both:
        await added(shelf.database, shelf.store, *books)
        for text, ids in (("x" * 400, [1]), ("y", [2]), ("z" * 500, [3]), ("w ω", [3])):
            assert ids == await found(shelf, text), text[:9]
