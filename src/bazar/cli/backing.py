"""The commands that keep a shop in one file, and open it again from there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from bazar.cli.shop import Answer, asks
from bazar.cli.show import counted
from bazar.cli.terminal import DATA_DEFAULT, Data, fail, progress_bar, tidy_end, visible
from bazar.kit.errors import StartupError
from bazar.tools.shop import Shop

if TYPE_CHECKING:  # it knows all services, and most commands none
    from bazar.mover.backup import Backup

_BYTES_A_MEGABYTE = 1_000_000


class BackupMade(msgspec.Struct, frozen=True):
    """What was written."""

    file: str
    size_bytes: int
    made_at: str
    audited: bool
    differences: list[str]


@asks("catalog", "order")
def backup(
    shop: Shop,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Such as shop.bazar-backup.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over a file that is there.")
    ] = False,
) -> Answer[BackupMade]:
    """Write the whole shop into one file while it is open: databases, settings and secret.

    Keep it as you keep the secret. 'bazar restore' makes a shop of it.

    Examples:
      bazar backup shop.bak
    """
    from bazar.mover.backup import back_up

    try:
        with tidy_end(), progress_bar(None, file.name) as progress:
            made = back_up(shop, file, progress, replace=replace)
    except FileExistsError:
        fail(f"{file} is there already; name another file, or write over it with --replace")
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror or error}")
    told = BackupMade(
        str(made.file),
        made.size_bytes,
        made.made_at.isoformat(),
        made.audited,
        made.differences,
    )
    return Answer(told, lambda _told: _show(made, "backed up"), fine=not made.differences)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="That 'bazar backup' has written.")],
    *,
    data: Data = DATA_DEFAULT,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put a data folder aside that is not empty.")
    ] = False,
    as_it_is: Annotated[
        bool,
        typer.Option("--as-it-is", help="Restore a shop whose audit finds differences as it is."),
    ] = False,
) -> None:
    """Make a data folder of a backup; 'bazar up' opens it.

    Examples:
      bazar restore shop.bak --data restored
    """
    from bazar.mover.backup import restore as run_restore

    try:
        with tidy_end():
            restored = run_restore(file, data, replace=replace, as_it_is=as_it_is)
    except StartupError as error:
        fail(str(error))
    _show(restored, "restored")
    if restored.aside is not None:
        typer.echo(f"what was in {visible(str(data))} is in {visible(str(restored.aside))} now")
    typer.echo(f"Open it with: bazar up --data {visible(str(data))}")


def _show(done: "Backup", what: str) -> None:
    """Tell what came of it, and what the audit says; beside a pipe that may be standard output."""
    beside = not done.file.is_file()

    def tell(line: str) -> None:
        typer.echo(line, err=beside)

    size = f"{done.size_bytes / _BYTES_A_MEGABYTE:,.1f} MB"
    tell(f"{what} the shop of {done.made_at:%F %T} UTC: {visible(str(done.file))}, {size}")
    if not done.audited:
        tell("not audited: it is of an older release; run 'bazar audit' once it is open")
    elif not done.differences:
        tell("clean: everything adds up")
    else:
        tell(f"{counted(len(done.differences), 'difference')}:")
    for difference in done.differences:
        tell(f"  {visible(difference)}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(backup)
    app.command()(restore)
