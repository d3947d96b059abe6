"""Limits of everything that crosses between services, and the types that carry them."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from bazar.kit.identity import ID_MAX

QUANTITY_MAX = 1000
ORDER_ID_LENGTH_MAX = 64
"""For the catalog, which keeps whatever id an order service gives an order."""
CHECK_CURSOR_LENGTH_MAX = ORDER_ID_LENGTH_MAX + 10
LINES_MAX = 100
PAGE_MAX = 100
AUDIT_PAGE_MAX = 1000
RESERVE_BATCH_MAX = 512
PLACEMENT_BATCH_MAX = 256
IMPORT_BATCH_MAX = 500
IMPORT_BODY_BYTES_MAX = 2 * 1024 * 1024
INTERNAL_BODY_BYTES_MAX = 8 * 1024 * 1024
"""512 reservations of 100 lines each still fit."""
STOCK_MAX = 10**9
TITLE_LENGTH_MAX = 500
TOPIC_LENGTH_MAX = 100
ISBN_LENGTH_MAX = 100
"""With label, hyphens, and what a library notes behind it."""
DESCRIPTION_LENGTH_MAX = 5000
NAME_LENGTH_MAX = 100
EMAIL_LENGTH_MAX = 254
"""Source: RFC 5321, section 4.5.3.1.3, without the angle brackets"""
TEL_LENGTH_MAX = 40
STREET_LENGTH_MAX = 200
POSTCODE_LENGTH_MAX = 12
CITY_LENGTH_MAX = 100
NOTE_LENGTH_MAX = 500
TRACKING_LENGTH_MAX = 200
PUBLISHER_LENGTH_MAX = 200
SHELF_LENGTH_MAX = 40
PAGES_MAX = 100_000
GIVEN_ID_MAX = 10**15
"""The catalog counts on from the highest id that it has, so there must be room above."""
BookId = Annotated[int, Meta(ge=1, le=ID_MAX)]
GivenId = Annotated[int, Meta(ge=1, le=GIVEN_ID_MAX)]
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_LENGTH_MAX)]
Author = Annotated[str, Meta(max_length=TITLE_LENGTH_MAX)]
Topic = Annotated[str, Meta(min_length=1, max_length=TOPIC_LENGTH_MAX)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_LENGTH_MAX)]
Year = Annotated[int, Meta(ge=-5000, le=3000)]
Note = Annotated[str, Meta(max_length=NOTE_LENGTH_MAX)]
Publisher = Annotated[str, Meta(max_length=PUBLISHER_LENGTH_MAX)]
Pages = Annotated[int, Meta(ge=1, le=PAGES_MAX)]
Shelf = Annotated[str, Meta(max_length=SHELF_LENGTH_MAX)]
LanguageTag = Annotated[str, Meta(max_length=35, pattern="^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$")]
"""Source: BCP 47; empty where nobody knows"""
Stock = Annotated[int, Meta(ge=0, le=STOCK_MAX)]
Change = Annotated[int, Meta(ge=-STOCK_MAX, le=STOCK_MAX)]
Isbn = Annotated[str, Meta(max_length=ISBN_LENGTH_MAX)]
Text = Annotated[str, Meta(max_length=200)]
Price = Annotated[Decimal, Meta(description="exactly the decimals of the currency")]
