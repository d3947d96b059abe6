"""Exactly once in the browser: whatever people do with the pages, each order is bought once."""

import asyncio
import re

import pytest

from bazar.front.storefront import checkout_pages
from bazar.kit.errors import Overloaded
from bazar.kit.peers.batching import Batcher
from support.browsers import LINA, OWN, Browser, checkout_form, put_in
from support.selling import orders, set_shop
from support.shops import ORDER_URL, Shop
from support.wires import Wire


@pytest.fixture
def impatient_buyer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a buyer wait half a second for the order service, not five."""
    monkeypatch.setattr(checkout_pages, "PLACE_MS", 500)


async def test_a_visitor_buys_two_books(shop: Shop, browser: Browser) -> None:
    """From the basket over the checkout to the order, which is thanked for; the basket is empty."""
    one = await shop.add_book(title="Dracula", author="Bram Stoker", price=16.75, quantity=3)
    two = await shop.add_book(title="Emma", price=9.99, quantity=9)
    assert "Added: Dracula" in (await put_in(browser, one)).text
    basket = await put_in(browser, two, 2)
    assert "3 books $36.73" in basket.text
    filled = await checkout_form(browser, note="Ring the bell")
    placed = await browser.post("/checkout", filled)
    order = await browser.follow(placed)
    assert "Thank you, Lina Mansour. The books are yours." in order.text
    assert "We have put your 3 copies aside." in order.text
    assert "Dracula Bram Stoker 1 \u00d7 $16.75" in order.text
    assert "Total $36.73" in order.text
    assert [2, 7] == [await shop.stock(one), await shop.stock(two)]
    stored = (await shop.order.get(placed.location.replace("/order/", "/orders/"))).json
    assert ("web", "Ring the bell") == (stored["channel"], stored["buyer"]["note"])
    assert "Your basket is empty." == (await browser.get("/basket")).h1


async def test_a_double_click_buys_once(shop: Shop, browser: Browser) -> None:
    """Both posts get the same order, also when they are under way at the same time."""
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser)
    answers = await asyncio.gather(*[browser.post("/checkout", filled) for _ in range(4)])
    assert {303} == {page.status for page in answers}
    assert 1 == len({page.location for page in answers})
    assert ["confirmed"] == await orders(shop)


async def test_a_form_that_is_sent_again_leads_to_its_order(shop: Shop, browser: Browser) -> None:
    """Back and send: the first answer again; what the basket got since then stays there."""
    book_id = await shop.add_book(quantity=5)
    await put_in(browser, book_id)
    filled = await checkout_form(browser)
    first = await browser.post("/checkout", filled)
    await put_in(browser, book_id, 2)
    again = await browser.post("/checkout", filled)
    assert (303, first.location) == (again.status, again.location)
    assert ["confirmed"] == await orders(shop)
    assert "2 books" in (await browser.get("/basket")).text
    assert (await checkout_form(browser))["key"] != filled["key"]


async def test_another_address_under_the_same_key_is_told(shop: Shop, browser: Browser) -> None:
    """Back, change, send: the page names the order that is there, and asks before one more."""
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser)
    placed = await browser.post("/checkout", filled)
    told = await browser.post("/checkout", filled | {"name": "Omar Mansour"})
    assert (409, "You have ordered this already.") == (told.status, told.h1)
    assert placed.location in told.links
    assert ["confirmed"] == await orders(shop)
    once_more = told.form("/checkout", button="again").fields
    assert ("Omar Mansour", filled["lines"]) == (once_more["name"], once_more["lines"])
    answers = [await browser.post("/checkout", once_more) for _ in range(2)]
    assert 1 == len({page.location for page in answers})
    assert ["confirmed"] * 2 == await orders(shop)


async def test_two_windows_at_the_checkout_buy_once(shop: Shop, browser: Browser) -> None:
    """Both show the same basket, so they have the same key."""
    await put_in(browser, await shop.add_book(quantity=5))
    windows = [await checkout_form(browser), await checkout_form(browser)]
    answers = [await browser.post("/checkout", window) for window in windows]
    assert 1 == len({page.location for page in answers})
    assert ["confirmed"] == await orders(shop)


async def test_what_the_page_showed_is_bought_and_nothing_else(
    shop: Shop, browser: Browser
) -> None:
    """A basket that another window changed meanwhile keeps what was not on the page."""
    one, two = await shop.add_book(quantity=5), await shop.add_book(title="Emma", quantity=5)
    await put_in(browser, one)
    filled = await checkout_form(browser)
    await put_in(browser, two)
    await put_in(browser, one)
    order = await browser.follow(await browser.post("/checkout", filled))
    assert "Emma" not in order.text
    assert [4, 5] == [await shop.stock(one), await shop.stock(two)]
    left = await browser.get("/basket")
    assert "2 books" in left.text
    assert "Emma" in left.text


async def test_the_rest_can_be_ordered_when_a_book_sold_out(shop: Shop, browser: Browser) -> None:
    """The page says what is left and what not, keeps all that was typed, and has another key."""
    one, two = await shop.add_book(title="Emma", quantity=5), await shop.add_book(quantity=1)
    await put_in(browser, one, 2)
    await put_in(browser, two)
    filled = await checkout_form(browser, note="Ring")
    assert 201 == (await shop.front.post(f"/purchase/{two}")).status
    told = await browser.post("/checkout", filled)
    assert (409, "One book sold out a moment ago") == (told.status, told.h1)
    assert "Problem: One book sold out a moment ago · Bazar Books" == told.title
    assert "Nothing was ordered and nothing was charged." in told.text
    assert "Still here" in told.text
    assert "Sold out" in told.text
    rest = told.form("/checkout", button="Order 2 books, $39.98").fields
    assert (f"{one}x2@1999", "Ring") == (rest["lines"], rest["note"])
    assert rest["key"] != filled["key"]
    assert 303 == (await browser.post("/checkout", rest)).status
    assert [3, 0] == [await shop.stock(one), await shop.stock(two)]
    assert "has sold out, so we took it out" in (await browser.get("/basket")).text


async def test_a_book_that_is_back_can_be_ordered_after_a_refusal(
    shop: Shop, browser: Browser
) -> None:
    """The refused key brings the refusal for ever; the page and the basket go on under another."""
    book_id = await shop.add_book(quantity=1)
    await put_in(browser, book_id)
    filled = await checkout_form(browser)
    await shop.front.post(f"/purchase/{book_id}")
    assert 409 == (await browser.post("/checkout", filled)).status
    await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/4")
    told = await browser.post("/checkout", filled)
    assert (409, "A book was away for a moment") == (told.status, told.h1)
    from_the_basket = await checkout_form(browser)
    assert filled["key"] != from_the_basket["key"]
    assert told.form("/checkout").fields["key"] == from_the_basket["key"]
    assert 303 == (await browser.post("/checkout", from_the_basket)).status
    assert ["confirmed", "rejected"] == sorted(set(await orders(shop)))


async def test_a_refused_form_with_another_address_is_no_second_order(
    shop: Shop, browser: Browser
) -> None:
    """Its key placed nothing, so nobody is told that they ordered already."""
    book_id = await shop.add_book(quantity=1)
    await put_in(browser, book_id)
    filled = await checkout_form(browser)
    await shop.front.post(f"/purchase/{book_id}")
    await browser.post("/checkout", filled)
    await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/4")
    told = await browser.post("/checkout", filled | {"name": "Omar"})
    assert 409 == told.status
    assert "Nothing was ordered and nothing was charged." in told.text
    assert 303 == (await browser.post("/checkout", told.form("/checkout").fields)).status


async def test_nobody_pays_another_price_than_the_page_said(shop: Shop, browser: Browser) -> None:
    """A price that rose between view and order is told, and bought only with another press."""
    book_id = await shop.add_book(title="Dracula", price=15.95, quantity=5)
    await put_in(browser, book_id)
    filled = await checkout_form(browser)
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"price": 16.75})
    told = await browser.post("/checkout", filled)
    assert (409, "A price changed a moment ago") == (told.status, told.h1)
    assert "Dracula is now $16.75; it was $15.95." in told.text
    assert 5 == await shop.stock(book_id)
    at_the_new = told.form("/checkout", button="Order at the new price, $16.75").fields
    order = await browser.follow(await browser.post("/checkout", at_the_new))
    assert "Total $16.75" in order.text


@pytest.mark.usefixtures("impatient_buyer")
@pytest.mark.parametrize("arrived", [True, False])
async def test_asking_again_buys_once(shop: Shop, browser: Browser, arrived: bool) -> None:  # noqa: FBT001
    """Where nobody knows whether it was ordered, the page sends the same form and key again."""
    wire = Wire(shop.network, ORDER_URL)
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser, note="Ring")
    wire.away, wire.lose_replies = not arrived, 1000 if arrived else 0
    told = await browser.post("/checkout", filled)
    assert (503, "We don't know yet whether your order arrived.") == (told.status, told.h1)
    assert "2" == told.headers["retry-after"]
    assert "/checkout" not in told.links
    same = told.form("/checkout", button="Ask again. You will not buy twice.").fields
    assert {name: value for name, value in filled.items() if value} == same
    assert 503 == (await browser.post("/checkout", same)).status
    wire.away, wire.lose_replies = False, 0
    assert 303 == (await browser.post("/checkout", same)).status
    assert ["confirmed"] == await orders(shop)
    assert "Your basket is empty." == (await browser.get("/basket")).h1


async def test_a_crowd_denies_no_order_that_is_there(
    shop: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking again while too many wait: the order of the first time is told, not denied."""
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser)
    placed = await browser.post("/checkout", filled)
    monkeypatch.setattr(Batcher, "ask", crowded)
    again = await browser.post("/checkout", filled)
    assert (409, "You have ordered this already.") == (again.status, again.h1)
    assert placed.location in again.links
    new = {"key": filled["key"][:-1] + "7", "email": "omar@example.org"}
    other = await browser.post("/checkout", filled | new)
    assert 503 == other.status
    assert "We could not take your order this time." in other.text
    assert filled["key"][:-1] + "7" == other.form("/checkout").fields["key"]


