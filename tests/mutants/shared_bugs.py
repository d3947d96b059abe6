"""Seeded bugs of replicas that share a database."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    BEATS,
    CATALOGS_TOGETHER,
    CUT_OFF,
    ORDERS_AT_ONCE,
    REFUSED_ELSEWHERE,
)

SHARED_BUGS = (
    Bug(
        "release-overwrites",
        "A release that finds nothing writes over what was sold meanwhile; the copies are lost.",
        (
            Edit(
                "catalog/stock.py",
                "                if await self._store.add_outcome(transaction, released, at_ms):\n"
                "                    return released\n",
                "                if not await self._store.add_outcome("
                "transaction, released, at_ms):\n"
                "                    await self._store.save_outcome(transaction, released)\n"
                "                return released\n",
            ),
        ),
        (CATALOGS_TOGETHER,),
    ),
    Bug(
        "books-locked-anyhow",
        "A batch locks its books in any order, and two wait for each other.",
        (
            Edit(
                "catalog/store/postgres.py",
                "FROM books\nWHERE book_id = ANY(?1::bigint[])\nORDER BY book_id",
                "FROM books\nWHERE book_id = ANY(?1::bigint[])\n"
                "ORDER BY md5(book_id::text || pg_backend_pid())",
            ),
        ),
        (CATALOGS_TOGETHER,),
    ),
    Bug(
        "looks-before-it-locks",
        "What was decided is looked up before the books are locked, and a twin decides meanwhile.",
        (
            Edit(
                "catalog/stock.py",
                "            books = await self._store.books(transaction, wanted, lock=True)\n"
                "            order_ids = [one.order_id for one in requests]\n"
                "            outcomes = await self._store.outcomes(transaction, order_ids)\n",
                "            order_ids = [one.order_id for one in requests]\n"
                "            outcomes = await self._store.outcomes(transaction, order_ids)\n"
                "            books = await self._store.books(transaction, wanted, lock=True)\n",
            ),
        ),
        (CATALOGS_TOGETHER,),
    ),
    Bug(
        "confirms-whatever-it-is",
        "An order that another replica has cancelled is confirmed all the same.",
        (
            Edit(
                "order/store/postgres.py",
                "        WHERE order_id = ANY (?1::text[]) AND status = 'pending'\n",
                "        WHERE order_id = ANY (?1::text[])\n",
            ),
        ),
        (ORDERS_AT_ONCE,),
    ),
    Bug(
        "refuses-without-a-lock",
        "What became of an order is stored over what another replica stored just before.",
        (
            Edit(
                "order/driving.py",
                "        order_ids = list(decisions)\n"
                "        await self._store.lock(transaction, order_ids)\n",
                "        order_ids = list(decisions)\n",
            ),
        ),
        (REFUSED_ELSEWHERE,),
    ),
    Bug(
        "beat-not-awaited",
        "A beat that was sent counts as one that has come back.",
        (
            Edit(
                "kit/data/postgres_listening.py",
                "            while self._awaited is not None:\n"
                "                await self._move()\n",
                "            pass\n",
            ),
        ),
        (BEATS,),
    ),
    Bug(
        "beat-by-timer",
        "A catalog says that all is well though its database says nothing any more.",
        (
            Edit(
                "kit/data/postgres_listening.py",
                "            await self._voice.execute("
                "f\"NOTIFY {BEATS}, '{self._awaited}'; {MARK}\")\n"
                "            while self._awaited is not None:\n"
                "                await self._move()\n",
                "            self._moved.clear()\n",
            ),
        ),
        (CUT_OFF,),
    ),
)
