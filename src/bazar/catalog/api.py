"""The catalog's routes: HTTP in, use cases behind, HTTP out."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response, StreamingResponse

from bazar.catalog.checking import Checking
from bazar.catalog.domain import BookExists, ReservationNotFound, StockTooLow
from bazar.catalog.feed import Feed
from bazar.catalog.imports import Imports
from bazar.catalog.shelf import Shelf
from bazar.catalog.stock import Stock
from bazar.kit.errors import BazarError, InvalidRequest, Unavailable
from bazar.kit.http.answers import (
    changed_response,
    json_response,
    tagged_response,
    unless_held,
)
from bazar.kit.http.conditions import known_by
from bazar.kit.http.endpoint import Endpoint, Link, route
from bazar.kit.http.idempotency import KEY_HEADER, InvalidKey, parse_key
from bazar.kit.http.request import Request
from bazar.kit.money import may_be_price
from bazar.kit.steps import steps
from bazar.wire.audit import AuditMark, AuditQuery, Integrity, KeptDecision
from bazar.wire.books import (
    SEQ_HEADER,
    VERSION_HEADER,
    AllBooksQuery,
    Book,
    BookChanged,
    BookCounts,
    BookEdit,
    BookEdited,
    BookQuery,
    BookTitle,
    EditsQuery,
    NewBook,
    Sign,
    TopicCount,
    TopicQuery,
)
from bazar.wire.imports import ImportRequest, ImportResult
from bazar.wire.limits import (
    IMPORT_BODY_BYTES_MAX,
    INTERNAL_BODY_BYTES_MAX,
    ORDER_ID_LENGTH_MAX,
    STOCK_MAX,
)
from bazar.wire.problems import BookNotFound, KeyReused
from bazar.wire.shop import SHOP_EVENT, ShopChanged
from bazar.wire.stock import (
    InStock,
    Movement,
    MovementsQuery,
    Outcome,
    ReservationsQuery,
    Reserve,
    ReserveBatch,
    StockQuestion,
    StockReport,
    StockReportQuery,
)

STOCK_FIELD = "amount_of_items"
PRICE_FIELDS = ("price", "cost")
KEY_ERRORS = (InvalidKey, KeyReused)


def _book_links(status: int, pointer: str) -> list[Link]:
    """Return what can be done with the book that an answer names."""
    return [Link(status, to, "book_id", pointer) for to in ("info", "query_book", "edit", "update")]


def _reservation_links(pointer: str) -> list[Link]:
    """Return what can be done with the decision that an answer names."""
    return [Link(200, to, "order_id", pointer) for to in ("reservation", "release")]


class CatalogApi:
    """The handlers of the catalog."""

    def __init__(
        self, shelf: Shelf, stock: Stock, imports: Imports, checking: Checking, feed: Feed
    ) -> None:
        """Serve these use cases, and tell what they change."""
        self._shelf = shelf
        self._stock = stock
        self._imports = imports
        self._checking = checking
        self._feed = feed

    @route("GET", "/info/{book_id:number}", answers={200: Book, 304: None}, errors=(BookNotFound,))
    async def info(self, request: Request, book_id: int) -> Response:
        """Show a book."""
        book = await self._shelf.info(book_id)
        headers = {VERSION_HEADER: str(book.version)}
        return unless_held(request, tagged_response(book, headers))

    @route("GET", "/query/{book_id:number}", answers={200: Book, 304: None}, errors=(BookNotFound,))
    async def query_book(self, request: Request, book_id: int) -> Response:
        """Show a book, under the lab's other name."""
        return await self.info(request, book_id)

    @route(
        "GET",
        "/search/{topic:path}",
        answers={200: list[BookTitle], 304: None},
        places="searching",
        links=(Link(200, "info", "book_id", "/0/id"),),
        packed=True,
    )
    async def search(self, request: Request) -> Response:
        """List the books of a topic: any case, spaces or hyphens."""
        titles = await self._shelf.search(request.path_params["topic"])
        return unless_held(request, tagged_response(titles))

    @route(
        "GET",
        "/query",
        answers={200: list[BookTitle], 304: None},
        places="searching",
        links=(Link(200, "query_book", "book_id", "/0/id"),),
        packed=True,
    )
    async def query(self, request: Request, query: TopicQuery) -> Response:
        """List the books of a topic, in the lab's other form."""
        return unless_held(request, tagged_response(await self._shelf.search(query.topic)))

    @route(
        "GET",
        "/topics",
        answers={200: list[TopicCount], 304: None},
        places="searching",
        links=(Link(200, "search", "topic", "/0/topic"),),
        packed=True,
    )
    async def topics(self, request: Request) -> Response:
        """List the topics, at most the 10,000 with the most books, each with their number."""
        topics = await request.while_there(self._shelf.topics())
        return unless_held(request, tagged_response(topics))

    @route(
        "GET",
        "/books",
        answers={200: list[Book], 304: None},
        places="searching",
        links=_book_links(200, "/0/id"),
        packed=True,
    )
    async def books(self, request: Request, query: BookQuery) -> Response:
        """List or search books, a page at a time."""
        books, cursor = await request.while_there(self._shelf.list_books(query))
        headers = {}
        if cursor is not None:
            headers["link"] = f'</books?{_following(query, cursor)}>; rel="next"'
        return unless_held(request, tagged_response(books, headers))

    @route(
        "GET",
        "/books/counts",
        answers={200: BookCounts, 304: None},
        places="searching",
        links=(Link(200, "search", "topic", "/topics/0/topic"),),
        packed=True,
    )
    async def counts(self, request: Request, query: BookQuery) -> Response:
        """Count the books that a query finds, at most 10,000, and those of each topic."""
        counts = await request.while_there(self._shelf.count(query))
        return unless_held(request, tagged_response(counts))

    @route(
        "GET",
        "/books/edits",
        answers={200: list[BookEdited]},
        places="searching",
        packed=True,
    )
    async def edits(self, request: Request, query: EditsQuery) -> Response:
        """List books by id, a page at a time, each with when it was edited last."""
        return json_response(await request.while_there(self._shelf.edits(query)))

    @route("GET", "/books/all", answers={200: list[Book]}, secret=True)
    async def every(self, request: Request, query: AllBooksQuery) -> Response:
        """List all books by id, the retired ones too, a page at a time."""
        return json_response(await request.while_there(self._shelf.every(query)))

    @route(
        "POST",
        "/books",
        answers={201: Book},
        errors=(BookExists, *KEY_ERRORS, Unavailable),
        secret=True,
        idempotency_key=True,
        links=_book_links(201, "/id"),
    )
    async def add(self, request: Request, body: NewBook) -> Response:
        """Add a book; with a key once."""
        book = await self._shelf.add(body, key_of(request))
        return json_response(book, 201, {"location": f"/info/{book.id}"})

    @route(
        "PATCH",
        "/books/{book_id:number}",
        answers={200: Book},
        errors=(BookNotFound, BookExists, *KEY_ERRORS, Unavailable),
        secret=True,
        idempotency_key=True,
        if_match=True,
    )
    async def edit(self, request: Request, book_id: int, body: BookEdit) -> Response:
        """Change what describes a book, or its price."""
        check = known_by(request)
        return changed_response(await self._shelf.edit(book_id, body, key_of(request), check))

    @route(
        "PUT",
        "/update/{book_id:number}/{field}/{value}",
        answers={200: Book},
        errors=(BookNotFound, StockTooLow, InvalidRequest, *KEY_ERRORS, Unavailable),
        secret=True,
        idempotency_key=True,
    )
    async def update(self, request: Request, book_id: int) -> Response:
        """Change the stock (amount_of_items, relative) or the price (price or cost)."""
        field, value = request.path_params["field"], request.path_params["value"]
        if field == STOCK_FIELD:
            moved = await self._stock.move_stock(book_id, _change(value), key_of(request))
            return json_response(moved)
        if field in PRICE_FIELDS:
            repriced = await self._shelf.reprice(book_id, _price(value), key_of(request))
            return json_response(repriced)
        message = f"{field[:40]!r} cannot be updated; {STOCK_FIELD}, price and cost can"
        raise InvalidRequest(message, member="field")

    @route(
        "POST",
        "/imports",
        answers={200: list[ImportResult]},
        errors=(Unavailable,),
        secret=True,
        body_bytes_max=IMPORT_BODY_BYTES_MAX,
    )
    async def take_in(self, _request: Request, body: ImportRequest) -> Response:
        """Take in up to 500 rows; running it twice changes nothing."""
        return json_response(await self._imports.take_in(body))

    @route(
        "POST",
        "/reservations",
        answers={200: list[Outcome]},
        errors=(Unavailable,),
        secret=True,
        places="buying",
        links=_reservation_links("/0/order_id"),
        body_bytes_max=INTERNAL_BODY_BYTES_MAX,
    )
    async def reserve(self, request: Request, body: ReserveBatch) -> Response:
        """Decide a batch of reservations, each at most once."""
        _check_prices(body)
        request.facts["reservations"] = len(body)
        request.facts["request_ids"] = ",".join(one.request_id for one in body)
        if steps.on:
            for one in body:
                about = {"request_id": one.request_id, "order_id": one.order_id}
                steps.write("asked-for", **about, call=request.id, batch=len(body))
        return json_response(await self._stock.reserve(body))

    @route("POST", "/in-stock", answers={200: list[InStock]}, secret=True, places="looking")
    async def in_stock(self, _request: Request, body: StockQuestion) -> Response:
        """Tell which of some books can be bought now."""
        return json_response(await self._stock.in_stock(body.book_ids))

    @route(
        "POST",
        "/reservations/{order_id}/release",
        hidden=True,
        answers={200: Outcome},
        errors=(Unavailable,),
        secret=True,
        places="cancelling",
        links=_reservation_links("/order_id"),
    )
    async def release(self, request: Request) -> Response:
        """Give back what an order took, once."""
        order_id = _order_id(request)
        if steps.on:
            steps.write("release-asked", order_id=order_id, call=request.id)
        return json_response(await self._stock.release(order_id))

    @route(
        "GET",
        "/reservations",
        answers={200: list[Outcome]},
        secret=True,
        links=_reservation_links("/0/order_id"),
    )
    async def reservations(self, request: Request, query: ReservationsQuery) -> Response:
        """List decisions by order id, a page at a time."""
        found = await request.while_there(self._stock.reservations(query.after, query.limit))
        return json_response(found)

    @route(
        "GET",
        "/reservations/{order_id}",
        hidden=True,
        answers={200: Outcome},
        errors=(ReservationNotFound,),
        secret=True,
    )
    async def reservation(self, request: Request) -> Response:
        """Show what was decided about an order."""
        return json_response(await self._stock.reservation(_order_id(request)))

    @route("GET", "/movements", answers={200: list[Movement]}, secret=True)
    async def movements(self, request: Request, query: MovementsQuery) -> Response:
        """List the stock ledger, a page at a time."""
        found = await request.while_there(self._stock.movements(query.after, query.limit))
        return json_response(found)

    @route("GET", "/stock-report", answers={200: StockReport}, secret=True)
    async def stock_report(self, request: Request, query: StockReportQuery) -> Response:
        """Compare stock, ledger and reservations, a part at a time."""
        return json_response(await request.while_there(self._checking.part(query.after)))

    @route("GET", "/audit", answers={200: AuditMark}, secret=True)
    async def audit(self, _request: Request) -> Response:
        """Tell where the orders end now that the catalog knows of."""
        return json_response(AuditMark(await self._checking.last_order_id()))

    @route(
        "GET",
        "/audit/decisions",
        answers={200: list[KeptDecision]},
        secret=True,
        links=(Link(200, "audit_decision", "order_id", "/0/order_id"),),
    )
    async def audit_decisions(self, request: Request, query: AuditQuery) -> Response:
        """List decisions as they are kept, a page at a time; only the end is empty."""
        page = self._checking.decisions(query.after, query.limit)
        return json_response(await request.while_there(page))

    @route(
        "GET",
        "/audit/decisions/{order_id}",
        hidden=True,
        answers={200: KeptDecision},
        errors=(ReservationNotFound,),
        secret=True,
    )
    async def audit_decision(self, request: Request) -> Response:
        """Show a decision as it is kept."""
        return json_response(await self._checking.decision(_order_id(request)))

    @route("GET", "/audit/integrity", answers={200: Integrity}, secret=True)
    async def audit_integrity(self, request: Request) -> Response:
        """Have the database look for faults in itself; it reads all of it."""
        return json_response(Integrity(await request.while_there(self._checking.faults())))

    @route(
        "GET",
        "/changes",
        answers={200: None},
        places="watching",
        tag="books",
        media_type="text/event-stream",
    )
    async def changes(self, _request: Request) -> Response:
        """Stream which books change, as server-sent events."""
        return StreamingResponse(
            self._events(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _events(self) -> AsyncIterator[bytes]:
        """Write `: open` once nothing can be missed, then commits and signs of life.

        The sign of a commit follows its changes: whoever hears it has heard them all.
        """
        word = "open"
        async for told in self._feed.follow():
            events = map(_event, told.changes)
            sign = Sign("told" if told.changes else word, told.place, told.at_ms)
            yield b"%b%b\n\n" % (b"".join(events), sign.line())
            word = "alive"


def with_place(endpoint: Endpoint, feed: Feed) -> Endpoint:
    """Have each answer say how far the feed had come before anything was read for it.

    Never how far it is afterwards: the answer would claim changes that it does not show. A change
    is there for all readers before the feed counts it.
    """
    answer = endpoint.answer
    name = SEQ_HEADER.encode()

    async def placed(request: Request) -> Response:
        place = name, str(feed.place).encode()
        try:
            response = await answer(request)
        except BazarError as error:
            error.headers = (*error.headers, place)
            raise
        response.raw_headers.append(place)
        return response

    return replace(endpoint, answer=placed)


def _following(query: BookQuery, cursor: str) -> str:
    """Return the arguments of the next page: those of this one, and where it ends."""
    said = msgspec.structs.asdict(query).items()
    given = {name: value for name, value in said if value is not None}
    if query.in_stock == "0":
        del given["in_stock"]
    return urlencode(given | {"after": cursor})


def _event(change: BookChanged | ShopChanged) -> bytes:
    """Return a change as a server-sent event; one of the settings has a name, one of a book none.

    Source: HTML Living Standard, section 9.2.6
    """
    name = b"" if isinstance(change, BookChanged) else b"event: %b\n" % SHOP_EVENT.encode()
    return b"%bdata: %b\n\n" % (name, msgspec.json.encode(change))


def key_of(request: Request) -> str | None:
    """Return the key of a request that may have one."""
    headers = request.header_list(KEY_HEADER)
    return parse_key(headers) if headers else None


def _check_prices(reserves: Sequence[Reserve]) -> None:
    """Refuse what no buyer can have seen: an order service that sends it is at fault."""
    for one in reserves:
        for line in one.lines:
            if line.price is not None and not may_be_price(line.price):
                message = f"{line.price} is no price of book {line.book_id}"
                raise InvalidRequest(message, member="lines")


def _order_id(request: Request) -> str:
    order_id: str = request.path_params["order_id"]
    if len(order_id) > ORDER_ID_LENGTH_MAX:
        message = f"an order id has at most {ORDER_ID_LENGTH_MAX} characters, not {len(order_id)}"
        raise InvalidRequest(message, member="order_id")
    return order_id


def _change(text: str) -> int:
    digits = text.removeprefix("-").removeprefix("+")
    if text[1:2] in {"+", "-"} or not (
        digits.isascii() and digits.isdigit() and len(digits) <= len(str(STOCK_MAX))
    ):
        message = (
            f"amount_of_items takes a whole number from -{STOCK_MAX} to {STOCK_MAX}, such as -1, "
            f"not {text[:40]!r}"
        )
        raise InvalidRequest(message, member="value")
    return int(text)


def _price(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]{1,13}(\.[0-9]{1,10})?", text):
        message = f"price takes a number such as 19.99, not {text[:40]!r}"
        raise InvalidRequest(message, member="value")
    return Decimal(text)
