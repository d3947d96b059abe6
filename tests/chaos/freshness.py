"""What reads may show: the part of the checker that compares the versions of books.

A version is a number of rows in a book's ledger, so the ledger tells which version each sale made,
and which stock was there at each. Fronts are told apart, and so are the processes of one: what a
process has told its clients it must know, what another has told it may hear of a little later.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from bazar.wire.budgets import STALE_MS
from chaos.history import Call
from chaos.told import OK, FrontProcess, Told, by_book
from chaos.workload import CREATED, Said

STALE_S_MAX = STALE_MS / 1000
"""How long a read may show an old version, whatever the network and the machines do."""
Seen = tuple[float, float, int, str]
"""From when to when somebody was asked about a book, which version it told, and by what."""


def never_back_in_version(told: Told) -> Iterator[str]:
    """Compare reads of a book at one front with what that front had shown before."""
    for (book_id, _front), reads in _shown_by_front(told).items():
        yield from _behind(book_id, reads, reads)


def shows_its_sales(told: Told) -> Iterator[str]:
    """Compare reads with the sales that this front had acknowledged before.

    What was sold when the catalog was not asked, as for a repetition, this front may not know of.
    """
    sold: dict[tuple[int, FrontProcess], list[Seen]] = defaultdict(list)
    for call, book_id, seen in _sales(told):
        front = told.same_front(call)
        if front is not None and call.sold_now:
            sold[book_id, front].append(seen)
    for (book_id, front), reads in _shown_by_front(told).items():
        yield from _behind(book_id, reads, sold[book_id, front])


def not_stale(told: Told) -> Iterator[str]:
    """Compare reads with what anyone had been told long before, through whatever front."""
    known: dict[int, list[Seen]] = defaultdict(list)
    shown: dict[int, list[Seen]] = defaultdict(list)
    for _call, book_id, seen in _sales(told):
        known[book_id].append(_late(seen))
    for call in told.calls:
        if call.act == "restock" and call.status == OK:
            known[call.lines[0][0]].append(_late(_seen(told, call, "a restock")))
    for call in told.reads:
        shown[call.lines[0][0]].append(_seen(told, call))
        known[call.lines[0][0]].append(_late(_seen(told, call)))
    for book_id, reads in shown.items():
        yield from _behind(book_id, reads, known[book_id])


def read_as_it_was(told: Told) -> Iterator[str]:
    """Compare each read with the ledger: a version is a number of rows, and their sum the stock."""
    stock = {
        book_id: list(accumulate((row.copies for row in rows), initial=0))
        for book_id, rows in by_book(told).items()
    }
    for call in told.reads:
        book_id = call.lines[0][0]
        says = told.says(call)
        history = stock.get(book_id, [0])
        rows = (says.version or 0) - 1
        if not 0 <= rows < len(history) or history[rows] != says.quantity:
            yield (
                f"book {book_id} was shown at version {says.version} with {says.quantity} copies, "
                f"the ledger says {history[rows] if 0 <= rows < len(history) else 'nothing'}"
            )


def shows_the_end(told: Told) -> Iterator[str]:
    """Compare each front's last read of each book, at rest, with what is there."""
    rows = Counter(row.book_id for row in told.final.movements)
    for front in list(told.front_starts):
        for book_id, copies in told.final.stock.items():
            read = told.read_last.get((front, book_id))
            says = told.says(read) if read else Said()
            if (says.version, says.quantity) != (rows[book_id] + 1, copies):
                yield (
                    f"{front} shows book {book_id} at version {says.version} with "
                    f"{says.quantity} copies, but {copies} are there at version {rows[book_id] + 1}"
                )


def _shown_by_front(told: Told) -> dict[tuple[int, FrontProcess], list[Seen]]:
    """Return what was shown of each book by each process of a front."""
    shown: dict[tuple[int, FrontProcess], list[Seen]] = defaultdict(list)
    for call in told.reads:
        front = told.same_front(call)
        if front is not None:
            shown[call.lines[0][0], front].append(_seen(told, call))
    return shown


def _sales(told: Told) -> Iterator[tuple[Call, int, Seen]]:
    """Yield the answers that acknowledged an order, with each book and its version after it."""
    versions = _sale_versions(told)
    for call in told.calls:
        if call.act == "buy" and call.status == CREATED:
            order_id = str(told.says(call).order_id)
            for book_id, _copies in call.lines:
                version = versions.get((order_id, book_id), 0)
                yield call, book_id, (call.started_s, call.ended_s, version, f"order {order_id}")


def _sale_versions(told: Told) -> dict[tuple[str, int], int]:
    """Return the version of each book after each sale: one more than its rows until then."""
    return {
        (row.order_id, book_id): number + 1
        for book_id, rows in by_book(told).items()
        for number, row in enumerate(rows, 1)
        if row.kind == "sold" and row.order_id
    }


def _seen(told: Told, call: Call, by: str = "an earlier read") -> Seen:
    through = f" through {call.front}" if call.front else ""
    return call.started_s, call.ended_s, told.says(call).version or 0, by + through


def _late(seen: Seen) -> Seen:
    """Return what somebody was told as what all must know, once the bound has passed."""
    started_s, ended_s, version, told_by = seen
    return started_s, ended_s + STALE_S_MAX, version, told_by


def _behind(book_id: int, reads: Sequence[Seen], known: Sequence[Seen]) -> Iterator[str]:
    """Yield the reads that show less than what was known before they started."""
    waiting = sorted(known, key=lambda seen: seen[1], reverse=True)
    highest, by = 0, ""
    for started_s, _ended_s, version, _ in sorted(reads):
        while waiting and waiting[-1][1] < started_s:
            _, _, before, told_by = waiting.pop()
            if before > highest:
                highest, by = before, told_by
        if version < highest:
            yield f"book {book_id} was read at version {version}, below {highest} of {by}"
