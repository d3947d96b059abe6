"""Whatever a buyer does with the browser, the books are bought once, at the price that was seen."""

import pytest
from playwright.sync_api import Browser, BrowserContext

from browser.chromium import window
from browser.stage import LAST, OTHER, PLENTY, Stage
from browser.visitor import EMAIL, NAME, ORDER, PENDING, PROBLEMS, TO_ORDER, Visitor

CONFLICT, UNPROCESSABLE, UNAVAILABLE = 409, 422, 503
TABS = 7
"""One more than the connections that a browser makes to one host."""
COPIES = 36
"""Of the book that there is plenty of."""
_HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
}"""
"""What a browser tells a page whose tab is left or entered; without a screen all are in front."""

with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False], ids=["", "bare"])


def a_visitor(context: BrowserContext) -> Visitor:
    """Open another tab."""
    return Visitor(context.new_page())


@with_and_without_scripts
def test_a_double_click_orders_once(browser: Browser, stage: Stage, scripts: bool) -> None:  # noqa: FBT001
    """Who presses twice has one order, and sees it."""
    email = f"double{scripts}@example.org"
    with window(browser, stage.url, scripts=scripts) as context:
        visitor = a_visitor(context)
        visitor.to_checkout(email, PLENTY)
        visitor.find(ORDER).dblclick()
        visitor.page.wait_for_url("**/order/*")
        assert [visitor.order_id] == [order.order_id for order in stage.orders_of(email)]


def test_an_order_page_can_be_loaded_again(browser: Browser, stage: Stage) -> None:
    """The page after the order asks for nothing anew."""
    with window(browser, stage.url) as context:
        visitor = a_visitor(context)
        order_id = visitor.order("reload@example.org", PLENTY)
        visitor.page.reload()
        assert order_id == visitor.order_id
        assert [order_id] == [one.order_id for one in stage.orders_of("reload@example.org")]


def test_back_and_the_same_again_leads_to_the_same_order(browser: Browser, stage: Stage) -> None:
    """The form that was sent is still there behind the order, and buys nothing more."""
    with window(browser, stage.url) as context:
        visitor = a_visitor(context)
        order_id = visitor.order("back@example.org", PLENTY)
        visitor.back()
        visitor.fill_in("back@example.org")
        visitor.press(ORDER)
        assert order_id == visitor.order_id
        assert [order_id] == [one.order_id for one in stage.orders_of("back@example.org")]


def test_back_and_another_name_is_told_that_it_is_ordered(browser: Browser, stage: Stage) -> None:
    """A form that bought before buys nothing else; its page leads to the order, or to a new one."""
    email = "changed@example.org"
    with window(browser, stage.url) as context:
        visitor = a_visitor(context)
        first = visitor.order(email, PLENTY)
        visitor.back()
        visitor.fill_in(email, "Lina M.")
        visitor.press(ORDER)
        assert visitor.status == CONFLICT
        assert first in (visitor.find(TO_ORDER).get_attribute("href") or "")
        visitor.page.reload()
        assert visitor.status == CONFLICT
        assert [first] == [order.order_id for order in stage.orders_of(email)]
        visitor.press(ORDER)
        second = visitor.order_id
        assert {first, second} == {order.order_id for order in stage.orders_of(email)}


def test_two_tabs_at_the_checkout_order_once(browser: Browser, stage: Stage) -> None:
    """Both hold the same basket, so both lead to one order."""
    email = "tabs@example.org"
    with window(browser, stage.url) as context:
        one, other = a_visitor(context), a_visitor(context)
        one.to_checkout(email, PLENTY)
        other.go("/checkout")
        other.fill_in(email)
        one.press(ORDER)
        other.press(ORDER)
        assert one.order_id == other.order_id
        assert [one.order_id] == [order.order_id for order in stage.orders_of(email)]


def test_the_last_copy_is_sold_to_one_of_two(browser: Browser, stage: Stage) -> None:
    """The other one is told so at once, may load that page again, and orders the rest."""
    stage.leave(LAST, 1)
    with window(browser, stage.url) as here, window(browser, stage.url) as there:
        first, second = a_visitor(here), a_visitor(there)
        first.to_checkout("first@example.org", LAST)
        second.to_checkout("second@example.org", LAST, OTHER)
        first.press(ORDER)
        second.press(ORDER)
        assert first.order_id
        assert second.status == CONFLICT
        second.page.reload()
        assert second.status == CONFLICT
        assert stage.stock(LAST) == 0
        second.press(ORDER)
        bought = [
            (order.order_id, order.status, [line.book_id for line in order.lines])
            for order in stage.orders_of("second@example.org")
        ]
        assert (second.order_id, "confirmed", [OTHER]) in bought
        assert ["confirmed"] == [status for _id, status, _books in bought if status != "rejected"]


def test_nobody_pays_a_price_that_was_not_shown(browser: Browser, stage: Stage) -> None:
    """A price that rose meanwhile is told before anything is ordered."""
    email = "price@example.org"
    with window(browser, stage.url) as context:
        visitor = a_visitor(context)
        visitor.to_checkout(email, OTHER)
        stage.reprice(OTHER, "15.00")
        visitor.press(ORDER)
        assert visitor.status == CONFLICT
        assert "$15.00" in visitor.find("main").inner_text()
        assert [] == [one for one in stage.orders_of(email) if one.status != "rejected"]
        visitor.press(ORDER)
        sold = [order for order in stage.orders_of(email) if order.status == "confirmed"]
        assert [("15.00", visitor.order_id)] == [(str(one.total), one.order_id) for one in sold]
    stage.reprice(OTHER, "9.99")


def test_a_wrong_form_comes_back_as_it_was(browser: Browser, stage: Stage) -> None:
    """Nothing that was typed is lost, the first thing to mend has the focus, nothing is ordered."""
    with window(browser, stage.url) as context:
        visitor = a_visitor(context)
        visitor.to_checkout("nobody@nowhere", PLENTY)
        visitor.press(ORDER)
        visitor.page.reload()
        assert visitor.status == UNPROCESSABLE
        assert visitor.find(NAME).input_value() == "Lina Mansour"
        assert visitor.find(EMAIL).input_value() == "nobody@nowhere"
        assert visitor.find(PROBLEMS).evaluate("element => element === document.activeElement")
        visitor.find(f'{PROBLEMS} a[href="#email"]').click()
        assert visitor.find(EMAIL).evaluate("element => element === document.activeElement")
        visitor.fill_in("mended@example.org")
        visitor.press(ORDER)
        assert [visitor.order_id] == [
            order.order_id for order in stage.orders_of("mended@example.org")
        ]


def test_who_asks_again_after_no_answer_buys_once(browser: Browser, stage: Stage) -> None:
    """While the order service does not answer nobody knows; asking again finds the one order."""
    email = "silence@example.org"
    with window(browser, stage.url) as context:
        visitor = a_visitor(context)
        visitor.to_checkout(email, PLENTY)
        with stage.paused("order"):
            visitor.press(ORDER)
            assert visitor.status == UNAVAILABLE
        visitor.press(ORDER)
        assert [visitor.order_id] == [order.order_id for order in stage.orders_of(email)]


@with_and_without_scripts
def test_an_undecided_order_is_decided_before_its_buyers_eyes(
    browser: Browser,
    stage: Stage,
    scripts: bool,  # noqa: FBT001
) -> None:
    """Its page says that nothing is known yet, and then what became of it, all by itself."""
    email = f"undecided{scripts}@example.org"
    with window(browser, stage.url, scripts=scripts) as context:
        visitor = a_visitor(context)
        visitor.to_checkout(email, PLENTY)
        with stage.paused("catalog"):
            visitor.press(ORDER)
            assert visitor.find(PENDING).count() == 1
        visitor.find(PENDING).wait_for(state="detached", timeout=20_000)
        assert ["confirmed"] == [order.status for order in stage.orders_of(email)]


def test_open_pages_follow_the_stock(browser: Browser, stage: Stage) -> None:
    """What is sold elsewhere is seen without a reload, and sold out can't be ordered."""
    with window(browser, stage.url) as context:
        visitor = a_visitor(context)
        visitor.go(f"/book/{PLENTY}")
        mark, asked = visitor.find(f'[data-live="{PLENTY}"]'), len(visitor.answers)
        stage.leave(PLENTY, 3)
        visitor.page.locator(f'.buy [data-live="{PLENTY}"].stock-low').wait_for()
        assert "3" in mark.inner_text()
        stage.leave(PLENTY, 0)
        visitor.page.locator(f'.buy [data-live="{PLENTY}"].stock-out').wait_for()
        assert not visitor.find(f'[data-buy="{PLENTY}"]').is_enabled()
        assert asked == len(visitor.answers)
        stage.leave(PLENTY, COPIES)


def test_seven_open_tabs_do_not_hold_up_the_shop(browser: Browser, stage: Stage) -> None:
    """A page that nobody sees follows nothing, so its connection is free for the next."""
    with window(browser, stage.url) as context:
        tabs: list[Visitor] = []
        for _number in range(TABS):
            for tab in tabs:
                tab.page.evaluate(_HIDE, arg=True)
            tabs.append(a_visitor(context))
            tabs[-1].go(f"/book/{PLENTY}")
        stage.leave(PLENTY, 4)
        tabs[-1].page.locator(f'.buy [data-live="{PLENTY}"].stock-low').wait_for()
        tabs[0].page.evaluate(_HIDE, arg=False)
        tabs[0].page.locator(f'.buy [data-live="{PLENTY}"].stock-low').wait_for()
        stage.leave(PLENTY, COPIES)
