"""Seeded bugs in the engine on PostgreSQL: its commits, its barrier, its connections."""

from mutants.bug import Bug, Edit
from mutants.parts import CUTS, ENGINES, POSTGRES, STANDBY

_ENGINE = "kit/data/postgres.py"
_POOL = "kit/data/postgres_pool.py"
_CONNECTING = "kit/data/postgres_connecting.py"

POSTGRES_BUGS = (
    Bug(
        "cancelled-commit",
        "A commit that takes too long is cancelled, which makes its row visible and tells nobody.",
        (
            Edit(
                _ENGINE,
                "        tag = await connection.execute(end)\n",
                "        tag = await connection.execute(end, timeout=0.1)\n",
            ),
        ),
        (STANDBY,),
    ),
    Bug(
        "unit-of-its-caller",
        "A unit of work ends with who asked for it, before it is committed.",
        (
            Edit(
                _ENGINE,
                "        await asyncio.wait({unit})\n        return unit.result()\n",
                "        return await unit\n",
            ),
        ),
        (ENGINES,),
    ),
    Bug(
        "no-barrier",
        "What was only found is told before the standby has it, and a failover forgets it.",
        (Edit(_ENGINE, "if durable and not transaction.wrote:", "if False:"),),
        (STANDBY,),
    ),
    Bug(
        "barrier-for-who-looked",
        "A statement that could have written, and wrote nothing, counts as one that wrote.",
        (Edit(_ENGINE, "self.wrote or changed > 0", "True"),),
        (STANDBY,),
    ),
    Bug(
        "warning-unheard",
        "The server warns that it did not wait for its standby, and the commit is acknowledged.",
        (Edit(_POOL, "if message.sqlstate == _WARNING:", "if False:"),),
        (STANDBY,),
    ),
    Bug(
        "again-after-a-lost-commit",
        "A unit that may not run twice is run again when nobody knows what became of it.",
        (Edit(_POOL, "(isinstance(error, Unknown) and not idempotent)", "False"),),
        (CUTS,),
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
        (CUTS,),
    ),
    Bug(
        "told-twice",
        "What a run announced that was given up is told with the next run of the unit.",
        (
            Edit(
                _ENGINE,
                "        announced: list[object] = []\n        transaction",
                '        announced = work.__dict__.setdefault("announced", [])\n'
                "        transaction",
            ),
        ),
        (CUTS,),
    ),
    Bug(
        "rollback-acknowledged",
        "A unit that hid a failed statement is told to be committed; the server rolled it back.",
        (Edit(_ENGINE, '    if tag != "COMMIT":\n', "    if not tag:\n"),),
        (POSTGRES,),
    ),
    Bug(
        "cut-and-not-ended",
        "What was cut runs on in the server, with all its locks.",
        (Edit(_CONNECTING, '    "client_connection_check_interval": "100ms",\n', ""),),
        (POSTGRES,),
    ),
    Bug(
        "hosts-in-turn",
        "One host that hangs keeps everybody from the next.",
        (Edit(_CONNECTING, "for each in each_host(url)}", "for each in [url]}"),),
        (POSTGRES,),
    ),
)
