"""Seeded bugs of what holds a process: its log, its supervisor, its connections, its secrets."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    CONNECTIONS,
    COUNTERS,
    FIRST_VISITOR,
    OWN_POSTGRES,
    SECRETS,
    SERVER_ENDS,
    SUPERVISING,
    UNREAD_LOG,
    WHERE_SECRETS_GO,
)

PROCESS_BUGS = (
    Bug(
        "log-waits",
        "Whoever logs a line more than the log has room for writes them all, however long that is.",
        (
            Edit(
                "kit/log.py",
                "        else:\n            self._dropped += 1\n",
                "        else:\n            self._write()\n            self._lines.append(line)\n",
            ),
        ),
        (UNREAD_LOG,),
    ),
    Bug(
        "hung-is-alive",
        "The supervisor takes a service that says nothing for one that is alive.",
        (
            Edit(
                "kit/process/supervisor.py",
                '        return await self._status(f"{child.url}/healthz") is not None\n',
                '        return await self._status(f"{child.url}/healthz") != _OK\n',
            ),
        ),
        (SUPERVISING,),
    ),
    Bug(
        "hung-worker-is-alive",
        "Of the processes that share a port one that says nothing counts as alive.",
        (
            Edit(
                "kit/process/supervisor.py",
                "    async def _answers(self, child: Child) -> bool:\n"
                "        if child.shares_port:\n            return _heard(child)\n",
                "    async def _answers(self, child: Child) -> bool:\n"
                "        if child.shares_port:\n            return True\n",
            ),
        ),
        (SUPERVISING,),
    ),
    Bug(
        "database-stops-with-its-clients",
        "A database is stopped like a service, by the signal that waits for all clients to leave.",
        (
            Edit(
                "kit/process/supervisor.py",
                "process.send_signal(child.stop_signal)",
                "process.send_signal(signal.SIGTERM)",
            ),
        ),
        (SUPERVISING,),
    ),
    Bug(
        "database-outlives-the-shop",
        "A PostgreSQL of our own runs on when the shop was killed.",
        (Edit("kit/process/postgres_server.py", '_tied("INT")', "()"),),
        (OWN_POSTGRES,),
    ),
    Bug(
        "database-half-made",
        "A folder of data that was only half made, when the start was killed, counts as whole.",
        (
            Edit(
                "kit/process/postgres_server.py",
                'unfinished = data.with_name("unfinished")',
                "unfinished = data",
            ),
        ),
        (OWN_POSTGRES,),
    ),
    Bug(
        "pauses-grow",
        "A service waits longer each time that it was killed, though it had always got ready.",
        (
            Edit(
                "kit/process/supervisor.py",
                "            steady = child.ready and status != EXIT_NOT_STARTED\n",
                "            steady = False\n",
            ),
        ),
        (SUPERVISING,),
    ),
    Bug(
        "half-a-request-waits",
        "Whoever sent half a request counts as one whose answer is due, and keeps the place.",
        (
            Edit(
                "kit/process/connections.py",
                "    due = asked and (never_answered or received_ms < sent_ms)\n",
                "    due = (asked and never_answered) or received_ms < sent_ms\n",
            ),
        ),
        (CONNECTIONS,),
    ),
    Bug(
        "more-connections-than-files",
        "A service takes as many connections as ever, however few files it may open.",
        (
            Edit(
                "kit/process/connections.py",
                "    return max(1, min(CONNECTIONS_MAX, (files - kept) // 2))\n",
                "    return max(1, CONNECTIONS_MAX - 0 * kept)\n",
            ),
        ),
        (CONNECTIONS,),
    ),
    Bug(
        "busy-gives-way",
        "Where connections get scarce, those go that wait longest for an answer.",
        (
            Edit(
                "kit/process/connections.py",
                "    return 0 if due else int(min(sent_ms, received_ms))\n",
                "    return int(min(sent_ms, received_ms)) if due else 0\n",
            ),
        ),
        (CONNECTIONS,),
    ),
    Bug(
        "secret-for-a-trap",
        "A command sends BAZAR_SECRET to an address that only a file here names.",
        (Edit("cli/shop.py", "        if found_there and given:\n", "        if not data:\n"),),
        (WHERE_SECRETS_GO,),
    ),
    Bug(
        "secret-of-two-lines",
        "A secret may hold what no header carries.",
        (Edit("kit/secret.py", "(?! )[ -~]", "(?! )[\\0-~]"),),
        (SECRETS,),
    ),
    Bug(
        "counters-for-strangers",
        "Anyone may read off /metrics what is sold.",
        (
            Edit(
                "kit/http/operations.py",
                "        secret=True,  # they tell what is sold\n",
                "        secret=False,\n",
            ),
        ),
        (COUNTERS,),
    ),
    Bug(
        "open-before-the-books",
        "At the first start the front is open while the sample catalogue is on its way.",
        (
            Edit(
                "cluster.py",
                'storing = [child for child in children if child.name != "front"]',
                "storing = children",
            ),
            Edit("cluster.py", 'if child.name == "front":', "if child not in storing:"),
        ),
        (FIRST_VISITOR,),
    ),
    Bug(
        "server-ends-unseen",
        "A server that ended by itself looks like one that was told to.",
        (
            Edit(
                "kit/process/server.py",
                "        ended = None if stop.is_set() else _reason(serving)\n",
                "        ended = None if serving.done() else _reason(serving)\n",
            ),
        ),
        (SERVER_ENDS,),
    ),
)