async def crowded(*_asked: object, **_more: object) -> None:
    """Refuse as a batch does that is full."""
    message = "too many wait"
    raise Overloaded(message)


async def test_a_form_with_a_hundred_lines_is_one_order(shop: Shop, browser: Browser) -> None:
    """The largest order that there is comes through whole."""
    await set_shop(shop, browser, name="Big", copies_an_order_max=100)
    books = [
        await shop.add_book(title=f"Book {place}", price=1, quantity=3) for place in range(100)
    ]
    await put_in(browser, books[0])
    lines = ",".join(f"{book_id}x1@100" for book_id in books)
    order = await browser.follow(
        await browser.post("/checkout", await checkout_form(browser) | {"lines": lines})
    )
    assert "We have put your 100 copies aside." in order.text
    assert "Total $100.00" in order.text


async def test_what_is_wrong_is_told_and_what_was_typed_comes_back(
    shop: Shop, browser: Browser
) -> None:
    """Summary, fields and title say it; nothing is lost, and nothing is ordered."""
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser, email="lina@example", tel="call <me>", note="Ring")
    told = await browser.post("/checkout", filled)
    assert (422, "Problem: Checkout · Bazar Books") == (told.status, told.title)
    assert ["#email", "#tel"] == [
        link for link in told.links if link in {"#email", "#tel", "#name"}
    ]
    assert 2 == told.text.count("Enter an e-mail address with a dot after the @")
    assert 'aria-invalid="true" autofocus' in told.html
    assert filled == told.form("/checkout").fields
    assert [] == await orders(shop)
    assert 303 == (await browser.post("/checkout", filled | {"email": "l@b.org", "tel": ""})).status


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {},
    ],
)
async def test_a_form_of_another_site_buys_nothing(
    shop: Shop, browser: Browser, headers: dict[str, str]
) -> None:
    """It is refused unread: no order, no change of the basket, no cancel."""
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser)
    foreign = {"content-type": OWN["content-type"], **headers}
    told = await browser.post("/checkout", filled, foreign)
    assert (403, []) == (told.status, await orders(shop))
    assert 403 == (await browser.post("/basket", {"add": "1"}, foreign)).status
    placed = await browser.post("/checkout", filled)
    assert 403 == (await browser.post(f"{placed.location}/cancel", {}, foreign)).status
    assert ["confirmed"] == await orders(shop)


