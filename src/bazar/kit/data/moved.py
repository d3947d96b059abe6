"""A shop that moves to another database: what keeps both ends shut meanwhile, and one ever after.

The new database has a table of steps, and no service opens it before all of them are done. The old
folder gets a file, and no service opens what lies beside it.

Source: docs/decisions/0034-moving-to-postgresql.md
"""

import os
from pathlib import Path

from bazar.kit.errors import StartupError

MOVED_FILE = "moved"
"""Says where a shop is now that was in this folder."""
STATE = """
CREATE TABLE move_state (
    table_name text PRIMARY KEY,
    last_key text,
    rows bigint NOT NULL,
    done boolean NOT NULL
)"""
"""How far a move is: a row for each table, and one for the proof, which is the last to be done."""
STATE_IS_THERE = "SELECT to_regclass('move_state') IS NOT NULL"
UNFINISHED = "SELECT EXISTS (SELECT FROM move_state WHERE NOT done)"


def moved_to(folder: Path) -> str:
    """Return where the shop of a folder has moved to; empty where it has not."""
    try:
        return (folder / MOVED_FILE).read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read {folder / MOVED_FILE}: {error}"
        raise StartupError(message) from error


def note_moved(folder: Path, to: str) -> None:
    """Have no service open what is in a folder any more, from when this returns.

    Args:
        folder: of the old shop.
        to: where the shop is now, without a password.
    """
    unfinished = folder / f"{MOVED_FILE}.new"
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(f"{to}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(folder / MOVED_FILE)
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def refuse_moved(folder: Path) -> None:
    """Refuse a folder whose shop has moved.

    Raises:
        StartupError: it has.
    """
    if to := moved_to(folder):
        how = "" if "://" in to else f" --data {folder} of 'bazar up'"
        message = (
            f"the shop of {folder} has moved to {to}: start it there, with --database {to}{how}; "
            f"what is here is what it was then ({folder / MOVED_FILE} says so)"
        )
        raise StartupError(message)
