"""The table of seeded bugs: each one that a programmer could really write, as a small patch."""

from mutants.audit_bugs import AUDIT_BUGS
from mutants.bug import Bug, Edit
from mutants.bugs_of_reading import BUGS_OF_READING
from mutants.database_bugs import DATABASE_BUGS
from mutants.edge_bugs import EDGE_BUGS
from mutants.ending_bugs import ENDING_BUGS
from mutants.mover_bugs import MOVER_BUGS
from mutants.parts import (
    CLIMBING,
    CRASH_POINTS,
    OVERTAKEN,
    PLACE_MODEL,
    POWER_CUTS,
    RESERVE_MODEL,
    STORM,
)
from mutants.peers_bugs import PEERS_BUGS
from mutants.postgres_bugs import POSTGRES_BUGS
from mutants.process_bugs import PROCESS_BUGS
from mutants.replica_bugs import REPLICA_BUGS
from mutants.shared_bugs import SHARED_BUGS
from mutants.shop_bugs import SHOP_BUGS
from mutants.trust_bugs import TRUST_BUGS

BUGS = (
    Bug(
        "no-dedupe",
        "The order service places another order each time it sees a key.",
        (
            Edit(
                "order/schema/sqlite/0002_sequence.sql",
                "TEXT NOT NULL CONSTRAINT orders_one_order_a_key UNIQUE\n",
                "TEXT NOT NULL\n",
            ),
            Edit(
                "order/store/sqlite.py",
                "\nON CONFLICT (idempotency_key) DO NOTHING",
                "",
            ),
        ),
        (STORM,),
    ),
    Bug(
        "key-not-kept",
        "The front makes a key of its own for each request, whatever key the client sent.",
        (
            Edit(
                "front/api.py",
                "key = given_or_new_key(request.header_list(KEY_HEADER))",
                "key = given_or_new_key([])",
            ),
        ),
        (STORM,),
    ),
    Bug(
        "key-not-bound",
        "A key is answered with its first order, even when something else is asked for.",
        (
            Edit(
                "order/service.py",
                "        if found is not mine and not asks_for(found, mine):\n",
                "        if found is not mine and found.kind != mine.kind:\n",
            ),
        ),
        (STORM,),
    ),
    Bug(
        "answer-before-commit",
        "The database answers its callers before the commit is on the disk.",
        (
            Edit(
                "kit/data/group.py",
                "                self._handed_over.put(batch)\n",
                "                for job in batch.jobs:\n"
                "                    if job.error is None and not job.future.done():\n"
                "                        job.future.set_result(job.result)\n"
                "                self._handed_over.put(batch)\n",
            ),
        ),
        (POWER_CUTS,),
    ),
    Bug(
        "synchronous-normal",
        "The database is told not to flush at each commit.",
        (Edit("kit/data/sqlite.py", 'FLUSHED = "FULL"\n"""How', 'FLUSHED = "NORMAL"\n"""How'),),
        (POWER_CUTS,),
    ),
    Bug(
        "rejected-too-early",
        "A rejection is told while it is still being written.",
        (Edit("order/driving.py", "lazy=len(sold) == len(after)", "lazy=True"),),
        (POWER_CUTS,),
    ),
    Bug(
        "unconditional-decrement",
        "The catalog sells whatever is asked for, and its stock stops at zero.",
        (
            Edit(
                "catalog/domain.py",
                "        if book.stock < wanted[line.book_id]:\n",
                "        if wanted[line.book_id] < 1:\n",
            ),
            Edit(
                "catalog/store/sqlite.py",
                "UPDATE books SET stock = stock - ?2, version = version + ?3",
                "UPDATE books SET stock = max(stock - ?2, 0), version = version + ?3",
            ),
        ),
        (POWER_CUTS, STORM),
    ),
    Bug(
        "more-than-the-last",
        "The catalog sells any number of copies of a book as long as one is left.",
        (
            Edit(
                "catalog/domain.py",
                "        if book.stock < wanted[line.book_id]:\n",
                "        if book.stock < 1:\n",
            ),
            Edit(
                "catalog/store/sqlite.py",
                "UPDATE books SET stock = stock - ?2, version = version + ?3",
                "UPDATE books SET stock = max(stock - ?2, 0), version = version + ?3",
            ),
        ),
        (POWER_CUTS,),
    ),
    Bug(
        "half-an-order",
        "Of an order that is rejected, the lines that are in stock are sold all the same.",
        (
            Edit(
                "catalog/domain.py",
                '        return Outcome(order_id, "rejected", rejection=rejection)\n',
                "        there = [\n"
                "            line\n"
                "            for line in lines\n"
                "            if line.book_id in books\n"
                "            and books[line.book_id].stock >= line.quantity\n"
                "        ]\n"
                "        sold = [_sold(line, books[line.book_id]) for line in there]\n"
                '        return Outcome(order_id, "rejected", sold, rejection=rejection)\n',
            ),
        ),
        (POWER_CUTS, STORM),
    ),
    Bug(
        "rejection-not-stored",
        "The catalog keeps only what it sold, so that it decides anew about what it rejected.",
        (
            Edit(
                "catalog/store/sqlite.py",
                "[(*outcome_row(outcome), at_ms) for outcome in decided]\n",
                "[(*outcome_row(outcome), at_ms) for outcome in decided if outcome.lines]\n",
            ),
        ),
        (POWER_CUTS, STORM),
    ),
    Bug(
        "decided-again",
        "The catalog does not look up what it decided about an order before.",
        (
            Edit(
                "catalog/stock.py",
                "            outcomes = await self._store.outcomes(transaction, order_ids)\n",
                "            outcomes: dict[str, Outcome] = {}\n",
            ),
        ),
        (CRASH_POINTS, RESERVE_MODEL),
    ),
    Bug(
        "sale-without-ledger-row",
        "Of all sales of a book in one batch, the ledger gets only the last.",
        (
            Edit(
                "catalog/store/sqlite.py",
                "_json(sold)",
                "_json(list({line[0]: line for line in sold}.values()))",
            ),
        ),
        (POWER_CUTS, STORM),
    ),
    Bug(
        "released-twice",
        "A release that is repeated gives the copies back again.",
        (
            Edit(
                "catalog/stock.py",
                '        if outcome.status == "released":\n',
                '        if outcome.status == "released" and not outcome.lines:\n',
            ),
        ),
        (POWER_CUTS, RESERVE_MODEL),
    ),
    Bug(
        "release-leaves-open",
        "A release of an order that the catalog has not met yet does not close its id.",
        (
            Edit(
                "catalog/stock.py",
                "                if await self._store.add_outcome(transaction, released, at_ms):\n",
                "                if outcome is None:\n",
            ),
        ),
        (RESERVE_MODEL,),
    ),
    Bug(
        "cancel-keeps-copies",
        "A cancelled order counts as settled at once, and its copies never come back.",
        (
            Edit(
                "order/changes.py",
                'status="cancelled", settled=False,',
                'status="cancelled", settled=True,',
            ),
        ),
        (POWER_CUTS, STORM),
    ),
    Bug(
        "replay-tells-the-present",
        "A repeated purchase is answered as its order stands now, not as it was answered first.",
        (
            Edit(
                "order/domain.py",
                "    if order.sold:\n        return _purchase(order)",
                '    if order.sold and order.status != "cancelled":\n'
                "        return _purchase(order)",
            ),
        ),
        (STORM,),
    ),
    Bug(
        "no-recovery",
        "Nobody drives an order whose buyer does not ask again.",
        (
            Edit(
                "order/driving.py",
                "        self._recovery = asyncio.create_task(self._recover())\n",
                '        self._log.info("ready")\n',
            ),
        ),
        (POWER_CUTS,),
    ),
    Bug(
        "indefinite-called-definite",
        "A buyer whose purchase got no answer is told that nothing was bought.",
        (
            Edit(
                "kit/errors.py",
                "    definite = False\n    headers: Headers = ((",
                "    definite = True\n    headers: Headers = ((",
            ),
        ),
        (STORM,),
    ),
    Bug(
        "pending-called-failed",
        "A buyer whose order is not decided in time hears that it is off, while it goes on.",
        (
            Edit(
                "order/domain.py",
                '    if order.status == "cancelled" and order.settled:\n',
                "    if not order.sold:\n",
            ),
        ),
        (STORM, PLACE_MODEL),
    ),
    Bug(
        "wrong-asker",
        "In a batch, an asker who went away leaves its answer to the next one.",
        (
            Edit(
                "kit/peers/batching.py",
                "        start, end = end, end + len(group.questions)\n"
                "        if not group.answers.done():\n",
                "        if not group.answers.done():\n"
                "            start, end = end, end + len(group.questions)\n",
            ),
        ),
        (STORM,),
    ),
    Bug(
        "drives-an-old-page",
        "The recovery loop drives orders as a list showed them, whatever became of them since.",
        (
            Edit(
                "order/driving.py",
                "        read = await self._read([one.order_id for one in part])\n",
                "        read = [*part]\n",
            ),
        ),
        (OVERTAKEN,),
    ),
    Bug(
        "path-climbs",
        "The front asks the order service for whatever a stranger calls an order id.",
        (
            Edit(
                "front/upstream/orders.py",
                "    if not is_id(order_id):\n",
                "    if not order_id:\n",
            ),
            Edit(
                "kit/peers/client.py", "        if _CLIMBS.match(path):\n", "        if not path:\n"
            ),
        ),
        (CLIMBING,),
    ),
    *DATABASE_BUGS,
    *AUDIT_BUGS,
    *ENDING_BUGS,
    *EDGE_BUGS,
    *SHOP_BUGS,
    *TRUST_BUGS,
    *PROCESS_BUGS,
    *POSTGRES_BUGS,
    *REPLICA_BUGS,
    *PEERS_BUGS,
    *BUGS_OF_READING,
    *SHARED_BUGS,
    *MOVER_BUGS,
)
