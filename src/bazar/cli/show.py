"""Find the shop that the options name, and show what it answers."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import typer

from bazar.cli.terminal import fail, print_json, print_table, visible
from bazar.wire.books import Book
from bazar.wire.orders import Order

BOOK_COLUMNS = ("id", "title", "author", "topic", "price", "stock")
ORDER_COLUMNS = ("order", "status", "copies", "total", "placed")


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun, such as `1 book` or `2 books`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def show(
    items: list[Any],
    columns: tuple[str, ...],
    row: Callable[[Any], tuple[object, ...]],
    *,
    as_json: bool,
) -> None:
    """Print a list as a table, or as JSON."""
    if as_json:
        print_json(items)
    elif items:
        print_table(columns, [row(item) for item in items])
    else:
        typer.echo("nothing found")


def show_one(book: Book, *, as_json: bool) -> None:
    """Print a book, a line a fact, or as JSON."""
    if as_json:
        print_json(book)
        return
    for name, value in msgspec.structs.asdict(book).items():
        typer.echo(f"{name:<12} {'' if value is None else visible(str(value))}")


def show_order(found: Order, *, as_json: bool) -> None:
    """Print an order and its lines, or as JSON."""
    if as_json:
        print_json(found)
        return
    total = "" if found.total is None else f", {found.total} {found.currency}"
    typer.echo(f"order {found.order_id}: {found.status}{total}, placed {found.placed_at:%F %T} UTC")
    if found.reason:
        typer.echo(f"reason: {found.reason}")
    print_table(
        ("id", "title", "copies", "price"),
        [(line.book_id, line.title, line.quantity, line.price) for line in found.lines],
    )


def book_row(book: Book) -> tuple[object, ...]:
    """Return the cells of a book."""
    return book.id, book.title, book.author, book.topic, book.price, book.quantity


def order_row(found: Order) -> tuple[object, ...]:
    """Return the cells of an order."""
    copies = sum(line.quantity for line in found.lines)
    total = "" if found.total is None else f"{found.total} {found.currency}"
    return found.order_id, found.status, copies, total, f"{found.placed_at:%F %T}"


def parse_price(text: str) -> Decimal:
    """Return a price, or end with a clear message."""
    try:
        return Decimal(text)
    except InvalidOperation:
        fail(f"a price is a number such as 19.99, not {text!r}")
