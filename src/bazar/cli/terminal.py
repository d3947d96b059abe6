"""What the commands share: their options, their errors, and how they print."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec
import typer

DATA_DEFAULT = Path("bazar-data")
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Data = Annotated[Path, typer.Option(envvar="BAZAR_DATA", help="Folder of databases and secret.")]
Host = Annotated[str, typer.Option(envvar="BAZAR_HOST", help="Address to listen on.")]
PublicHost = Annotated[
    str,
    typer.Option(
        envvar="BAZAR_PUBLIC_HOST",
        help="Names of the proxy before it, such as shop.example, with commas between them.",
    ),
]
CorsOrigins = Annotated[
    list[str] | None,
    typer.Option(
        "--cors",
        metavar="ORIGIN",
        envvar="BAZAR_CORS",
        help="Origin of pages elsewhere whose scripts may ask the front, such as "
        "http://localhost:3000; once for each, or with commas between them.",
    ),
]
PublicUrl = Annotated[
    str,
    typer.Option(
        envvar="BAZAR_PUBLIC_URL",
        help="Where people reach the shop, such as https://shop.example; its name is a public one.",
    ),
]
Proxies = Annotated[
    str,
    typer.Option(
        envvar="BAZAR_PROXIES",
        help="Network addresses of proxies that say truly who asks (X-Forwarded-For).",
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(envvar="BAZAR_SECRET_FILE", help="File that holds the service secret."),
]
Currency = Annotated[
    str | None,
    typer.Option(
        envvar="BAZAR_CURRENCY",
        help="ISO 4217 code of all prices, at the first start [default: USD]; it never changes.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        envvar="BAZAR_NAME",
        help="Of the shop, at the first start [default: Bazar Books]; later 'bazar shop set'.",
    ),
]
MailFrom = Annotated[
    str,
    typer.Option(
        envvar="BAZAR_MAIL_FROM",
        help="Who the shop's mails are from, such as 'Sea Books <shop@example.org>'.",
    ),
]
OpenApi = Annotated[
    Literal["on", "off"],
    typer.Option(
        envvar="BAZAR_OPEN_API",
        help="Whether anyone may order over the JSON routes, or only who has the secret.",
    ),
]
Cache = Annotated[
    Literal["on", "off"],
    typer.Option(
        envvar="BAZAR_CACHE",
        help="Whether the front keeps answers of the catalog; 'off' asks it each time.",
    ),
]
LogFormat = Annotated[
    Literal["text", "json"], typer.Option(envvar="BAZAR_LOG_FORMAT", help="Form of the log lines.")
]
MetricsFor = Annotated[
    Literal["secret", "open"],
    typer.Option(envvar="BAZAR_METRICS", help="Who may ask for /metrics."),
]
PostgresBin = Annotated[
    Path | None,
    typer.Option(
        envvar="BAZAR_POSTGRES_BIN",
        help="Folder of PostgreSQL's programs [default: they are looked for].",
    ),
]
BookId = Annotated[int, typer.Argument(metavar="ID", min=1, help="Of the book.")]
OrderId = Annotated[str, typer.Argument(metavar="ORDER_ID", help="Of the order.")]


def fail(message: str, code: int = 1) -> NoReturn:
    """End with one line on standard error and an exit code."""
    typer.echo(f"bazar: {visible(message)}", err=True)
    raise typer.Exit(code)


def visible(text: str) -> str:
    """Return a text of the shop without what would steer the terminal or turn the line around."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def environment_secret(secret_file: Path | None) -> str | None:
    """Return BAZAR_SECRET, unless a file was named."""
    return None if secret_file is not None else os.environ.get("BAZAR_SECRET")


def environment_smtp_url() -> str:
    """Return BAZAR_SMTP_URL, which holds a password and so is no option."""
    return os.environ.get("BAZAR_SMTP_URL", "")


def print_json(value: Any) -> None:  # noqa: ANN401
    """Print a struct, or several, as indented JSON; prices with exactly their decimals."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(value)
    typer.echo(msgspec.json.format(encoded, indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings; numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(_is_number(row[index]) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else _plain(cell) for cell in row))
    width = None if sys.stdout.isatty() else 120
    Console(width=width, highlight=False, soft_wrap=False).print(table)


def _plain(cell: object) -> str:
    from rich.markup import escape

    return escape(visible(str(cell)))


def _is_number(cell: object) -> bool:
    return cell is None or str(cell).lstrip("-").replace(",", "").replace(".", "", 1).isdigit()


@contextmanager
def progress_bar(total: int | None, what: str) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error, when a person watches, and give what moves it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda rows: progress.update(task, advance=rows)
