"""A history by what the promises are about: keys, orders, books, and fronts."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

from chaos.history import Call, Ended, Final, KeptMovement, Record, Started
from chaos.workload import Said, said
from support.running import role_of

OK = 200
T = TypeVar("T")
FrontProcess = tuple[str, int]
"""A front, and which of its processes, one after the other."""


class Told:
    """A history by what the promises are about."""

    def __init__(self, records: Sequence[Record]) -> None:
        """Sort the records."""
        self.calls = [record for record in records if isinstance(record, Call)]
        self.ended = [record for record in records if isinstance(record, Ended)]
        (end,) = (number for number, one in enumerate(records) if isinstance(one, Final))
        self.final = cast("Final", records[end])
        self.read_last = {
            (record.front, record.lines[0][0]): record
            for record in records[end:]
            if isinstance(record, Call) and record.act == "read"
        }
        self.front_starts: dict[str, list[float]] = defaultdict(list)
        for record in records:
            if isinstance(record, Started) and role_of(record.service) == "front":
                self.front_starts[record.service].append(record.at_s)
        self.asked: dict[str, list[Call]] = grouped(
            (call for call in self.calls if call.key), lambda call: call.key
        )
        self.orders = {order.order_id: order for order in self.final.orders}
        self.moved: dict[str, list[KeptMovement]] = grouped(
            (row for row in self.final.movements if row.order_id), lambda row: str(row.order_id)
        )
        self.looks: dict[str, list[Call]] = grouped(
            (call for call in self.calls if call.act == "look"), lambda call: call.order_id
        )
        self.cancels: dict[str, list[Call]] = grouped(
            (call for call in self.calls if call.act == "cancel"), lambda call: call.order_id
        )
        self.reads = [call for call in self.calls if call.act == "read" and call.status == OK]
        self.body = {id(call): _body(call) for call in self.calls}

    def says(self, call: Call) -> Said:
        """Return what an answer says."""
        return self.body[id(call)]

    def same_front(self, call: Call) -> FrontProcess | None:
        """Return which process of a front was there during a call; None where two were."""
        starts = self.front_starts.get(call.front, [])
        number = bisect(starts, call.started_s)
        return (call.front, number) if number == bisect(starts, call.ended_s) else None


def by_book(told: Told) -> dict[int, list[KeptMovement]]:
    """Return the rows of the ledger of each book, in the order of their commits."""
    rows: dict[int, list[KeptMovement]] = defaultdict(list)
    for row in told.final.movements:
        rows[row.book_id].append(row)
    return rows


def grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    """Return items by their keys."""
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def _body(call: Call) -> Said:
    return said(call.body) if call.body else Said()
