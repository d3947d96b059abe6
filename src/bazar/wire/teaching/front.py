"""What the document of the front teaches."""

from bazar.wire.teaching.common import teaching

_ABOUT = """
The public interface of the shop: look for books, buy them, look at an order, cancel it.

Try it: `GET /search/distributed-systems`, then `GET /info/2`, then `POST /purchase/2` with a header
`Idempotency-Key` of your own making. Send the last one again: it is the same purchase, and you get
the same answer.
"""
_TAGS = {
    "books": "Looking for books. Answers are at most 2 seconds behind the shelf.",
    "orders": "Buying, and what became of it. A purchase happens once for each Idempotency-Key.",
}
_OPERATIONS = {
    "info": "All that the shop tells of a book, with its price and the copies in stock. `version` "
    "rises with every change. What nobody knows of it, and what is usual, is left out.",
    "search": "At most 1,000, by id. Any case, and spaces, `%20` or hyphens; a topic may hold a "
    "slash. A topic that no book has is an empty list.",
    "topics": "By name. For a menu of the shop.",
    "books": "All filters go together. Words are looked for in title, author, topic, description "
    "and ISBN, each as the beginning of a word, the best match first. Follow the `Link` header "
    "from page to page.",
    "counts": "For the heads of lists: how many there are in all, and how many of each topic.",
    "purchase": "The body says how many copies, and may be left out for one. With 202 the order is "
    "stored, and will be decided without another request: `Location` says where to look. Send the "
    "same key again after a lost answer, a 202, or any error with `definite: false`.",
    "order": "Either all of its lines are sold or none is. A line may name the price that its "
    "buyer saw: at another price nothing is bought. With a `buyer` the shop knows whom to write "
    "to, and whether to post the books.",
    "find_order": "For who has its id, which nobody can guess. A pending order is driven on by "
    "the question.",
    "cancel_order": "Its copies go back to the shelf. Asked again, it only says so. A fulfilled "
    "order cannot be cancelled any more.",
}
_SEEN = ("Cache-Status",)
_PLACED = ("Location", "Idempotency-Key")

FRONT = teaching(
    _ABOUT,
    _TAGS,
    _OPERATIONS,
    {
        "info": {200: _SEEN, 304: _SEEN},
        "search": {200: (*_SEEN, "Vary"), 304: (*_SEEN, "Vary")},
        "topics": {200: (*_SEEN, "Vary"), 304: (*_SEEN, "Vary")},
        "books": {200: (*_SEEN, "Link", "Vary"), 304: (*_SEEN, "Vary")},
        "counts": {200: (*_SEEN, "Vary"), 304: (*_SEEN, "Vary")},
        "purchase": {201: _PLACED, 202: (*_PLACED, "Retry-After")},
        "order": {201: _PLACED, 202: (*_PLACED, "Retry-After")},
        "find_order": {200: _SEEN},
        "cancel_order": {200: _SEEN},
    },
    stores=False,
)
