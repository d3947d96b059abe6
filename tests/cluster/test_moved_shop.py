"""A shop that was moved: it goes on in its new home, and its old one stays shut."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bazar.kit.data.moved import note_moved
from support.postgres import RELEASES, needing_postgres, server
from support.processes import run_bazar
from support.running import RunningShop

ELSEWHERE = "postgresql://bazar@db.example"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[RunningShop]:
    """Run a shop with the sample catalogue, on SQLite at first."""
    with needing_postgres():
        server(max(RELEASES.values()))
    with RunningShop(tmp_path / "data") as running:
        yield running


def test_a_moved_shop_goes_on_selling(shop: RunningShop) -> None:
    """Old orders and keys are known there, searches find, the next purchase adds up."""
    words = ("buy", 2, "--quantity", 2, "--key", "before")
    bought = shop.bazar(*words)
    before = shop.orders(), shop.movements(), shop.stock(2), shop.bazar("search", "--text", "rpc")
    open_still = run_bazar("move", "--from", f"sqlite:{shop.data}", "--to", "postgresql")
    assert (1, True) == (open_still.code, "in use by another process" in open_still.err)
    assert 0 == shop.stop()
    told = run_bazar("move", "--from", f"sqlite:{shop.data}", "--to", "postgresql")
    assert 0 == told.code, told.err
    assert f"bazar up --data {shop.data} --database postgresql\n" in told.out
    again = run_bazar("move", "--from", f"sqlite:{shop.data}", "--to", "postgresql")
    assert (0, True) == (again.code, "had moved already" in again.out)
    shop.start()
    assert f"PostgreSQL in {shop.data}" in shop.last_log()
    now = shop.orders(), shop.movements(), shop.stock(2), shop.bazar("search", "--text", "rpc")
    assert before == now
    assert bought == shop.bazar(*words)
    assert 0 == shop.bazar("buy", 2, "--key", "after").code
    assert before[2] - 1 == shop.stock(2)
    assert [*before[1]] == shop.movements()[:-1]
    report = shop.settled_audit()
    assert ([], 2) == (report.differences, report.orders)


def test_what_was_left_behind_is_not_opened(tmp_path: Path) -> None:
    """Neither as a shop nor service by service; where it is now is said."""
    note_moved(tmp_path, ELSEWHERE)
    for words in (
        ("up", "--data", tmp_path),
        ("serve", "order", "--database", tmp_path / "order.db", "--data", tmp_path),
        ("serve", "catalog", "--data", tmp_path),
    ):
        told = run_bazar(*words)
        assert 1 == told.code
        assert f"has moved to {ELSEWHERE}: " in told.err
        assert 1 == told.err.count("\n")
    assert [] == list(tmp_path.glob("*.db"))
