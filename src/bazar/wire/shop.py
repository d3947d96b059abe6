"""The shop itself: what its keeper decides once for all books and orders, and its pages show."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bazar.wire.limits import (
    EMAIL_LENGTH_MAX,
    LINES_MAX,
    NAME_LENGTH_MAX,
    QUANTITY_MAX,
    TEL_LENGTH_MAX,
    BookId,
    Price,
)
from bazar.wire.orders import Delivery, Language, Payment

ShopName = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
Sentence = Annotated[str, Meta(max_length=300)]
Paragraphs = Annotated[str, Meta(max_length=20_000)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
"""Source: ISO 3166-1 alpha-2"""
PageName = Annotated[str, Meta(pattern="^[a-z][a-z-]{0,39}$")]
OrdersAnHour = Annotated[int, Meta(ge=0, le=1_000_000)]
TEXTS_MAX = 20
NAME_DEFAULT = "Bazar Books"
CURRENCY_DEFAULT = "USD"


class Shop(Struct, frozen=True, kw_only=True):
    """What the keeper of the shop decides for all of it."""

    version: int
    """Rises with every change."""
    currency: str
    """Of every price; it never changes. Source: ISO 4217"""
    name: ShopName = NAME_DEFAULT
    claim: Sentence = ""
    """What the home page says first; empty: our own words, in each language."""
    sentence: Sentence = ""
    """What it says then; empty: our own words."""
    address: Sentence = ""
    """Of the shop, one part a line."""
    hours: Sentence = ""
    """One part a line."""
    time_zone: Annotated[str, Meta(max_length=60)] = "UTC"
    """Source: IANA time zone database"""
    tel: Annotated[str, Meta(max_length=TEL_LENGTH_MAX)] = ""
    email: Annotated[str, Meta(max_length=EMAIL_LENGTH_MAX)] = ""
    languages: list[Language] = msgspec.field(default_factory=lambda: ["en", "ar"])
    deliveries: list[Delivery] = msgspec.field(default_factory=lambda: ["collect"])
    post_price: Price | None = None
    """Of an order by post."""
    countries: list[Country] = []
    """Those that the shop posts to; the first is offered first."""
    payments: list[Payment] = msgspec.field(default_factory=lambda: ["shop"])
    copies_a_line_max: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] = 10
    """On the shop's pages, as are the next three."""
    copies_an_order_max: Annotated[int, Meta(ge=1, le=QUANTITY_MAX * LINES_MAX)] = 20
    open_orders_max: Annotated[int, Meta(ge=0, le=1000)] = 3
    """Unpaid and not ended, an e-mail address; 0: any number."""
    orders_an_hour_max: OrdersAnHour = 20
    """From one network address; 0: any number."""
    keep_days: Annotated[int, Meta(ge=1, le=365)] = 14
    """For which books that are ready wait for their buyer."""
    texts: dict[PageName, Paragraphs] = {}
    """Of pages such as `delivery`, `returns`, `privacy` and `imprint`: paragraphs between blank
    lines."""
    picks: Annotated[list[BookId], Meta(max_length=3)] = []
    """Books that the home page shows first; none: the most bought."""


class ShopEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about the shop; what is left out stays."""

    currency: str | msgspec.UnsetType = msgspec.UNSET
    """Only the one that it has: another is refused."""
    name: ShopName | msgspec.UnsetType = msgspec.UNSET
    claim: Sentence | msgspec.UnsetType = msgspec.UNSET
    sentence: Sentence | msgspec.UnsetType = msgspec.UNSET
    address: Sentence | msgspec.UnsetType = msgspec.UNSET
    hours: Sentence | msgspec.UnsetType = msgspec.UNSET
    time_zone: Annotated[str, Meta(max_length=60)] | msgspec.UnsetType = msgspec.UNSET
    tel: Annotated[str, Meta(max_length=TEL_LENGTH_MAX)] | msgspec.UnsetType = msgspec.UNSET
    email: Annotated[str, Meta(max_length=EMAIL_LENGTH_MAX)] | msgspec.UnsetType = msgspec.UNSET
    languages: list[Language] | msgspec.UnsetType = msgspec.UNSET
    deliveries: list[Delivery] | msgspec.UnsetType = msgspec.UNSET
    post_price: Price | msgspec.UnsetType | None = msgspec.UNSET
    countries: list[Country] | msgspec.UnsetType = msgspec.UNSET
    payments: list[Payment] | msgspec.UnsetType = msgspec.UNSET
    copies_a_line_max: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    copies_an_order_max: (
        Annotated[int, Meta(ge=1, le=QUANTITY_MAX * LINES_MAX)] | msgspec.UnsetType
    ) = msgspec.UNSET
    open_orders_max: Annotated[int, Meta(ge=0, le=1000)] | msgspec.UnsetType = msgspec.UNSET
    orders_an_hour_max: OrdersAnHour | msgspec.UnsetType = msgspec.UNSET
    keep_days: Annotated[int, Meta(ge=1, le=365)] | msgspec.UnsetType = msgspec.UNSET
    texts: dict[PageName, Paragraphs] | msgspec.UnsetType = msgspec.UNSET
    """Of the pages that are named; an empty one takes its page away, and the others stay."""
    picks: Annotated[list[BookId], Meta(max_length=3)] | msgspec.UnsetType = msgspec.UNSET


class ShopChanged(Struct, frozen=True):
    """An event of the change feed: the settings have a new version."""

    version: int


SHOP_EVENT = "shop"
"""The name of that event; one without a name is of a book."""
