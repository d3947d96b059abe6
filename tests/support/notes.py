"""A database with a table of notes and a counter, for the suites that all engines must pass."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from bazar.kit.data.database import Database, Transaction, Work
from support.engines import Opener


@asynccontextmanager
async def opened(engine: Opener, path: Path, batches: list[int]) -> AsyncIterator[Database]:
    """Open a database and close it at the end."""
    database = engine(path, batches.append)
    try:
        yield database
    finally:
        await database.close()


async def create(transaction: Transaction) -> None:
    """Make the two tables."""
    await transaction.script(
        "CREATE TABLE notes (note_id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);"
        "CREATE TABLE counters (name TEXT PRIMARY KEY, total INTEGER NOT NULL);"
        "INSERT INTO counters VALUES ('a', 0);"
    )


def note(body: str) -> Work[int]:
    """Write a note."""

    async def work(transaction: Transaction) -> int:
        return await transaction.run("INSERT INTO notes (body) VALUES (?1)", body)

    return work


def failing_note(body: str) -> Work[int]:
    """Write a note, and raise."""

    async def work(transaction: Transaction) -> int:
        await transaction.run("INSERT INTO notes (body) VALUES (?1)", body)
        message = "on purpose"
        raise LookupError(message)

    return work


async def bodies(transaction: Transaction) -> list[str]:
    """Return the notes in the order in which they were written."""
    rows = await transaction.all("SELECT body FROM notes ORDER BY note_id")
    return [cast("str", row[0]) for row in rows]
