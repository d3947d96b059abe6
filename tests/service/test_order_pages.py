"""An order's pages: undecided, confirmed, handed over, cancelled; and who may see them."""

import asyncio
import re
from pathlib import Path

import pytest

from bazar.kit import log
from bazar.order.mail.settings import mail_settings
from support.browsers import Browser, checkout_form, put_in, streamed
from support.order_calls import ledger, status
from support.shops import CATALOG_URL, FRONT_URL, Shop, order_open
from support.wires import Wire

ORDER_ID = re.compile("[0-9a-hjkmnp-tv-z]{26}")


async def test_a_cancel_is_asked_for_and_done_once(shop: Shop, browser: Browser) -> None:
    """A page of its own with one button; a second press changes nothing."""
    book_id = await shop.add_book(quantity=5)
    await put_in(browser, book_id, 2)
    placed = await browser.post("/checkout", await checkout_form(browser))
    asked = await browser.get(f"{placed.location}/cancel")
    assert "Cancel this order?" == asked.h1
    assert placed.location in asked.links
    cancelled = [await browser.post(f"{placed.location}/cancel", {}) for _ in range(2)]
    assert {(303, placed.location)} == {(page.status, page.location) for page in cancelled}
    order = await browser.get(placed.location)
    assert "Cancelled. The books are back on the shelf." in order.text
    assert 5 == await shop.stock(book_id)
    assert [5, -2, 2] == [copies for _kind, copies in await ledger(shop)]
    assert 303 == (await browser.get(f"{placed.location}/cancel")).status


async def test_what_was_handed_over_is_not_cancelled(shop: Shop, browser: Browser) -> None:
    """Both the question and the press say so, and the order is as it was."""
    await put_in(browser, await shop.add_book(quantity=5))
    placed = await browser.post("/checkout", await checkout_form(browser))
    fulfil = placed.location.replace("/order/", "/orders/") + "/fulfil"
    assert 200 == (await shop.order.post(fulfil)).status
    for told in (
        await browser.get(f"{placed.location}/cancel"),
        await browser.post(f"{placed.location}/cancel", {}),
    ):
        assert (409, "We have handed it over already.") == (told.status, told.h1)
    order = await browser.get(placed.location)
    assert "Collected on" in order.text
    assert "fulfilled" == await status(shop, placed.location.removeprefix("/order/"))


async def test_an_order_page_is_kept_nowhere(shop: Shop, browser: Browser) -> None:
    """Its address is a secret: no cache, no search engine, no referrer; unknown ones are 404."""
    await put_in(browser, await shop.add_book(quantity=5))
    placed = await browser.post("/checkout", await checkout_form(browser))
    for path in (placed.location, f"{placed.location}/cancel", f"/order/{'0' * 26}", "/order/x"):
        page = await browser.get(path)
        assert ("no-store", "noindex") == (
            page.headers["cache-control"],
            page.headers["x-robots-tag"],
        )
        assert "same-origin" == page.headers["referrer-policy"]
        assert (200 if path.startswith(placed.location) else 404) == page.status
    for path in ("/basket", "/checkout"):
        await put_in(browser, 1)
        assert "private, no-cache" == (await browser.get(path)).headers["cache-control"]


async def test_a_mail_is_promised_where_one_is_sent(
    shop: Shop, browser: Browser, tmp_path: Path
) -> None:
    """The order's page says so, to whom; without mail it says nothing of it."""
    book_id = await shop.add_book(quantity=5)
    await put_in(browser, book_id)
    without = await browser.follow(await browser.post("/checkout", await checkout_form(browser)))
    assert "A confirmation" not in without.text
    mail = mail_settings("smtp://127.0.0.1:9", "shop@example.org", "")
    async with order_open(tmp_path / "mailing.db", shop.network, mail):
        await put_in(browser, book_id, 2)
        with_mail = await browser.follow(
            await browser.post("/checkout", await checkout_form(browser))
        )
        assert "A confirmation is on its way to lina@example.org." in with_mail.text
        assert "Ready to collect We will e-mail you" in with_mail.text


async def test_no_order_id_is_in_any_log_line(
    shop: Shop, browser: Browser, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads a log cannot look at an order, nor cancel it; its reference is enough."""
    log.configure("front", "text")
    await put_in(browser, await shop.add_book(quantity=5))
    placed = await browser.post("/checkout", await checkout_form(browser))
    await browser.get(placed.location)
    await browser.get(f"/ar{placed.location}")
    await streamed(shop.network.bare[FRONT_URL], f"/live{placed.location}")
    await browser.get(f"{placed.location}/cancel")
    await browser.post(f"{placed.location}/cancel", {})
    await shop.front.get(placed.location.replace("/order/", "/orders/"))
    bought = (await shop.front.post("/purchase/1")).json
    await shop.front.post(f"/orders/{bought['order_id']}/cancel")
    log.flush()
    logged = capfd.readouterr().out
    assert "/order/{order_id}/cancel" in logged
    assert bought["order_id"][-6:].upper() in logged
    assert None is ORDER_ID.search(logged), ORDER_ID.findall(logged)


@pytest.mark.usefixtures("impatient")
async def test_an_undecided_order_has_a_page_that_looks_again(shop: Shop, browser: Browser) -> None:
    """It is safe, it says so, and it is confirmed without its buyer once the catalog is back."""
    wire = Wire(shop.network, CATALOG_URL)
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser)
    wire.away = True
    page = await browser.follow(placed := await browser.post("/checkout", filled))
    assert "We have your order. One moment for the shelf." == page.h1
    assert "Please don't order again: you would get the books twice." in page.text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page.html
    order_id = placed.location.removeprefix("/order/")
    assert f'data-order="/live/order/{order_id}" data-state="pending"' in page.html
    live = asyncio.create_task(streamed(shop.network.bare[FRONT_URL], f"/live/order/{order_id}"))
    wire.away = False
    assert (200, b": open\n\ndata: confirmed\n\n") == await live
    assert "Thank you" in (await browser.get(placed.location)).text
