"""The lists of a shop: books, topics, orders, the ledger. The newest first, and none is cut unsaid.

What is left out stands below the list, with the command that shows it.
"""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from bazar.cli.helping import same_command
from bazar.cli.naming import order_name
from bazar.cli.shop import Answer, asks
from bazar.cli.show import counted, show_list
from bazar.cli.terminal import (
    BookId,
    misused,
    progress_bar,
)
from bazar.tools.shop import Shop
from bazar.wire.books import COUNT_MAX, Book, TopicCount
from bazar.wire.limits import STOCK_MAX
from bazar.wire.orders import Order, OrderStatus
from bazar.wire.stock import Movement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from bazar.tools.shop import Books

LISTED_MAX = 10_000
"""Of a list, in one go."""

After = Annotated[str, typer.Option(help="Where the page before ended; the line below it tells.")]
Limit = Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="How many at most.")]


def note(
    books: "Books", shown: "Sized", asked: "Mapping[str, str]", after: str, following: str | None
) -> str:
    """Return what stands below a list of books; nothing where all of it was shown."""
    if not after and following is None:
        return ""
    return page_note(len(shown), books.count(asked), following)


def page_note(shown: int, total: int, following: str | None) -> str:
    """Return how much of a list was shown, and the command for the rest.

    Args:
        shown: so many.
        total: of so many; from `COUNT_MAX` on nobody counted further.
        following: where the next page begins, if there is one.
    """
    counted = f"{total:,} or more" if total >= COUNT_MAX else f"{max(total, shown):,}"
    told = f"{shown:,} of {counted} shown"
    if following is None:
        return f"{told}; these are the last"
    return f"{told}; the next: {same_command(after=following)}"


@asks("catalog")
def books(  # noqa: PLR0913  one parameter an option
    shop: Shop,
    *,
    topic: Annotated[str | None, typer.Option(help="Only those of a topic.")] = None,
    low: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=STOCK_MAX, help="Only those with at most so many copies left."
        ),
    ] = None,
    sold_out: Annotated[bool, typer.Option("--sold-out", help="Only those without any.")] = False,
    retired: Annotated[bool, typer.Option("--retired", help="Only those off sale.")] = False,
    after: After = "",
    limit: Limit = 20,
) -> Answer[list[Book]]:
    """List books, the newest first.

    Those off sale are in no list but their own.

    Examples:
      bazar books
      bazar books --topic poetry --limit 100
      bazar books --low 3
      bazar books --sold-out
    """
    if (low is not None) + sold_out + retired > 1:
        misused("give one of --low N, --sold-out and --retired")
    if low is not None:
        return _low(shop, low, topic, after, limit)
    name = "out" if sold_out else "retired" if retired else "new"
    asked = {"list": name, "sort": "new"} | ({} if topic is None else {"topic": topic})
    found, following = shop.catalog.listing(asked, after, limit)
    told = note(shop.catalog, found, asked, after, following)
    nothing = topic is not None and name == "new" and not found and not after
    return Answer(found, show_list, note=no_topic(str(topic)) if nothing else told)


def no_topic(topic: str) -> str:
    """Return what somebody is told who asks for a topic that no book on sale has."""
    return (
        f"no book on sale has the topic {topic!r}; 'bazar topics' lists the topics, and words are "
        f"looked for with: {shlex.join(['bazar', 'search', '--text', topic])}"
    )


def _low(shop: Shop, low: int, topic: str | None, after: str, limit: int) -> Answer[list[Book]]:
    """Return a page of the books with few copies; its cursor is the id of its last book."""
    if after and not after.isdecimal():
        misused(f"--after takes what the line below the last page says, not {after!r}")
    with progress_bar(None, "books") as progress:
        every = shop.catalog.scarce(low, topic, progress)
    rest = [book for book in every if not after or book.id < int(after)]
    shown = rest[:limit]
    following = str(shown[-1].id) if len(rest) > len(shown) else None
    whole = not after and following is None
    told = "" if whole else page_note(len(shown), len(every), following)
    return Answer(shown, show_list, note=told)


@asks("catalog")
def topics(shop: Shop) -> Answer[list[TopicCount]]:
    """List the topics, each with the number of its books on sale.

    Examples:
      bazar topics
    """
    found = shop.catalog.topics()
    most = len(found) >= COUNT_MAX
    told = f"the {len(found):,} topics with the most books shown" if most else ""
    return Answer(found, show_list, note=told)


@asks("order")
def orders(  # noqa: PLR0913  one parameter an option
    shop: Shop,
    *,
    status: Annotated[OrderStatus | None, typer.Option(help="Only these.")] = None,
    find: Annotated[
        str, typer.Option(help="A reference, an order id, an e-mail address, a name.")
    ] = "",
    newest: Annotated[
        bool, typer.Option("--newest/--oldest", help="The newest first, or the oldest.")
    ] = True,
    after: Annotated[
        str,
        typer.Option(
            metavar="ORDER_ID|REFERENCE",
            parser=order_name,
            help="The last order of the page before.",
        ),
    ] = "",
    limit: Limit = 20,
) -> Answer[list[Order]]:
    """List orders, the newest first, with the titles of their books.

    Examples:
      bazar orders
      bazar orders --status confirmed
      bazar orders --find lina@example.org
    """
    if find and not newest:
        misused("--find shows the newest first; it does not fit --oldest")
    found = shop.order.listing(status, find, after, limit, oldest=not newest)
    total = len(found)
    if after or total == limit:
        total = shop.order.count(status, find)
    if not after and total <= len(found):
        return Answer(found, show_list)
    last = (
        shop.order.listing(status, find, found[-1].order_id, 1, oldest=not newest) if found else []
    )
    following = found[-1].order_id if last else None
    return Answer(found, show_list, note=page_note(len(found), total, following))


@asks("catalog")
def ledger(
    shop: Shop,
    book_id: BookId,
    *,
    before: Annotated[
        int | None, typer.Option(min=1, help="Only rows before the row with this id.")
    ] = None,
    limit: Limit = 20,
) -> Answer[list[Movement]]:
    """Show what happened to the stock of a book, the newest first.

    Examples:
      bazar ledger 112
      bazar ledger 978-0-441-17271-9 --limit 100
    """
    found = shop.catalog.ledger(book_id, before, limit)
    older = found and shop.catalog.ledger(book_id, found[-1].id, 1)
    rows = f"{counted(len(found), 'row')} shown"
    told = "" if before is None else f"{rows}; these are the last"
    if older:
        told = f"{rows}; older ones: {same_command(before=str(found[-1].id))}"
    return Answer(found, show_list, note=told)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (books, topics, orders, ledger):
        app.command()(command)
