"""The commands of whoever keeps the shop: books, orders, imports, audit."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import typer

from bazar.cli.shop import find_shop, refusals
from bazar.cli.show import (
    ORDER_COLUMNS,
    counted,
    order_row,
    parse_price,
    show,
    show_one,
    show_order,
)
from bazar.cli.terminal import (
    DATA_DEFAULT,
    BookId,
    CatalogUrl,
    Data,
    Json,
    OrderId,
    OrderUrl,
    SecretFile,
    Url,
    fail,
    print_json,
    print_table,
    progress_bar,
)
from bazar.tools.remote import RemoteError, segment
from bazar.wire.books import Book, BookEdit, NewBook
from bazar.wire.orders import Order, OrderStatus


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
    from bazar.tools.importer import ImportFileError, ImportOptions, import_file, parse_pairs

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
    from bazar.tools.audit import audit as run_audit

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
    from bazar.tools.doctor import examine

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


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (fulfil, orders, audit, doctor):
        app.command()(command)
    app.command("import")(import_books)
    books = typer.Typer(help="Add and change books.", no_args_is_help=True)
    books.command("add")(book_add)
    books.command("edit")(book_edit)
    books.command("restock")(book_restock)
    books.command("reprice")(book_reprice)
    app.add_typer(books, name="book")
