"""The commands of whoever uses a shop: search, buy, look at an order, cancel it."""

from typing import Annotated
from urllib.parse import urlencode

import typer

from bazar.cli.shop import find_shop, refusals
from bazar.cli.show import BOOK_COLUMNS, book_row, show, show_one, show_order
from bazar.cli.terminal import (
    DATA_DEFAULT,
    BookId,
    Data,
    Json,
    OrderId,
    Url,
    fail,
    print_json,
    visible,
)
from bazar.kit.http.idempotency import InvalidKey, parse_key
from bazar.kit.identity import new_key
from bazar.tools.remote import RemoteError, segment
from bazar.wire.books import Book, BookTitle
from bazar.wire.orders import Accepted, Order, Purchase, PurchaseRequest


def search(  # noqa: PLR0913  one parameter an option
    topic: Annotated[str | None, typer.Argument(metavar="TOPIC", help="All books of it.")] = None,
    *,
    text: Annotated[str | None, typer.Option(help="Words or an ISBN, best match first.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 100,
    url: Url = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Find books by topic, or by words in title, author, topic and description."""
    if (topic is None) == (text is None):
        fail("give a TOPIC or --text WORDS")
    shop = find_shop(data, url)
    with refusals():
        if topic is not None:
            titles = shop.call("front", "GET", f"/search/{segment(topic)}", list[BookTitle])
            show(titles[:limit], ("id", "title"), lambda one: (one.id, one.title), as_json=as_json)
            return
        query = urlencode({"q": text, "limit": limit})
        books = shop.call("front", "GET", f"/books?{query}", list[Book])
    show(books, BOOK_COLUMNS, book_row, as_json=as_json)


def info(
    book_id: BookId, *, url: Url = None, data: Data = DATA_DEFAULT, as_json: Json = False
) -> None:
    """Show a book."""
    with refusals():
        book = find_shop(data, url).call("front", "GET", f"/info/{book_id}", Book)
    show_one(book, as_json=as_json)


def buy(  # noqa: PLR0913  one parameter an option
    book_id: BookId,
    *,
    quantity: Annotated[int, typer.Option(min=1, max=1000, help="How many copies.")] = 1,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key never buys twice.")
    ] = None,
    url: Url = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Buy copies of a book, exactly once."""
    if key is None:
        key = new_key()
    elif key.startswith('"'):
        key = read_key(key)
    try:
        bought = find_shop(data, url).call(
            "front",
            "POST",
            f"/purchase/{book_id}",
            Purchase | Accepted,  # type: ignore[arg-type]
            body=PurchaseRequest(quantity),
            key=key,
        )
    except RemoteError as error:
        unsure = error.problem is None or not error.problem.definite
        fail(f"{error}\nTo ask again without buying twice: --key {key}" if unsure else str(error))
    if as_json:
        print_json(bought)
    elif isinstance(bought, Purchase):
        typer.echo(
            f"{visible(bought.message)}: {bought.quantity} for {bought.total} {bought.currency}, "
            f"order {bought.order_id}"
        )
    else:
        typer.echo(f"order {bought.order_id} is accepted but not decided yet")


def read_key(text: str) -> str:
    """Return the key of a quoted header value, as an error of the shop shows it."""
    try:
        return parse_key([text])
    except InvalidKey as error:
        fail(error.detail)


def order(
    order_id: OrderId, *, url: Url = None, data: Data = DATA_DEFAULT, as_json: Json = False
) -> None:
    """Show an order."""
    with refusals():
        found = find_shop(data, url).call("front", "GET", f"/orders/{segment(order_id)}", Order)
    show_order(found, as_json=as_json)


def cancel(
    order_id: OrderId, *, url: Url = None, data: Data = DATA_DEFAULT, as_json: Json = False
) -> None:
    """Cancel an order and give its copies back."""
    with refusals():
        path = f"/orders/{segment(order_id)}/cancel"
        cancelled = find_shop(data, url).call("front", "POST", path, Order)
    show_order(cancelled, as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (search, info, buy, order, cancel):
        app.command()(command)
