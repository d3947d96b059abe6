"""The books that loads bring: found again, taken where they are free, and put away afterwards.

They have the topic `load test`. One that a load sells says so in its description: until when, and
which process on which machine that is. Where that process is gone, the next load takes away what
it left. A book that is put away has no copy and is retired, so that nobody sees it; its orders
keep it.
"""

import csv
import os
import re
import socket
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from io import StringIO
from time import time

from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop
from bazar.wire.books import Book, BookEdit, NewBook

TOPIC = "load test"
TITLE = "Load test book"
RETIRED_MAX = 10_000
GRACE_S = 3600.0
"""A load checks what it bought after its time; then it is taken for gone, wherever it runs."""
_CHANGED_MEANWHILE = 412
_MARK = re.compile(r"A load test sells this book until ([0-9]{1,12}): ([0-9a-f]{8}) ([0-9]{1,10})")


def mark(duration_s: float) -> str:
    """Return what a book says that this process sells for so long."""
    until_s = int(time() + duration_s + GRACE_S)
    return f"A load test sells this book until {until_s}: {_machine()} {os.getpid()}"


def _machine() -> str:
    """Return what tells this machine from others, and says nothing about it."""
    return sha256(socket.gethostname().encode()).hexdigest()[:8]


def is_free(book: Book) -> bool:
    """Tell whether no load sells a book of loads: one that has copies and no word is left alone."""
    found = _MARK.fullmatch(book.description)
    if found is None:
        return book.quantity == 0
    until_s, machine, process_id = int(found[1]), found[2], int(found[3])
    return time() > until_s or (machine == _machine() and not _is_running(process_id))


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def take(shop: Shop, wanted: int, copies: int, duration_s: float) -> Iterator[Book]:
    """Yield so many books with so many copies each, and put away what other loads have left.

    Raises:
        RemoteError: the shop refused, or did not answer.
    """
    there = _there(shop)
    for book in there:
        unused = book.retired and not book.quantity
        if not is_free(book) or (unused and not wanted):
            continue
        if (claimed := _claimed(shop, book.id, duration_s)) is None:
            continue
        if wanted:
            wanted -= 1
            yield _stocked(shop, claimed, copies)
        else:
            put_away(shop, claimed.id)
    for number in range(len(there) + 1, len(there) + 1 + wanted):
        new = NewBook(
            title=f"{TITLE} {number}",
            topic=TOPIC,
            price=Decimal(1),
            quantity=copies,
            description=mark(duration_s),
        )
        yield shop.catalog.add(new)


def _there(shop: Shop) -> list[Book]:
    """Return the books of loads; those that are still for sale first."""
    retired, _more = shop.catalog.listing({"topic": TOPIC, "list": "retired"}, "", RETIRED_MAX)
    found = [*shop.catalog.books(TOPIC), *retired]
    return [book for book in found if book.title.startswith(TITLE)]


def _claimed(shop: Shop, book_id: int, duration_s: float) -> Book | None:
    """Take a book that is free, before anything else of it is touched: nobody can buy it then.

    Of several loads that find it free at once one gets it; the others get None.
    """
    book, tag = shop.catalog.tagged_book(book_id)
    if not is_free(book):
        return None
    claim = BookEdit(description=mark(duration_s), retired=True)
    try:
        return shop.catalog.edit_tagged(book_id, claim, tag)
    except RemoteError as error:
        if error.problem is None or error.problem.status != _CHANGED_MEANWHILE:
            raise
        return None


def _stocked(shop: Shop, book: Book, copies: int) -> Book:
    """Put a book of ours on sale, with so many copies whatever it had."""
    if copies != book.quantity:
        shop.catalog.restock(book.id, copies - book.quantity)
    return shop.catalog.edit(book.id, BookEdit(retired=False))


def put_away(shop: Shop, book_id: int) -> None:
    """Take away what copies a book has, and hide it.

    Raises:
        RemoteError: the shop refused, or did not answer; a copy may just have been bought.
    """
    if left := shop.catalog.book(book_id).quantity:
        shop.catalog.restock(book_id, -left)
    shop.catalog.edit(book_id, BookEdit(description="", retired=True))


def real_book(shop: Shop) -> str | None:
    """Return the title of a book that is neither of the sample catalogue nor of loads, if any is.

    Raises:
        RemoteError: the front refused, or did not answer.
    """
    content = (files("bazar.sample") / "books.csv").read_text("utf-8")
    sample = {(row["title"], row["author"]) for row in csv.DictReader(StringIO(content))}
    for book in shop.front.books():
        if book.topic != TOPIC and (book.title, book.author) not in sample:
            return book.title
    return None
