"""The command `bazar load`: options in, a table and a verdict out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bazar.cli.naming import book_name
from bazar.cli.shop import Answer, asks
from bazar.cli.terminal import (
    fail,
    misused,
    print_table,
    visible,
)
from bazar.load.plan import MIX_DEFAULT, Tastes, parse_mix
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop

if TYPE_CHECKING:
    from bazar.load.report import LoadReport

Duration = Annotated[float, typer.Option(min=1, max=3600, help="Of the load, in seconds.")]
Clients = Annotated[
    int | None,
    typer.Option(
        min=1, max=4096, help="How many ask at once [default: 64; with --rate at most 512]."
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(min=0.1, max=100_000, help="Customers arriving a second, however slow the shop."),
]
Think = Annotated[
    float,
    typer.Option(min=0, max=60, help="Average pause of a client before it asks again, in seconds."),
]
Mix = Annotated[str, typer.Option(help="Shares of browse, search and buy.")]
Zipf = Annotated[
    float, typer.Option(min=0, max=5, help="How much the popular books lead; 0: all are equal.")
]
FlashSale = Annotated[
    int | None,
    typer.Option(
        metavar="ID|ISBN", parser=book_name, help="Everybody wants this book; sells real copies."
    ),
]
RealStock = Annotated[
    bool, typer.Option("--real-stock", help="Buy real copies, not those of the load's own books.")
]
Books = Annotated[int, typer.Option(min=1, max=1000, help="How many books the load brings.")]
Copies = Annotated[int, typer.Option(min=1, max=10**9, help="Of each book that the load brings.")]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Ask past the cache of the front."),
]
Seed = Annotated[int, typer.Option(help="The same seed, the same customers.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Load a shop that has books of its own without asking.")
]
Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE.svg", help="Draw throughput and latency over time."),
]


@asks("front", "catalog", "order")
def load(  # noqa: PLR0913  one parameter an option
    shop: Shop,
    *,
    as_json: bool,
    duration: Duration = 10,
    clients: Clients = None,
    rate: Rate = None,
    think: Think = 0,
    mix: Mix = MIX_DEFAULT,
    zipf: Zipf = 1,
    flash_sale: FlashSale = None,
    real_stock: RealStock = False,
    books: Books = 20,
    copies: Copies = 1_000_000,
    seed: Seed = 1,
    no_cache: NoCache = False,
    plot: Plot = None,
    yes: Yes = False,
) -> "Answer[LoadReport]":
    """Let customers browse, search and buy; show how fast it was, and check that it adds up.

    It buys books of its own, and puts them away at the end. Ctrl-C ends it early. Exit code 1
    when anything differs. It asks before it loads a shop with other books than the sample's.

    Examples:
      bazar load --duration 10
      bazar load --rate 200 --plot load.svg
    """
    from bazar.load.clients import CLIENTS_DEFAULT, CLIENTS_DEFAULT_OPEN, Pace
    from bazar.load.run import LoadOptions, run_load
    from bazar.load.stock import StockError, StockOptions

    if rate is not None and think:
        misused("--rate and --think contradict each other: with a rate, nobody waits to ask again")
    if plot is not None and (plot.suffix != ".svg" or not plot.parent.is_dir()):
        misused(f"--plot takes a file such as load.svg in a folder that is there, not {plot}")
    try:
        tastes = Tastes(parse_mix(mix), zipf, seed)
    except ValueError as error:
        misused(str(error))
    at_once = clients or (CLIENTS_DEFAULT if rate is None else CLIENTS_DEFAULT_OPEN)
    pace = Pace(duration, at_once, think, rate, seed, no_cache)
    stock = StockOptions(books, copies, real_stock, flash_sale, duration)
    options = LoadOptions(pace, tastes, stock, plot)
    try:
        if not yes:
            _ask(shop)
        done = run_load(shop, options, lambda found: None if as_json else show_measured(found))
    except (StockError, RemoteError, OSError) as error:
        fail("; ".join([str(error), *getattr(error, "__notes__", ())]))
    except KeyboardInterrupt as stopped:
        for note in getattr(stopped, "__notes__", ()):
            typer.echo(f"bazar: {note}", err=True)
        raise
    fine = done.check is None or not done.check.differences
    return Answer(done, show_verdict, fine=fine)


def _ask(shop: Shop) -> None:
    """Make sure that somebody wants to load a shop in which real customers may be."""
    from bazar.load.own import real_book

    title = real_book(shop)
    if title is None:
        return
    why = f"this shop has books of its own, such as {title!r}; a load slows it down, and its orders"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail(f"{why} stay: to load it all the same, add --yes")
    typer.confirm(visible(f"{why} stay. Load it?"), abort=True, err=True)


def show_measured(done: "LoadReport") -> None:
    """Print what was measured; the check is still to come."""
    from bazar.cli.show_load import COLUMNS, kind_row, remarks

    print_table(COLUMNS, [kind_row(one) for one in done.kinds])
    for remark in remarks(done):
        typer.echo(remark)


def show_verdict(done: "LoadReport") -> None:
    """Print whether all adds up."""
    from bazar.cli.show_load import verdict

    for line in verdict(done.check):
        typer.echo(line)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(load)
