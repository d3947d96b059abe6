"""The commands for people who use or keep a shop that runs: search, buy, restock, audit."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
import typer

from bazar.kit.config import SECRET_FILE, service_url
from bazar.kit.errors import StartupError
from bazar.kit.identity import new_key
from bazar.kit.security import check_secret, read_secret
from bazar.remote import SHOP_FILE, Addresses, RemoteError, Shop, segment
from bazar.terminal import (
    DATA_DEFAULT,
    CatalogUrl,
    Data,
    Json,
    OrderUrl,
    SecretFile,
    Url,
    fail,
    print_json,
    print_table,
    progress_bar,
)
from bazar.wire import (
    Accepted,
    Book,
    BookEdit,
    BookTitle,
    NewBook,
    Order,
    OrderStatus,
    Purchase,
    PurchaseRequest,
)

BOOK_COLUMNS = ("id", "title", "author", "topic", "price", "stock")
ORDER_COLUMNS = ("order", "status", "copies", "total", "placed")
BookId = Annotated[int, typer.Argument(metavar="ID", min=1, help="Of the book.")]
OrderId = Annotated[str, typer.Argument(metavar="ORDER_ID", help="Of the order.")]


def find_shop(
    data: Path,
    url: str | None = None,
    catalog: str | None = None,
    order: str | None = None,
    secret_file: Path | None = None,
) -> Shop:
    """Return the shop that the options name, else the one that runs on this data folder."""
    known = Addresses()
    with suppress(OSError, msgspec.DecodeError):
        known = msgspec.json.decode((data / SHOP_FILE).read_bytes(), type=Addresses)
    try:
        secret = find_client_secret(data, secret_file)
        addresses = Addresses(
            service_url(url or known.front, "--url"),
            service_url(catalog or known.catalog, "--catalog"),
            service_url(order or known.order, "--order"),
        )
    except StartupError as error:
        fail(str(error))
    return Shop(addresses, secret or "")


def find_client_secret(data: Path, secret_file: Path | None) -> str | None:
    """Return the secret of a named file, of the shop that runs here, of BAZAR_SECRET, or none."""
    if secret_file is not None:
        return read_secret(secret_file)
    kept, given = data / SECRET_FILE, os.environ.get("BAZAR_SECRET")
    if kept.exists() and ((data / SHOP_FILE).exists() or not given):
        return read_secret(kept)
    return check_secret(given) if given else None


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the shop refuses into one line and exit code 1."""
    try:
        yield
    except RemoteError as error:
        fail(str(error))


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
    key = key or new_key()
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
            f"{bought.message}: {bought.quantity} for {bought.total} {bought.currency}, "
            f"order {bought.order_id}"
        )
    else:
        typer.echo(f"order {bought.order_id} is accepted but not decided yet")


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


