"""The command line as a whole: its modules register their commands here."""

import os
from typing import Annotated

import typer

from bazar import __version__
from bazar.cli import buyer, importing, keeper, load, moving, serving, settings

app = typer.Typer(
    name="bazar",
    help="An online book store of three small services that sells each copy exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"bazar {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Give the whole command line its options."""


for _room in (serving, moving, buyer, keeper, importing, settings, load):
    _room.register(app)


def main() -> None:
    """Run the command line. What it writes is its owner's alone."""
    os.umask(0o077)
    app()
