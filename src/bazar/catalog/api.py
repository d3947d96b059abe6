"""The catalog's routes: HTTP in, use cases behind, HTTP out."""

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response, StreamingResponse

from bazar.catalog.domain import BookExists, ReservationNotFound, StockTooLow
from bazar.catalog.feed import Feed
from bazar.catalog.imports import Imports
from bazar.catalog.shelf import Shelf
from bazar.catalog.stock import Stock
from bazar.kit.errors import InvalidRequest, Unavailable
from bazar.kit.http.answers import json_response
from bazar.kit.http.endpoint import Endpoint, Link
from bazar.kit.http.request import Request
from bazar.wire.books import (
    VERSION_HEADER,
    Book,
    BookEdit,
    BookQuery,
    BookTitle,
    NewBook,
    TopicCount,
    TopicQuery,
)
from bazar.wire.budgets import HEARTBEAT_MS
from bazar.wire.imports import ImportRequest, ImportResult
from bazar.wire.limits import (
    IMPORT_BODY_BYTES_MAX,
    INTERNAL_BODY_BYTES_MAX,
    ORDER_ID_LENGTH_MAX,
    STOCK_MAX,
)
from bazar.wire.problems import BookNotFound
from bazar.wire.stock import (
    Movement,
    MovementsQuery,
    Outcome,
    ReservationsQuery,
    ReserveBatch,
    StockReport,
)

STOCK_FIELD = "amount_of_items"
PRICE_FIELDS = ("price", "cost")


