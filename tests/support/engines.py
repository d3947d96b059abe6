"""The database engines on which the contract suites run."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from bazar.kit.data.database import Database
from bazar.kit.data.migrate import migrate
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.sqlite import SqliteDatabase
from support.postgres import RELEASES, server


class Opener(Protocol):
    """Opens a database of one engine."""

    __module__: str
    __name__: str

    def __call__(
        self,
        path: Path,
        on_batch: Callable[[int], None] = ...,
        deliver: Callable[[Sequence[Any]], None] = ...,
    ) -> Database:
        """Open it; who opened it closes it."""
        ...


ENGINES: dict[str, Opener] = {"sqlite": SqliteDatabase}


def _on_postgres(release: int) -> Opener:
    def opened(
        path: Path,
        on_batch: Callable[[int], None] = lambda _size: None,
        deliver: Callable[[Sequence[Any]], None] | None = None,
    ) -> Database:
        assert deliver is None, "what is announced goes to those who listen, not to this process"
        return PostgresDatabase(server(release).url(path), on_batch)

    return opened


POSTGRES: dict[str, Opener] = {name: _on_postgres(release) for name, release in RELEASES.items()}
"""PostgreSQL's engines; each path names a database of its own, empty at first."""
on_every_engine = pytest.mark.parametrize("catalog_engine", ["sqlite", max(POSTGRES)])
"""Marks a test of a shop whose catalog is kept in one engine after the other."""


@asynccontextmanager
async def with_tables(
    engine: str, path: Path, schema: str, on_batch: Callable[[int], None] = lambda _size: None
) -> AsyncIterator[Database]:
    """Open a database with the tables of a service, and close it at the end.

    Args:
        engine: `sqlite`, or one of `POSTGRES`.
        path: of the database; the same one opens the same database again.
        schema: the folder of the service's steps for this engine.
        on_batch: is told the size of each commit.
    """
    database: Database
    if engine in RELEASES:
        database = PostgresDatabase(url_with_tables(engine, path, schema), on_batch)
    else:
        database = ENGINES[engine](path, on_batch)
        await migrate(database, schema)
    try:
        yield database
    finally:
        await database.close()


def url_with_tables(engine: str, path: Path, schema: str) -> str:
    """Return the address of a database of PostgreSQL that has the tables of a service."""
    return server(RELEASES[engine]).url(path, schema, partial(_fill, schema))


async def _fill(schema: str, url: str) -> None:
    """Make the tables of a service in an empty database."""
    database = PostgresDatabase(url)
    try:
        await migrate(database, schema)
    finally:
        await database.close()
