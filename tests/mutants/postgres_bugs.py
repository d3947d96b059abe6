"""Seeded bugs in the engine on PostgreSQL: its commits, its barrier, its connections."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    COMMITS_ENDED,
    FAILED_OVER,
    HIDDEN_FAILURES,
    LOST_COMMITS,
    NO_STANDBY,
    RUN_AGAIN,
    SCANS_LEFT,
    SEVERAL_HOSTS,
    TAKEN_ALONG,
)

_ENGINE = "kit/data/postgres.py"
_POOL = "kit/data/postgres_pool.py"
_CONNECTING = "kit/data/postgres_connecting.py"

POSTGRES_BUGS = (
    Bug(
        "barrier-for-who-looked",
        "A statement that could have written, and wrote nothing, counts as one that wrote.",
        (Edit(_ENGINE, "self.wrote or changed > 0", "True"),),
        (NO_STANDBY,),
    ),
    Bug(
        "warning-unheard",
        "The server warns that it did not wait for its standby, and the commit is acknowledged.",
        (Edit(_POOL, "if message.sqlstate == _WARNING:", "if False:"),),
        (COMMITS_ENDED,),
    ),
    Bug(
        "again-after-a-lost-commit",
        "A unit that may not run twice is run again when nobody knows what became of it.",
        (Edit(_POOL, "(isinstance(error, Unknown) and not idempotent)", "False"),),
        (LOST_COMMITS,),
    ),
    Bug(
        "idle-kept",
        "A connection is lost, and those that nobody uses still lead to where it led.",
        (
            Edit(
                _POOL,
                "            if broken:\n                self._server.cut_idle()\n",
                "",
            ),
        ),
        (TAKEN_ALONG,),
    ),
    Bug(
        "told-twice",
        "What a run announced that was given up is told with the next run of the unit.",
        (
            Edit(
                _ENGINE,
                "        announced: list[object] = []\n",
                "        announced = work.__dict__.setdefault('announced', [])\n",
            ),
        ),
        (RUN_AGAIN,),
    ),
    Bug(
        "rollback-acknowledged",
        "A unit that hid a failed statement is told to be committed; the server rolled it back.",
        (Edit(_ENGINE, '    if tag != "COMMIT":\n', "    if not tag:\n"),),
        (HIDDEN_FAILURES,),
    ),
    Bug(
        "cut-and-not-ended",
        "What was cut runs on in the server, with all its locks.",
        (Edit(_CONNECTING, '    "client_connection_check_interval": "100ms",\n', ""),),
        (SCANS_LEFT,),
    ),
    Bug(
        "hosts-in-turn",
        "One host that hangs keeps everybody from the next.",
        (Edit(_CONNECTING, "hosts = each_host(url)", "hosts = [url]"),),
        (SEVERAL_HOSTS,),
    ),
    Bug(
        "hosts-asked-once",
        "While a dead primary says nothing, nobody looks whether a standby took its place.",
        (Edit(_CONNECTING, "or not asked.silent or", "or asked.silent or"),),
        (FAILED_OVER,),
    ),
    Bug(
        "replaced-and-used",
        "A primary that stood still is used again although another one took its place.",
        (Edit(_CONNECTING, "if timeline < latest:", "if False:"),),
        (FAILED_OVER,),
    ),
)
