"""Seeded bugs of how orders end: what keeps one from its end, and what the order service tells."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    CANCELS,
    CHANGED_AFTER_CRASH,
    JUMPING_CLOCK,
    MANY_LINES,
    ORDER_LISTS,
    ORDER_STORE,
    STUCK,
)

ENDING_BUGS = (
    Bug(
        "clock-decides",
        "The recovery loop leaves alone what the time of day calls a second old, or not even that.",
        (
            Edit(
                "order/driving.py",
                '        pending = [order for order in orders if order.status == "pending"]\n',
                '        at_ms = __import__("time").time_ns() // 1_000_000 - 1000\n'
                "        pending = [\n"
                "            order\n"
                "            for order in orders\n"
                '            if order.status == "pending" and order.placed_at_ms < at_ms\n'
                "        ]\n",
            ),
        ),
        (JUMPING_CLOCK,),
    ),
    Bug(
        "one-spoils-all",
        "A batch in which one order is refused is not asked for in parts.",
        (
            Edit(
                "order/upstream.py",
                "                    parts += [part[middle:], part[:middle]]\n",
                "                    parts += [part[middle : middle - 1]]\n",
            ),
        ),
        (STUCK,),
    ),
    Bug(
        "confirms-what-was-cancelled",
        "A decision is stored whatever became of its order meanwhile.",
        (
            Edit(
                "order/store/sqlite.py",
                "\nWHERE order_id = ?1 AND status = 'pending'",
                "\nWHERE order_id = ?1",
            ),
        ),
        (ORDER_STORE,),
    ),
    Bug(
        "change-before-drive",
        "An order is cancelled or fulfilled as the disk shows it, whatever its buyer was told.",
        (Edit("order/service.py", "            await self._driving.ended(order_id)\n", ""),),
        (CHANGED_AFTER_CRASH,),
    ),
    Bug(
        "a-release-each",
        "Each of many cancels of one order has the catalog release it.",
        (
            Edit(
                "order/driving.py",
                "        release = self._releases.get(order_id)\n",
                "        release = None\n",
            ),
            Edit(
                "order/driving.py",
                "self._releases.pop(order_id))",
                "self._releases.pop(order_id, None))",
            ),
        ),
        (CANCELS,),
    ),
    Bug(
        "cursor-by-id",
        "Whoever follows the list of orders goes on after an id, not after a place.",
        (
            Edit(
                "order/store/oldest.py",
                "{condition}sequence > coalesce("
                "(SELECT sequence FROM orders WHERE order_id = ?1), 0)",
                "{condition}order_id > ?1",
            ),
        ),
        (ORDER_LISTS,),
    ),
    Bug(
        "a-page-in-one-turn",
        "The recovery loop reads 512 orders in one turn, however many lines they have.",
        (
            Edit(
                "order/driving.py",
                "            for part in parts(page, line_count, LINES_A_PART_MAX):\n",
                "            for part in [page]:\n",
            ),
        ),
        (MANY_LINES,),
    ),
    Bug(
        "decisions-in-one-unit",
        "What the catalog said of many orders is stored in one unit, however many lines they have.",
        (
            Edit(
                "order/driving.py",
                "        for part in parts(idle, line_count, LINES_A_PART_MAX):\n",
                "        for part in [idle] if idle else []:\n",
            ),
        ),
        (MANY_LINES,),
    ),
)
