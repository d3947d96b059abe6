"""The commands of whoever keeps the shop: books, orders, imports, audit."""

from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bazar.cli.network import SHOP_OPTION, Interfaces, ShopName, heard, looking, sought_there
from bazar.cli.shop import Answer, CatalogUrl, Key, OrderUrl, Url, asks, once, with_key
from bazar.cli.show import (
    counted,
    show_audit,
    show_book,
    show_findings,
    show_order,
)
from bazar.cli.terminal import (
    BookId,
    OrderId,
    misused,
    visible,
)
from bazar.tools.shop import Shop
from bazar.wire.books import Book, BookEdit, Condition, Format, NewBook
from bazar.wire.limits import STOCK_MAX
from bazar.wire.orders import MailTest, Order, Progress
from bazar.wire.stock import Reason, StockChange
from bazar.wire.wishes import WishesEnded

if TYPE_CHECKING:
    from bazar.tools.audit import AuditReport
    from bazar.tools.doctor import Finding


@asks("order")
def progress(
    shop: Shop,
    order_id: OrderId,
    step: Annotated[
        Progress,
        typer.Argument(
            help="to_pick, ready, collected; by post to_pick, packed, sent.", show_choices=False
        ),
    ],
    tracking: Annotated[
        str, typer.Option(help="Number or address by which the post tells where a parcel is.")
    ] = "",
) -> Answer[Order]:
    """Note how far the shop is with a confirmed order; the last step hands it over.

    Examples:
      bazar progress 01m8305pzmv445v7yk2jmk5hyr ready
      bazar progress 01m8305pzmv445v7yk2jmk5hyr sent
    """
    return Answer(once(lambda: shop.order.progress(order_id, step, tracking)), show_order)


@asks("order")
def fulfil(shop: Shop, order_id: OrderId) -> Answer[Order]:
    """Note that a confirmed order was handed over.

    Examples:
      bazar fulfil 01m8305pzmv445v7yk2jmk5hyr
    """
    return Answer(once(lambda: shop.order.fulfil(order_id)), show_order)


Subtitle = Annotated[str | None, typer.Option(help="What stands under the title.")]
Publisher = Annotated[str | None, typer.Option(help="Who published it.")]
BookFormat = Annotated[Format | None, typer.Option(help="What kind of thing it is.")]
Pages = Annotated[str | None, typer.Option(metavar="NUMBER", help="How many it has; '' for none.")]
Language = Annotated[str | None, typer.Option(help="Of its text, such as en.")]
BookCondition = Annotated[Condition | None, typer.Option(help="How worn it is.")]
Shelf = Annotated[str | None, typer.Option(help="Where it stands in the shop.")]
LowAt = Annotated[int | None, typer.Option(min=0, help="Copies at which it is running low.")]


@asks("catalog")
def book_add(  # noqa: PLR0913  one parameter an option
    shop: Shop,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Of the book.")],
    *,
    topic: Annotated[str, typer.Option(help="Where to find it.")],
    price: Annotated[str, typer.Option(help="Such as 19.99.")],
    author: Annotated[str, typer.Option(help="Who wrote it.")] = "",
    isbn: Annotated[str | None, typer.Option(help="ISBN-10 or ISBN-13.")] = None,
    year: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="First published; '' for none.")
    ] = None,
    quantity: Annotated[int, typer.Option(min=0, help="Copies in stock.")] = 0,
    description: Annotated[str, typer.Option(help="A sentence or two.")] = "",
    subtitle: Subtitle = None,
    publisher: Publisher = None,
    format: BookFormat = None,  # noqa: A002  as the option is called
    pages: Pages = None,
    language: Language = None,
    condition: BookCondition = None,
    shelf: Shelf = None,
    low_at: LowAt = None,
    key: Key = None,
) -> Answer[Book]:
    """Add a book, once.

    Examples:
      bazar book add Emma --topic novels --price 9.50
      bazar book add Dune --topic novels --price 12
    """
    new = NewBook(
        title=title,
        topic=topic,
        price=parse_price(price),
        author=author,
        isbn=isbn,
        quantity=quantity,
        description=description,
        **_given(
            subtitle=subtitle,
            publisher=publisher,
            format=format,
            language=language,
            condition=condition,
            shelf=shelf,
            low_at=low_at,
        ),
        **_numbers(year=year, pages=pages),
    )
    return Answer(with_key(key, partial(shop.catalog.add, new)), show_book)


