"""Seeded bugs of several order services over one database, which one alone does not have."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    CANCELLED_LATE,
    CROWD_AT_BOTH,
    LETTERS_OF_BOTH,
    LISTED_LATE,
    NOTED_LATE,
    READ_WHOLE,
    REPEATED_BEFORE_SAFE,
    RESTORED,
    SAME_BATCHES,
)

_STORE = "order/store/postgres.py"

REPLICA_BUGS = (
    Bug(
        "changes-without-a-lock",
        "An order is cancelled by what it was before others changed it.",
        (
            Edit(
                "order/service.py",
                "            await self._store.lock(transaction, [order_id])\n",
                "",
            ),
        ),
        (CANCELLED_LATE,),
    ),
    Bug(
        "locks-nothing",
        "Whoever reads an order to change it keeps nobody from changing it.",
        (
            Edit(
                _STORE,
                'ORDER BY order_id FOR NO KEY UPDATE"""\n',
                'ORDER BY order_id"""\n',
            ),
        ),
        (READ_WHOLE,),
    ),
    Bug(
        "keys-unsorted",
        "New orders are inserted in the order in which they were asked for.",
        (
            Edit(
                _STORE,
                'FROM asked ORDER BY idempotency_key COLLATE "C", number\n',
                "FROM asked ORDER BY number\n",
            ),
        ),
        (SAME_BATCHES,),
    ),
    Bug(
        "repeats-what-it-sees",
        "What a key has placed is told although a failover may lose it.",
        (
            Edit(
                "order/service.py",
                "            existing = await self._database.write(\n"
                "                lambda transaction: self._store.by_keys(transaction, keys), "
                "idempotent=True\n",
                "            existing = await self._database.read(\n"
                "                lambda transaction: self._store.by_keys(transaction, keys)\n",
            ),
        ),
        (REPEATED_BEFORE_SAFE,),
    ),
    Bug(
        "lists-what-is-there",
        "A page goes on to its end over what is still being written before it.",
        (
            Edit(
                _STORE,
                'pages(" AND sequence < places_end()")',
                "pages()",
            ),
        ),
        (LISTED_LATE,),
    ),
    Bug(
        "reads-letters-that-are-there",
        "Letters that are committed late are passed over.",
        (
            Edit(
                _STORE,
                " AND letter_id < places_end()",
                "",
            ),
        ),
        (NOTED_LATE,),
    ),
    Bug(
        "counts-beside-others",
        "Open orders of an address are counted while others insert some.",
        (
            Edit(
                "order/service.py",
                '            await transaction.lock(f"orders of {address}")\n',
                "            del address\n",
            ),
        ),
        (CROWD_AT_BOTH,),
    ),
    Bug(
        "all-send-letters",
        "Each process sends the letters that it sees.",
        (
            Edit(
                "order/mail/sending.py",
                'await self._database.standing("mail") != "other"',
                "True",
            ),
        ),
        (LETTERS_OF_BOTH,),
    ),
    Bug(
        "places-of-here",
        "After a restore new orders come before old ones.",
        (
            Edit(
                _STORE,
                "        if row is not None:\n            behind",
                "        if row is None:\n            behind",
            ),
        ),
        (RESTORED,),
    ),
)
