"""How what a shop answers is shown to a person."""

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from bazar.cli.terminal import print_facts, print_table, say, terminal_width, visible
from bazar.wire.books import Book, BookTitle, TopicCount
from bazar.wire.orders import Accepted, Buyer, Order, Purchase
from bazar.wire.shop import Shop
from bazar.wire.stock import Movement

if TYPE_CHECKING:  # commands import late what only they need
    from bazar.tools.audit import AuditReport
    from bazar.tools.doctor import Finding

TEXT_SHOWN = 60
"""Letters of the text of a page."""
ROOMY = 110
"""Letters of a line that holds an order with its titles; in narrower ones they stand below it."""


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun, such as `1 book` or `2 books`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def show_list(items: Sequence[Book | BookTitle | TopicCount | Order | Movement]) -> None:
    """Print a table with a row for each, or say that there is none."""
    if not items:
        typer.echo("nothing found")
        return
    columns, row, fixed = _TABLES[type(items[0])]
    below: list[list[str]] = []
    if isinstance(items[0], Order) and (terminal_width() or ROOMY) < ROOMY:
        *columns, _books = columns
        below = [_copies(item) for item in items if isinstance(item, Order)]
    rows = [row(item)[: len(columns)] for item in items]
    print_table(columns, rows, fixed, below)


def show_book(book: Book) -> None:
    """Print a book, a line a fact; what nobody knows of it, and what is usual, is left out."""
    facts = msgspec.to_builtins(book, builtin_types=[Decimal]).items()
    print_facts([(name, "" if value is None else str(value)) for name, value in facts], indent=13)


def show_settings(shop: Shop) -> None:
    """Print the settings, as they are typed; of a page's text the beginning, and its length."""
    facts = []
    for name, value in msgspec.structs.asdict(shop).items():
        if name != "texts":
            shown = ",".join(map(str, value)) if isinstance(value, list) else value
            facts.append((name, "" if shown is None else str(shown)))
    for page, text in shop.texts.items():
        more = f"... ({len(text):,} letters; --json shows all)"
        whole = len(text) <= TEXT_SHOWN
        facts.append((f"texts.{page}", text if whole else f"{text[:TEXT_SHOWN]}{more}"))
    print_facts([(name, value.replace("\n", "\\n")) for name, value in facts], indent=21)


def show_order(found: Order) -> None:
    """Print an order and its lines."""
    total = "" if found.total is None else f", {found.total} {found.currency}"
    say(f"order {found.order_id}: {found.status}{total}, placed {found.placed_at:%F %T} UTC")
    if found.reason:
        say(f"reason: {found.reason}")
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
    say(f"reference {found.reference}, {way}, {paid}{step}{tracking}")
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
        say(line)


def show_purchase(bought: Purchase | Accepted) -> None:
    """Print what became of a purchase."""
    if isinstance(bought, Accepted):
        say(f"order {bought.order_id} is accepted but not decided yet; it will be, by itself.")
        typer.echo(f"Look at it with: bazar order {bought.order_id}")
        return
    say(
        f"{bought.message}: {bought.quantity} for {bought.total} {bought.currency}, "
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
        say(f"  {difference}")
    found = counted(len(report.differences), "difference")
    typer.echo(found if report.differences else "clean: everything adds up")


def show_findings(findings: "list[Finding]") -> None:
    """Print what was looked at, a line each, and what to do about it."""
    for finding in findings:
        say(f"{'ok  ' if finding.ok else 'BAD '} {finding.what}: {finding.found}")
        if finding.advice:
            say(f"     -> {finding.advice}")


def _title_row(title: BookTitle) -> tuple[object, ...]:
    return title.id, title.title


def _book_row(book: Book) -> tuple[object, ...]:
    return book.id, book.title, book.author, book.topic, book.price, book.quantity


def _order_row(found: Order) -> tuple[object, ...]:
    total = "" if found.total is None else f"{found.total} {found.currency}"
    placed = f"{found.placed_at:%F %H:%M}"
    return found.order_id, found.status, total, placed, "; ".join(_copies(found))


def _copies(found: Order) -> list[str]:
    """Return what was ordered, a line each; before the catalog decided nobody knows the titles."""
    return [f"{line.quantity} x {line.title or f'book {line.book_id}'}" for line in found.lines]


def _movement_row(row: Movement) -> tuple[object, ...]:
    why = ": ".join(filter(None, [row.reason, row.note])) or row.order_id
    return row.id, f"{row.moved_at:%F %H:%M}", row.kind, row.copies, row.stock_after, why, row.actor


def _topic_row(found: TopicCount) -> tuple[object, ...]:
    return found.topic, found.books


_TABLES: dict[type, tuple[Sequence[str], Callable[[Any], tuple[object, ...]], Collection[str]]] = {
    BookTitle: (("id", "title"), _title_row, ()),
    Book: (("id", "title", "author", "topic", "price", "stock"), _book_row, ()),
    TopicCount: (("topic", "books"), _topic_row, ()),
    Movement: (
        ("id", "at", "what", "copies", "stock", "why", "who"),
        _movement_row,
        ("at", "what"),
    ),
    Order: (
        ("order", "status", "total", "placed", "books"),
        _order_row,
        ("order", "status", "total", "placed"),
    ),
}
"""Headings, the cells under them, and the columns that are never folded."""
