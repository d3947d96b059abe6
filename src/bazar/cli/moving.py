"""The command that moves a shop to another database."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bazar.cli.terminal import (
    DATA_DEFAULT,
    PostgresBin,
    fail,
    misused,
    print_table,
    progress_bar,
    visible,
)
from bazar.kit.errors import StartupError
from bazar.kit.process.config import check_driver

if TYPE_CHECKING:
    from bazar.mover.run import Moved

_SQLITE = "sqlite:"


def move(
    *,
    source: Annotated[
        str, typer.Option("--from", help="sqlite:FOLDER of a shop that is closed.")
    ] = f"{_SQLITE}{DATA_DEFAULT}",
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="postgresql: one of our own in that folder; or postgresql://USER@HOST "
            "[default: BAZAR_DATABASE, since a password may be in it].",
        ),
    ] = "",
    as_it_is: Annotated[
        bool,
        typer.Option("--as-it-is", help="Move a shop whose audit finds differences as it is."),
    ] = False,
    postgres_bin: PostgresBin = None,
) -> None:
    """Move a closed shop from SQLite to PostgreSQL; run again, it goes on where it stopped.

    Every row is compared at both ends, and the audit is run. Then the old folder is shut.

    Examples:
      bazar move --to postgresql
      bazar move --to postgresql://me@db.example
    """
    kind, separator, folder = source.partition(":")
    if f"{kind}{separator}" != _SQLITE or not folder:
        misused(f"--from takes sqlite:FOLDER, not {source!r}")
    to = to or os.environ.get("BAZAR_DATABASE", "")
    if not to:
        misused("say where the shop moves to, with --to or BAZAR_DATABASE")
    data = Path(folder).absolute()
    try:
        check_driver()
        from bazar.mover.run import MoveSettings
        from bazar.mover.run import move as run_move

        settings = MoveSettings(data=data, to=to, postgres_bin=postgres_bin, as_it_is=as_it_is)
        moved = asyncio.run(run_move(settings, progress_bar))
    except StartupError as error:
        fail(str(error))
    _show(moved, folder)


def _show(moved: "Moved", folder: str) -> None:
    """Tell what came of it, and how the shop is started now."""
    if moved.tables:
        rows = [(table.name, table.rows, table.sha256) for table in moved.tables]
        print_table(["table", "rows", "SHA-256 at both ends"], rows)
    for difference in moved.differences:
        typer.echo(f"as it was: {visible(difference)}")
    done = "The shop has moved" if moved.tables else "The shop had moved already"
    typer.echo(f"{done}. Start it with: bazar up --data {folder} --database {moved.to}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(move)
