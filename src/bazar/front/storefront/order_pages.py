"""An order's pages: where it is, and its cancel. Its address is its buyer's secret."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from markupsafe import Markup
from starlette.responses import Response, StreamingResponse

from bazar.front.storefront.basket import BasketLine
from bazar.front.storefront.frame import Frame, Head
from bazar.front.storefront.order_words import (
    THANKS_MS,
    payment_of,
    qr_code,
    reason_words,
    refresh_s,
    spaced,
    steps_of,
)
from bazar.front.storefront.problems import error_page
from bazar.front.storefront.rows import rows_of
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import Visit
from bazar.front.upstream.orders import Orders
from bazar.front.upstream.passing import Passed
from bazar.kit.clock import Clock, now_ms
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, Unavailable
from bazar.kit.http.answers import Headers
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.money import to_minor
from bazar.kit.web import figures
from bazar.kit.web.answers import NO_STORE, see
from bazar.kit.web.texts import noted
from bazar.wire.books import Book
from bazar.wire.budgets import PLACE_MS
from bazar.wire.orders import Order
from bazar.wire.problems import OrderNotFound

LOOK_MS = 2000
"""For one look of a stream at its order."""
STREAMS_MAX = 500
"""Of undecided orders; whoever comes then looks again by itself."""
STREAM_S_MAX = 600
HEARTBEAT_S = 15
PAUSES_S = ((60, 1), (STREAM_S_MAX, 5))
"""Between two looks, until the stream is so old."""
_NO_INDEX = (b"x-robots-tag", b"noindex")
_PAGES = {
    "pending": ("order-pending.html", noted("Order %(reference)s is being looked at")),
    "confirmed": ("order.html", noted("Order %(reference)s")),
    "fulfilled": ("order.html", noted("Order %(reference)s")),
    "cancelled": ("order.html", noted("Order %(reference)s is cancelled")),
    "rejected": ("order-rejected.html", noted("Order %(reference)s was not possible")),
}
"""What shows an order, by its status, and under which title."""
_REFERENCE = Markup('<b class="mono"><bdi dir="ltr">{}</bdi></b>')
_ADDRESS = Markup('<bdi dir="ltr">{}</bdi>')
_order = msgspec.json.Decoder(Order).decode


def _read(answer: Passed) -> Order:
    """Return the order that an answer shows.

    Raises:
        OrderNotFound: definite; there is none.
        Unavailable: the answer makes no sense, or says that the order service is of no help now.
    """
    if answer.status == HTTPStatus.OK:
        try:
            return _order(answer.body)
        except msgspec.DecodeError as error:
            message = f"an order makes no sense: {error}"
            raise Unavailable(message) from error
    if answer.status == HTTPStatus.NOT_FOUND:
        message = "there is no such order"
        raise OrderNotFound(message)
    message = f"the order service answered with status {answer.status}"
    raise Unavailable(message)


class OrderPages:
    """The handlers of the pages of an order."""

    def __init__(
        self,
        frame: Frame,
        stockroom: Stockroom,
        orders: Orders,
        clock: Clock = now_ms,
    ) -> None:
        """Show these orders, with what the stock room says of their books."""
        self._frame = frame
        self._stockroom = stockroom
        self._orders = orders
        self._clock = clock
        self._streams = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End all streams."""
        self._stopping.set()

    async def error_page(self, request: Request, error: BazarError) -> Response:
        """Tell what went wrong."""
        response = error_page(self._frame, request, error)
        response.raw_headers.append(_NO_INDEX)
        return response

    @route("GET", "/order/{order_id}", answers={}, page=True, hidden=True, places="looking")
    async def order(self, request: Request) -> Response:
        """Show where an order is."""
        seen = self._frame.visit(request)
        order = await self._found(request)
        return await self._show_order(seen, order)

    @route("GET", "/order/{order_id}/cancel", answers={}, page=True, hidden=True, places="looking")
    async def ask_to_cancel(self, request: Request) -> Response:
        """Ask whether an order is to be cancelled."""
        seen = self._frame.visit(request)
        order = await self._found(request)
        if order.status == "cancelled":
            return self._see_order(seen, order.order_id)
        if order.status not in {"pending", "confirmed"}:
            return self._too_late(seen, order)
        title = self._frame.texts(seen.language).gettext("Cancel this order?")
        return self._show(seen, "cancel.html", title, order=order, reference=spaced(order))

    @route(
        "POST", "/order/{order_id}/cancel", answers={}, page=True, hidden=True, places="cancelling"
    )
    async def cancel(self, request: Request) -> Response:
        """Cancel an order, and give its copies back, once."""
        seen = self._frame.visit(request)
        order_id = request.path_params["order_id"]
        try:
            answer = await self._orders.cancel(
                order_id, deadline=request.deadline(PLACE_MS), request_id=request.id
            )
        except Unavailable:
            title = self._frame.texts(seen.language).gettext(
                "We don't know yet whether it is cancelled."
            )
            headers: Headers = [(b"retry-after", b"2")]
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return self._show(
                seen, "cancel-unknown.html", title, status, headers, order_id=order_id
            )
        if answer.status == HTTPStatus.CONFLICT:
            return self._too_late(seen, await self._found(request))
        return self._see_order(seen, _read(answer).order_id)

    @route("GET", "/live/order/{order_id}", answers={}, hidden=True, places="watching")
    async def live(self, request: Request) -> Response:
        """Tell once an order is decided, as server-sent events."""
        if self._streams >= STREAMS_MAX or self._stopping.is_set():
            return Response(status_code=HTTPStatus.NO_CONTENT)
        order = await self._found(request)
        return StreamingResponse(
            self._events(order.order_id, request.id),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )

    async def _events(self, order_id: str, request_id: str) -> AsyncIterator[bytes]:
        if self._streams >= STREAMS_MAX:  # others began since this one was let in
            return
        now_s = asyncio.get_running_loop().time
        started_s = told_s = now_s()
        self._streams += 1
        try:
            yield b": open\n\n"
            while not self._stopping.is_set():
                if (status := await self._status(order_id, request_id)) not in {"", "pending"}:
                    yield b"data: %b\n\n" % status.encode()
                    return
                age_s = now_s() - started_s
                pause_s = next((pause for until, pause in PAUSES_S if age_s < until), 0)
                if not pause_s:
                    return
                if now_s() - told_s >= HEARTBEAT_S:
                    told_s = now_s()
                    yield b": alive\n\n"
                try:
                    async with asyncio.timeout(pause_s):
                        await self._stopping.wait()
                except TimeoutError:
                    continue
        finally:
            self._streams -= 1

    async def _status(self, order_id: str, request_id: str) -> str:
        """Return the status of an order, empty where nobody says it now."""
        try:
            found = await self._orders.find(
                order_id, deadline=Deadline(LOOK_MS), request_id=request_id
            )
            return _read(found).status
        except BazarError:
            return ""

    async def _found(self, request: Request) -> Order:
        """Return the order of the path, or raise OrderNotFound or Unavailable."""
        return _read(
            await self._orders.find(
                request.path_params["order_id"],
                deadline=request.deadline(PLACE_MS),
                request_id=request.id,
            )
        )

    async def _show_order(self, seen: Visit, order: Order) -> Response:
        shop, texts = self._frame.shop, self._frame.texts(seen.language)
        age_ms = self._clock() - int(order.placed_at.timestamp() * 1000)
        currency = order.currency or shop.currency
        books = await self._books(order, seen)
        lines = [
            BasketLine(line.book_id, line.quantity, to_minor(line.price, currency))
            if line.price is not None
            else BasketLine(line.book_id, line.quantity, 0)
            for line in order.lines
        ]
        rows = rows_of(lines, books, currency, texts)
        template, title = _PAGES[order.status]
        return self._show(
            seen,
            template,
            texts.gettext(title, reference=spaced(order)),
            order=order,
            reference=spaced(order),
            rows=list(zip(rows, order.lines, strict=True)),
            copies=sum(line.quantity for line in order.lines),
            delivery=order.buyer.delivery if order.buyer else "collect",
            delivery_price=self._price(order.delivery_price, currency, seen),
            total=self._price(order.total, currency, seen),
            steps=steps_of(order, shop, texts),
            paying=payment_of(order, texts),
            thanks=order.status == "confirmed" and age_ms < THANKS_MS,
            refresh_s=refresh_s(age_ms) if order.status == "pending" else 0,
            code=qr_code(self._address(seen, order.order_id)),
            country=figures.country(order.buyer.country if order.buyer else "", seen.language),
            email=_ADDRESS.format(order.buyer.email if order.buyer else ""),
            reason=reason_words(order.reason, texts),
            reference_words=Markup('<b class="mono"><bdi dir="ltr">{}</bdi></b>').format(
                spaced(order)
            ),
            when=lambda at: figures.day_and_time(at, shop.time_zone, seen.language),
        )

    def _address(self, seen: Visit, order_id: str) -> str:
        """Return the whole address of an order's page."""
        host = seen.request.header(b"host")
        site = self._frame.site.url or f"http://{host}"
        return site + self._frame.href(seen.language, f"/order/{order_id}")

    def _price(self, amount: Any, currency: str, seen: Visit) -> str:  # noqa: ANN401  a price or none
        return "" if amount is None else figures.price(amount, currency, seen.language)

    async def _books(self, order: Order, seen: Visit) -> Mapping[int, Book]:
        """Return the books of an order, or none while the stock room is away."""
        ids = [line.book_id for line in order.lines]
        try:
            return await self._stockroom.books(ids, seen.request.id)
        except BazarError:
            return {}

    def _too_late(self, seen: Visit, order: Order) -> Response:
        texts = self._frame.texts(seen.language)
        title = texts.gettext("We have handed it over already.")
        if order.status == "rejected":
            title = texts.gettext("There is nothing to cancel.")
        return self._show(
            seen, "too-late.html", title, HTTPStatus.CONFLICT, order=order, words=title
        )

    def _see_order(self, seen: Visit, order_id: str) -> Response:
        return see(self._frame.href(seen.language, f"/order/{order_id}"))

    def _show(
        self,
        seen: Visit,
        template: str,
        title: str,
        status: int = 200,
        headers: Headers | None = None,
        **values: Any,  # noqa: ANN401  whatever the template shows
    ) -> Response:
        if status >= HTTPStatus.BAD_REQUEST:
            title = self._frame.texts(seen.language).gettext("Problem: %(title)s", title=title)
        head = Head(title=title, path=seen.path, index=False)
        headers = [*(headers or ()), _NO_INDEX]
        return self._frame.show(
            seen, template, head, status, caching=NO_STORE, headers=headers, **values
        )