class CatalogApi:
    """The handlers of the catalog."""

    def __init__(self, shelf: Shelf, stock: Stock, imports: Imports, feed: Feed) -> None:
        """Serve these use cases, and tell what they change."""
        self._shelf = shelf
        self._stock = stock
        self._imports = imports
        self._feed = feed

    async def info(self, request: Request) -> Response:
        """Answer a book."""
        book = await self._shelf.info(request.number("book_id"))
        return json_response(book, headers={VERSION_HEADER: str(book.version)})

    async def query_book(self, request: Request) -> Response:
        """Answer a book, under the lab's other name."""
        return await self.info(request)

    async def search(self, request: Request) -> Response:
        """Answer the books of a topic."""
        return json_response(await self._shelf.search(request.path_params["topic"]))

    async def query(self, request: Request) -> Response:
        """Answer the books of a topic, in the lab's other form."""
        return json_response(await self._shelf.search(request.arguments(TopicQuery).topic))

    async def topics(self, _request: Request) -> Response:
        """Answer every topic."""
        return json_response(await self._shelf.topics())

    async def books(self, request: Request) -> Response:
        """Answer a page of books."""
        query = request.arguments(BookQuery)
        books, cursor = await self._shelf.list_books(query)
        headers = {}
        if cursor is not None:
            given = {k: v for k, v in msgspec.structs.asdict(query).items() if v is not None}
            headers["link"] = f'</books?{urlencode(given | {"after": cursor})}>; rel="next"'
        return json_response(books, headers=headers)

    async def add(self, request: Request) -> Response:
        """Add a book."""
        book = await self._shelf.add(request.struct(NewBook))
        return json_response(book, 201, {"location": f"/info/{book.id}"})

    async def edit(self, request: Request) -> Response:
        """Change what describes a book."""
        book_id = request.number("book_id")
        return json_response(await self._shelf.edit(book_id, request.struct(BookEdit)))

    async def update(self, request: Request) -> Response:
        """Change stock or price, in the lab's form."""
        book_id = request.number("book_id")
        field, value = request.path_params["field"], request.path_params["value"]
        if field == STOCK_FIELD:
            return json_response(await self._stock.move_stock(book_id, _change(value)))
        if field in PRICE_FIELDS:
            return json_response(await self._shelf.reprice(book_id, _price(value)))
        message = f"{field[:40]!r} cannot be updated; {STOCK_FIELD}, price and cost can"
        raise InvalidRequest(message)

    async def take_in(self, request: Request) -> Response:
        """Take in rows of an import."""
        return json_response(await self._imports.take_in(request.struct(ImportRequest)))

    async def reserve(self, request: Request) -> Response:
        """Decide a batch of reservations."""
        batch = request.struct(ReserveBatch)
        request.facts["reservations"] = len(batch)
        request.facts["request_ids"] = ",".join(one.request_id for one in batch)
        return json_response(await self._stock.reserve(batch))

    async def release(self, request: Request) -> Response:
        """Give back what an order took."""
        return json_response(await self._stock.release(_order_id(request)))

    async def reservations(self, request: Request) -> Response:
        """Answer a page of decisions."""
        query = request.arguments(ReservationsQuery)
        return json_response(await self._stock.reservations(query.after, query.limit))

    async def reservation(self, request: Request) -> Response:
        """Answer one decision."""
        return json_response(await self._stock.reservation(_order_id(request)))

    async def movements(self, request: Request) -> Response:
        """Answer a page of the stock ledger."""
        query = request.arguments(MovementsQuery)
        return json_response(await self._stock.movements(query.after, query.limit))

    async def stock_report(self, _request: Request) -> Response:
        """Answer the catalog's check of its own books."""
        return json_response(await self._stock.report())

    async def changes(self, _request: Request) -> Response:
        """Stream what changes, as server-sent events."""
        return StreamingResponse(
            self._events(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _events(self) -> AsyncIterator[bytes]:
        """Write `: open` once nothing can be missed, then changes, or `: alive` each second."""
        silence = b": open\n\n"
        async for changes in self._feed.follow(HEARTBEAT_MS / 1000):
            if changes:
                yield b"".join(b"data: %b\n\n" % msgspec.json.encode(one) for one in changes)
            else:
                yield silence
                silence = b": alive\n\n"


def _order_id(request: Request) -> str:
    order_id: str = request.path_params["order_id"]
    if len(order_id) > ORDER_ID_LENGTH_MAX:
        message = f"an order id has at most {ORDER_ID_LENGTH_MAX} characters, not {len(order_id)}"
        raise InvalidRequest(message)
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
        raise InvalidRequest(message)
    return int(text)


def _price(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]{1,13}(\.[0-9]{1,10})?", text):
        message = f"price takes a number such as 19.99, not {text[:40]!r}"
        raise InvalidRequest(message)
    return Decimal(text)


def catalog_endpoints(shelf: Shelf, stock: Stock, imports: Imports, feed: Feed) -> list[Endpoint]:
    """Return the catalog's own endpoints; the busiest first."""
    api = CatalogApi(shelf, stock, imports, feed)
    return [*_selling(api), *_reading(api), *_keeping(api)]


def _selling(api: CatalogApi) -> list[Endpoint]:
    """What the order service calls; the busiest first."""
    return [
        Endpoint(
            method="POST",
            path="/reservations",
            handler=api.reserve,
            summary="Decide a batch of reservations, each at most once",
            body=ReserveBatch,
            answers={200: list[Outcome]},
            errors=(Unavailable,),
            secret=True,
            links=_reservation_links(api, "/0/order_id"),
            body_bytes_max=INTERNAL_BODY_BYTES_MAX,
        ),
        Endpoint(
            method="GET",
            path="/reservations",
            handler=api.reservations,
            summary="List decisions by order id, a page at a time",
            arguments=ReservationsQuery,
            answers={200: list[Outcome]},
            secret=True,
            links=_reservation_links(api, "/0/order_id"),
        ),
        Endpoint(
            method="GET",
            path="/reservations/{order_id}",
            handler=api.reservation,
            summary="Show what was decided about an order",
            answers={200: Outcome},
            errors=(ReservationNotFound,),
            secret=True,
        ),
        Endpoint(
            method="POST",
            path="/reservations/{order_id}/release",
            handler=api.release,
            summary="Give back what an order took, once",
            answers={200: Outcome},
            errors=(Unavailable,),
            secret=True,
            links=_reservation_links(api, "/order_id"),
        ),
    ]


def _reading(api: CatalogApi) -> list[Endpoint]:
    """What anyone may read."""
    return [
        Endpoint(
            method="GET",
            path="/info/{book_id}",
            handler=api.info,
            summary="Show a book",
            answers={200: Book},
            errors=(BookNotFound,),
        ),
        Endpoint(
            method="GET",
            path="/search/{topic:path}",
            handler=api.search,
            summary="List the books of a topic: any case, spaces or hyphens",
            answers={200: list[BookTitle]},
            links=(Link(200, api.info, "book_id", "/0/id"),),
        ),
        Endpoint(
            method="GET",
            path="/query/{book_id}",
            handler=api.query_book,
            summary="Show a book, under the lab's other name",
            answers={200: Book},
            errors=(BookNotFound,),
        ),
        Endpoint(
            method="GET",
            path="/query",
            handler=api.query,
            summary="List the books of a topic, in the lab's other form",
            arguments=TopicQuery,
            answers={200: list[BookTitle]},
            links=(Link(200, api.query_book, "book_id", "/0/id"),),
        ),
        Endpoint(
            method="GET",
            path="/topics",
            handler=api.topics,
            summary="List every topic with the number of its books",
            answers={200: list[TopicCount]},
            links=(Link(200, api.search, "topic", "/0/topic"),),
        ),
        Endpoint(
            method="GET",
            path="/books",
            handler=api.books,
            summary="List or search books, a page at a time",
            arguments=BookQuery,
            answers={200: list[Book]},
            links=_book_links(api, 200, "/0/id"),
        ),
        Endpoint(
            method="GET",
            path="/changes",
            handler=api.changes,
            summary="Stream which books change, as server-sent events",
            answers={200: None},
            media_type="text/event-stream",
        ),
    ]


def _keeping(api: CatalogApi) -> list[Endpoint]:
    """What the keeper of the shop does."""
    return [
        Endpoint(
            method="POST",
            path="/books",
            handler=api.add,
            summary="Add a book",
            body=NewBook,
            answers={201: Book},
            errors=(BookExists, Unavailable),
            secret=True,
            links=_book_links(api, 201, "/id"),
        ),
        Endpoint(
            method="PATCH",
            path="/books/{book_id}",
            handler=api.edit,
            summary="Change what describes a book, or its price",
            body=BookEdit,
            answers={200: Book},
            errors=(BookNotFound, BookExists, Unavailable),
            secret=True,
        ),
        Endpoint(
            method="PUT",
            path="/update/{book_id}/{field}/{value}",
            handler=api.update,
            summary="Change the stock (amount_of_items, relative) or the price (price or cost)",
            answers={200: Book},
            errors=(BookNotFound, StockTooLow, InvalidRequest, Unavailable),
            secret=True,
        ),
        Endpoint(
            method="POST",
            path="/imports",
            handler=api.take_in,
            summary="Take in up to 500 rows; running it twice changes nothing",
            body=ImportRequest,
            answers={200: list[ImportResult]},
            errors=(Unavailable,),
            secret=True,
            body_bytes_max=IMPORT_BODY_BYTES_MAX,
        ),
        Endpoint(
            method="GET",
            path="/movements",
            handler=api.movements,
            summary="List the stock ledger, a page at a time",
            arguments=MovementsQuery,
            answers={200: list[Movement]},
            secret=True,
        ),
        Endpoint(
            method="GET",
            path="/stock-report",
            handler=api.stock_report,
            summary="Compare stock, ledger and reservations in one snapshot",
            answers={200: StockReport},
            secret=True,
        ),
    ]


def _book_links(api: CatalogApi, status: int, pointer: str) -> list[Link]:
    """Return what can be done with the book that an answer names."""
    return [
        Link(status, to, "book_id", pointer)
        for to in (api.info, api.query_book, api.edit, api.update)
    ]


def _reservation_links(api: CatalogApi, pointer: str) -> list[Link]:
    """Return what can be done with the decision that an answer names."""
    return [Link(200, to, "order_id", pointer) for to in (api.reservation, api.release)]
