"""The table of seeded bugs: each one that a programmer could really write, as a small patch."""

from mutants.bug import Bug, Edit
from mutants.database_bugs import DATABASE_BUGS
from mutants.parts import (
    CACHE_MODEL,
    CLIMBING,
    CRASH_POINTS,
    EXIT_CODES,
    IMPORTS,
    KEYED_WRITES,
    OVERTAKEN,
    OWN_SALES,
    PLACE_MODEL,
    POWER_CUTS,
    REMOTE,
    RESERVE_MODEL,
    STORM,
    TAMPERING,
)

BUGS = (
    Bug(
        "no-dedupe",
        "The order service places another order each time it sees a key.",
        (
            Edit(
                "order/schema/sqlite/0001_order.sql",
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
                "        if found.request_hash != mine.request_hash:\n",
                "        if found.kind != mine.kind:\n",
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
        (
            Edit(
                "order/driving.py",
                "            for order in await self._store_decisions(others):\n"
                "                driven[order.order_id] = Placed(order, others[order.order_id])\n",
                "            self._storing = asyncio.create_task(self._store_decisions(others))\n"
                "            for order in orders:\n"
                "                if (decision := others.get(order.order_id)) is not None:\n"
                "                    after = decided(order, decision.outcome)\n"
                "                    driven[order.order_id] = Placed(after, decision)\n",
            ),
        ),
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
                "[_outcome_row(outcome, at_ms) for outcome in decided]\n",
                "[_outcome_row(outcome, at_ms) for outcome in decided if outcome.lines]\n",
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
                '            if outcome is not None and outcome.status != "reserved":\n'
                '                if outcome.status == "rejected":\n'
                '                    outcome = replace(outcome, status="released")\n'
                "                    await self._store.save_outcome(transaction, outcome, at_ms)\n"
                "                return outcome\n",
                '            if outcome is not None and outcome.status == "rejected":\n'
                '                outcome = replace(outcome, status="released")\n'
                "                await self._store.save_outcome(transaction, outcome, at_ms)\n"
                "                return outcome\n",
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
                "            lines = []\n"
                "            for line in outcome.lines if outcome else ():\n",
                "            if outcome is None:\n"
                '                return Outcome(order_id, "released")\n'
                "            lines = []\n"
                "            for line in outcome.lines:\n",
            ),
        ),
        (RESERVE_MODEL,),
    ),
    Bug(
        "cancel-keeps-copies",
        "A cancelled order counts as settled at once, and its copies never come back.",
        (
            Edit(
                "order/service.py",
                'order = replace(order, status=status, settled=status != "cancelled")',
                "order = replace(order, status=status, settled=True)",
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
        "stale-refill",
        "The cache keeps an answer that was read before a change and arrived after it.",
        (
            Edit(
                "front/upstream/cache.py",
                "        current = answer.version >= self._floors.get(book_id, 0)\n",
                "        current = True\n",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "joins-an-ended-call",
        "A reader may get the answer of a call that has ended before the reader came.",
        (
            Edit(
                "front/upstream/cache.py",
                "        if task is None or task.done():",
                "        if task is None:",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "cache-outlives-feed",
        "The cache keeps what it holds when the feed of changes breaks and opens again.",
        (
            Edit(
                "front/upstream/cache.py",
                "        self._generation += 1\n"
                "        self._books.clear()\n"
                "        self._lists.clear()\n",
                "        self._generation += 1\n",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "sale-not-announced",
        "The front waits for the feed to tell it of its own sales.",
        (
            Edit(
                "front/upstream/orders.py",
                "        self._announce(placed.answer.changed)\n",
                "",
            ),
        ),
        (OWN_SALES,),
    ),
    Bug(
        "drives-an-old-page",
        "The recovery loop drives orders as a list showed them, whatever became of them since.",
        (
            Edit(
                "order/driving.py",
                "            latest = [await self._read(one.order_id) "
                "for one in page if not self._in_hand(one)]\n",
                "            latest = [one for one in page if not self._in_hand(one)]\n",
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
    Bug(
        "short-page-is-the-end",
        "Whoever reads a list takes a page that is not full for its last one.",
        (
            Edit(
                "tools/remote.py",
                "            if not page:\n                return\n            yield from page\n",
                "            yield from page\n"
                "            if len(page) < limit:\n"
                "                return\n",
            ),
        ),
        (REMOTE,),
    ),
    Bug(
        "audit-ignores-money",
        "The audit compares books and copies alone, not what they were sold as.",
        (
            Edit(
                "tools/audit.py",
                "    if sold_as != (taken or unsold):\n",
                "    if not sold_as:\n",
            ),
        ),
        (TAMPERING,),
    ),
    Bug(
        "audit-passes-over-lost-books",
        "The audit goes by the books that are there, not by those of the ledger.",
        (
            Edit(
                "catalog/checking.py",
                "        for book_id, total in ledger.items():\n",
                "        for book_id, total in {}.items():\n",
            ),
        ),
        (TAMPERING,),
    ),
    Bug(
        "audit-counts-no-numbers",
        "The audit does not ask whether rows of the ledger are missing.",
        (
            Edit(
                "catalog/checking.py",
                "        if numbers.rows != numbers.last:\n",
                "        if numbers.rows > numbers.last:\n",
            ),
        ),
        (TAMPERING,),
    ),
    Bug(
        "unchecked-is-different",
        "An audit that gets no answer ends as one that found a difference.",
        (Edit("cli/keeper.py", '"order", unanswered=2)', '"order", unanswered=1)'),),
        (EXIT_CODES,),
    ),
    Bug(
        "count-taken-again",
        "A count of a file that was imported before sets the stock once more.",
        (
            Edit(
                "catalog/rows.py",
                "        return last is None or last < count\n",
                "        return last is None or last <= count\n",
            ),
        ),
        (IMPORTS,),
    ),
    Bug(
        "key-counts-twice",
        "A restock that is sent again with its key is counted again.",
        (
            Edit(
                "catalog/once.py",
                "        if kept is not None:\n",
                "        if kept is not None and kept.request != request.what:\n",
            ),
            Edit(
                "catalog/store/shared.py",
                "INSERT INTO keyed_writes",
                "INSERT OR REPLACE INTO keyed_writes",
            ),
        ),
        (KEYED_WRITES,),
    ),
    Bug(
        "dry-run-forgets",
        "Each batch of a dry run knows nothing of those before it.",
        (
            Edit(
                "catalog/rehearsal.py",
                "            keep = request.run is not None\n",
                "            keep = False\n",
            ),
        ),
        (IMPORTS,),
    ),
    Bug(
        "letters-not-composed",
        "A name is kept as it comes, in composed letters or in parted ones.",
        (
            Edit(
                "catalog/domain.py",
                '    composed = unicodedata.normalize("NFC", text).strip()\n',
                "    composed = text.strip()\n",
            ),
        ),
        (IMPORTS,),
    ),
)
