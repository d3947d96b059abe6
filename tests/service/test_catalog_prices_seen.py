"""The buyer pays the price that the page showed, or nothing is sold; nor is what is retired."""

import pytest

from support.catalog_calls import ask, release
from support.shops import Shop


async def test_a_price_seen_that_is_still_asked_is_paid(shop: Shop) -> None:
    """As an amount: 19.990 is 19.99; without a price a line is sold at whatever it costs."""
    book_id = await shop.add_book(price=19.99, quantity=9)
    for number, seen in enumerate((19.99, "19.990", None)):
        outcome = await ask(shop.catalog, f"o{number}", id=book_id, price=seen)
        assert ("reserved", 1999) == (outcome["status"], outcome["lines"][0]["price_minor"])
    assert 6 == await shop.stock(book_id)


async def test_a_price_that_changed_is_told_and_nothing_is_sold(shop: Shop) -> None:
    """Once and for all for that order, though the old price comes back; another one may buy."""
    book_id = await shop.add_book(title="Dracula", price=15.95, quantity=3)
    await shop.catalog.call("PUT", f"/update/{book_id}/price/16.75")
    refused = await ask(shop.catalog, "o1", id=book_id, quantity=2, price=15.95)
    rejection = {
        "code": "price-changed",
        "detail": "Dracula is 16.75 USD now, not 15.95",
        "book_id": book_id,
        "price_minor": 1675,
        "currency": "USD",
    }
    assert {"order_id": "o1", "status": "rejected", "rejection": rejection} == refused
    assert 3 == await shop.stock(book_id)
    await shop.catalog.call("PUT", f"/update/{book_id}/price/15.95")
    assert refused == await ask(shop.catalog, "o1", id=book_id, quantity=2, price=15.95)
    assert refused == (await shop.catalog.get("/reservations/o1")).json
    bought = await ask(shop.catalog, "o2", id=book_id, quantity=2, price=15.95)
    assert "reserved" == bought["status"]
    assert "released" == (await release(shop.catalog, "o1"))["status"]
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


async def test_a_decision_stands_though_the_price_changes(shop: Shop) -> None:
    """The same order again is told what it paid."""
    book_id = await shop.add_book(price=10, quantity=3)
    bought = await ask(shop.catalog, "o1", id=book_id, price=10)
    await shop.catalog.call("PUT", f"/update/{book_id}/price/12")
    assert bought == await ask(shop.catalog, "o1", id=book_id, price=10)
    assert bought == await ask(shop.catalog, "o1", id=book_id, price=12)


@pytest.mark.parametrize("price", ["sNaN", "Infinity", -1, 1e300, "1E+999999999", "9" * 5000])
async def test_an_odd_price_is_another_price(shop: Shop, price: object) -> None:
    """No text of a number breaks anything, and none is kept at full length."""
    book_id = await shop.add_book(price=10, quantity=3)
    reply = await shop.catalog.post(
        "/reservations", [{"order_id": "o1", "lines": [{"id": book_id, "price": price}]}]
    )
    if reply.status == 200:
        (outcome,) = reply.json
        assert "price-changed" == outcome["rejection"]["code"]
        assert len(outcome["rejection"]["detail"]) < 120
    else:
        assert 400 == reply.status


async def test_a_retired_book_is_not_sold_and_keeps_its_page(shop: Shop) -> None:
    """Until it comes back; what was refused meanwhile stays so."""
    book_id = await shop.add_book(title="Old", quantity=3)
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"retired": True})
    refused = await ask(shop.catalog, "o1", id=book_id, price=1)
    rejection = {"code": "book-retired", "detail": "Old is no longer sold", "book_id": book_id}
    assert rejection == refused["rejection"]
    assert True is (await shop.catalog.get(f"/info/{book_id}")).json["retired"]
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"retired": False})
    assert "retired" not in (await shop.catalog.get(f"/info/{book_id}")).json
    assert refused == await ask(shop.catalog, "o1", id=book_id, price=1)
    assert "reserved" == (await ask(shop.catalog, "o2", id=book_id))["status"]
