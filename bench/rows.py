"""What is asked of the systems: loads, and the rows of the table that are measured together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from bazar.front.storefront.links import slug
from bench.lab.titles import BOOKS
from bench.load import Load

FEW, MANY, CROWD = 1, 64, 256
"""Clients at once; purchases share more of the work the more of them come at once."""

_TOPICS = dict.fromkeys(topic for _id, _title, topic, _price in BOOKS)
INFO = Load("info", "GET", tuple(f"/info/{book[0]}" for book in BOOKS))
SEARCH = Load("search", "GET", tuple(f"/search/{quote(topic)}" for topic in _TOPICS))
MANY_BOOKS = Load("purchase, many books", "POST", tuple(f"/purchase/{book[0]}" for book in BOOKS))
ONE_BOOK = Load("purchase, one book", "POST", ("/purchase/1",))
PAGE = Load("book page", "GET", tuple(f"/book/{book[0]}/{slug(book[1])}" for book in BOOKS))
READS = (INFO, SEARCH)
PURCHASES = (MANY_BOOKS, ONE_BOOK)
SHOP_LOADS = (*READS, *PURCHASES, PAGE)
_WORDS = {
    "info": (INFO,),
    "search": (SEARCH,),
    "page": (PAGE,),
    "purchase": PURCHASES,
    "many": (MANY_BOOKS,),
    "one": (ONE_BOOK,),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are measured in turns with one another, since they share their references."""

    loads: tuple[Load, ...]
    """All of them reads, or all purchases, or the pages of books."""
    clients: int

    @property
    def buys(self) -> bool:
        """Tell whether these are purchases."""
        return self.loads[0] in PURCHASES

    @property
    def shows(self) -> bool:
        """Tell whether these are pages, which only the shop has, and nginx with its bytes."""
        return self.loads[0] == PAGE


GROUPS = (
    Group(READS, MANY),
    Group(PURCHASES, MANY),
    Group(PURCHASES, CROWD),
    Group(READS, FEW),
    Group(PURCHASES, FEW),
    Group((PAGE,), MANY),
)


def chosen(rows: Sequence[str]) -> list[Group]:
    """Return what is left of the groups when only some rows are wanted.

    Args:
        rows: words such as `info` or `purchase:64`; none means all.
    """
    if not rows:
        return list(GROUPS)
    wanted = {
        (load.name, group.clients)
        for row in rows
        for group in GROUPS
        for load in _WORDS[row.partition(":")[0]]
        if row.partition(":")[2] in ("", str(group.clients))
    }
    kept = (
        tuple(load for load in group.loads if (load.name, group.clients) in wanted)
        for group in GROUPS
    )
    return [replace(group, loads=loads) for group, loads in zip(GROUPS, kept, strict=True) if loads]