async def test_a_damaged_form_is_refused(shop: Shop, browser: Browser) -> None:
    """A key or lines that no page of ours made place nothing."""
    await put_in(browser, await shop.add_book(quantity=5))
    filled = await checkout_form(browser)
    for name, text in (("key", "x"), ("lines", "1x0@1"), ("post", "-1"), ("key", "")):
        assert 400 == (await browser.post("/checkout", filled | {name: text})).status
    assert [] == await orders(shop)


async def test_a_stranger_cannot_empty_the_shop(shop: Shop, browser: Browser) -> None:
    """So many copies a line and an order, so many orders an hour and open ones an address."""
    book_id = await shop.add_book(quantity=500)
    assert (
        "We sell at most 10 copies of one book here." in (await put_in(browser, book_id, 60)).text
    )
    filled = await checkout_form(browser)
    for lines in (f"{book_id}x11@1999", f"{book_id}x60@1999"):
        told = await browser.post("/checkout", filled | {"lines": lines})
        assert 422 == told.status
        assert "We sell at most 10 copies of one book here." in told.text
    for place in range(20):
        key = f"{'A' * 20}{place:02}.1"
        placed = await browser.post(
            "/checkout", filled | {"key": key, "email": f"l{place // 3}@example.org"}
        )
        assert (303 if place % 3 == 0 else 409) == placed.status, placed.text
    assert ["rejected", *["confirmed"] * 7] == await orders(shop)


