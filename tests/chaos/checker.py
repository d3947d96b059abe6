"""Judges a history: every promise of the shop that it breaks, a sentence each.

A pure function over the records. Whatever has no answer, since its client gave up or a
connection failed, may have happened or not; the final state and the replays tell which, and it
counts in the sums like everything else.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from chaos import freshness
from chaos.history import Call, KeptMovement, KeptOrder, Lines, Record
from chaos.told import OK, Told, by_book
from chaos.workload import ACCEPTED, CREATED, NOT_FOUND, is_final

SHOWN_MAX = 5
"""Violations of one promise that are shown; the others are counted."""
KEY_REUSED = 422
INVALID = 400
INDEFINITE = frozenset({0, 503})
ENDED = frozenset({"confirmed", "rejected", "cancelled"})

Answer = tuple[int, str, str]


def check(records: Sequence[Record]) -> list[str]:
    """Return a sentence for each promise that a history breaks."""
    told = Told(records)
    violations = []
    for promise, broken in PROMISES.items():
        found = list(dict.fromkeys(broken(told)))
        violations += [f"{promise}: {sentence}" for sentence in found[:SHOWN_MAX]]
        if len(found) > SHOWN_MAX:
            violations.append(f"{promise}: and {len(found) - SHOWN_MAX} more like these")
    return violations


def _never_negative(told: Told) -> Iterator[str]:
    for call in told.reads:
        quantity = told.says(call).quantity
        if quantity is None or quantity < 0:
            yield f"book {call.lines[0][0]} was shown with {quantity} copies"
    for book_id, rows in by_book(told).items():
        lowest = min(accumulate(row.copies for row in rows))
        if lowest < 0:
            yield f"the ledger of book {book_id} falls to {lowest}"
    for book_id, copies in told.final.stock.items():
        if copies < 0:
            yield f"book {book_id} ends with {copies} copies"


def _add_up(told: Told) -> Iterator[str]:
    sold: Counter[int] = Counter()
    for order in told.final.orders:
        if order.status in {"confirmed", "fulfilled"}:
            sold.update(dict(order.lines))
    ledger_of = by_book(told)
    for book_id, copies in told.final.stock.items():
        rows = ledger_of.get(book_id, [])
        ledger = sum(row.copies for row in rows)
        if ledger != copies:
            yield f"book {book_id}: {copies} copies are there, the ledger sums to {ledger}"
        received = [row.copies for row in rows if row.kind == "received"]
        if sum(received) - sold[book_id] != copies:
            yield (
                f"book {book_id}: {sum(received)} copies came and orders took {sold[book_id]}, "
                f"but {copies} are there"
            )
        yield from _received(told, book_id, received)
    for order_id in told.moved.keys() - told.orders.keys():
        yield f"copies moved for order {order_id}, which does not exist"
    for order in told.final.orders:
        yield from _moved(order, told.moved.get(order.order_id, []))


def _received(told: Told, book_id: int, received: Sequence[int]) -> Iterator[str]:
    """Compare the rows of a book's copies that came with what its keeper was told."""
    certain: Counter[int] = Counter()
    possible: Counter[int] = Counter()
    for call in told.calls:
        if call.act in {"add", "restock"} and call.lines[0][0] == book_id:
            copies = call.lines[0][1]
            certain[copies] += call.status in {OK, CREATED}
            possible[copies] += call.status in {OK, CREATED} or _unknown(told, call)
    rows = Counter(received)
    for copies in rows.keys() | certain.keys():
        if not certain[copies] <= rows[copies] <= possible[copies]:
            yield (
                f"book {book_id}: {copies} copies came {rows[copies]} times, but were brought "
                f"{certain[copies]} to {possible[copies]} times"
            )


