"""The commands of whoever uses a shop: search, buy, look at an order, cancel it."""

from typing import Annotated

import typer

from bazar.cli.shop import Answer, Key, asks, with_key
from bazar.cli.show import show_book, show_list, show_order, show_purchase
from bazar.cli.terminal import BookId, OrderId, fail
from bazar.tools.shop import Shop
from bazar.wire.books import Book, BookTitle
from bazar.wire.orders import Accepted, Order, Purchase


@asks("front")
def search(
    shop: Shop,
    topic: Annotated[str | None, typer.Argument(metavar="TOPIC", help="All books of it.")] = None,
    *,
    text: Annotated[str | None, typer.Option(help="Words or an ISBN, best match first.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 100,
) -> Answer[list[BookTitle]] | Answer[list[Book]]:
    """Find books by topic, or by words in title, author, topic and description."""
    if topic is not None and text is None:
        return Answer(shop.front.search(topic)[:limit], show_list)
    if text is None or topic is not None:
        fail("give a TOPIC or --text WORDS")
    return Answer(shop.front.find(text, limit), show_list)


@asks("front")
def info(shop: Shop, book_id: BookId) -> Answer[Book]:
    """Show a book."""
    return Answer(shop.front.book(book_id), show_book)


@asks("front")
def buy(
    shop: Shop,
    book_id: BookId,
    *,
    quantity: Annotated[int, typer.Option(min=1, max=1000, help="How many copies.")] = 1,
    key: Key = None,
) -> Answer[Purchase | Accepted]:
    """Buy copies of a book, exactly once."""
    bought = with_key(key, "buying", lambda key: shop.front.buy(book_id, quantity, key))
    return Answer(bought, show_purchase)


@asks("front")
def order(shop: Shop, order_id: OrderId) -> Answer[Order]:
    """Show an order."""
    return Answer(shop.front.order(order_id), show_order)


@asks("front")
def cancel(shop: Shop, order_id: OrderId) -> Answer[Order]:
    """Cancel an order and give its copies back."""
    return Answer(shop.front.cancel(order_id), show_order)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (search, info, buy, order, cancel):
        app.command()(command)
