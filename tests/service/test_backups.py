"""A backup of both services is of one moment, whatever the shop does meanwhile."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from bazar.catalog.checking import Checking as CatalogChecking
from bazar.catalog.store.sqlite import SqliteStore as CatalogStore
from bazar.kit.backup import BackupElsewhere, BackupRequest, NoRoomForBackup, PieceQuery
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.http.backups import BackupApi
from bazar.kit.http.endpoint import endpoints_of
from bazar.mover.auditing import differences
from bazar.order.checking import Checking as OrderChecking
from bazar.order.store.sqlite import SqliteStore as OrderStore
from support.shops import Caller, Shop
from support.wires import Wire

BACKUPS = 6


async def fetched(caller: Caller, backup_id: str) -> bytes:
    """Return a backup of a service."""
    path, content = f"/backups/{backup_id}", b""
    while not (await caller.get(path)).json["made"]:  # noqa: ASYNC110  as a client asks
        await asyncio.sleep(0)
    while piece := (await caller.get(f"{path}/content?after={len(content)}")).content:
        content += piece
    return content


async def audited(folder: Path) -> list[str]:
    """Return what differs between the two databases of a folder."""
    catalog, order = SqliteDatabase(folder / "catalog.db"), SqliteDatabase(folder / "order.db")
    try:
        return await differences(
            CatalogChecking(catalog, CatalogStore()), OrderChecking(order, OrderStore())
        )
    finally:
        await catalog.close()
        await order.close()


async def backed_up(shop: Shop, folder: Path, backup_id: str) -> list[str]:
    """Back the shop up, and return what the audit finds in that."""
    begun = await shop.order.post("/backups", {"id": backup_id})
    assert 200 == begun.status, begun.content
    made_id = begun.json["id"]
    found = {}
    for name, caller in (("catalog", shop.catalog), ("order", shop.order)):
        found[name] = await fetched(caller, made_id)
        assert 200 == (await caller.post(f"/backups/{made_id}/end")).status
    return await audited(written(found, folder))


def written(found: dict[str, bytes], folder: Path) -> Path:
    """Write databases into a new folder."""
    folder.mkdir()
    for name, content in found.items():
        (folder / f"{name}.db").write_bytes(content)
    return folder


async def customer(shop: Shop, book_id: int, name: str, done: asyncio.Event) -> None:
    """Buy, and cancel every other order, without a pause until told to stop."""
    for number in count():
        if done.is_set():
            return
        key = {"idempotency-key": f'"{name}-{number}"'}
        bought = await shop.front.post(f"/purchase/{book_id}", {}, key)
        assert bought.status in {201, 202}, bought.content
        if number % 2:
            await shop.front.post(f"/orders/{bought.json['order_id']}/cancel")


async def slow_backup(shop: Shop, wire: Wire, folder: Path) -> list[str]:
    """Back the shop up over a slow way to the catalog, and return what the audit finds."""
    wire.held["/backups"] = asyncio.Event()
    asyncio.get_running_loop().call_later(0.03, wire.held["/backups"].set)
    return await backed_up(shop, folder, folder.name)


async def test_backups_of_a_busy_shop_add_up(shop: Shop, wire: Wire, tmp_path: Path) -> None:
    """Every one of them: no decision without its order, and no order without its decision."""
    book_id = await shop.add_book(quantity=1_000_000)
    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(customer(shop, book_id, f"c{number}", done))
        try:
            found = [
                await slow_backup(shop, wire, tmp_path / f"b{number}") for number in range(BACKUPS)
            ]
        finally:
            done.set()
    assert [[]] * BACKUPS == found


async def test_a_call_that_arrives_twice_changes_nothing(
    shop: Shop, wire: Wire, tmp_path: Path
) -> None:
    """The catalog has taken its moment already, and the order service too."""
    await shop.add_book(quantity=3)
    wire.twice = True
    begun = [await shop.order.post("/backups", {"id": "b"}) for _call in range(2)]
    assert [200, 200] == [one.status for one in begun]
    assert begun[0].json["id"] == begun[1].json["id"]
    wire.twice = False
    assert [] == await backed_up(shop, tmp_path / "b", "b")


async def test_without_the_catalog_there_is_no_backup(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a shop is none; and orders are taken all the same."""
    monkeypatch.setattr("bazar.kit.data.sqlite_backups.HOLDS_MAX", 2)
    book_id = await shop.add_book(quantity=3)
    wire.away = True
    refused = await shop.order.post("/backups", {"id": "b"})
    assert (503, "unavailable") == (refused.status, refused.code)
    wire.away = False
    assert 201 == (await shop.front.post(f"/purchase/{book_id}", {})).status


async def test_what_is_no_backup_is_refused(shop: Shop) -> None:
    """An id becomes a part of addresses; one that is not there is not found."""
    for caller in (shop.catalog, shop.order):
        for backup_id in ("", "../x", "A", "a" * 65, 7):
            assert 400 == (await caller.post("/backups", {"id": backup_id})).status
        for path in ("/backups/none", "/backups/none/content"):
            found = await caller.get(path)
            assert (404, "backup-not-found") == (found.status, found.code)


async def test_a_catalog_without_room_says_so_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody tries again and again, and the keeper is told which disk is full."""
    monkeypatch.setattr("bazar.kit.data.sqlite_backups.ROOM_BYTES_LEFT", 0)
    assert 200 == (await shop.order.post("/backups", {"id": "a"})).status
    monkeypatch.setattr("bazar.kit.data.sqlite_backups.ROOM_BYTES_LEFT", 2**62)
    refused = await shop.catalog.post("/backups", {"id": "b"})
    assert (507, "no-room-for-backup") == (refused.status, refused.code)
    monkeypatch.setattr("bazar.kit.data.sqlite_backups.SqliteBackups._check_room", once_only())
    refused = await shop.order.post("/backups", {"id": "c"})
    assert (507, "no-room-for-backup") == (refused.status, refused.code)
    assert refused.json["detail"].startswith("the catalog: ")


def once_only() -> Callable[[object], None]:
    """Return a look at the disk that finds room for the first copy alone."""
    looks = count()

    def check(_backups: object) -> None:
        if next(looks):
            message = "a backup needs more than is free"
            raise NoRoomForBackup(message)

    return check


async def test_a_shop_on_postgresql_names_what_backs_it_up() -> None:
    """Whatever is asked of it."""
    api = BackupApi(None)
    for endpoint in endpoints_of(api):
        with pytest.raises(BackupElsewhere, match="pg_dump"):
            await endpoint.answer(cast("Any", Asking()))


class Asking:
    """A request for whatever a route takes."""

    path_params: ClassVar = {"backup_id": "b"}

    def struct(self, _decoder: object) -> BackupRequest:
        """Return the body."""
        return BackupRequest("b")

    def arguments(self, _kind: object) -> PieceQuery:
        """Return the query."""
        return PieceQuery()