def _moved(order: KeptOrder, rows: Sequence[KeptMovement]) -> Iterator[str]:
    """Compare what an order says with what the ledger says that it took and gave back."""
    taken = sorted((row.book_id, -row.copies) for row in rows if row.kind == "sold")
    returned = sorted((row.book_id, row.copies) for row in rows if row.kind == "released")
    lines = sorted(order.lines)
    as_it_should_be = {
        "confirmed": taken == lines and not returned,
        "fulfilled": taken == lines and not returned,
        "cancelled": taken == returned and taken in ([], lines),
    }.get(order.status, not rows)
    if not as_it_should_be:
        yield (
            f"order {order.order_id} of {lines} is {order.status}, but took {taken} "
            f"and gave back {returned}"
        )


def _one_order_a_key(told: Told) -> Iterator[str]:
    claimed: dict[str, str] = {}
    for key, calls in told.asked.items():
        ids = {order_id for call in calls if (order_id := told.says(call).order_id)}
        if len(ids) > 1:
            yield f"key {key} has the orders {', '.join(sorted(ids))}"
        for order_id in ids:
            other = claimed.setdefault(order_id, key)
            if other != key:
                yield f"order {order_id} belongs to the keys {other} and {key}"
        bought = {call.lines for call in calls if call.status == CREATED}
        if len(bought) > 1:
            yield f"key {key} bought {' and '.join(map(str, sorted(bought)))}"
    for order_id in told.orders.keys() - claimed.keys():
        yield f"order {order_id} answers to no key: a second order of one of them"


def _acknowledged_stays(told: Told) -> Iterator[str]:
    for key, calls in told.asked.items():
        for call in calls:
            if call.status in {CREATED, ACCEPTED} and call.act != "replay":
                yield from _kept(told, key, call)
    for order_id, looks in told.looks.items():
        order = told.orders.get(order_id)
        if order is None:
            continue
        for look in looks:
            if look.status == NOT_FOUND:
                yield f"order {order_id} was not found by a client that had been told of it"
        heard = [*looks, *told.cancels.get(order_id, [])]
        yield from _never_back(told, order, [call for call in heard if call.status == OK])


def _kept(told: Told, key: str, call: Call) -> Iterator[str]:
    """Compare an answer that acknowledged or accepted an order with how the order ended."""
    order_id = told.says(call).order_id
    order = told.orders.get(str(order_id))
    if order is None:
        yield f"order {order_id} of key {key} was answered {call.status} and does not exist"
        return
    if sorted(order.lines) != sorted(call.lines):
        yield f"order {order_id} of key {key} is for {order.lines}, not for {call.lines}"
    if call.location != f"/orders/{order_id}":
        yield f"order {order_id} of key {key} was said to be at {call.location!r}"
    may_be = {"confirmed"} if call.status == CREATED else {"confirmed", "rejected"}
    if order_id in told.cancels:
        may_be.add("cancelled")
    if order.status not in may_be and order.status in ENDED:
        yield f"order {order_id} of key {key} was answered {call.status} and is {order.status}"


def _never_back(told: Told, order: KeptOrder, heard: Sequence[Call]) -> Iterator[str]:
    """Check that no status was taken back, through whatever front the order was looked at.

    `pending` only says that it is not known again yet.

    Args:
        told: the history.
        order: as it ended.
        heard: answers to looks, and to cancels.
    """
    rank = {"pending": 0, "confirmed": 0, "rejected": 1, "cancelled": 1}
    last: tuple[float, str] = (float("-inf"), "pending")
    for look in sorted(heard, key=lambda call: call.ended_s):
        status = str(told.says(look).status)
        ended_s, before = last
        if rank.get(before) and status != before and look.started_s > ended_s:
            yield f"order {order.order_id} was {before} and then {status}"
        if rank.get(status):
            last = look.ended_s, status
    if rank.get(last[1]) and last[1] != order.status:
        yield f"order {order.order_id} was {last[1]} and ends {order.status}"


