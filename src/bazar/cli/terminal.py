"""What the commands share: their options, their errors, and how they print."""

import os
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from threading import current_thread, main_thread
from types import FrameType
from typing import Annotated, Any, Literal, NoReturn

import msgspec
import typer

from bazar.cli.naming import book_name, order_name

DATA_DEFAULT = Path("bazar-data")
REFUSED = 1
"""Exit code of a command that failed: nothing was changed."""
MISUSED = 2
"""Of a command line that makes no sense; nothing was asked."""
UNDECIDED = 3
"""Of a purchase that is stored and not decided yet."""
UNKNOWN = 4
"""Of a change that may have happened: nobody answered."""
INTERRUPTED = 130
"""As shells have it for what Ctrl-C ended."""
_SIGNAL_CODES = 128
"""Added to the number of a signal, as shells have it."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Data = Annotated[Path, typer.Option(envvar="BAZAR_DATA", help="Folder of databases and secret.")]
NamedData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="BAZAR_DATA",
        help=f"Folder of databases and secret [default: {DATA_DEFAULT}].",
    ),
]
"""Of a command that looks for a shop: a folder that somebody named leads to no other one."""
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
Tls = Annotated[
    Path | None,
    typer.Option(
        envvar="BAZAR_TLS",
        metavar="DIR",
        help="Folder of ca.pem and of our certificate and key: services are asked under TLS.",
    ),
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
LogLevel = Annotated[
    Literal["debug", "info", "warning"],
    typer.Option(
        envvar="BAZAR_LOG_LEVEL",
        help="What is logged: 'debug' also a line a step, for 'bazar trace'; 'info' all, with a "
        "line a request; 'warning' what is wrong.",
    ),
]
LogFileOption = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        envvar="BAZAR_LOG_FILE",
        help="Where the log goes; standard output then gets warnings alone.",
    ),
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
BookId = Annotated[int, typer.Argument(metavar="ID|ISBN", parser=book_name, help="Of the book.")]
"""A command that `asks` makes finds the book, and gets its id."""
OrderId = Annotated[
    str, typer.Argument(metavar="ORDER_ID|REFERENCE", parser=order_name, help="Of the order.")
]
"""Likewise the order."""


def fail(message: str, code: int = REFUSED) -> NoReturn:
    """End with one line on standard error and an exit code."""
    typer.echo(f"bazar: {visible(message)}", err=True)
    raise typer.Exit(code)


def misused(message: str) -> NoReturn:
    """End with one line about a command line that makes no sense."""
    fail(message, MISUSED)


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


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    fixed: Collection[str] = (),
    below: Sequence[Sequence[str]] = (),
) -> None:
    """Print rows under headings; numbers to the right.

    Args:
        columns: their headings.
        rows: their cells.
        fixed: columns that are never folded, such as ids, which are copied.
        below: lines of text that stand below each row, where there are any.
    """
    from bazar.cli.layout import table_lines

    cells = [["" if cell is None else _plain(cell) for cell in row] for row in rows]
    texts = [[_plain(text) for text in lines] for lines in below]
    for number, line in enumerate(table_lines(columns, cells, terminal_width(), fixed, texts)):
        heading = number == 0 and line.split() == " ".join(columns).split()
        _print_line(line, bold=heading)


def print_facts(facts: Sequence[tuple[str, str]], indent: int = 0) -> None:
    """Print names and values, a line each; a long value goes on below its beginning."""
    from bazar.cli.layout import fact_lines

    shown = [(name, visible(value)) for name, value in facts]
    for line in fact_lines(shown, terminal_width(), indent):
        _print_line(line)


def say(text: str) -> None:
    """Print a sentence of the shop, folded between words where the terminal is narrow."""
    from bazar.cli.layout import wrapped

    for line in wrapped(visible(text), terminal_width()):
        _print_line(line)


def terminal_width() -> int | None:
    """Return how many letters fit into a line; None where nobody looks, and lines stay whole.

    COLUMNS, where it is set, says it for a pipe too.
    """
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return get_terminal_size().columns
    return None


def _print_line(line: str, *, bold: bool = False) -> None:
    from bazar.cli.layout import steady

    watched = sys.stdout.isatty()
    line = steady(line) if watched else line
    coloured = watched and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    typer.echo(typer.style(line, bold=True) if bold and coloured else line)


def _plain(cell: object) -> str:
    """Return a cell as one line."""
    return " ".join(visible(str(cell)).split())


@contextmanager
def progress_bar(total: int | None, what: str) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error, when a person watches, and give what moves it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda rows: progress.update(task, advance=rows)


@contextmanager
def tidy_end() -> Iterator[None]:
    """Have a signal that ends the command end what it does here as Ctrl-C does.

    So what is half written is taken away. A signal that is ignored, as by nohup, stays so.
    """

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for one in heard:
            signal.signal(one, signal.SIG_IGN)  # a second one must not end the tidying up
        raise SystemExit(_SIGNAL_CODES + number)

    is_main = current_thread() is main_thread()
    heard = [one for one in _ENDING if is_main and signal.getsignal(one) is signal.SIG_DFL]
    try:
        for one in heard:
            signal.signal(one, end)
        yield
    finally:
        for one in heard:
            signal.signal(one, signal.SIG_DFL)
