"""What the catalog's store promises to those who take in files, told for every engine."""

from pathlib import Path
from unicodedata import normalize

import pytest
from msgspec.structs import replace

from bazar.catalog.app import POSTGRES_SCHEMA, SCHEMA
from bazar.catalog.store import (
    NO_ROW,
    NO_YEAR,
    CountedBook,
    FileRow,
    KnownBy,
    Seen,
    Sought,
    Store,
)
from bazar.kit.data.database import Database, Transaction
from bazar.kit.data.migrate import migrate, steps
from support.engines import with_tables
from support.stored_books import EDITED_MS, NOW_MS, Engine, added, book

ISBN = "9780131103627"
NOBODY = Sought(1, None, None, None, NO_YEAR)


async def test_rows_are_known_by_isbn_by_name_and_by_what_they_made(
    database: Database, store: Store
) -> None:
    """By a name only what has no ISBN, the first of several; each row in its place."""
    await added(
        database,
        store,
        book("A", isbn=ISBN),
        book("A"),
        book("A"),
        book("A", year=None),
        book(normalize("NFD", "\u00c9tude")),
        book("A\u200bB", author="C\u00adD"),
    )
    await database.write(lambda t: store.save_made_by(t, [(FileRow(3, 7), 4)]))
    sought = [
        named("A\nA. Uthor", 1999),
        NOBODY,
        named("A\nA. Uthor", NO_YEAR),
        named("A\nA. Uthor", 2000),
        NOBODY._replace(isbn=ISBN),
        NOBODY._replace(row=7),
        named("\u00c9tude\nA. Uthor", 1999),
        named("AB\nCD", 1999),
        NOBODY._replace(isbn="9780306406157"),
    ]
    nobody = KnownBy()
    wanted = [
        KnownBy(name=2),
        nobody,
        KnownBy(name=4),
        nobody,
        KnownBy(isbn=1),
        KnownBy(made_by=4),
        KnownBy(name=5),
        KnownBy(name=6),
        nobody,
    ]
    assert wanted == await database.read(lambda t: store.known_by(t, sought, 3))
    (without,) = await database.read(lambda t: store.known_by(t, [sought[5]], None))
    assert nobody == without
    assert [] == await database.read(lambda t: store.known_by(t, [], 3))


def named(name: str, year: int) -> Sought:
    """Return what a row without an ISBN tells."""
    parted = normalize("NFD", name)
    return NOBODY._replace(name=name, parted=None if parted == name else parted, year=year)


async def test_books_are_added_together(database: Database, store: Store) -> None:
    """In order, each as one alone is: with its first copies in the ledger; ids go on after them."""
    (first,) = await added(database, store, book("First", stock=2))
    new = [book("B", stock=3, isbn=ISBN), book("C"), book("D", retired_at_ms=5)]
    assert [2, 3, 4] == await database.write(lambda t: store.add_books(t, new, NOW_MS))
    given = [book("E", book_id=40), book("F", book_id=10, stock=1)]
    assert [40, 10] == await database.write(lambda t: store.add_books(t, given, NOW_MS))
    assert [41] == await database.write(lambda t: store.add_books(t, [book("G")], NOW_MS))
    found = await database.read(lambda t: store.counted_books(t, range(50)))
    assert [1, 2, 3, 4, 10, 40, 41] == sorted(found)
    wanted = replace(new[0], book_id=2, version=2, added_at_ms=NOW_MS, edited_at_ms=NOW_MS)
    assert CountedBook(wanted) == found[2]
    assert first == found[1].book
    moved = await database.read(lambda t: store.movements_after(t, 0, 9))
    assert {(1, 2), (2, 3), (10, 1)} == {(one.book_id, one.copies) for one in moved}
    assert {"received"} == {one.kind for one in moved}
    assert [] == await database.scan(store.faults)


async def test_books_are_edited_together(database: Database, store: Store) -> None:
    """Each as one alone is: in what describes it, not in its stock; the retired are not found."""
    one, two, three = await added(database, store, book("A", stock=5), book("B"), book("C"))
    edited = [
        replace(two, title="Bee", year=None, pages=7, isbn=ISBN, stock=99),
        replace(one, price_minor=1, author="Somebody"),
        replace(three, retired_at_ms=5),
    ]
    versions = await database.write(lambda t: store.edit_books(t, edited, EDITED_MS))
    assert {1: 3, 2: 2, 3: 2} == versions
    found = await database.read(lambda t: store.counted_books(t, [1, 2, 3]))
    wanted = [
        replace(new, stock=old.stock, version=old.version + 1, edited_at_ms=EDITED_MS)
        for new, old in zip(edited, (two, one, three), strict=True)
    ]
    assert wanted == [found[key].book for key in (2, 1, 3)]
    assert [] == await database.scan(store.faults)


