"""`bazar move`: from the locks of the old folder to the word that the shop is elsewhere now."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from bazar.cluster import OWN_POSTGRES, POSTGRES_FOLDER, own_postgres
from bazar.kit.data.migrate import migrate, steps
from bazar.kit.data.moved import moved_to, note_moved
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_connecting import DRIVER_ERRORS, Away
from bazar.kit.data.postgres_opening import check_postgres, make_database
from bazar.kit.data.postgres_tables import PostgresTables, filling
from bazar.kit.data.sqlite_tables import SqliteTables
from bazar.kit.errors import BazarError, StartupError
from bazar.kit.lock import hold
from bazar.kit.process.config import database_place, is_postgres, postgres_parts, without_password
from bazar.kit.process.supervisor import Supervisor
from bazar.mover.copying import Copying
from bazar.mover.plan import PROOF, SERVICES, Service, unknown
from bazar.mover.proof import audit, digest
from bazar.mover.state import State
from bazar.tools.remote import LOCK_FILE

Watch = Callable[[int | None, str], AbstractContextManager[Callable[[int], None]]]
"""Opens a bar for so many rows and what happens to them, and gives what moves it."""

MAINTENANCE = "postgres"
"""The database that every server has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSettings:
    """What `bazar move` was asked for."""

    data: Path
    """The folder of the old shop."""
    to: str
    """The address of a PostgreSQL without a database, or `postgresql`: one in that folder."""
    postgres_bin: Path | None = None
    as_it_is: bool = False
    """Whether differences that the audit finds are no reason to stop."""


@dataclass(frozen=True, slots=True)
class MovedTable:
    """What was moved of one table."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move."""

    to: str
    """Without a password."""
    tables: list[MovedTable]
    """Empty where the shop had moved before."""
    differences: list[str]


@dataclass(slots=True)
class _Pair:
    """The two databases of one service."""

    service: Service
    source: SqliteTables
    url: str
    target: PostgresTables

    @property
    def names(self) -> list[str]:
        """Return the tables that are moved, or made."""
        return [step.name for step in self.service.steps]


async def move(settings: MoveSettings, watch: Watch) -> Moved:
    """Move a shop, or what an earlier call has left of it, while nobody has it open.

    Args:
        settings: from where to where.
        watch: shows how far it is.

    Raises:
        StartupError: it cannot be moved, or not now; the old shop is as it was.
    """
    data, to = settings.data, _shown(settings.to)
    before = moved_to(data)
    if before not in {"", to}:
        message = f"the shop of {data} has moved to {before} already"
        raise StartupError(message)
    if not data.is_dir():
        message = f"there is no folder {data}"
        raise StartupError(message)
    with hold(data / LOCK_FILE, f"the data folder {data}"):
        async with _opened(settings) as pairs:
            try:
                if before:  # everything was proven, and only this may be missing
                    await _end(pairs)
                    return Moved(to, [], [])
                return await _move(settings, to, pairs, watch)
            except (*DRIVER_ERRORS, BazarError) as error:
                message = f"{to} failed: {error}. Move again, and it goes on where it stopped"
                raise StartupError(message) from error


async def _move(settings: MoveSettings, to: str, pairs: Sequence[_Pair], watch: Watch) -> Moved:
    for pair in pairs:
        await _check_target(pair)
    for pair in pairs:
        await _begin(pair)
    await _copy(pairs, watch)
    for pair in pairs:
        await _check_unused(pair)  # one may have opened just before this move kept them away
    tables = await _compare(pairs, watch)
    with watch(None, "auditing"):
        differences = await audit(*(pair.url for pair in pairs))
    if differences and not settings.as_it_is:
        message = (
            f"the audit finds differences, which the old shop has too: {'; '.join(differences)}. "
            "To move the shop as it is, move again with --as-it-is"
        )
        raise StartupError(message)
    note_moved(settings.data, to)  # the old shop is shut before the new one can be opened
    await _end(pairs)
    return Moved(to, tables, differences)


def _shown(url: str) -> str:
    """Return an address without its passwords.

    Raises:
        StartupError: it is none of a server.
    """
    if url == OWN_POSTGRES:
        return url
    if not is_postgres(url):
        message = "a shop moves to postgresql, or to postgresql://USER@HOST; that is neither"
        raise StartupError(message)
    before, name, query = postgres_parts(url)
    if name:
        message = "name the server alone: each service has a database of its own there"
        raise StartupError(message)
    scheme, separator, rest = before.partition("://")
    who, at, hosts = rest.rpartition("@")
    said = [one for one in query[1:].split("&") if "password" not in one.partition("=")[0]]
    shown = "?" + "&".join(said) if any(said) else ""
    return f"{scheme}{separator}{who.partition(':')[0]}{at}{hosts}{'/' if shown else ''}{shown}"


