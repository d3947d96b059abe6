"""The public routes. Answers pass through untouched: the services behind make them."""

from starlette.responses import Response

from bazar.front.upstream.catalog import Catalog, How
from bazar.front.upstream.orders import Orders
from bazar.front.upstream.passing import Passed
from bazar.kit.errors import Unavailable
from bazar.kit.http.answers import ReadyResponse, problem_response
from bazar.kit.http.endpoint import Endpoint, Link
from bazar.kit.http.idempotency import KEY_HEADER, format_key, given_or_new_key
from bazar.kit.http.request import Request
from bazar.wire.books import Book, BookQuery, BookTitle, TopicCount
from bazar.wire.budgets import PLACE_MS
from bazar.wire.orders import (
    Accepted,
    Line,
    Order,
    OrderRequest,
    Purchase,
    PurchaseRequest,
    Receipt,
)
from bazar.wire.placing import Kind, placing_response
from bazar.wire.problems import PLACING_ERRORS, BookNotFound, OrderNotCancellable, OrderNotFound

_CACHE_STATUS: dict[How, tuple[bytes, bytes]] = {
    "hit": (b"cache-status", b"bazar; hit"),
    "miss": (b"cache-status", b"bazar; fwd=miss"),
    "bypass": (b"cache-status", b"bazar; fwd=bypass"),
}
_KEY_HEADER = KEY_HEADER.encode()


class FrontApi:
    """The handlers of the front."""

    def __init__(self, catalog: Catalog, orders: Orders) -> None:
        """Answer from these two."""
        self._catalog = catalog
        self._orders = orders

    async def info(self, request: Request) -> Response:
        """Answer a book."""
        book_id = request.number("book_id")
        seen = await self._catalog.book(book_id, fresh=_fresh(request), request_id=request.id)
        return _response(request, *seen)

    async def search(self, request: Request) -> Response:
        """Answer the books of a topic."""
        topic = request.path_params["topic"]
        seen = await self._catalog.titles(topic, fresh=_fresh(request), request_id=request.id)
        return _response(request, *seen)

    async def topics(self, request: Request) -> Response:
        """Answer every topic."""
        return _response(request, *await self._catalog.topics(request_id=request.id))

    async def books(self, request: Request) -> Response:
        """Answer a page of books."""
        query = request.url.query
        return _response(request, *await self._catalog.books(query, request_id=request.id))

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
        return self._orders.full()

    async def _place(self, request: Request, kind: Kind, lines: list[Line]) -> Response:
        """Place an order under a key, so that it may be sent again without buying twice.

        Where the client sent no key we make one. The answer tells the key, so that even then the
        client can ask again.
        """
        key = given_or_new_key(request.header_list(KEY_HEADER))
        deadline = request.deadline(PLACE_MS)
        try:
            answer, timing = await self._orders.place(
                kind, lines, key, deadline=deadline, request_id=request.id
            )
        except Unavailable as error:
            request.facts["error"] = error.code
            response = problem_response(Unavailable(error.detail, idempotency_key=format_key(key)))
        else:
            if timing:
                request.timings.append(timing)
            response = placing_response(request, answer, internal=False)
        response.raw_headers.append((_KEY_HEADER, format_key(key).encode("latin-1")))
        return response

    async def find_order(self, request: Request) -> Response:
        """Answer an order as it stands."""
        answer = await self._orders.find(
            request.path_params["order_id"],
            deadline=request.deadline(PLACE_MS),
            request_id=request.id,
        )
        return _response(request, answer, "bypass")

    async def cancel_order(self, request: Request) -> Response:
        """Cancel an order."""
        answer = await self._orders.cancel(
            request.path_params["order_id"],
            deadline=request.deadline(PLACE_MS),
            request_id=request.id,
        )
        return _response(request, answer, "bypass")


def _fresh(request: Request) -> bool:
    """Tell whether the client wants no answer that was kept."""
    return "no-cache" in request.header(b"cache-control")


def _response(request: Request, answer: Passed, how: How) -> Response:
    """Return another service's answer as our own; what it took counts where it was asked now."""
    if answer.timing and how != "hit":
        request.timings.append(answer.timing)
    headers = [*answer.raw_headers, _CACHE_STATUS[how]]
    return ReadyResponse(answer.body, answer.status, headers)


def front_endpoints(catalog: Catalog, orders: Orders) -> list[Endpoint]:
    """Return the front's own endpoints; the busiest first."""
    api = FrontApi(catalog, orders)
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
