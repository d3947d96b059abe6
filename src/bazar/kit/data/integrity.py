"""What is wrong with a SQLite file in itself, whatever is kept in it."""

from bazar.kit.data.database import Lane, Transaction

INSPECTORS = Lane("inspections", threads=1, scans_max=2, patience_s=8.0, limit_s=600.0)
"""Who has a whole file read: a lane of its own, since it takes minutes for a gigabyte."""
FAULTS_MAX = 100


async def faults(transaction: Transaction) -> list[str]:
    """Return what SQLite finds wrong with its file, and rows that name others which are gone.

    It reads the whole file. At most 100 faults of each kind are named.

    Source: sqlite.org/pragma.html#pragma_integrity_check
    """
    rows = await transaction.all(f"PRAGMA integrity_check({FAULTS_MAX})")
    found = [str(text) for (text,) in rows if text != "ok"]
    rows = await transaction.all("SELECT * FROM pragma_foreign_key_check LIMIT ?1", FAULTS_MAX)
    return found + [f"{row[0]!s}, row {row[1]!s}: its row of {row[2]!s} is gone" for row in rows]