async def test_orders_an_hour_have_a_limit(shop: Shop, browser: Browser) -> None:
    """Over it the wait is told, and the form comes back with all that was typed.

    An order counts however often its form is sent again, with another note too.
    """
    await set_shop(shop, browser, name="Few", orders_an_hour_max=2)
    book_id = await shop.add_book(quantity=50)
    for copies in (1, 2):
        await put_in(browser, book_id, copies)
        filled = await checkout_form(browser)
        assert 303 == (await browser.post("/checkout", filled)).status
        assert 409 == (await browser.post("/checkout", filled | {"note": "Once more"})).status
    await put_in(browser, book_id, 3)
    third = await checkout_form(browser)
    told = await browser.post("/checkout", third)
    assert (429, third) == (told.status, told.form("/checkout").fields)
    assert 3500 < int(told.headers["retry-after"]) <= 3601
    assert "Please wait 60 minutes, or ring us." in told.text
    assert 303 == (await browser.post("/checkout", filled)).status
    assert 2 == len(await orders(shop))


async def test_open_orders_of_one_address_have_a_limit(shop: Shop, browser: Browser) -> None:
    """The fourth is refused until one is cancelled; its form and key serve then."""
    book_id = await shop.add_book(quantity=50)
    for copies in (1, 2, 3):
        await put_in(browser, book_id, copies)
        placed = await browser.post("/checkout", await checkout_form(browser))
        assert 303 == placed.status
    await put_in(browser, book_id, 4)
    told = await browser.post("/checkout", await checkout_form(browser))
    assert 409 == told.status
    assert "Some of your orders are not collected or paid yet." in told.text
    await browser.post(f"{placed.location}/cancel", {})
    assert 303 == (await browser.post("/checkout", told.form("/checkout").fields)).status


