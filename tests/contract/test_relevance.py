"""What stands first for what somebody types, as a person would judge it."""

import csv
from collections.abc import AsyncIterator
from importlib.resources import files
from io import StringIO
from pathlib import Path
from random import Random

import pytest

from bazar.catalog import searching
from bazar.catalog.domain import StoredBook
from bazar.catalog.store import Store
from bazar.catalog.store.sqlite import SqliteStore
from bazar.kit.data.database import Database
from support.searches import searched
from support.stored_books import KEPT, added, book

JUDGED = {
    "odyssey": ["The Odyssey"],
    "homer": ["The Odyssey", "The Iliad"],
    "iliad homer": ["The Iliad"],
    "moby dick": ["Moby-Dick; or, The Whale"],
    "mobydick": [],
    "rpc": ["RPCs for Noobs"],
    "we": ["We"],
    "war": ["The Art of War", "War and Peace", "The War of the Worlds"],
    "war and peace": ["War and Peace"],
    "tolstoy": ["War and Peace"],
    "the time machine": ["The Time Machine"],
    "time wells": ["The Time Machine"],
    "prometheus": ["Frankenstein"],
    "verne": ["Twenty Thousand Leagues Under the Sea", "Around the World in Eighty Days"],
    "les miserables": ["Les Misérables"],
    "khaldun": ["The Muqaddimah"],
    "rubaiyat": ["Rubáiyát of Omar Khayyám"],
    "attar": ["The Conference of the Birds"],
    "ca\u0301pek": ["R.U.R."],
    "\u0433\u043e\u0440\u0435": ["Горе от ума"],
    "doll's house": ["A Doll's House"],
    "dolls house": ["A Doll's House"],
    "prince": ["The Prince"],
    "gatsb": ["The Great Gatsby"],
    "travels": ["The Travels of Marco Polo", "The Travels of Ibn Baṭṭūṭa", "Gulliver's Travels"],
    "gullivers travels": ["Gulliver's Travels"],
    "dracula stoker": ["Dracula"],
    "poe": ["The Murders in the Rue Morgue"],
    "horror castle": ["The Castle of Otranto"],
}
"""What is typed, and what has to come first, in any order."""


def sample() -> list[StoredBook]:
    """Return the books that a new shop has."""
    text = (files("bazar.sample") / "books.csv").read_text("utf-8")
    return [
        book(
            row["title"],
            subtitle=row["subtitle"],
            author=row["author"],
            topic=row["topic"],
            description=row["description"],
        )
        for row in csv.DictReader(StringIO(text))
    ]


def crowd() -> list[StoredBook]:
    """Return books of which many have the words that the sample's titles are made of."""
    chance = Random(7)
    words = [
        "the",
        "war",
        "peace",
        "time",
        "castle",
        "prince",
        "travels",
        "house",
        "sea",
        "king",
        "of",
        "and",
        "a",
        "in",
        "we",
    ]
    often = [1 / rank for rank in range(1, len(words) + 1)]

    def text(count: int) -> str:
        return " ".join(chance.choices(words, often, k=count))

    return [book(f"Volume {n} {text(3)}", author=text(1), description=text(9)) for n in range(400)]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[tuple[Database, Store, list[str]]]:
    """Open the sample catalogue."""
    store, books = SqliteStore(), sample()
    async with KEPT[0].opened(tmp_path / "catalog.db") as database:
        await added(database, store, *books)
        yield database, store, ["", *(one.title for one in books)]


@pytest.mark.parametrize("few", [searching.FEW, 0])
async def test_what_is_meant_comes_first(
    shop: tuple[Database, Store, list[str]], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """By score, and by tiers nearly as well: nothing that is meant stands behind what is not."""
    monkeypatch.setattr(searching, "FEW", few)
    database, store, titles = shop
    wrong = {}
    for text, meant in JUDGED.items():
        found = [titles[book_id] for book_id in await searched(database, store, text)]
        if sorted(meant) != sorted(found[: len(meant)]) or (not meant and found):
            wrong[text] = found[:5]
    assert not wrong


async def test_a_title_as_it_stands_comes_first_in_any_crowd(
    shop: tuple[Database, Store, list[str]],
) -> None:
    """However many other books have its words."""
    database, store, titles = shop
    more = await added(database, store, *crowd())
    assert searching.FEW < len(await searched(database, store, "the"))
    for book_id, title in enumerate(titles[1:], 1):
        assert book_id == (await searched(database, store, title.lower()))[0], title
    in_title = [one.book_id for one in more if "castle" in one.title.split()]
    assert set(in_title) <= set((await searched(database, store, "castle"))[: len(in_title) + 1])
