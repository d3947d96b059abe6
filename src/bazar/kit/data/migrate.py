"""Bring a database to the newest schema: numbered SQL files, each applied once."""

from importlib.resources import files

from bazar.kit.clock import now_ms
from bazar.kit.data.database import Database, Transaction
from bazar.kit.errors import StartupError

MIGRATE_S_MAX = 900.0
"""Of all steps together, and of the wait for another process that applies them."""
_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_history (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at_ms BIGINT NOT NULL
)
"""


def steps(package: str) -> list[tuple[int, str, str]]:
    """Return number, name and SQL of each step in a package's folder, in order."""
    found = [entry for entry in files(package).iterdir() if entry.name.endswith(".sql")]
    return sorted(
        (int(entry.name.split("_")[0]), entry.name, entry.read_text("utf-8")) for entry in found
    )


async def migrate(database: Database, package: str) -> list[str]:
    """Apply the steps that are missing, all in one transaction, and return their names.

    Args:
        database: the database to bring up to date.
        package: the folder of the SQL files as a dotted name, such as
            `bazar.catalog.schema.sqlite`.

    Raises:
        StartupError: the database was written by a newer release.
    """
    available = steps(package)

    async def apply(transaction: Transaction) -> list[str]:
        await transaction.lock("schema")  # of many replicas that start at once, one applies a step
        await transaction.script(_HISTORY)
        row = await transaction.one("SELECT coalesce(max(number), 0) FROM schema_history")
        current = row[0] if row else 0
        assert isinstance(current, int)
        if available and current > available[-1][0]:
            message = (
                f"the database has schema {current}, this release knows {available[-1][0]}: "
                "install a newer release"
            )
            raise StartupError(message)
        applied = []
        for number, name, sql in available:
            if number > current:
                await transaction.script(sql)
                await transaction.run(
                    "INSERT INTO schema_history (number, name, applied_at_ms) VALUES (?1, ?2, ?3)",
                    number,
                    name,
                    now_ms(),
                )
                applied.append(name)
        return applied

    return await database.write(apply, idempotent=True, limit_s=MIGRATE_S_MAX)
