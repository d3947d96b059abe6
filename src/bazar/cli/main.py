"""The command line as a whole: its modules register their commands here."""

import os
from typing import Annotated, Literal

import typer

from bazar import __version__
from bazar.cli import (
    backing,
    buyer,
    certifying,
    experiment,
    exporting,
    importing,
    keeper,
    lists,
    load,
    moving,
    opening,
    serving,
    settings,
    tracing,
)
from bazar.cli.helping import Group, finish

PROGRAM = "bazar"
_COMPLETE_VARIABLE = "_BAZAR_COMPLETE"

app = typer.Typer(
    name=PROGRAM,
    cls=Group,
    help="An online book store of three small services that sells each copy exactly once.",
    epilog="'bazar up' opens a shop. 'bazar COMMAND -h' shows what a command takes, with examples.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
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


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Your shell.")],
) -> None:
    """Print what has your shell complete commands and options when you press Tab.

    Examples:
      eval "$(bazar completion bash)"     in ~/.bashrc
      eval "$(bazar completion zsh)"      in ~/.zshrc
      bazar completion fish | source      in config.fish
    """
    from typer._completion_shared import get_completion_script

    typer.echo(
        get_completion_script(prog_name=PROGRAM, complete_var=_COMPLETE_VARIABLE, shell=shell)
    )


for _room in (
    opening,
    serving,
    moving,
    buyer,
    lists,
    keeper,
    importing,
    settings,
    exporting,
    backing,
    certifying,
    load,
    experiment,
    tracing,
):
    _room.register(app)
app.command()(completion)
finish(app)


def main() -> None:
    """Run the command line. What it writes is its owner's alone."""
    os.umask(0o077)
    app(prog_name=PROGRAM)
