"""After a storm: wait until the shop has come to rest, note its state, and ask for all again."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from itertools import product
from time import monotonic

from bazar.tools.remote import RemoteError
from bazar.wire.orders import Order
from chaos import plan
from chaos.history import Call, Final, History, KeptMovement, KeptOrder
from chaos.report import Progress
from chaos.workload import Crowd, is_final, said
from support.running import TestedShop

SETTLE_BOUND_S = 20.0
"""How long the last pending order may take to end, once faults and clients are gone."""
FRESH_WITHIN_S = 5.0
"""After that the front must show what is there: twice the silence after which its cache ends."""
REPLAYS_AT_ONCE = 48


def final_state(shop: TestedShop) -> Final:
    """Return the state of a shop, once nothing is pending any more or the bound has passed.

    The rows of one book have their numbers in the order of their commits, since each takes its
    number while it holds the book; those of different books may not.
    """
    calm_s = monotonic()
    orders: list[Order] = []
    differences = ["it did not come to rest"]
    while differences and monotonic() - calm_s < SETTLE_BOUND_S:
        with suppress(RemoteError):
            audited = shop.audit()
            if not audited.pending:
                orders = shop.orders()
                differences = audited.differences
    return Final(
        settled_after_s=monotonic() - calm_s,
        bound_s=SETTLE_BOUND_S,
        stock={book_id: shop.stock(book_id) for book_id in range(1, plan.BOOKS + 1)},
        movements=tuple(
            KeptMovement(row.book_id, row.kind, row.copies, row.order_id)
            for row in sorted(shop.movements(), key=lambda row: row.id)
        ),
        orders=tuple(
            KeptOrder(
                order.order_id,
                order.status,
                tuple((line.book_id, line.quantity) for line in order.lines),
            )
            for order in orders or shop.orders()
        ),
        differences=tuple(differences),
    )


async def read_again(crowd: Crowd, final: Final, fronts: Iterable[str]) -> None:
    """Read every book until each front shows what is there, or its time has passed."""
    rows = Counter(row.book_id for row in final.movements)
    give_up_s = monotonic() + FRESH_WITHIN_S
    for front, book_id in product(fronts, final.stock):
        while said((await crowd.read(book_id, front=front)).body).version != rows[book_id] + 1:
            if monotonic() > give_up_s:
                break
            await asyncio.sleep(0.1)


async def ask_again(crowd: Crowd, history: History, progress: Progress) -> None:
    """Replay every request of every client: this tells, too, what became of those who gave up."""
    calls = [record for record in history.records if isinstance(record, Call) and record.key]
    asked = list(dict.fromkeys((call.key, call.lines) for call in calls))
    waiting = iter(enumerate(asked))

    async def replay() -> None:
        for number, (key, lines) in waiting:
            progress.say(f"asked again for {number:,} of {len(asked):,}")
            if not is_final(await crowd.replay(key, lines)):
                return  # one such key is enough; that many clients bound how long it takes

    async with asyncio.TaskGroup() as group:
        for _ in range(REPLAYS_AT_ONCE):
            group.create_task(replay())
