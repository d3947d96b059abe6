"""The public routes. Answers pass through untouched: the services behind make them."""

from starlette.responses import Response

from bazar.front.upstream.catalog import Catalog, How
from bazar.front.upstream.orders import Orders
from bazar.front.upstream.passing import Passed
from bazar.front.upstream.terms import NO_TERMS, Terms, terms_for
from bazar.kit.deadline import Deadline
from bazar.kit.errors import InvalidRequest, Unauthorized, Unavailable
from bazar.kit.http.answers import Ready, ReadyResponse, unless_held
from bazar.kit.http.endpoint import Link, route
from bazar.kit.http.idempotency import KEY_HEADER, given_or_new_key, key_header
from bazar.kit.http.request import Request
from bazar.kit.secret import check_bearer
from bazar.wire.books import Book, BookCounts, BookQuery, BookTitle, TopicCount
from bazar.wire.budgets import PLACE_MS
from bazar.wire.orders import (
    Accepted,
    Buyer,
    Line,
    Order,
    OrderRequest,
    Purchase,
    PurchaseRequest,
    Receipt,
)
from bazar.wire.placing import Kind, placing_response
from bazar.wire.problems import (
    PLACING_ERRORS,
    BookNotFound,
    OpenApiOff,
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


_CACHE_STATUS: dict[How, tuple[bytes, bytes]] = {
    "hit": (b"cache-status", b"bazar; hit"),
    "miss": (b"cache-status", b"bazar; fwd=miss"),
    "bypass": (b"cache-status", b"bazar; fwd=bypass"),
}


class FrontApi:
    """The handlers of the front."""

    def __init__(self, catalog: Catalog, orders: Orders, only_with: str | None = None) -> None:
        """Answer from these two, and place orders of buyers on the shop's terms.

        Args:
            catalog: of the books.
            orders: takes them.
            only_with: the secret with which alone orders are taken here, or None: from anyone.
        """
        self._catalog = catalog
        self._orders = orders
        self._only_with = only_with

    @route(
        "GET",
        "/info/{book_id:number}",
        answers={200: Book, 304: None},
        errors=(BookNotFound, Unavailable),
        links=(Link(200, "purchase", "book_id", "/id"),),
        at_once="info_at_once",
    )
    async def info(self, request: Request, book_id: int) -> Response:
        """Show a book."""
        seen = await self._catalog.book(book_id, fresh=_fresh(request), request_id=request.id)
        return unless_held(request, _response(request, seen.answer, seen.how))

    def info_at_once(self, book_id: int) -> Ready | None:
        """Return what `info` answers about a book that is held here, else None."""
        held = self._catalog.held(book_id)
        return _ready(held, "hit") if held is not None else None

    @route(
        "GET",
        "/search/{topic:path}",
        answers={200: list[BookTitle], 304: None},
        errors=(Unavailable,),
        places="searching",
        links=(Link(200, "info", "book_id", "/0/id"),),
        packed=True,
    )
    async def search(self, request: Request) -> Response:
        """List the books of a topic: any case, spaces or hyphens."""
        topic = request.path_params["topic"]
        seen = await self._catalog.titles(topic, fresh=_fresh(request), request_id=request.id)
        return unless_held(request, _response(request, seen.answer, seen.how))

    @route(
        "GET",
        "/topics",
        answers={200: list[TopicCount], 304: None},
        errors=(Unavailable,),
        places="searching",
        links=(Link(200, "search", "topic", "/0/topic"),),
        packed=True,
    )
    async def topics(self, request: Request) -> Response:
        """List the topics, at most the 10,000 with the most books, each with their number."""
        seen = await self._catalog.topics(request_id=request.id)
        return unless_held(request, _response(request, seen.answer, seen.how))

    @route(
        "GET",
        "/books",
        query=BookQuery,
        answers={200: list[Book], 304: None},
        errors=(Unavailable,),
        places="searching",
        links=(Link(200, "info", "book_id", "/0/id"),),
        packed=True,
    )
    async def books(self, request: Request) -> Response:
        """List or search books, a page at a time."""
        seen = await self._catalog.books(request.url.query, request_id=request.id)
        return unless_held(request, _response(request, seen.answer, seen.how))

    @route(
        "GET",
        "/books/counts",
        query=BookQuery,
        answers={200: BookCounts, 304: None},
        errors=(Unavailable,),
        places="searching",
        links=(Link(200, "search", "topic", "/topics/0/topic"),),
        packed=True,
    )
    async def counts(self, request: Request) -> Response:
        """Count the books that a query finds, at most 10,000, and those of each topic."""
        seen = await self._catalog.counted(request.url.query, request_id=request.id)
        return unless_held(request, _response(request, seen.answer, seen.how))

    @route(
        "POST",
        "/purchase/{book_id:number}",
        answers={201: Purchase, 202: Accepted},
        errors=(*PLACING_ERRORS, OpenApiOff),
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
        errors=(*PLACING_ERRORS, OpenApiOff),
        idempotency_key=True,
        full="full",
        links=_order_links(201, 202),
    )
    async def order(self, request: Request, body: OrderRequest) -> Response:
        """Buy several books, all or nothing, exactly once a key."""
        return await self._place(request, "order", body.lines, body.buyer)

    def full(self) -> bool:
        """Tell whether purchases have to be refused, since too many wait."""
        return self._orders.full()

    async def _place(
        self, request: Request, kind: Kind, lines: list[Line], buyer: Buyer | None = None
    ) -> Response:
        """Place an order under a key, so that it may be sent again without buying twice.

        Where the client sent no key we make one. The answer tells the key, so that even then the
        client can ask again.
        """
        if self._only_with is not None:
            _refuse_strangers(request, self._only_with)
        key = given_or_new_key(request.header_list(KEY_HEADER))
        deadline = request.deadline(PLACE_MS)
        try:
            terms = await self._terms(request, buyer, key, deadline) if buyer else NO_TERMS
            placed = await self._orders.place(
                kind,
                lines,
                key,
                deadline=deadline,
                request_id=request.id,
                buyer=buyer,
                delivery_minor=terms.delivery_minor,
                open_orders_max=terms.open_orders_max,
            )
        except Unavailable as error:
            raise PurchaseUnavailable(error.detail, key) from error
        if placed.timing:
            request.timings.append(placed.timing)
        response = placing_response(request, placed.answer, internal=False)
        response.raw_headers.append(key_header(key))
        return response

    async def _terms(self, request: Request, buyer: Buyer, key: str, deadline: Deadline) -> Terms:
        """Return the shop's terms for a buyer; of an order that is there already none are needed.

        Raises:
            InvalidRequest: definite; the shop does not deliver so, or is not paid so.
            Unavailable: nobody says how the shop delivers, or whether the order is there.
        """
        try:
            return terms_for(await self._catalog.shop(request_id=request.id), buyer)
        except InvalidRequest:
            if await self._orders.used_by(key, deadline=deadline, request_id=request.id):
                return NO_TERMS
            raise

    @route(
        "GET",
        "/orders/{order_id}",
        hidden=True,
        answers={200: Order},
        errors=(OrderNotFound, Unavailable),
        places="looking",
    )
    async def find_order(self, request: Request) -> Response:
        """Show an order as it stands."""
        answer = await self._orders.find(
            request.path_params["order_id"],
            deadline=request.deadline(PLACE_MS),
            request_id=request.id,
        )
        return _response(request, answer, "bypass")

    @route(
        "POST",
        "/orders/{order_id}/cancel",
        hidden=True,
        answers={200: Order},
        errors=(OrderNotFound, OrderNotCancellable, Unavailable),
        places="cancelling",
        links=_order_links(200),
    )
    async def cancel_order(self, request: Request) -> Response:
        """Cancel an order and give its copies back, once."""
        answer = await self._orders.cancel(
            request.path_params["order_id"],
            deadline=request.deadline(PLACE_MS),
            request_id=request.id,
        )
        return _response(request, answer, "bypass")


def _refuse_strangers(request: Request, secret: str) -> None:
    try:
        check_bearer(request.header(b"authorization"), secret)
    except Unauthorized as error:
        message = "the open interface of this shop takes no orders"
        raise OpenApiOff(message) from error


def _fresh(request: Request) -> bool:
    """Tell whether the client wants no answer that was kept."""
    return "no-cache" in request.header(b"cache-control")


def _response(request: Request, answer: Passed, how: How) -> Response:
    """Return another service's answer as our own; what it took counts where it was asked now."""
    if answer.timing and how != "hit":
        request.timings.append(answer.timing)
    status, body, raw_headers = _ready(answer, how)
    return ReadyResponse(body, status, raw_headers)


def _ready(answer: Passed, how: How) -> Ready:
    return Ready(answer.status, answer.body, [*answer.raw_headers, _CACHE_STATUS[how]])
