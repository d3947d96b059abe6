"""What the document of the catalog teaches."""

from bazar.wire.teaching.common import teaching

_ABOUT = """
Books, prices, stock, the ledger of stock, and what was decided about each order. Reads of books are
open; what changes something, or tells what is sold, wants the service secret.

Change a book without undoing what another did: read it with `GET /info/{book_id}`, and send its
`ETag` as `If-Match` along with `PATCH /books/{book_id}`. Where it has changed since, you get 412,
and nothing is done.
"""
_TAGS = {
    "books": "Looking for books, open to everybody.",
    "orders": "What the order service asks: sell, give back, and what is there.",
    "keeping": "For the keeper of the shop: books, stock, settings, imports, the audit.",
}
_PAGE = "Take the last id of a page as `after` of the next; a page that is shorter is the last one."
_OPERATIONS = {
    "info": "As the front shows it. `version` rises with every change, of its stock too; so does "
    "the `ETag` change, which a change of the book may name as `If-Match`.",
    "query_book": "The same as `GET /info/{book_id}`: some programs of the lab know it so.",
    "search": "At most 1,000, by id. Any case, and spaces, `%20` or hyphens.",
    "query": "The same as `GET /search/{topic}`, with the topic in the query string.",
    "topics": "By name.",
    "books": "All filters go together. Follow the `Link` header from page to page.",
    "counts": "For the heads of lists: how many there are in all, and how many of each topic.",
    "edits": "For a sitemap: search engines want to know which page has changed. " + _PAGE,
    "every": "For exports and the audit. " + _PAGE,
    "changes": "For a cache. First it says `: open` and a place, then each change of a book or of "
    "the settings as an event, and a sign of life every half second. It ends where a reader is "
    "too slow; begin anew then, with nothing kept.",
    "shop": "Name, address, hours, delivery, payment, limits and texts, for whoever shows pages.",
    "add": "With its first stock. An id or an ISBN that another book has is 409 `book-exists`.",
    "edit": "Members that are left out stay. The stock has routes of its own, since it counts. "
    "With `If-Match` the change is made only on what you have seen.",
    "update": "`amount_of_items` adds to the stock, or takes away from it, and never goes below "
    "zero; `price` and `cost` set the price.",
    "change_stock": "Either a `change` of so many copies, or a `count` of the shelf; a reason and "
    "a note are kept with it in the ledger.",
    "movements_of_book": "Each row with the stock after it. Give the last id as `before` to go on.",
    "edit_shop": "Members that are left out stay. The currency never changes. Every front knows "
    "within 2 seconds. With `If-Match` the change is made only on what you have seen.",
    "take_in": "Each row is taken in, or rejected with a reason, on its own; the others go on. "
    "With a `key` a count of copies is taken once, however often the file is sent.",
    "reserve": "All lines of an order or none. What was decided is stored, refusals too: asked "
    "again for the same order, it is the same answer whatever is asked.",
    "in_stock": "Those that are sold and of which a copy is there; the others are left out.",
    "release": "What was not decided yet is refused from now on. Asked again, it only says so.",
    "reservations": "For whoever compares them with orders. " + _PAGE,
    "reservation": "Sold, refused with the reason, or given back.",
    "movements": "Every copy that ever came or went, by id. Nothing in it is ever changed. "
    + _PAGE,
    "stock_report": "Stock, ledger and reservations are compared with each other. Give `next` as "
    "`after` to get the next part; without one, that was the last.",
    "audit": "It costs nothing, so it is a way to try the secret.",
    "audit_decisions": "None is made sense of, so damaged ones are shown too. Only an empty page "
    "is the end.",
    "audit_decision": "As it stands in the database, made sense of by nobody.",
    "audit_integrity": "The database reads all that it has. Nothing in `faults`: all is well.",
}
_EDITED = {200: ("ETag",)}

CATALOG = teaching(
    _ABOUT,
    _TAGS,
    _OPERATIONS,
    {
        "info": {200: ("Bazar-Version",)},
        "query_book": {200: ("Bazar-Version",)},
        "search": {200: ("Vary",)},
        "query": {200: ("Vary",)},
        "topics": {200: ("Vary",)},
        "books": {200: ("Link", "Vary")},
        "counts": {200: ("Vary",)},
        "edits": {200: ("Vary",)},
        "shop": {200: ("Bazar-Version", "Vary")},
        "add": {201: ("Location",)},
        "edit": _EDITED,
        "edit_shop": _EDITED,
    },
)
