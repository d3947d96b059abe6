"""A database that takes no more, after an order was stored: nobody hears that nothing was done."""

import pytest

from bazar.kit.data.database import Work
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.errors import Overloaded
from support.order_calls import SHORT, key
from support.shops import Shop
from support.wires import Wire


async def too_much(*_given: object, **_how: object) -> object:
    """Refuse, as a database does of which too much is asked."""
    message = "too much"
    raise Overloaded(message)


async def test_an_undecided_order_that_cannot_be_read_again_is_accepted(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored, so it will be sold: to ask again under another key would buy twice."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    monkeypatch.setattr(SqliteDatabase, "read", too_much)
    accepted = await shop.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    assert (202, "pending") == (accepted.status, accepted.json["status"])


async def test_what_a_key_has_placed_and_cannot_be_found_is_not_refused_for_good(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key has bought a copy; where that cannot be looked up, the answer says: perhaps."""
    book_id = await shop.add_book(quantity=5)
    assert 201 == (await shop.order.post(f"/purchase/{book_id}", None, key("a"))).status
    write = SqliteDatabase.write

    async def once(database: SqliteDatabase, work: Work[object], **how: bool) -> object:
        monkeypatch.setattr(SqliteDatabase, "write", too_much)
        return await write(database, work, **how)

    monkeypatch.setattr(SqliteDatabase, "write", once)
    again = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    assert (503, "unavailable", False) == (again.status, again.code, again.json["definite"])