async def test_the_same_books_again_are_asked_about(shop: Shop, browser: Browser) -> None:
    """A question, not a rule: with an answer they are bought, once."""
    book_id = await shop.add_book(quantity=50)
    await put_in(browser, book_id)
    await browser.post("/checkout", await checkout_form(browser))
    await put_in(browser, book_id)
    filled = await checkout_form(browser)
    told = await browser.post("/checkout", filled)
    assert 409 == told.status
    assert re.fullmatch(r"You ordered the same books at \d\d:\d\d. Again\?", told.h1)
    assert 1 == len(await orders(shop))
    yes = told.form("/checkout", button="Yes").fields
    assert filled["key"] == yes["key"]
    answers = [await browser.post("/checkout", yes) for _ in range(2)]
    assert {303} == {page.status for page in answers}
    assert 2 == len(await orders(shop))


async def test_settings_that_change_never_deny_an_order_that_is_there(
    shop: Shop, browser: Browser
) -> None:
    """Sent again after the limits were lowered, a form hears of its order, not that it has none."""
    await put_in(browser, await shop.add_book(quantity=5), 3)
    filled = await checkout_form(browser)
    placed = await browser.post("/checkout", filled)
    await set_shop(shop, browser, name="Small Books", copies_a_line_max=1)
    again = await browser.post("/checkout", filled)
    assert (409, "You have ordered this already.") == (again.status, again.h1)
    assert placed.location in again.links
    other = await browser.post("/checkout", filled | {"key": filled["key"][:-1] + "7"})
    assert "We sell at most 1 copies of one book here." in other.text
    assert ["confirmed", "rejected"] == await orders(shop)


async def test_the_open_interface_repeats_an_answer_whatever_the_settings_are_now(
    shop: Shop, browser: Browser
) -> None:
    """An order by post gets its first answer again when the shop posts there no more."""
    posts = {"deliveries": ["collect", "post"], "countries": ["IE"], "post_price": 4.5}
    await set_shop(shop, browser, name="Far Books", payments=["shop", "invoice"], **posts)
    lines = [{"id": await shop.add_book(quantity=5, price=10)}]
    address = {"street": "1 Quay", "city": "Cork", "country": "IE"}
    buyer = LINA | address | {"delivery": "post", "payment": "invoice"}
    key = {"idempotency-key": '"far-away"'}
    order = {"lines": lines, "buyer": buyer}
    first = await shop.front.call("POST", "/orders", order, key)
    assert (201, 14.5, 4.5) == (first.status, first.json["total"], first.json["delivery_price"])
    await set_shop(shop, browser, name="Near Books", deliveries=["collect"], post_price=None)
    assert first.content == (await shop.front.call("POST", "/orders", order, key)).content
    refused = await shop.front.call("POST", "/orders", order, {"idempotency-key": '"another"'})
    assert (400, "buyer.delivery") == (refused.status, refused.json["member"])


async def test_what_the_post_costs_is_what_the_page_said(shop: Shop, browser: Browser) -> None:
    """Another price of the post is told, and nothing is ordered under that key any more."""
    posts = {"deliveries": ["collect", "post"], "countries": ["JO"], "payments": ["invoice"]}
    await set_shop(shop, browser, name="Posts", post_price=4.5, **posts)
    await put_in(browser, await shop.add_book(quantity=50))
    address = {"street": "7 Rainbow Street", "postcode": "11183", "city": "Amman"}
    filled = await checkout_form(
        browser, delivery="post", payment="invoice", country="JO", **address
    )
    assert "450" == filled["post"]
    await set_shop(shop, browser, name="Dearer", post_price=5)
    told = await browser.post("/checkout", filled)
    assert 409 == told.status
    assert "Delivery by post is now $5.00; it was $4.50." in told.text
    anew = told.form("/checkout").fields
    assert filled | {"post": "500", "key": filled["key"][:-1] + "2"} == anew
    order = await browser.follow(await browser.post("/checkout", anew))
    assert "Total $24.99" in order.text
    assert "7 Rainbow Street" in order.text
    assert (
        409 == (await browser.post("/checkout", filled | {"post": "500", "city": "Aqaba"})).status
    )
