"""The catalog's routes for whoever keeps the shop: its settings, and the stock of a book."""

from starlette.responses import Response

from bazar.catalog.api import KEY_ERRORS, key_of
from bazar.catalog.domain import StockTooLow
from bazar.catalog.settings import Settings
from bazar.catalog.shop import CurrencyFixed
from bazar.catalog.stock import Stock
from bazar.kit.errors import InvalidRequest, Unavailable
from bazar.kit.http.answers import json_response, tagged_response, unless_held
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.wire.books import VERSION_HEADER, Book
from bazar.wire.problems import BookNotFound
from bazar.wire.shop import Shop, ShopEdit
from bazar.wire.stock import ACTOR_HEADER, ACTOR_LENGTH_MAX, LedgerQuery, Movement, StockChange


class ShopApi:
    """The handlers of settings and stock."""

    def __init__(self, settings: Settings, stock: Stock) -> None:
        """Serve these use cases."""
        self._settings = settings
        self._stock = stock

    @route("GET", "/shop", answers={200: Shop, 304: None})
    async def shop(self, request: Request) -> Response:
        """Show the settings of the shop."""
        shop = await self._settings.shop()
        headers = {VERSION_HEADER: str(shop.version)}
        return unless_held(request, tagged_response(shop, headers))

    @route(
        "PATCH",
        "/shop",
        answers={200: Shop},
        errors=(CurrencyFixed, *KEY_ERRORS, Unavailable),
        secret=True,
        idempotency_key=True,
    )
    async def edit_shop(self, request: Request, body: ShopEdit) -> Response:
        """Change settings of the shop; with a key once."""
        return json_response(await self._settings.edit(body, key_of(request)))

    @route(
        "POST",
        "/books/{book_id:number}/stock",
        answers={200: Book},
        errors=(BookNotFound, StockTooLow, *KEY_ERRORS, Unavailable),
        secret=True,
        idempotency_key=True,
    )
    async def change_stock(self, request: Request, book_id: int, body: StockChange) -> Response:
        """Note copies that came or went, or a new count; with a key once."""
        key = key_of(request)
        return json_response(await self._stock.change_stock(book_id, body, _actor(request), key))

    @route(
        "GET",
        "/books/{book_id:number}/movements",
        answers={200: list[Movement]},
        errors=(BookNotFound,),
        secret=True,
    )
    async def movements_of_book(
        self, request: Request, book_id: int, query: LedgerQuery
    ) -> Response:
        """List the ledger of one book, the newest first, with the stock after each row."""
        page = self._stock.movements_of_book(book_id, query.before, query.limit)
        return json_response(await request.while_there(page))


def _actor(request: Request) -> str:
    """Return who changes something, as the header says it, or nobody."""
    given = request.raw_headers.get(ACTOR_HEADER.encode(), b"")
    try:
        actor = given.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        message = f"{ACTOR_HEADER} is not in UTF-8"
        raise InvalidRequest(message, member=ACTOR_HEADER) from error
    if len(actor) > ACTOR_LENGTH_MAX or not actor.isprintable():
        message = f"{ACTOR_HEADER} takes a name of at most {ACTOR_LENGTH_MAX} characters"
        raise InvalidRequest(message, member=ACTOR_HEADER)
    return actor
