"""A basket: which books, how many copies, and at which price its owner saw them. Pure.

It lives in a cookie. Its id and its revision are the key of the order that it becomes, so whatever
a browser sends twice is bought once: docs/decisions/0028-the-basket-is-the-key.md.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from bazar.kit.identity import new_key
from bazar.kit.money import PRICE_MINOR_MAX
from bazar.wire.limits import LINES_MAX, BookId, Quantity

BASKET_LINES_MAX = 50
"""Of a basket, whose cookie then stays under 3 kB; a form may order up to `LINES_MAX`."""
REVISION_MAX = 999_999
_LINE = re.compile(r"([1-9][0-9]{0,15})x([1-9][0-9]{0,3})@(0|[1-9][0-9]{0,12})")
_KEY = re.compile(r"([A-Za-z0-9_-]{22})\.([1-9][0-9]{0,5})")
"""128 random bits, and how often a try with them was refused."""


class BasketLine(Struct, frozen=True, array_like=True):
    """Copies of a book in a basket, and the price that was seen."""

    book_id: BookId
    copies: Quantity
    price_minor: Annotated[int, Meta(ge=0, le=PRICE_MINOR_MAX)]
    """Of one copy, as it was shown last."""


class Basket(Struct, frozen=True, array_like=True):
    """What somebody wants to buy, and the key under which that happens at most once."""

    id: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22}$")]
    revision: Annotated[int, Meta(ge=1, le=REVISION_MAX)] = 1
    """Rises when a try was refused for good: the next one needs another key."""
    lines: Annotated[tuple[BasketLine, ...], Meta(max_length=BASKET_LINES_MAX)] = ()

    @property
    def key(self) -> str:
        """Return the key of the order that it becomes."""
        return f"{self.id}.{self.revision}"

    @property
    def copies(self) -> int:
        """Return the copies of all lines."""
        return copies_of(self.lines)

    def line(self, book_id: int) -> BasketLine | None:
        """Return the line of a book, if it is in here."""
        return next((line for line in self.lines if line.book_id == book_id), None)

    def put(self, book_id: int, copies: int, price_minor: int) -> "Basket":
        """Return it with so many copies of a book; none takes the line out. The key stays."""
        new = (BasketLine(book_id, copies, price_minor),) if copies > 0 else ()
        if self.line(book_id) is None:
            return replace(self, lines=(*self.lines, *new))
        lines: list[BasketLine] = []
        for line in self.lines:
            lines.extend(new if line.book_id == book_id else (line,))
        return replace(self, lines=tuple(lines))


class Offer(Struct, frozen=True):
    """What the shop says of a book now."""

    title: str
    stock: int
    price_minor: int
    sold: bool = True
    """No longer, once it is retired."""


Why = Literal["fewer", "limit", "price", "sold-out", "gone"]


class Change(Struct, frozen=True):
    """What became of a line since its buyer saw it last."""

    why: Why
    book_id: int
    title: str
    """Empty where nobody knows it any more."""
    was: int = 0
    """Copies, or the price in minor units."""
    now: int = 0


def new_basket(make_id: Callable[[], str] = new_key) -> Basket:
    """Return an empty basket with an id that nobody else has."""
    return Basket(make_id())


def read_key(text: str) -> tuple[str, int] | None:
    """Return the id and the revision that a key is made of, or None where it is no key."""
    found = _KEY.fullmatch(text)
    return (found[1], int(found[2])) if found else None


def copies_of(lines: Iterable[BasketLine]) -> int:
    """Return the copies of lines."""
    return sum(line.copies for line in lines)


def total_minor(lines: Iterable[BasketLine]) -> int:
    """Return what lines cost, at the prices that were seen."""
    return sum(line.copies * line.price_minor for line in lines)


def lines_text(lines: Iterable[BasketLine]) -> str:
    """Return lines as a form holds them: `8x2@999,80x2@3900`."""
    return ",".join(f"{line.book_id}x{line.copies}@{line.price_minor}" for line in lines)


def read_lines(text: str) -> tuple[BasketLine, ...]:
    """Return the 1 to 100 lines that a form holds.

    Raises:
        ValueError: it holds something else.
    """
    parts = text.split(",", LINES_MAX)
    found = [match.groups() for part in parts if (match := _LINE.fullmatch(part))]
    books = {book_id for book_id, _copies, _price in found}
    if not len(parts) == len(found) == len(books) <= LINES_MAX:
        message = "these are no lines of a basket"
        raise ValueError(message)
    return msgspec.convert(found, tuple[BasketLine, ...], strict=False)


def looked_over(
    lines: Sequence[BasketLine], offers: Mapping[int, Offer], copies_max: int
) -> tuple[tuple[BasketLine, ...], list[Change]]:
    """Return lines as they can be bought now, and what changed about them.

    Args:
        lines: as their buyer saw them last.
        offers: what is sold of these books; a book without an offer is not sold any more.
        copies_max: of one line.
    """
    kept: list[BasketLine] = []
    changes: list[Change] = []
    for line in lines:
        offer = offers.get(line.book_id)
        if offer is None or not offer.sold:
            changes.append(Change("gone", line.book_id, offer.title if offer else ""))
            continue
        copies = min(line.copies, offer.stock, copies_max)
        if not copies:
            changes.append(Change("sold-out", line.book_id, offer.title))
            continue
        if copies < line.copies:
            why: Why = "fewer" if copies == offer.stock else "limit"
            changes.append(Change(why, line.book_id, offer.title, line.copies, copies))
        if offer.price_minor != line.price_minor:
            prices = line.price_minor, offer.price_minor
            changes.append(Change("price", line.book_id, offer.title, *prices))
        kept.append(BasketLine(line.book_id, copies, offer.price_minor))
    return tuple(kept), changes


def after_order(
    basket: Basket, key: str, bought: Iterable[BasketLine], make_id: Callable[[], str] = new_key
) -> Basket:
    """Return the basket after an order: another id, and without what was bought.

    An answer that comes twice takes nothing out twice: only the basket whose key bought changes.
    Of a line that became larger meanwhile, in another window, the rest stays.
    """
    if not _is_of(basket, key):
        return basket
    taken = {line.book_id: line.copies for line in bought}
    left = [(line, line.copies - taken.get(line.book_id, 0)) for line in basket.lines]
    kept = [replace(line, copies=copies) for line, copies in left if copies > 0]
    return Basket(make_id(), 1, tuple(kept))


def next_key(basket: Basket, key: str, make_id: Callable[[], str] = new_key) -> str:
    """Return the key of the next try, after one under this key came to an end.

    It is no random one: of two windows that go on from the same answer, one buys.
    """
    basket_id, revision = read_key(key) or (make_id(), 0)
    if basket_id == basket.id:
        revision = max(revision, basket.revision - 1)
    return f"{basket_id}.{revision + 1}" if revision < REVISION_MAX else f"{make_id()}.1"


def after_refusal(basket: Basket, key: str, following: str) -> Basket:
    """Return the basket after a try that is refused for good, to go on under the following key.

    The same key would bring the same refusal for ever, even after a restock.
    """
    read = read_key(following)
    if read is None or not _is_of(basket, key):
        return basket
    return replace(basket, id=read[0], revision=read[1])


def _is_of(basket: Basket, key: str) -> bool:
    read = read_key(key)
    return read is not None and read[0] == basket.id
