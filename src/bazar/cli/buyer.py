"""The commands of whoever uses a shop: search, buy, look at an order, cancel it."""

import shlex
from typing import Annotated

import typer

from bazar.cli.lists import LISTED_MAX, After, no_topic, note
from bazar.cli.naming import as_isbn
from bazar.cli.shop import Answer, Key, asks, once, with_key
from bazar.cli.show import show_book, show_list, show_order, show_purchase
from bazar.cli.terminal import (
    UNDECIDED,
    BookId,
    OrderId,
    misused,
)
from bazar.tools.shop import TITLES_MAX, Shop
from bazar.wire.books import Book, BookTitle
from bazar.wire.orders import Accepted, Order, Purchase


@asks("front")
def search(
    shop: Shop,
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="All books of it; or an ISBN.")
    ] = None,
    *,
    text: Annotated[str | None, typer.Option(help="Words or an ISBN, best match first.")] = None,
    after: After = "",
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="How many at most.")] = 100,
) -> Answer[list[BookTitle]] | Answer[list[Book]]:
    """Find books by topic, or by words in title, author, topic and description.

    Examples:
      bazar search 'distributed systems'
      bazar search --text 'sea monster'
      bazar search --text 978-0-441-17271-9
    """
    if (topic is None) == (text is None):
        misused("give a TOPIC or --text WORDS")
    if topic is None:
        asked = {"q": str(text)}
        found, following = shop.front.listing(asked, after, limit)
        return Answer(found, show_list, note=note(shop.front, found, asked, after, following))
    if as_isbn(topic) is not None:
        found, _none = shop.front.listing({"q": topic}, after, limit)
        return Answer([BookTitle(book.id, book.title) for book in found], show_list)
    if after:
        misused("--after goes with --text; 'bazar books --topic TOPIC' shows a topic in pages")
    titles = shop.front.search(topic)
    total = len(titles) if len(titles) < TITLES_MAX else shop.front.count({"topic": topic})
    shown = titles[:limit]
    told = "" if titles else no_topic(topic)
    if len(shown) < total:
        pages = shlex.join(["bazar", "books", "--topic", topic])
        told = f"{len(shown):,} of {total:,} shown; all of them, in pages: {pages}"
    return Answer(shown, show_list, note=told)


@asks("front")
def info(shop: Shop, book_id: BookId) -> Answer[Book]:
    """Show a book.

    Examples:
      bazar info 2
      bazar info 978-0-441-17271-9
    """
    return Answer(shop.front.book(book_id), show_book)


@asks("front")
def buy(
    shop: Shop,
    book_id: BookId,
    *,
    quantity: Annotated[int, typer.Option(min=1, max=1000, help="How many copies.")] = 1,
    key: Key = None,
) -> Answer[Purchase | Accepted]:
    """Buy copies of a book, exactly once.

    Exit code 3 where the order is stored but not decided yet, and 4 where nobody knows.

    Examples:
      bazar buy 2
      bazar buy 978-0-441-17271-9 --quantity 3
    """
    bought = with_key(key, lambda key: shop.front.buy(book_id, quantity, key))
    decided = not isinstance(bought, Accepted)
    return Answer(bought, show_purchase, fine=decided, code=UNDECIDED)


@asks("front")
def order(shop: Shop, order_id: OrderId) -> Answer[Order]:
    """Show an order.

    Examples:
      bazar order 01m8305m92xkwqsj041tznent2
    """
    return Answer(shop.front.order(order_id), show_order)


@asks("front")
def cancel(shop: Shop, order_id: OrderId) -> Answer[Order]:
    """Cancel an order and give its copies back, once.

    Examples:
      bazar cancel 01m8305m92xkwqsj041tznent2
    """
    return Answer(once(lambda: shop.front.cancel(order_id)), show_order)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (search, info, buy, order, cancel):
        app.command()(command)
