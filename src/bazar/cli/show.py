"""How what a shop answers is shown to a person."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from bazar.cli.terminal import print_table, visible
from bazar.wire.books import Book, BookTitle
from bazar.wire.orders import Accepted, Buyer, Order, Purchase
from bazar.wire.shop import Shop
from bazar.wire.stock import Movement

if TYPE_CHECKING:  # commands import late what only they need
    from bazar.tools.audit import AuditReport
    from bazar.tools.doctor import Finding

TEXT_SHOWN = 60
"""Letters of the text of a page."""


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun, such as `1 book` or `2 books`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def show_list(items: Sequence[Book | BookTitle | Order | Movement]) -> None:
    """Print a table with a row for each, or say that there is none."""
    if not items:
        typer.echo("nothing found")
        return
    columns, row = _TABLES[type(items[0])]
    print_table(columns, [row(item) for item in items])


def show_book(book: Book) -> None:
    """Print a book, a line a fact; what nobody knows of it, and what is usual, is left out."""
    for name, value in msgspec.to_builtins(book, builtin_types=[Decimal]).items():
        typer.echo(f"{name:<12} {'' if value is None else visible(str(value))}")


def show_settings(shop: Shop) -> None:
    """Print the settings, a line each, as they are typed; of a page's text its beginning."""
    for name, value in msgspec.structs.asdict(shop).items():
        if name != "texts":
            shown = ",".join(map(str, value)) if isinstance(value, list) else value
            _print_fact(name, "" if shown is None else str(shown))
    for page, text in shop.texts.items():
        _print_fact(f"texts.{page}", text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}...")


def _print_fact(name: str, value: str) -> None:
    """Print a name and its value on one line."""
    shown = visible(value.replace("\n", "\\n"))
    typer.echo(f"{name:<20} {shown}")


def show_order(found: Order) -> None:
    """Print an order and its lines."""
    total = "" if found.total is None else f", {found.total} {found.currency}"
    typer.echo(f"order {found.order_id}: {found.status}{total}, placed {found.placed_at:%F %T} UTC")
    if found.reason:
        typer.echo(f"reason: {found.reason}")
    if found.buyer is not None:
        _show_buyer(found, found.buyer)
    print_table(
        ("id", "title", "copies", "price"),
        [(line.book_id, line.title, line.quantity, line.price) for line in found.lines],
    )


def _show_buyer(found: Order, buyer: Buyer) -> None:
    """Print for whom an order is, and what is to be done with it."""
    way = "by post" if buyer.delivery == "post" else "to collect"
    paid = "on invoice" if buyer.payment == "invoice" else "paid in the shop"
    step = f", step {found.progress}" if found.progress else ""
    tracking = f", tracking {visible(found.tracking)}" if found.tracking else ""
    typer.echo(f"reference {found.reference}, {way}, {paid}{step}{tracking}")
    lines = [
        f"for {buyer.name}, {buyer.email}{f', {buyer.tel}' if buyer.tel else ''}",
        ", ".join(
            part
            for part in (
                buyer.street,
                buyer.street2,
                f"{buyer.postcode} {buyer.city}".strip(),
                buyer.country,
            )
            if part
        ),
        f"note: {buyer.note}" if buyer.note else "",
    ]
    for line in filter(None, lines):
        typer.echo(visible(line))


def show_purchase(bought: Purchase | Accepted) -> None:
    """Print what became of a purchase."""
    if isinstance(bought, Accepted):
        typer.echo(f"order {bought.order_id} is accepted but not decided yet")
        return
    typer.echo(
        f"{visible(bought.message)}: {bought.quantity} for {bought.total} {bought.currency}, "
        f"order {bought.order_id}"
    )


def show_audit(report: "AuditReport") -> None:
    """Print what was compared, every difference, and the verdict."""
    typer.echo(
        f"checked {counted(report.books, 'book')}, {counted(report.movements, 'ledger row')}, "
        f"{counted(report.reservations, 'reservation')} and {counted(report.orders, 'order')} "
        f"({report.pending} pending; {counted(report.copies_sold, 'copy', 'copies')} sold)"
    )
    for difference in report.differences:
        typer.echo(f"  {difference}")
    found = counted(len(report.differences), "difference")
    typer.echo(found if report.differences else "clean: everything adds up")


def show_findings(findings: "list[Finding]") -> None:
    """Print what was looked at, a line each, and what to do about it."""
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.ok else 'BAD '} {finding.what}: {finding.found}")
        if finding.advice:
            typer.echo(f"     -> {finding.advice}")


def _title_row(title: BookTitle) -> tuple[object, ...]:
    return title.id, title.title


def _book_row(book: Book) -> tuple[object, ...]:
    return book.id, book.title, book.author, book.topic, book.price, book.quantity


def _order_row(found: Order) -> tuple[object, ...]:
    copies = sum(line.quantity for line in found.lines)
    total = "" if found.total is None else f"{found.total} {found.currency}"
    return found.order_id, found.status, copies, total, f"{found.placed_at:%F %T}"


def _movement_row(row: Movement) -> tuple[object, ...]:
    why = ": ".join(filter(None, [row.reason, row.note])) or row.order_id
    return row.id, f"{row.moved_at:%F %T}", row.kind, row.copies, row.stock_after, why, row.actor


_TABLES: dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[object, ...]]]] = {
    BookTitle: (("id", "title"), _title_row),
    Book: (("id", "title", "author", "topic", "price", "stock"), _book_row),
    Movement: (("id", "at", "what", "copies", "stock after", "why", "who"), _movement_row),
    Order: (("order", "status", "copies", "total", "placed"), _order_row),
}
"""Headings, and the cells under them."""
