"""The basket's page: what is in it, at today's prices and stock, and what changed since."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from starlette.responses import Response

from bazar.front.storefront.basket import BASKET_LINES_MAX, Basket, looked_over, new_basket
from bazar.front.storefront.buyers import deliveries
from bazar.front.storefront.checkout import MANY_OF_ONE, over_limits
from bazar.front.storefront.frame import Frame, Head
from bazar.front.storefront.problems import BREATH_S, error_page
from bazar.front.storefront.rows import (
    money_of,
    offers_of,
    rows_of,
    sentences,
)
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import Notice, Visit, basket_header, notice_header
from bazar.front.upstream.terms import post_minor
from bazar.kit.errors import BazarError, InvalidRequest, Overloaded, Unavailable
from bazar.kit.http.answers import Headers
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.identity import ID_MAX
from bazar.kit.money import to_minor
from bazar.kit.web.answers import see
from bazar.kit.web.forms import digits, posted
from bazar.wire.limits import QUANTITY_MAX
from bazar.wire.problems import BookNotFound

UNAVAILABLE = 503
_EMPTY = Basket("-" * 22)
"""Nobody's: a basket gets an id when something is put in."""


class BasketPages:
    """The handlers of the basket."""

    def __init__(self, frame: Frame, stockroom: Stockroom) -> None:
        """Show what is in a browser's basket with what the stock room says of it."""
        self._frame = frame
        self._stockroom = stockroom

    async def error_page(self, request: Request, error: BazarError) -> Response:
        """Tell what went wrong."""
        return error_page(self._frame, request, error)

    @route("GET", "/basket", answers={}, page=True)
    async def basket(self, request: Request) -> Response:
        """Show the basket."""
        seen = self._frame.visit(request)
        basket = seen.basket or _EMPTY
        if not basket.lines:
            return self._show(seen, "basket-empty.html")
        try:
            ids = [line.book_id for line in basket.lines]
            books = await self._stockroom.books(ids, request.id)
        except (Overloaded, Unavailable):
            wait = b"%d" % BREATH_S
            headers: Headers = [(b"retry-after", wait), (b"refresh", wait)]
            return self._show(seen, "basket-away.html", UNAVAILABLE, headers)
        shop, texts = self._frame.shop, self._frame.texts(seen.language)
        lines, changes = looked_over(basket.lines, offers_of(books), shop.copies_a_line_max)
        now = replace(basket, lines=lines)
        headers = [basket_header(self._frame.cookies, now)] if changes else []
        seen = seen.with_basket(now)
        told = sentences(changes, shop.currency, texts)
        if not lines:
            return self._show(seen, "basket-empty.html", headers=headers, changes=told)
        too_many = over_limits(lines, shop)
        return self._show(
            seen,
            "basket.html",
            headers=headers,
            changes=told,
            rows=rows_of(lines, books, shop.currency, texts),
            money=money_of(lines, post_minor(shop), shop.currency, texts),
            ways=deliveries(shop),
            too_many=texts.gettext(too_many.words, n=too_many.most) if too_many else "",
            copies_max=shop.copies_a_line_max,
        )

    @route("POST", "/basket", answers={}, page=True)
    async def change(self, request: Request) -> Response:
        """Put a book into the basket, or set how many copies of it are there."""
        seen = self._frame.visit(request)
        typed = posted(request)
        basket = seen.basket or new_basket()
        notice: Notice | None
        if "add" in typed:
            now, notice = await self._added(seen, basket, typed)
        else:
            now, notice = self._with_copies(seen, basket, typed)
        response = see(self._frame.href(seen.language, "/basket"))
        response.raw_headers.append(basket_header(self._frame.cookies, now))
        if notice is not None:
            response.raw_headers.append(notice_header(self._frame.cookies, notice))
        return response

    async def _added(
        self, seen: Visit, basket: Basket, typed: Mapping[str, str]
    ) -> tuple[Basket, Notice]:
        """Return the basket with more copies of a book, as far as there are, and what to say."""
        texts, most = self._frame.texts(seen.language), self._frame.shop.copies_a_line_max
        book_id = _number(typed["add"], ID_MAX)
        if not book_id:
            message = "no book has such an id"
            raise InvalidRequest(message)
        try:
            book = await self._stockroom.book(book_id, seen.request.id)
        except BookNotFound:
            return basket, Notice("warn", texts.gettext("This book is not sold any more."))
        held = basket.line(book_id)
        if held is None and len(basket.lines) >= BASKET_LINES_MAX:
            words = texts.gettext(
                "A basket holds %(n)s different books. Order these first.", n=BASKET_LINES_MAX
            )
            return basket, Notice("warn", words)
        before = held.copies if held else 0
        wanted = before + (_number(typed.get("copies", ""), QUANTITY_MAX) or 1)
        copies = 0 if book.retired else min(wanted, book.quantity, most)
        now = basket.put(book_id, max(copies, before), to_minor(book.price, book.currency))
        return now, self._told(seen, book.title, wanted, copies, book.quantity)

    def _told(self, seen: Visit, title: str, wanted: int, copies: int, stock: int) -> Notice:
        texts = self._frame.texts(seen.language)
        if copies == wanted:
            return Notice("good", texts.gettext("Added: %(title)s", title=title))
        if not copies:
            return Notice("warn", texts.gettext("%(title)s has sold out.", title=title))
        if copies == stock:
            return Notice(
                "warn",
                texts.ngettext(
                    "Only %(n)s copy of %(title)s is left. It is in your basket.",
                    "Only %(n)s copies of %(title)s are left. They are in your basket.",
                    copies,
                    title=title,
                ),
            )
        return Notice("warn", texts.gettext(MANY_OF_ONE, n=copies))

    def _with_copies(
        self, seen: Visit, basket: Basket, typed: Mapping[str, str]
    ) -> tuple[Basket, Notice | None]:
        """Return the basket with so many copies of a book in it; its page looks them over."""
        line = basket.line(_number(typed.get("book", ""), ID_MAX) or 0)
        if line is None:
            return basket, None
        copies = _number(typed.get("copies", ""), QUANTITY_MAX)
        if copies is None:
            words = self._frame.texts(seen.language).gettext("Write how many copies as a number.")
            return basket, Notice("warn", words)
        return basket.put(line.book_id, copies, line.price_minor), None

    def _show(
        self,
        seen: Visit,
        template: str,
        status: int = 200,
        headers: Headers | None = None,
        **values: Any,  # noqa: ANN401  whatever the template shows
    ) -> Response:
        texts = self._frame.texts(seen.language)
        head = Head(title=texts.gettext("Your basket"), path="/basket", index=False)
        return self._frame.show(
            seen, template, head, status, headers=headers, **({"changes": ()} | values)
        )


def _number(text: str, most: int) -> int | None:
    """Return a whole number from 0 to a limit, in any digits, or None where there is none."""
    number = digits(text).strip()
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(most))):
        return None
    return value if (value := int(number)) <= most else None
