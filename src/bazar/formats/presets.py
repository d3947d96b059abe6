"""Files that other programs export, each known by its header: a table, and no code.

`signature` are names that a header must have, in any order. `columns` names theirs for ours, the
best first; the others of ours are found by their names. `taken` is how a cell of several things
becomes one: `first` of those with commas between them, or `path`: the last step of the first.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Taken = Literal["first", "path"]
_NONE: Mapping[str, str] = {}


class Product(NamedTuple):
    """How an export writes a thing with variants: one row each, and some for its pictures."""

    key: str
    """The column that is the same in all rows of a thing; only the first has all its texts."""
    told_by: tuple[str, ...]
    """A row without a title and without any of these is about a picture."""
    variant: str
    """The column that names a variant."""


class Preset(NamedTuple):
    """What is known of one program's export."""

    name: str
    signature: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    taken: Mapping[str, Taken] = {}
    defaults: Mapping[str, str] = {}
    passed_over: Mapping[str, frozenset[str]] = {}
    """Columns, and what in them makes a row no book: rows that only hold others together."""
    product: Product | None = None
    verbatim: bool = False
    """Our own export: every cell says what it says."""


PRESETS = (
    Preset("Bazar", ("bazar_id", "title"), {}, verbatim=True),
    Preset(
        "Goodreads",
        ("Book Id", "Title", "Author l-f", "My Rating"),
        {
            "isbn": ("ISBN13", "ISBN"),
            "title": ("Title",),
            "author": ("Author",),
            "year": ("Original Publication Year", "Year Published"),
            "publisher": ("Publisher",),
            "format": ("Binding",),
            "pages": ("Number of Pages",),
            "quantity": ("Owned Copies",),
        },
    ),
    Preset(
        "LibraryThing",
        ("Book Id", "Title", "Primary Author"),
        {
            "isbn": ("ISBN", "ISBNs"),
            "title": ("Title",),
            "author": ("Primary Author",),
            "year": ("Date",),
            "description": ("Summary",),
            "pages": ("Page Count",),
            "language": ("Languages",),
            "quantity": ("Copies",),
            "topic": ("Subjects",),
            "format": ("Media",),
            "price": ("Price", "List Price", "Value"),
        },
        taken={"language": "first", "topic": "first"},
    ),
    Preset(
        "AbeBooks",
        ("listingid", "title", "price"),
        {
            "title": ("title",),
            "author": ("author",),
            "isbn": ("isbn",),
            "year": ("yearpublished", "dateofpublication"),
            "publisher": ("publishername", "publisher"),
            "format": ("bindingtext", "booktype"),
            "condition": ("bookcondition",),
            "quantity": ("quantity",),
            "topic": ("sellercatalog1", "keyword1"),
            "shelf": ("location",),
        },
        defaults={"quantity": "1"},
    ),
    Preset(
        "Shopify",
        ("Handle", "Title", "Variant Price"),
        {
            "isbn": ("Variant Barcode",),
            "title": ("Title",),
            "description": ("Body (HTML)",),
            "publisher": ("Vendor",),
            "topic": ("Type", "Tags"),
            "price": ("Variant Price",),
            "quantity": ("Variant Inventory Qty",),
            "format": ("Option1 Value",),
        },
        taken={"topic": "first"},
        product=Product(
            "Handle", ("Variant Price", "Variant SKU", "Variant Barcode"), "Option1 Value"
        ),
    ),
    Preset(
        "Shopify",
        ("URL handle", "Title", "Price", "Option1 value"),
        {
            "isbn": ("Barcode",),
            "title": ("Title",),
            "description": ("Description",),
            "publisher": ("Vendor",),
            "topic": ("Type", "Tags"),
            "price": ("Price",),
            "quantity": ("Inventory quantity",),
            "format": ("Option1 value",),
        },
        taken={"topic": "first"},
        product=Product("URL handle", ("Price", "SKU", "Barcode"), "Option1 value"),
    ),
    Preset(
        "WooCommerce",
        ("ID", "Type", "SKU", "Name", "Regular price"),
        {
            "isbn": ("GTIN, UPC, EAN, or ISBN",),
            "title": ("Name",),
            "description": ("Description", "Short description"),
            "price": ("Regular price",),
            "quantity": ("Stock",),
            "low_at": ("Low stock amount",),
            "topic": ("Categories",),
        },
        taken={"topic": "path"},
        passed_over={"Type": frozenset({"variable", "grouped"})},
    ),
    Preset(
        "Calibre",
        ("author_sort", "authors", "title", "uuid"),
        {
            "isbn": ("isbn", "identifiers"),
            "title": ("title",),
            "author": ("authors",),
            "year": ("pubdate",),
            "publisher": ("publisher",),
            "description": ("comments",),
            "language": ("languages",),
            "topic": ("tags",),
        },
        taken={"language": "first", "topic": "first"},
    ),
)
"""The first whose signature a header has is the one that wrote it."""