async def test_stocks_are_corrected_together(database: Database, store: Store) -> None:
    """Each by its copies, with a row of the ledger and a new version."""
    await added(database, store, book("A", stock=5), book("B", stock=5), book("C", stock=5))
    versions = await database.write(lambda t: store.adjust(t, {3: -2, 1: 4}, NOW_MS))
    assert {3: 3, 1: 3} == versions
    found = await database.read(lambda t: store.counted_books(t, [1, 2, 3]))
    assert [9, 5, 3] == [found[key].book.stock for key in (1, 2, 3)]
    assert [3, 2, 3] == [found[key].book.version for key in (1, 2, 3)]
    moved = await database.read(lambda t: store.movements_after(t, 0, 9))
    adjusted = {(one.book_id, one.copies) for one in moved if one.kind == "adjusted"}
    assert {(3, -2), (1, 4)} == adjusted


async def test_the_last_row_about_a_book_is_kept(database: Database, store: Store) -> None:
    """And the one that counted it last; a later one takes its place."""
    await added(database, store, book("A"), book("B"))

    async def noted() -> list[tuple[FileRow, FileRow]]:
        found = await database.read(lambda t: store.counted_books(t, [1, 2]))
        return [found[key][1:] for key in (1, 2)]

    assert [(NO_ROW, NO_ROW)] * 2 == await noted()
    for seen in (Seen(1, FileRow(1, 9), FileRow(1, 9)), Seen(1, FileRow(1, 9), FileRow(2, 3))):
        await database.write(lambda t, one=seen: store.save_seen(t, [one]))  # type: ignore[misc]
        assert [seen[1:], (NO_ROW, NO_ROW)] == await noted()
    assert NO_ROW < FileRow(1, 9) < FileRow(2, 3) < FileRow(2, 4)


async def test_a_count_by_hand_is_later_than_every_file_before(
    database: Database, store: Store
) -> None:
    """And earlier than the next; nothing is noted before the first, and a stale count after."""
    await added(database, store, book("A"), book("B"))

    async def counted() -> list[FileRow]:
        found = await database.read(lambda t: store.counted_books(t, [1, 2]))
        return [found[1].counted, found[2].counted]

    await database.write(lambda t: store.save_counts(t, [1, 2]))
    assert [NO_ROW, NO_ROW] == await counted()
    for import_id in (1, 2):
        await database.write(lambda t, n=import_id: store.save_import(t, n, f"k{n}", NOW_MS))  # type: ignore[misc]
    row = FileRow(1, 9)
    await database.write(lambda t: store.save_seen(t, [Seen(1, row, row)]))
    for _ in range(2):
        await database.write(lambda t: store.save_counts(t, [1, 2]))
        by_hand, same = await counted()
        assert by_hand == same
        assert FileRow(2, 10**9) < by_hand < FileRow(3, 0)
    seen = await database.read(lambda t: store.counted_books(t, [1]))
    assert row == seen[1].seen


async def test_the_first_book_that_a_row_made_stays_its_book(
    database: Database, store: Store
) -> None:
    """Whatever is noted later."""
    await added(database, store, book("A"), book("B"))

    async def note(transaction: Transaction, book_id: int) -> None:
        await store.save_made_by(transaction, [(FileRow(1, 1), book_id)])

    for book_id in (1, 2):
        await database.write(lambda t, made=book_id: note(t, made))  # type: ignore[misc]
    assert [KnownBy(made_by=1)] == await database.read(lambda t: store.known_by(t, [NOBODY], 1))


FILLERS = ("9780000000002", "9799999999990", "9781234567897")
LAST_BEFORE = {SCHEMA: 8, POSTGRES_SCHEMA: 2}
"""The steps before the one that says by what books are known."""


async def test_an_older_shop_is_known_by_what_it_had(
    kept: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers that fill the place of an ISBN go; the last count tells of the last row."""
    folder = tmp_path / f"older_{kept.name.replace('-', '_')}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for number, name, sql in steps(kept.schema):
        if number <= LAST_BEFORE[kept.schema]:
            (folder / name).write_text(sql, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    store = kept.store()
    async with with_tables(kept.name, tmp_path / "catalog.db", folder.name) as database:
        old = [book(f"T{n}", isbn=isbn) for n, isbn in enumerate((*FILLERS, ISBN))]
        await added(database, store, *old)
        count = "INSERT INTO counts (book_id, import_id, row) VALUES (4, 3, 7)"
        await database.write(lambda t: t.run(count))
        await migrate(database, kept.schema)
        found = await database.read(lambda t: store.counted_books(t, [1, 2, 3, 4]))
    assert [None, None, None, ISBN] == [found[key].book.isbn for key in (1, 2, 3, 4)]
    assert [2, 2, 2, 1] == [found[key].book.version for key in (1, 2, 3, 4)]
    assert (FileRow(3, 7), FileRow(3, 7)) == found[4][1:]