@asynccontextmanager
async def _opened(settings: MoveSettings) -> AsyncIterator[list[_Pair]]:
    """Open both ends of both services, and keep all others away from them."""
    async with AsyncExitStack() as stack:
        sources = [
            stack.enter_context(closing(_source(settings.data, service))) for service in SERVICES
        ]
        urls = await stack.enter_async_context(_server(settings))
        pairs = []
        for service, source in zip(SERVICES, sources, strict=True):
            url = urls[service.name]
            await check_postgres(url, without_password(url), moving=True)
            try:
                target = await stack.enter_async_context(filling(url))
            except Away as error:
                message = f"cannot fill {without_password(url)}: {error}"
                raise StartupError(message) from error
            pairs.append(_Pair(service, source, url, target))
        yield pairs


def _source(data: Path, service: Service) -> SqliteTables:
    """Open an old database, which has to have the tables of this release.

    They are not brought up to date here: nothing but a file is added to the old folder.
    """
    source = SqliteTables(data / f"{service.name}.db")
    newest = steps(service.sqlite_schema)[-1][0]
    number = source.schema_number()
    if number != newest:
        source.close()
        what = "an older release: start the shop once with this one, and stop it"
        what = what if number < newest else "a newer release: install that one"
        message = f"{source.path} is of {what}"
        raise StartupError(message)
    return source


@asynccontextmanager
async def _server(settings: MoveSettings) -> AsyncIterator[dict[str, str]]:
    """Have the new databases there, and give the address of each by the name of its service."""
    names = [service.name for service in SERVICES]
    if settings.to != OWN_POSTGRES:
        for name in names:
            await make_database(str(database_place(settings.to, Path(), MAINTENANCE)), name)
        yield {name: str(database_place(settings.to, Path(), name)) for name in names}
        return
    supervisor = Supervisor()
    try:
        folder = settings.data / POSTGRES_FOLDER
        server = await own_postgres(folder, settings.postgres_bin, supervisor, asyncio.Event())
        yield {name: server.url(name) for name in names}
    finally:
        await supervisor.stop()


async def _check_target(pair: _Pair) -> None:
    """Make sure that a database is empty, or has a part of this shop.

    Raises:
        StartupError: it is not, or services use it.
    """
    await _check_unused(pair)
    state = State(pair.target)
    if await state.is_there():
        full = not await state.unfinished()
    else:
        layout = await pair.target.layout()
        full = any([await pair.target.has_rows(name) for name in pair.names if name in layout])
    if full:
        shown = without_password(pair.url)
        message = f"there is a shop in {shown} already; a shop moves into empty databases"
        raise StartupError(message)


async def _check_unused(pair: _Pair) -> None:
    if await pair.target.in_use():
        message = f"services use {without_password(pair.url)}; stop them first"
        raise StartupError(message)


async def _begin(pair: _Pair) -> None:
    """Have a database refused by services from now on, and make its tables.

    Raises:
        StartupError: some table or column is known to one end only.
    """
    await State(pair.target).begin([*pair.names, PROOF])
    database = PostgresDatabase(pair.url)
    try:
        await migrate(database, pair.service.postgres_schema)
    finally:
        await database.close()
    strange = unknown(pair.service, pair.source.layout, await pair.target.layout())
    if strange:
        message = f"this release cannot move the {pair.service.name}: {'; '.join(strange)}"
        raise StartupError(message)


async def _copy(pairs: Sequence[_Pair], watch: Watch) -> None:
    """Move the rows that are not there yet, and have their numbers go on."""
    tables = [
        (pair, step, Copying(pair.source, pair.target, step))
        for pair in pairs
        for step in pair.service.steps
    ]
    with watch(sum(copying.count() for _pair, _step, copying in tables), "copying") as moved:
        for pair, step, copying in tables:
            progress = (await State(pair.target).read())[step.name]
            moved(progress.rows)
            if not progress.done:
                await copying.run(progress, moved)
    for pair in pairs:
        for table in pair.service.tables:
            await pair.target.count_from(table.name, pair.source.last_given(table.name))
        await pair.target.settle([*pair.names, *sorted(pair.service.made)])


async def _compare(pairs: Sequence[_Pair], watch: Watch) -> list[MovedTable]:
    """Return the proof of each table."""
    tables = [
        (pair, table, pair.source.count(table.name))
        for pair in pairs
        for table in pair.service.tables
    ]
    with watch(sum(rows for _pair, _table, rows in tables), "comparing") as compared:
        return [
            MovedTable(table.name, rows, await digest(pair.source, pair.target, table, compared))
            for pair, table, rows in tables
        ]


async def _end(pairs: Sequence[_Pair]) -> None:
    """Let services use the new databases."""
    for pair in pairs:
        state = State(pair.target)
        if not await state.is_there():
            message = (
                f"the shop has moved to {without_password(pair.url)}, where nothing is any more; "
                "to move it again, remove the file 'moved' of the old folder"
            )
            raise StartupError(message)
        await state.end_all()
