"""What a reader asks for on the results page: read from the address, and written into it."""

import unicodedata
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import get_args
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from bazar.kit.money import DECIMALS, DECIMALS_DEFAULT, PRICE_MINOR_MAX
from bazar.kit.web.forms import digits, plain
from bazar.kit.web.texts import noted
from bazar.wire.books import BookList, BookQuery, Sort

WORDS_LENGTH_MAX = 200
"""Of a query; what follows is left out."""
SORTS: tuple[tuple[Sort, str], ...] = (
    ("match", noted("Best match")),
    ("new", noted("Newest first")),
    ("price", noted("Lowest price first")),
    ("-price", noted("Highest price first")),
    ("title", noted("Title, A to Z")),
)
_LISTS: dict[BookList, str] = {
    "new": noted("New on the table"),
    "bought": noted("Most bought this month"),
    "last": noted("Last copies"),
}
"""Those of the home page; others are for the keeper."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked for; empty and None where it is not."""

    q: str = ""
    topic: str = ""
    author: str = ""
    min: Decimal | None = None
    max: Decimal | None = None
    in_stock: bool = False
    sort: Sort | None = None
    list: BookList | None = None
    after: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return replace(self, after="") == Asked()

    @property
    def filters(self) -> int:
        """How many of the choices on the page are other than at first."""
        chosen = (self.topic, self.min, self.max, self.in_stock, self.sort not in {None, "match"})
        return sum(one not in {"", None, False} for one in chosen)

    @property
    def list_title(self) -> str:
        """What the chosen list is called, in English."""
        return _LISTS[self.list] if self.list else ""

    def query(self, limit: int) -> BookQuery:
        """Return it as the catalog is asked."""
        sort = self.sort if self.q or self.sort != "match" else None
        return BookQuery(
            q=self.q or None,
            topic=self.topic or None,
            author=self.author or None,
            min=self.min,
            max=self.max,
            in_stock="1" if self.in_stock else "0",
            sort=sort,
            list=self.list,
            after=self.after or None,
            limit=limit,
        )

    def path(self, after: str = "") -> str:
        """Return the path of its page that begins after a place of the list."""
        return f"/find?{urlencode(self._given() | ({'after': after} if after else {}))}"

    @property
    def cleared(self) -> str:
        """The path without the choices of the form."""
        return Asked(q=self.q, list=self.list).path() if self.q or self.list else "/browse"

    def _given(self) -> dict[str, str]:
        given = {
            "q": self.q,
            "topic": self.topic,
            "author": self.author,
            "min": "" if self.min is None else str(self.min),
            "max": "" if self.max is None else str(self.max),
            "in_stock": "1" if self.in_stock else "",
            "sort": self.sort or "",
            "list": self.list or "",
        }
        return {name: value for name, value in given.items() if value}


def asked(given: Mapping[str, str], currency: str) -> Asked:
    """Read what is asked for; what cannot be understood counts as not asked."""
    words = unicodedata.normalize("NFC", plain(given.get("q", "")))[:WORDS_LENGTH_MAX]
    return Asked(
        q=" ".join(words.split()),
        topic=plain(given.get("topic", ""))[:WORDS_LENGTH_MAX],
        author=plain(given.get("author", ""))[:WORDS_LENGTH_MAX],
        min=typed_price(given.get("min", ""), currency),
        max=typed_price(given.get("max", ""), currency),
        in_stock=given.get("in_stock") == "1",
        sort=next((sort for sort in get_args(Sort) if sort == given.get("sort")), None),
        list=next((name for name in _LISTS if name == given.get("list")), None),
        after=plain(given.get("after", ""))[:WORDS_LENGTH_MAX],
    )


def typed_price(text: str, currency: str) -> Decimal | None:
    """Return a price as people type it, with a comma or Arabic digits, or None where it is none."""
    text = digits(plain(text)).replace("\u066b", ".").replace(",", ".").replace(" ", "")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= PRICE_MINOR_MAX // 1000:
        return None
    return round(amount, DECIMALS.get(currency, DECIMALS_DEFAULT))
