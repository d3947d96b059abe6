"""The command that writes what a shop keeps into files for spreadsheets."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from bazar.cli.shop import Answer, asks
from bazar.cli.show import counted
from bazar.cli.terminal import fail, misused, progress_bar, tidy_end, visible
from bazar.formats.exports import Exported
from bazar.kit.files import whole_file
from bazar.tools.shop import Shop

_STDOUT = "-"


class Export(msgspec.Struct, frozen=True):
    """What was written, and where."""

    what: Exported
    rows: int
    file: str


@asks("catalog", "order")
def export(
    shop: Shop,
    what: Annotated[Exported, typer.Argument(help="What to write.", show_choices=True)],
    file: Annotated[
        str, typer.Argument(metavar="FILE.csv", help="Where to write; - is standard output.")
    ] = _STDOUT,
    *,
    as_json: bool,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over a file that is there.")
    ] = False,
) -> Answer[Export]:
    """Write books, orders, their lines or the stock ledger as CSV, which every spreadsheet opens.

    The file of books is what 'bazar import' reads: taken in unchanged it changes nothing.

    Examples:
      bazar export books books.csv
      bazar export orders orders.csv
      bazar export order-lines order-lines.csv
    """
    from bazar.tools.exporter import write_csv

    if as_json and file == _STDOUT:
        misused("--json tells what was written into a file: name one")
    try:
        with (
            tidy_end(),
            _opened(file, replace=replace) as opened,
            progress_bar(None, what) as progress,
        ):
            rows = write_csv(shop, what, opened, progress)
    except FileExistsError:
        fail(f"{file} is there already; name another file, or write over it with --replace")
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}")
    return Answer(Export(what, rows, file), _show)


@contextmanager
def _opened(file: str, *, replace: bool) -> Iterator[BinaryIO]:
    """Open what is written to; a named file is there once it is whole."""
    if file != _STDOUT:
        with whole_file(Path(file), replace=replace) as opened:
            yield opened
        return
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # so that its end does not try once more
        raise


def _show(done: Export) -> None:
    """Tell it beside what was written, which may be on standard output."""
    where = "" if done.file == _STDOUT else f" in {visible(done.file)}"
    typer.echo(f"{counted(done.rows, 'row')} of {done.what}{where}", err=True)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(export)
