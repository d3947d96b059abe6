"""Seeded bugs in what the kit promises of databases, and in what is asked of them."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    FAULTS,
    LAZY_CUTS,
    LAZY_WRITES,
    LOCK,
    LOG,
    PLANS,
    SCANS,
    UNITS_OF_AN_IMPORT,
)

DATABASE_BUGS = (
    Bug(
        "lazy-never-flushed",
        "A durable write that changes nothing leaves the lazy ones that it saw to the next one.",
        (
            Edit(
                "kit/data/group.py",
                "            self._writer.flush_with_commit()\n",
                "            pass\n",
            ),
        ),
        (LAZY_CUTS,),
    ),
    Bug(
        "lazy-waits",
        "A lazy write waits for a flush, so that what it stores is told before anybody sees it.",
        (
            Edit(
                "kit/data/group.py",
                "        self._jobs.append(job)\n        self._wake()\n",
                "        self._jobs.append(job)\n"
                "        self._loop.call_later(LAZY_DELAY_MAX_S if lazy else 0, self._wake)\n",
            ),
        ),
        (LAZY_WRITES,),
    ),
    Bug(
        "busy-for-ever",
        "After a fault around a batch every later write waits without an end.",
        (
            Edit(
                "kit/data/group.py",
                "        except UNIT_ERRORS as error:  "
                "# such as no memory: nobody knows where it broke off\n"
                "            self._writer.stop(error)\n",
                "        except UNIT_ERRORS:\n            return\n",
            ),
        ),
        (FAULTS,),
    ),
    Bug(
        "checkpoint-unseen",
        "A checkpoint that fails is tried again later, and nobody hears of it.",
        (
            Edit(
                "kit/data/sqlite_checkpoints.py",
                "            self._stop(error)\n            raise\n",
                "            return 0  # type: ignore[return-value]\n",
            ),
        ),
        (LOG,),
    ),
    Bug(
        "log-unbounded",
        "Scans that overlap without a gap keep the log from ever beginning anew.",
        (
            Edit(
                "kit/data/sqlite_checkpoints.py",
                "                await self._empty()\n",
                "",
            ),
        ),
        (LOG,),
    ),
    Bug(
        "scans-for-nobody",
        "A scan goes on after its asker has gone.",
        (
            Edit(
                "kit/data/sqlite_scans.py",
                "            self._leave(scan)  # where nobody waits for it any more\n",
                "",
            ),
        ),
        (SCANS,),
    ),
    Bug(
        "status-without-index",
        "A page of orders of one status reads all orders.",
        (
            Edit(
                "order/store/oldest.py",
                "status = ?3 AND status <> 'pending' AND ",
                "status = ?3 AND ",
            ),
        ),
        (PLANS,),
    ),
    Bug(
        "import-without-a-pause",
        "All rows of an import are taken in in one unit, however long that takes.",
        (
            Edit(
                "catalog/rows.py",
                "            if enough():\n                break\n",
                "            enough()\n",
            ),
        ),
        (UNITS_OF_AN_IMPORT,),
    ),
    Bug(
        "lock-on-a-name",
        "A database is locked by its name, and a process that calls it otherwise opens it too.",
        (
            Edit(
                "kit/data/sqlite.py",
                "            held.enter_context(closing(FileHold(path, what)))\n",
                "",
            ),
        ),
        (LOCK,),
    ),
)
