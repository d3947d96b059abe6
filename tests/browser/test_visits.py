"""A visit to the shop from its first page to a cancelled order, in every way that people come."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from browser.chromium import WIDTH_PHONE, WIDTH_WIDE, window
from browser.stage import OTHER, OUT, PLENTY, Stage
from browser.states import END_OF_WAITING
from browser.visitor import (
    ADD,
    CANCEL,
    EMAIL,
    END,
    ORDER,
    TELL_ME,
    TO_BOOK,
    TO_CANCEL,
    TO_CHECKOUT,
    WISH,
    Visitor,
)


@dataclass(frozen=True)
class Way:
    """How somebody comes to the shop."""

    name: str
    language: str = "en"
    width: int = WIDTH_WIDE
    scripts: bool = True
    keyboard: bool = False


WAYS = (
    Way("mouse"),
    Way("arabic", language="ar"),
    Way("phone", width=WIDTH_PHONE),
    Way("keyboard", keyboard=True),
    Way("bare", scripts=False),
    Way("all", language="ar", width=WIDTH_PHONE, scripts=False, keyboard=True),
)


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_a_visitor_finds_books_orders_them_and_cancels(
    browser: Browser, stage: Stage, way: Way
) -> None:
    """Whoever comes finds a book, buys two, sees the order, and gives it back."""
    email = f"{way.name}@example.org"
    before = stage.stock(PLENTY), stage.stock(OTHER)
    with window(browser, stage.url, width=way.width, scripts=way.scripts) as context:
        visitor = Visitor(context.new_page(), way.language, way.keyboard)
        visitor.go("/")
        visitor.search("dracula")
        visitor.press(TO_BOOK.format(PLENTY))
        visitor.press(ADD.format(PLENTY))
        visitor.add(OTHER)
        visitor.press(TO_CHECKOUT)
        visitor.fill_in(email)
        visitor.press(ORDER)
        order_id = visitor.order_id
        assert [("confirmed", [PLENTY, OTHER])] == [
            (order.status, [line.book_id for line in order.lines])
            for order in stage.orders_of(email)
        ]
        assert order_id[-6:].upper() == visitor.find(".reference").inner_text().replace(" ", "")
        visitor.press(TO_CANCEL)
        visitor.press(CANCEL)
        assert order_id == visitor.order_id
        assert visitor.find(TO_CANCEL).count() == 0
    assert order_id not in stage.log(), "whoever reads the log could cancel it"
    assert ["cancelled"] == [order.status for order in stage.orders_of(email)]
    assert before == (stage.stock(PLENTY), stage.stock(OTHER))


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_a_visitor_asks_to_be_told_and_ends_it(browser: Browser, stage: Stage, way: Way) -> None:
    """From a book that is sold out, once for an address; a mistake comes back to be mended."""
    email = f"waits.{way.name}@example.org"
    with window(browser, stage.url, width=way.width, scripts=way.scripts) as context:
        visitor = Visitor(context.new_page(), way.language, way.keyboard)
        for typed, status in ((f"{email} x", 422), (email, 200), (email, 200)):
            visitor.go(f"/book/{OUT}")
            visitor.press(TELL_ME)
            visitor.write(EMAIL, typed)
            visitor.press(WISH)
            assert status == visitor.status
        assert email in visitor.find(".notice").inner_text()
        assert 1 == stage.remote().order.forget_wishes(email).wishes
        visitor.go(END_OF_WAITING)
        visitor.press(END)
        assert 200 == visitor.status
        assert visitor.find(".notice").count() == 1
    assert email not in stage.log()
