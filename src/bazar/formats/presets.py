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
    off_sale: Mapping[str, frozenset[str]] = {}
    """Columns, and what in them says that nobody can buy the thing there."""
    words: Mapping[str, Mapping[str, str]] = {}
    """Our columns to what its cells mean that would mean nothing elsewhere."""
    product: Product | None = None
    escaped: bool = False
    """Whether a backslash and an `n` in a text are the end of a line."""
    verbatim: bool = False
    """Our own export: every cell says what it says."""


_NO = frozenset({"false", "no", "n", "0", "falsch", "faux", "falso", "nein", "non"})
_YES = frozenset({"true", "yes", "y", "1", "wahr", "vrai", "verdadero", "ja", "oui"})
_UNSOLD = {
    "Status": frozenset({"draft", "archived", "unlisted"}),
    "Published": _NO,
    "Published on online store": _NO,
}

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
        off_sale=_UNSOLD,
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
        off_sale=_UNSOLD,
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
        off_sale={"Published": _NO | {"-1"}},
        escaped=True,
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
            "format": (),  # its `cover` is the path of a picture
        },
        taken={"language": "first", "topic": "first"},
    ),
    Preset(
        "Libib",
        ("item_type", "title", "ean_isbn13"),
        {
            "isbn": ("ean_isbn13", "upc_isbn10"),
            "title": ("title",),
            "author": ("creators",),
            "year": ("publish_date",),
            "topic": ("group",),
            "pages": ("length",),
            "quantity": ("copies",),
        },
        passed_over={"item_type": frozenset({"movie", "music", "game", "videogame", "boardgame"})},
    ),
    Preset(
        "StoryGraph",
        ("Title", "Authors", "ISBN/UID", "Read Status"),
        {"isbn": ("ISBN/UID",), "title": ("Title",), "author": ("Authors",)},
    ),
    Preset(
        "Amazon",
        ("item-name", "seller-sku", "price", "asin1"),
        {
            "isbn": ("product-id", "asin1"),
            "title": ("item-name",),
            "description": ("item-description",),
            "price": ("price",),
            "quantity": ("quantity",),
            "condition": ("item-condition",),
        },
        words={
            "condition": {
                "1": "as-new",
                "2": "very-good",
                "3": "good",
                "4": "fair",
                "5": "as-new",
                "6": "very-good",
                "7": "good",
                "8": "fair",
                "11": "new",
            }
        },
    ),
    Preset(
        "Lightspeed",
        ("id", "handle", "sku", "name", "retail_price"),
        {
            "title": ("name",),
            "description": ("description",),
            "publisher": ("brand_name",),
            "price": ("retail_price",),
            "quantity": ("inventory_main_outlet",),
            "low_at": ("reorder_point_main_outlet",),
            "topic": ("product_category",),
        },
        off_sale={"active": _NO},
    ),
    Preset(
        "Lightspeed",
        ("System ID", "Custom SKU", "Item", "Price"),
        {
            "isbn": ("EAN", "UPC"),
            "title": ("Item",),
            "publisher": ("Manufacturer",),
            "price": ("Price",),
            "quantity": ("Qty.",),
        },
        off_sale={"Archived": _YES},
    ),
    Preset(
        "eBay",
        ("Item number", "Title", "Available quantity", "Start price"),
        {
            "isbn": ("P:ISBN", "P:EAN", "P:UPC"),
            "title": ("Title",),
            "price": ("Current price", "Start price"),
            "quantity": ("Available quantity",),
            "topic": ("eBay category 1 name",),
            "format": (),  # its `Format` is that of the sale
        },
    ),
    Preset(
        "Square",
        ("Token", "Item Name", "Variation Name", "SKU", "Price"),
        {
            "isbn": ("GTIN",),
            "title": ("Item Name",),
            "price": ("Price",),
            "topic": ("Reporting Category", "Categories"),
        },
        off_sale={"Archived": _YES, "Sellable": _NO},
    ),
)
"""The first whose signature a header has is the one that wrote it."""
