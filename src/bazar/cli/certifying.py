"""The command that makes the certificates of a shop, and renews them."""

from pathlib import Path
from typing import Annotated

import typer

from bazar.cli.shop import Json
from bazar.cli.terminal import fail, print_json, print_table, say, tidy_end
from bazar.kit.errors import StartupError
from bazar.tools.certificates import AUTHORITY, AUTHORITY_KEY_FILE, Certified, certify

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Their folder; it is made where it is missing.")
]


def certificates(folder: Folder, *, as_json: Json = False) -> None:
    """Make the certificates with which services trust each other, or renew them.

    They hold for a year. Run again, it renews those that end within 60 days; the authority, and
    what is not of this command, stay as they are.

    Examples:
      bazar certificates tls
      bazar certificates tls --json
    """
    try:
        with tidy_end():
            found = certify(folder)
    except StartupError as error:
        fail(str(error))
    if as_json:
        print_json(found)
        return
    _show(folder, found)


def _show(folder: Path, found: list[Certified]) -> None:
    rows = [(one.file, one.done, f"{one.ends_at:%Y-%m-%d}", one.days_left) for one in found]
    print_table(("certificate", "", "until", "days left"), rows)
    say(f"\nCopy to each host three files of {folder}, for what runs there:")
    for role in (one.role for one in found if one.role != AUTHORITY):
        say(f"  {role:<8} {AUTHORITY}.pem {role}.pem {role}.key")
    say(
        f"Keep {folder / AUTHORITY_KEY_FILE} away from them: whoever has it can be any service. "
        "After a renewal copy the files again, and restart the services one by one."
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(certificates)
