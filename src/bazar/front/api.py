"""The public routes. Answers pass through untouched: the services behind make them."""

from urllib.parse import quote

from starlette.responses import Response

from bazar.front.upstream.shop import Shop
from bazar.kit.errors import Unavailable
from bazar.kit.http.answers import problem_response
from bazar.kit.http.endpoint import Endpoint, Link
from bazar.kit.http.idempotency import KEY_HEADER, format_key, given_or_new_key
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
from bazar.wire.problems import PLACING_ERRORS, BookNotFound, OrderNotCancellable, OrderNotFound


class FrontApi:
    """The handlers of the front."""

    def __init__(self, shop: Shop) -> None:
        """Serve this shop."""
        self._shop = shop

    async def info(self, request: Request) -> Response:
        """Answer a book."""
        return await self._shop.book(request, request.number("book_id"))

    async def search(self, request: Request) -> Response:
        """Answer the books of a topic."""
        topic = quote(request.path_params["topic"], safe="")
        return await self._shop.titles(request, f"/query?topic={topic}")

    async def topics(self, request: Request) -> Response:
        """Answer every topic."""
        return await self._shop.read(request, "/topics")

    async def books(self, request: Request) -> Response:
        """Answer a page of books."""
        query = request.url.query
        return await self._shop.read(request, f"/books?{query}" if query else "/books")

    async def purchase(self, request: Request) -> Response:
        """Buy one book."""
        book_id = request.number("book_id")
        body = request.struct(PurchaseRequest)
        return await self._place(request, "purchase", [Line(book_id, body.quantity)])

    async def order(self, request: Request) -> Response:
        """Buy several books."""
        return await self._place(request, "order", request.struct(OrderRequest).lines)

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
            request.facts["error"] = error.code
            response = problem_response(Unavailable(error.detail, idempotency_key=format_key(key)))
        response.headers[KEY_HEADER] = format_key(key)
        return response

    async def find_order(self, request: Request) -> Response:
        """Answer an order as it stands."""
        return await self._shop.order(request, _order_path(request))

    async def cancel_order(self, request: Request) -> Response:
        """Cancel an order."""
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


def front_endpoints(shop: Shop) -> list[Endpoint]:
    """Return the front's own endpoints; the busiest first."""
    api = FrontApi(shop)
    return [*_reading(api), *_buying(api)]


def _reading(api: FrontApi) -> list[Endpoint]:
    """Books."""
    return [
        Endpoint(
            method="GET",
            path="/info/{book_id}",
            handler=api.info,
            summary="Show a book",
            answers={200: Book},
            errors=(BookNotFound, Unavailable),
            links=(Link(200, api.purchase, "book_id", "/id"),),
        ),
        Endpoint(
            method="GET",
            path="/search/{topic:path}",
            handler=api.search,
            summary="List the books of a topic: any case, spaces or hyphens",
            answers={200: list[BookTitle]},
            errors=(Unavailable,),
            links=(Link(200, api.info, "book_id", "/0/id"),),
        ),
        Endpoint(
            method="GET",
            path="/topics",
            handler=api.topics,
            summary="List every topic with the number of its books",
            answers={200: list[TopicCount]},
            errors=(Unavailable,),
            links=(Link(200, api.search, "topic", "/0/topic"),),
        ),
        Endpoint(
            method="GET",
            path="/books",
            handler=api.books,
            summary="List or search books, a page at a time",
            arguments=BookQuery,
            answers={200: list[Book]},
            errors=(Unavailable,),
            links=(Link(200, api.info, "book_id", "/0/id"),),
        ),
    ]


def _buying(api: FrontApi) -> list[Endpoint]:
    """Orders."""
    return [
        Endpoint(
            method="POST",
            path="/purchase/{book_id}",
            handler=api.purchase,
            summary="Buy copies of one book, exactly once a key",
            body=PurchaseRequest,
            answers={201: Purchase, 202: Accepted},
            errors=PLACING_ERRORS,
            idempotency_key=True,
            full=api.full,
            links=_order_links(api, 201, 202),
        ),
        Endpoint(
            method="POST",
            path="/orders",
            handler=api.order,
            summary="Buy several books, all or nothing, exactly once a key",
            body=OrderRequest,
            answers={201: Receipt, 202: Accepted},
            errors=PLACING_ERRORS,
            idempotency_key=True,
            full=api.full,
            links=_order_links(api, 201, 202),
        ),
        Endpoint(
            method="GET",
            path="/orders/{order_id}",
            handler=api.find_order,
            summary="Show an order as it stands",
            answers={200: Order},
            errors=(OrderNotFound, Unavailable),
        ),
        Endpoint(
            method="POST",
            path="/orders/{order_id}/cancel",
            handler=api.cancel_order,
            summary="Cancel an order and give its copies back, once",
            answers={200: Order},
            errors=(OrderNotFound, OrderNotCancellable, Unavailable),
            links=_order_links(api, 200),
        ),
    ]


def _order_links(api: FrontApi, *statuses: int) -> list[Link]:
    """Return what can be done with the order that an answer names."""
    return [
        Link(status, to, "order_id", "/order_id")
        for status in statuses
        for to in (api.find_order, api.cancel_order)
    ]
