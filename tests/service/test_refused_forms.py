"""A form that a page refuses: what the page says is true, whatever else is under way."""

import asyncio

import pytest

from bazar.front.storefront import checkout_pages
from support.browsers import Browser, checkout_form, put_in
from support.selling import orders, set_shop
from support.shops import CATALOG_URL, ORDER_URL, Shop
from support.wires import Wire, until


@pytest.fixture
def impatient_buyer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a buyer wait half a second for the order service, not five."""
    monkeypatch.setattr(checkout_pages, "PLACE_MS", 500)


@pytest.mark.parametrize("arrives", ["before", "after"])
async def test_what_a_page_said_was_not_ordered_never_is(
    shop: Shop, browser: Browser, arrives: str
) -> None:
    """A form is sent, and again while its first post hangs; meanwhile the limits were lowered.

    What the second answer says holds for the first post too, whenever that gets through.
    """
    book_id = await shop.add_book(quantity=9)
    await put_in(browser, book_id, 3)
    filled = await checkout_form(browser)
    wire = Wire(shop.network, ORDER_URL)
    wire.held["/placements"] = asyncio.Event()
    first = asyncio.create_task(browser.post("/checkout", filled))
    await until(lambda: called(wire, "POST /placements"))
    await set_shop(shop, browser, name="Small Books", copies_a_line_max=1)
    if arrives == "before":
        wire.held.pop("/placements").set()
        await until(lambda: stored(shop))
    second = await browser.post("/checkout", filled)
    if arrives == "before":
        assert (409, "You have ordered this already.") == (second.status, second.h1)
        assert (await first).location in second.links
        assert ["confirmed"] == await orders(shop)
        return
    assert "Nothing was ordered and nothing was charged." in second.text
    wire.held.pop("/placements").set()
    late = await first
    assert (409, "That is too many copies") == (late.status, late.h1)
    assert (["rejected"], 9) == (await orders(shop), await shop.stock(book_id))
    third = await browser.post("/checkout", filled)
    assert "Nothing was ordered and nothing was charged." in third.text
    keys = {page.form("/checkout").fields["key"] for page in (second, late, third)}
    assert {filled["key"][:-1] + "2"} == keys
    now = (second.form("/checkout").fields) | {"lines": f"{book_id}x1@1999"}
    answers = [await browser.post("/checkout", now) for _ in range(2)]
    assert 1 == len({page.location for page in answers})
    assert (["rejected", "confirmed"], 8) == (await orders(shop), await shop.stock(book_id))


async def called(wire: Wire, call: str) -> bool:
    """Tell whether a call was made."""
    return call in wire.calls


async def stored(shop: Shop) -> bool:
    """Tell whether an order is there."""
    return bool(await orders(shop))


@pytest.mark.usefixtures("impatient_buyer")
async def test_nobody_knows_where_the_order_book_cannot_say_so(
    shop: Shop, browser: Browser
) -> None:
    """A refusal whose key could not be used up is none yet: the same form asks again."""
    await put_in(browser, await shop.add_book(quantity=9), 3)
    filled = await checkout_form(browser)
    await set_shop(shop, browser, name="Small Books", copies_a_line_max=1)
    wire = Wire(shop.network, ORDER_URL)
    wire.lose_replies = 99
    unknown = await browser.post("/checkout", filled)
    assert (503, "We don't know yet whether your order arrived.") == (unknown.status, unknown.h1)
    wire.lose_replies = 0
    again = await browser.post("/checkout", unknown.form("/checkout").fields)
    assert "Nothing was ordered and nothing was charged." in again.text
    assert ["rejected"] == await orders(shop)


async def test_what_is_refused_for_its_size_or_its_pace_reads_no_book(
    shop: Shop, browser: Browser
) -> None:
    """So whoever posts baskets of unknown books in a loop slows down nobody's basket."""
    await put_in(browser, await shop.add_book(quantity=9))
    filled = await checkout_form(browser)
    await set_shop(shop, browser, name="Few", orders_an_hour_max=2)
    wire = Wire(shop.network, CATALOG_URL)
    many = ",".join(f"{book_id}x1@100" for book_id in range(100_000, 100_100))
    tries = [(many, "Lina", 422), (many, "", 422), ("99x1@100", "Lina", 429), ("99x1@100", "", 429)]
    for number, (lines, name, status) in enumerate(tries):
        form = {"lines": lines, "name": name, "key": f"{'A' * 20}{number:02}.1"}
        told = await browser.post("/checkout", filled | form)
        assert status == told.status, told.text
    assert [] == [call for call in wire.calls if "/info/" in call]