def fulfil(
    order_id: OrderId,
    *,
    order: OrderUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Note that a confirmed order was handed over."""
    shop = find_shop(data, order=order, secret_file=secret_file)
    with refusals():
        done = shop.call("order", "POST", f"/orders/{segment(order_id)}/fulfil", Order)
    show_order(done, as_json=as_json)


def orders(  # noqa: PLR0913  one parameter an option
    *,
    status: Annotated[OrderStatus | None, typer.Option(help="Only these.")] = None,
    after: Annotated[str, typer.Option(help="Only orders after this order id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    order: OrderUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """List orders, oldest first."""
    shop = find_shop(data, order=order, secret_file=secret_file)
    query = {"limit": str(limit), "after": after} | ({"status": status} if status else {})
    with refusals():
        page = shop.call("order", "GET", f"/orders?{urlencode(query)}", list[Order])
    show(page, ORDER_COLUMNS, order_row, as_json=as_json)


def book_add(  # noqa: PLR0913  one parameter an option
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Of the book.")],
    *,
    topic: Annotated[str, typer.Option(help="Where to find it.")],
    price: Annotated[str, typer.Option(help="Such as 19.99.")],
    author: Annotated[str, typer.Option(help="Who wrote it.")] = "",
    isbn: Annotated[str | None, typer.Option(help="ISBN-10 or ISBN-13.")] = None,
    year: Annotated[int | None, typer.Option(help="First published.")] = None,
    quantity: Annotated[int, typer.Option(min=0, help="Copies in stock.")] = 0,
    description: Annotated[str, typer.Option(help="A sentence or two.")] = "",
    catalog: CatalogUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Add a book."""
    new = NewBook(
        title=title,
        topic=topic,
        price=parse_price(price),
        author=author,
        isbn=isbn,
        year=year,
        quantity=quantity,
        description=description,
    )
    shop = find_shop(data, catalog=catalog, secret_file=secret_file)
    with refusals():
        show_one(shop.call("catalog", "POST", "/books", Book, body=new), as_json=as_json)


def book_edit(  # noqa: PLR0913  one parameter an option
    book_id: BookId,
    *,
    title: Annotated[str | None, typer.Option(help="New title.")] = None,
    topic: Annotated[str | None, typer.Option(help="New topic.")] = None,
    author: Annotated[str | None, typer.Option(help="New author.")] = None,
    isbn: Annotated[str | None, typer.Option(help="New ISBN; '' takes it away.")] = None,
    year: Annotated[int | None, typer.Option(help="New year.")] = None,
    description: Annotated[str | None, typer.Option(help="New description.")] = None,
    catalog: CatalogUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Change what describes a book."""
    given = {
        "title": title,
        "topic": topic,
        "author": author,
        "isbn": isbn,
        "year": year,
        "description": description,
    }
    edit = BookEdit(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    if edit == BookEdit():
        fail(
            "nothing to change: give at least one of --title, --topic, --author, --isbn, --year, "
            "--description"
        )
    shop = find_shop(data, catalog=catalog, secret_file=secret_file)
    with refusals():
        edited = shop.call("catalog", "PATCH", f"/books/{book_id}", Book, body=edit)
    show_one(edited, as_json=as_json)


def book_restock(  # noqa: PLR0913  one parameter an option
    book_id: BookId,
    copies: Annotated[int, typer.Argument(help="How many came; after -- a negative number left.")],
    *,
    catalog: CatalogUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Add copies to the stock, or take some away."""
    shop = find_shop(data, catalog=catalog, secret_file=secret_file)
    with refusals():
        path = f"/update/{book_id}/amount_of_items/{copies}"
        show_one(shop.call("catalog", "PUT", path, Book), as_json=as_json)


def book_reprice(  # noqa: PLR0913  one parameter an option
    book_id: BookId,
    price: Annotated[str, typer.Argument(help="Such as 19.99.")],
    *,
    catalog: CatalogUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Set the price of a book."""
    shop = find_shop(data, catalog=catalog, secret_file=secret_file)
    edit = BookEdit(price=parse_price(price))
    with refusals():
        edited = shop.call("catalog", "PATCH", f"/books/{book_id}", Book, body=edit)
    show_one(edited, as_json=as_json)


def import_books(  # noqa: PLR0913  one parameter an option
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With a header row.")],
    *,
    update: Annotated[
        Literal["none", "stock", "all"],
        typer.Option(help="What to change about books that are there already."),
    ] = "none",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and change nothing.")] = False,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="Our column=its column, such as title=original_title."),
    ] = None,
    default: Annotated[
        list[str] | None,
        typer.Option(help="Our column=value for empty cells, such as price=9.99."),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where bad rows go [default: FILE.rejects.csv here].")
    ] = None,
    catalog: CatalogUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Take in books from a CSV file; running it twice changes nothing.

    Columns: id, isbn, title, author, year, topic, price, quantity, description.
    """
    from bazar.importer import ImportFileError, ImportOptions, import_file, parse_pairs

    shop = find_shop(data, catalog=catalog, secret_file=secret_file)
    try:
        options = ImportOptions(
            file=file,
            update=update,
            dry_run=dry_run,
            mapping=parse_pairs(mapping or [], "--map"),
            defaults=parse_pairs(default or [], "--default", several=False),
            rejects=rejects or Path(f"{file.stem}.rejects.csv"),
        )
        with progress_bar(None, file.name) as progress:
            report = import_file(shop, options, progress)
    except (ImportFileError, RemoteError) as error:
        fail(str(error))
    if as_json:
        print_json(report)
        return
    show_import(report, dry_run=dry_run)


def show_import(report: Any, *, dry_run: bool) -> None:  # noqa: ANN401  imported late
    """Print what became of the rows, and the first bad ones."""
    typer.echo(
        f"{counted(report.rows, 'row')}: {report.created} created, {report.updated} updated, "
        f"{report.unchanged} unchanged, {report.rejected} rejected"
        + (" (dry run: nothing was kept)" if dry_run else "")
    )
    shown = report.rejects[:10]
    if shown:
        print_table(
            ("row", "column", "value", "reason"),
            [(one.row, one.column, one.value, one.reason) for one in shown],
        )
        typer.echo(f"{counted(report.rejected, 'rejected row')} in {report.rejects_file}")


def audit(
    *,
    catalog: CatalogUrl = None,
    order: OrderUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Compare ledger, stock, reservations and orders; exit code 1 when anything differs.

    It works while the shop is running.
    """
    from bazar.audit import audit as run_audit

    with refusals():
        report = run_audit(find_shop(data, None, catalog, order, secret_file))
    if as_json:
        print_json(report)
    else:
        typer.echo(
            f"checked {counted(report.books, 'book')}, {counted(report.movements, 'ledger row')}, "
            f"{counted(report.reservations, 'reservation')} and {counted(report.orders, 'order')} "
            f"({report.pending} pending; {counted(report.copies_sold, 'copy', 'copies')} sold)"
        )
        for difference in report.differences:
            typer.echo(f"  {difference}")
        found = counted(len(report.differences), "difference")
        typer.echo(found if report.differences else "clean: everything adds up")
    if report.differences:
        raise typer.Exit(1)


def doctor(  # noqa: PLR0913  one parameter an option
    *,
    url: Url = None,
    catalog: CatalogUrl = None,
    order: OrderUrl = None,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Check this machine and the shop, and say what to do; exit code 1 when something is wrong."""
    from bazar.doctor import examine

    checks = examine(find_shop(data, url, catalog, order, secret_file), data)
    if as_json:
        print_json(checks)
    else:
        for check in checks:
            typer.echo(f"{'ok  ' if check.ok else 'BAD '} {check.what}: {check.found}")
            if check.advice:
                typer.echo(f"     -> {check.advice}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun, such as `1 book` or `2 books`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def parse_price(text: str) -> Decimal:
    """Return a price, or end with a clear message."""
    try:
        return Decimal(text)
    except InvalidOperation:
        fail(f"a price is a number such as 19.99, not {text!r}")


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
        typer.echo(f"{name:<12} {'' if value is None else value}")


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
        [(line.id, line.title, line.quantity, line.price) for line in found.lines],
    )


def book_row(book: Book) -> tuple[object, ...]:
    """Return the cells of a book."""
    return book.id, book.title, book.author, book.topic, book.price, book.quantity


def order_row(found: Order) -> tuple[object, ...]:
    """Return the cells of an order."""
    copies = sum(line.quantity for line in found.lines)
    total = "" if found.total is None else f"{found.total} {found.currency}"
    return found.order_id, found.status, copies, total, f"{found.placed_at:%F %T}"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (search, info, buy, order, cancel, fulfil, orders, audit, doctor):
        app.command()(command)
    app.command("import")(import_books)
    books = typer.Typer(help="Add and change books.", no_args_is_help=True)
    books.command("add")(book_add)
    books.command("edit")(book_edit)
    books.command("restock")(book_restock)
    books.command("reprice")(book_reprice)
    app.add_typer(books, name="book")