@asks("catalog")
def book_edit(  # noqa: PLR0913  one parameter an option
    shop: Shop,
    book_id: BookId,
    *,
    title: Annotated[str | None, typer.Option(help="New title.")] = None,
    topic: Annotated[str | None, typer.Option(help="New topic.")] = None,
    author: Annotated[str | None, typer.Option(help="New author.")] = None,
    isbn: Annotated[str | None, typer.Option(help="New ISBN; '' takes it away.")] = None,
    year: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="New year; '' takes it away.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="New description.")] = None,
    subtitle: Subtitle = None,
    publisher: Publisher = None,
    format: BookFormat = None,  # noqa: A002  as the option is called
    pages: Pages = None,
    language: Language = None,
    condition: BookCondition = None,
    shelf: Shelf = None,
    low_at: LowAt = None,
    retired: Annotated[
        bool | None, typer.Option("--retire/--sell", help="Take it off sale, or sell it again.")
    ] = None,
    key: Key = None,
) -> Answer[Book]:
    """Change what describes a book, or take it off sale.

    Examples:
      bazar book edit 112 --title 'Dune Messiah' --year 1969
      bazar book edit 978-0-441-17271-9 --shelf B4
      bazar book edit 112 --retire
    """
    edit = BookEdit(
        **_given(
            title=title,
            topic=topic,
            author=author,
            isbn=isbn,
            description=description,
            subtitle=subtitle,
            publisher=publisher,
            format=format,
            language=language,
            condition=condition,
            shelf=shelf,
            low_at=low_at,
            retired=retired,
        ),
        **_numbers(year=year, pages=pages),
    )
    if edit == BookEdit():
        misused("nothing to change: name at least one option; bazar book edit --help lists them")
    return Answer(with_key(key, partial(shop.catalog.edit, book_id, edit)), show_book)


def _given(**options: object) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


@asks("catalog")
def book_retire(shop: Shop, book_id: BookId, *, key: Key = None) -> Answer[Book]:
    """Take a book off sale: hidden from every list, and kept for its orders.

    Examples:
      bazar book retire 112
    """
    retire = partial(shop.catalog.edit, book_id, BookEdit(retired=True))
    return Answer(with_key(key, retire), show_book)


@asks("catalog")
def book_unretire(shop: Shop, book_id: BookId, *, key: Key = None) -> Answer[Book]:
    """Sell a book again that was retired.

    Examples:
      bazar book unretire 112
    """
    sell = partial(shop.catalog.edit, book_id, BookEdit(retired=False))
    return Answer(with_key(key, sell), show_book)


@asks("catalog")
def book_restock(
    shop: Shop,
    book_id: BookId,
    copies: Annotated[
        int,
        typer.Argument(
            min=-STOCK_MAX,
            max=STOCK_MAX,
            help="How many came; after -- a negative number left.",
        ),
    ],
    *,
    key: Key = None,
) -> Answer[Book]:
    """Add copies to the stock, or take some away, once.

    Examples:
      bazar book restock 112 10
      bazar book restock 978-0-441-17271-9 10
      bazar book restock 112 -- -3
    """
    return Answer(with_key(key, partial(shop.catalog.restock, book_id, copies)), show_book)


@asks("catalog")
def book_reprice(
    shop: Shop,
    book_id: BookId,
    price: Annotated[str, typer.Argument(help="Such as 19.99.")],
    *,
    key: Key = None,
) -> Answer[Book]:
    """Set the price of a book, once.

    Examples:
      bazar book reprice 112 11.95
    """
    reprice = partial(shop.catalog.reprice, book_id, parse_price(price))
    return Answer(with_key(key, reprice), show_book)