def _failure_changed_nothing(told: Told) -> Iterator[str]:
    for key, calls in told.asked.items():
        for call in calls:
            says = told.says(call)
            order = told.orders.get(str(says.order_id))
            if call.status < 400 or says.definite is not True or order is None:
                continue
            if order.status == "confirmed" or _net(told, order):
                yield (
                    f"order {order.order_id} of key {key} was refused as {says.code}, "
                    f"but is {order.status} and took {_net(told, order)} copies"
                )
        before = [call for call in calls if call.act == "buy"]
        if all(call.status >= 400 and told.says(call).definite for call in before):
            for order_id in {told.says(call).order_id for call in calls if call.act == "replay"}:
                order = told.orders.get(str(order_id))
                if order is not None and (order.status == "confirmed" or _net(told, order)):
                    yield f"key {key} heard nothing but refusals, and has bought {order_id}"


def _pending_ends(told: Told) -> Iterator[str]:
    for order in told.final.orders:
        if order.status not in ENDED:
            yield (
                f"order {order.order_id} is still {order.status} {told.final.settled_after_s:.0f} s"
                " after the last fault"
            )
    if told.final.settled_after_s > told.final.bound_s:
        yield (
            f"the last order ended {told.final.settled_after_s:.1f} s after the last fault, "
            f"not within {told.final.bound_s:.0f} s"
        )
    for key, calls in told.asked.items():
        replays = [call for call in calls if call.act == "replay"]
        if replays and not any(is_final(call) for call in replays):
            yield f"key {key} had no final answer in the end, last {replays[-1].status}"


def _replays_are_equal(told: Told) -> Iterator[str]:
    for key, calls in told.asked.items():
        answers: dict[Lines, set[Answer]] = defaultdict(set)
        for call in calls:
            if is_final(call):
                answers[call.lines].add((call.status, call.location, call.body))
        for lines, different in answers.items():
            if len(different) > 1:
                shown = " | ".join(f"{status} {body}" for status, _, body in sorted(different))
                yield f"key {key} for {lines} was answered differently: {shown}"


def _cancelled_stays(told: Told) -> Iterator[str]:
    for order_id, cancels in told.cancels.items():
        order = told.orders.get(order_id)
        heard = any(call.status == OK for call in cancels)
        if heard and order is not None and order.status != "cancelled":
            yield f"order {order_id} was cancelled, and ends {order.status}"
    for order in told.final.orders:
        if order.status == "cancelled" and order.order_id not in told.cancels:
            yield f"order {order.order_id} ends cancelled, and nobody asked for that"


def _nothing_breaks(told: Told) -> Iterator[str]:
    for ended in told.ended:
        yield f"the {ended.service} service ended by itself with {ended.code}"
    for difference in told.final.differences:
        yield f"the audit says: {difference}"
    expected = INDEFINITE | {OK, CREATED, ACCEPTED, NOT_FOUND, 409, KEY_REUSED}
    for call in told.calls:
        if call.status not in expected and not _cut_short(told, call):
            yield f"the answer to '{call.act}' was {call.status}: {call.body[:200]}"


PROMISES: dict[str, Callable[[Told], Iterable[str]]] = {
    "stock is never negative": _never_negative,
    "copies add up": _add_up,
    "one key, at most one order": _one_order_a_key,
    "what was acknowledged stays": _acknowledged_stays,
    "a definite failure changed nothing": _failure_changed_nothing,
    "every pending order ends": _pending_ends,
    "a replay is equal to the byte": _replays_are_equal,
    "a cancel is kept": _cancelled_stays,
    "a front never goes back in version": freshness.never_back_in_version,
    "a front shows its sales": freshness.shows_its_sales,
    "a read is not out of date for long": freshness.not_stale,
    "a read is a state that was": freshness.read_as_it_was,
    "a front at rest shows what is there": freshness.shows_the_end,
    "nothing breaks": _nothing_breaks,
}
"""Each promise, and what finds that it is broken."""


def _net(told: Told, order: KeptOrder) -> int:
    return -sum(row.copies for row in told.moved.get(order.order_id, []))


def _unknown(told: Told, call: Call) -> bool:
    return call.status in INDEFINITE and told.says(call).definite is not True


def _cut_short(told: Told, call: Call) -> bool:
    """Tell whether the shop got half a request, which is what a half-close may do to one."""
    return call.status == INVALID and "in the middle of the body" in told.says(call).detail
