"""Rows of files that a shop writes for spreadsheets, and the inverse of what guards their cells.

A text that a spreadsheet would run as a formula gets an apostrophe in front, and so does each part
of it that would be a cell of its own to a program that takes other separators than ours. Whoever
reads such a file takes just these apostrophes off: `unguarded(guarded(text))` is `text`, for every
text, those that begin with an apostrophe too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from bazar.formats.isbn import grouped
from bazar.wire.books import Book
from bazar.wire.orders import Buyer, Order
from bazar.wire.stock import Movement

Cell = str | int | Decimal | datetime | None
"""Of a row: a text is guarded, None is an empty cell."""

Exported = Literal["books", "orders", "order-lines", "ledger"]
"""What a shop writes into files of its own."""
BOM = "\ufeff"
"""Begins a file; without it spreadsheets take UTF-8 for something else."""
_FORMULAS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""What makes a formula of a cell, also in full width. Source: OWASP, CSV Injection"""
_SEPARATORS = ";\t\r\n"
"""Behind one of them, a cell begins for a spreadsheet that takes it for a separator."""
_UNSAFE = re.compile(f"(?:^|(?<=[{_SEPARATORS}]))(?=['\"]*[{_FORMULAS}])")
_GUARDED = re.compile(f"(?:^|(?<=[{_SEPARATORS}]))'(?=['\"]*[{_FORMULAS}])")
_QUOTED = re.compile(f'[",{_SEPARATORS}]|^\\s|\\s$')


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula."""
    return _UNSAFE.sub("'", text)


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given; one that it cannot have returned stays as it is.

    A leading apostrophe goes where a character that begins a formula follows, such as in `'=1+1`
    or in `'+49 30 1234`, and stays elsewhere, such as in `'Tis Pity She's a Whore`.
    """
    return _GUARDED.sub("", text)


def csv_row(cells: Iterable[Cell]) -> str:
    """Return a row of a CSV file with its end.

    Source: RFC 4180
    """
    return ",".join(map(_written, cells)) + "\r\n"


def isbn_cell(isbn: str | None) -> str | None:
    """Return an ISBN with its hyphens: of 13 bare digits a spreadsheet makes `9.78044E+12`."""
    return None if isbn is None else grouped(isbn)


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if not isinstance(cell, str):
        return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    text = guarded(cell)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


class Table(NamedTuple):
    """A kind of file: its columns, and the rows that an item of the shop makes."""

    columns: tuple[str, ...]
    rows: Callable[[Any], Iterator[Sequence[Cell]]]


def _book_rows(book: Book) -> Iterator[Sequence[Cell]]:
    yield (
        book.id,
        isbn_cell(book.isbn),
        book.title,
        book.author,
        book.year,
        book.topic,
        book.price,
        book.currency,
        book.quantity,
        book.quantity,
        book.description,
        book.subtitle,
        book.publisher,
        book.format,
        book.pages,
        book.language,
        book.condition,
        book.shelf,
        book.low_at,
        "yes" if book.retired else "no",
    )


def _order_rows(order: Order) -> Iterator[Sequence[Cell]]:
    buyer = order.buyer
    yield (
        order.order_id,
        order.reference,
        order.placed_at,
        order.status,
        order.reason,
        order.channel,
        sum(line.quantity for line in order.lines),
        order.total,
        order.delivery_price,
        order.currency,
        order.progress,
        order.progress_at,
        order.ended_at,
        order.tracking,
        *(getattr(buyer, name) if buyer else None for name in BUYER_COLUMNS),
    )


def _order_line_rows(order: Order) -> Iterator[Sequence[Cell]]:
    for number, line in enumerate(order.lines, 1):
        amount = None if line.price is None else line.price * line.quantity
        yield (
            order.order_id,
            order.reference,
            order.placed_at,
            order.status,
            number,
            line.book_id,
            line.title,
            line.quantity,
            line.price,
            amount,
            order.currency,
        )


def _movement_rows(movement: Movement) -> Iterator[Sequence[Cell]]:
    yield (
        movement.id,
        movement.moved_at,
        movement.book_id,
        movement.kind,
        movement.copies,
        movement.order_id,
        movement.reason,
        movement.note,
        movement.actor,
    )


QUANTITY_EXPORTED = "quantity_exported"
"""The copies as they were then: where `quantity` still says the same, nobody has counted anew."""
BUYER_COLUMNS = tuple(Buyer.__struct_fields__)
TABLES: Mapping[Exported, Table] = {
    "books": Table(
        (
            "bazar_id",
            "isbn",
            "title",
            "author",
            "year",
            "topic",
            "price",
            "currency",
            "quantity",
            QUANTITY_EXPORTED,
            "description",
            "subtitle",
            "publisher",
            "format",
            "pages",
            "language",
            "condition",
            "shelf",
            "low_at",
            "retired",
        ),
        _book_rows,
    ),
    "orders": Table(
        (
            "order_id",
            "reference",
            "placed_at",
            "status",
            "reason",
            "channel",
            "copies",
            "total",
            "delivery_price",
            "currency",
            "progress",
            "progress_at",
            "ended_at",
            "tracking",
            *BUYER_COLUMNS,
        ),
        _order_rows,
    ),
    "order-lines": Table(
        (
            "order_id",
            "reference",
            "placed_at",
            "status",
            "line",
            "bazar_id",
            "title",
            "quantity",
            "price",
            "amount",
            "currency",
        ),
        _order_line_rows,
    ),
    "ledger": Table(
        (
            "movement_id",
            "moved_at",
            "bazar_id",
            "kind",
            "copies",
            "order_id",
            "reason",
            "note",
            "actor",
        ),
        _movement_rows,
    ),
}
"""What a shop exports; the columns of books are those that an import reads, and three beside."""