@asks("catalog")
def stock(  # noqa: PLR0913  one parameter an option
    shop: Shop,
    book_id: BookId,
    *,
    change: Annotated[
        int | None, typer.Option(help="How many copies came, or with a minus how many went.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=0, help="How many were counted on the shelf.")
    ] = None,
    reason: Annotated[
        Reason | None,
        typer.Option(
            metavar="REASON",
            help="Why the stock is corrected: counted, damaged, lost, found, "
            "returned-to-supplier, gift or other.",
        ),
    ] = None,
    note: Annotated[str, typer.Option(help="A few words for the ledger.")] = "",
    actor: Annotated[
        str | None, typer.Option(help="Who changes it [default: your login name].")
    ] = None,
    key: Key = None,
) -> Answer[Book]:
    """Note copies that came or went, or a new count, once.

    Examples:
      bazar stock 112 --change 10 --note 'delivery 4711'
      bazar stock 112 --change -1 --reason damaged
      bazar stock 978-0-441-17271-9 --count 8
    """
    if (change is None) == (count is None):
        misused("give one of the two: --change COPIES or --count COPIES")
    wanted = StockChange(change=change, count=count, reason=reason, note=note)
    shop.actor = _login_name() if actor is None else actor
    ask = partial(shop.catalog.change_stock, book_id, wanted)
    return Answer(with_key(key, ask), show_book)


def _login_name() -> str:
    """Return who this is for the operating system, or nothing where it does not know."""
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        return ""


@asks("order")
def mail_test(
    shop: Shop,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whom to write to.")],
) -> Answer[MailTest]:
    """Have the shop send a mail that only shows that its mail arrives; each time another one.

    Examples:
      bazar mail test me@example.org
    """
    return Answer(
        once(
            lambda: shop.order.send_trial(address),
            again="the same command again sends another mail",
        ),
        lambda sent: typer.echo(f"the mail server took a mail to {visible(sent.to)}"),
    )


@asks("order")
def mail_forget(
    shop: Shop,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whose wishes.")],
) -> Answer[WishesEnded]:
    """Delete an address that waits for books to be back; its orders keep theirs.

    Examples:
      bazar mail forget lina@example.org
    """
    return Answer(
        once(lambda: shop.order.forget_wishes(address)),
        lambda ended: typer.echo(f"{counted(ended.wishes, 'wish', 'wishes')} forgotten"),
    )


def parse_price(text: str) -> Decimal:
    """Return a price, or end with a clear message."""
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        misused(f"a price is a number such as 19.99, not {text!r}")
    return price


def _numbers(**texts: str | None) -> dict[str, Any]:
    """Return the numbers of the options that were given, None where one is to be taken away."""
    numbers: dict[str, Any] = {}
    for name, text in texts.items():
        if text is None:
            continue
        try:
            numbers[name] = int(text) if text.strip() else None
        except ValueError:  # also where it has thousands of digits
            misused(f"--{name} takes a whole number, or '' for none, not {text[:40]!r}")
    return numbers


@asks("catalog", "order", unanswered=2)
def audit(
    shop: Shop,
    *,
    integrity: Annotated[
        bool, typer.Option("--integrity", help="Read both databases whole, and look for damage.")
    ] = False,
) -> "Answer[AuditReport]":
    """Compare ledger, stock, reservations and orders; exit code 1 when anything differs.

    It works while the shop is running. Exit code 2 when it could not be checked.

    Examples:
      bazar audit
      bazar audit --integrity
    """
    from bazar.tools.audit import audit as run_audit

    report = run_audit(shop, integrity=integrity)
    return Answer(report, show_audit, fine=not report.differences)


def _doctor_closed(data: Path, why: str) -> "Answer[list[Finding]]":
    """Answer of a machine where the data folder leads to no shop."""
    from bazar.tools.doctor import examine_closed

    return Answer(examine_closed(data, why), show_findings, fine=False)


@asks("front", "catalog", "order", closed=_doctor_closed)
def doctor(  # noqa: PLR0913  the options that find a shop
    shop: Shop,
    data: Path,
    *,
    url: Url = None,
    catalog: CatalogUrl = None,
    order: OrderUrl = None,
    shop_name: ShopName = SHOP_OPTION,
    interface: Interfaces = "",
) -> "Answer[list[Finding]]":
    """Check this machine and the shop, and say what to do; exit code 1 when something is wrong.

    Examples:
      bazar doctor
      bazar doctor --url mdns: --catalog mdns: --order mdns:
    """
    from bazar.tools.doctor import examine

    sought = sought_there({"catalog": catalog, "order": order, "front": url})
    announced = heard(sought, looking(shop_name, interface), shop.secret, shop.tls)
    findings = examine(shop, data, announced)
    return Answer(findings, show_findings, fine=all(finding.ok for finding in findings))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (progress, fulfil, stock, audit, doctor):
        app.command()(command)
    books = typer.Typer(help="Add and change books.", no_args_is_help=True)
    books.command("add")(book_add)
    books.command("edit")(book_edit)
    books.command("restock")(book_restock)
    books.command("reprice")(book_reprice)
    books.command("retire")(book_retire)
    books.command("unretire")(book_unretire)
    app.add_typer(books, name="book")
    mail = typer.Typer(no_args_is_help=True, help="Mail to buyers.")
    mail.command("test")(mail_test)
    mail.command("forget")(mail_forget)
    app.add_typer(mail, name="mail")
