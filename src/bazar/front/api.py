"""The public routes. Answers pass through untouched: the services behind make them."""

from urllib.parse import quote

from starlette.responses import Response

from bazar.front.upstream.shop import Shop
from bazar.kit.errors import Unavailable
from bazar.kit.http.endpoint import Link, route
from bazar.kit.http.idempotency import KEY_HEADER, given_or_new_key, key_header
from bazar.kit.http.request import Request
from bazar.kit.identity import is_id
from bazar.wire.books import Book, BookQuery, BookTitle, TopicCount
from bazar.wire.orders import (
    Accepted,
    Line,
    Order,
    OrderRequest,
    Purchase,
    PurchaseRequest,
    Receipt,
)
from bazar.wire.placing import Kind
from bazar.wire.problems import (
    PLACING_ERRORS,
    BookNotFound,
    OrderNotCancellable,
    OrderNotFound,
    PurchaseUnavailable,
)


def _order_links(*statuses: int) -> list[Link]:
    """Return what can be done with the order that an answer names."""
    return [
        Link(status, to, "order_id", "/order_id")
        for status in statuses
        for to in ("find_order", "cancel_order")
    ]


class FrontApi:
    """The handlers of the front."""

    def __init__(self, shop: Shop) -> None:
        """Serve this shop."""
        self._shop = shop

    @route(
        "GET",
        "/info/{book_id:number}",
        answers={200: Book},
        errors=(BookNotFound, Unavailable),
        links=(Link(200, "purchase", "book_id", "/id"),),
    )
    async def info(self, request: Request, book_id: int) -> Response:
        """Show a book."""
        return await self._shop.book(request, book_id)

    @route(
        "GET",
        "/search/{topic:path}",
        answers={200: list[BookTitle]},
        errors=(Unavailable,),
        links=(Link(200, "info", "book_id", "/0/id"),),
    )
    async def search(self, request: Request) -> Response:
        """List the books of a topic: any case, spaces or hyphens."""
        topic = quote(request.path_params["topic"], safe="")
        return await self._shop.titles(request, f"/query?topic={topic}")

    @route(
        "GET",
        "/topics",
        answers={200: list[TopicCount]},
        errors=(Unavailable,),
        links=(Link(200, "search", "topic", "/0/topic"),),
    )
    async def topics(self, request: Request) -> Response:
        """List every topic with the number of its books."""
        return await self._shop.read(request, "/topics")

    @route(
        "GET",
        "/books",
        query=BookQuery,
        answers={200: list[Book]},
        errors=(Unavailable,),
        links=(Link(200, "info", "book_id", "/0/id"),),
    )
    async def books(self, request: Request) -> Response:
        """List or search books, a page at a time."""
        query = request.url.query
        return await self._shop.read(request, f"/books?{query}" if query else "/books")

    @route(
        "POST",
        "/purchase/{book_id:number}",
        answers={201: Purchase, 202: Accepted},
        errors=PLACING_ERRORS,
        idempotency_key=True,
        full="full",
        links=_order_links(201, 202),
    )
    async def purchase(self, request: Request, book_id: int, body: PurchaseRequest) -> Response:
        """Buy copies of one book, exactly once a key."""
        return await self._place(request, "purchase", [Line(book_id, body.quantity)])

    @route(
        "POST",
        "/orders",
        answers={201: Receipt, 202: Accepted},
        errors=PLACING_ERRORS,
        idempotency_key=True,
        full="full",
        links=_order_links(201, 202),
    )
    async def order(self, request: Request, body: OrderRequest) -> Response:
        """Buy several books, all or nothing, exactly once a key."""
        return await self._place(request, "order", body.lines)

    def full(self) -> bool:
        """Tell whether purchases have to be refused, since too many wait."""
        return self._shop.full()

    async def _place(self, request: Request, kind: Kind, lines: list[Line]) -> Response:
        """Place an order under a key, so that it may be sent again without buying twice.

        Where the client sent no key we make one. The answer tells the key, so that even then the
        client can ask again.
        """
        key = given_or_new_key(request.header_list(KEY_HEADER))
        try:
            response = await self._shop.place(request, kind, lines, key)
        except Unavailable as error:
            raise PurchaseUnavailable(error.detail, key) from error
        response.raw_headers.append(key_header(key))
        return response

    @route("GET", "/orders/{order_id}", answers={200: Order}, errors=(OrderNotFound, Unavailable))
    async def find_order(self, request: Request) -> Response:
        """Show an order as it stands."""
        return await self._shop.order(request, _order_path(request))

    @route(
        "POST",
        "/orders/{order_id}/cancel",
        answers={200: Order},
        errors=(OrderNotFound, OrderNotCancellable, Unavailable),
        links=_order_links(200),
    )
    async def cancel_order(self, request: Request) -> Response:
        """Cancel an order and give its copies back, once."""
        return await self._shop.order(request, f"{_order_path(request)}/cancel")


def _order_path(request: Request) -> str:
    """Return the path of an order at the order service, where we may go and strangers may not.

    Raises:
        OrderNotFound: definite; no order can have this id.
    """
    order_id = request.path_params["order_id"]
    if not is_id(order_id):
        message = f"no order has the id {order_id[:64]!r}"
        raise OrderNotFound(message)
    return f"/orders/{order_id}"
