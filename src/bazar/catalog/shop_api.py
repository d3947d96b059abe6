"""The catalog's routes for whoever keeps the shop: its settings, and the stock of a book."""

from starlette.responses import Response

from bazar.catalog.api import KEY_ERRORS, key_of
from bazar.catalog.domain import StockTooLow
from bazar.catalog.settings import Settings
from bazar.catalog.shop import CurrencyFixed
from bazar.catalog.stock import Stock
from bazar.kit.errors import Unavailable
from bazar.kit.http.answers import (
    changed_response,
    json_response,
    tagged_response,
    unless_held,
)
from bazar.kit.http.conditions import known_by
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.wire.actor import actor_of
from bazar.wire.books import VERSION_HEADER, Book
from bazar.wire.problems import BookNotFound
from bazar.wire.shop import Shop, ShopEdit
from bazar.wire.stock import LedgerQuery, Movement, StockChange


class ShopApi:
    """The handlers of settings and stock."""

    def __init__(self, settings: Settings, stock: Stock) -> None:
        """Serve these use cases."""
        self._settings = settings
        self._stock = stock

    @route("GET", "/shop", answers={200: Shop, 304: None}, packed=True)
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
        if_match=True,
    )
    async def edit_shop(self, request: Request, body: ShopEdit) -> Response:
        """Change settings of the shop; with a key once."""
        check = known_by(request)
        return changed_response(await self._settings.edit(body, key_of(request), check))

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
        return json_response(await self._stock.change_stock(book_id, body, actor_of(request), key))

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
