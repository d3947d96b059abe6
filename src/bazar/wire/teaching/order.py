"""What the document of the order service teaches."""

from bazar.wire.teaching.common import teaching

_ABOUT = """
Orders, their buyers, and their Idempotency-Keys: each key places one order. All of it wants the
service secret. The public asks the front, which asks here.
"""
_TAGS = {
    "orders": "What the front asks, for buyers.",
    "keeping": "For the keeper of the shop: orders, their progress, mail, the audit.",
}
_STEP = "Asked again, it only says so. The header `bazar-actor` says who did it, for the events."
_OPERATIONS = {
    "purchase": "As on the front. The header `bazar-changed` names the books that changed.",
    "order": "As on the front: all lines or none, once a key.",
    "placements": "1 to 256 orders in one call, each on its own: one that is refused leaves the "
    "others alone. Each answer has the status and the body that the client gets.",
    "used": "The front asks this before it has a form wait. It places nothing.",
    "refuse": "The key gets an order that is rejected from the beginning, so that a late "
    "duplicate of its form places nothing either. An order that it has placed already stays.",
    "find": "With its lines, its buyer, and how far the shop is with it.",
    "page": "In the order in which they were stored, or the newest first (`sort=-placed_at`), "
    "which can be narrowed further. Who goes on from the last id misses no order.",
    "counts": "For the heads of lists: what a question for the newest finds in all its pages.",
    "stuck": "Such an order is damaged, or of another release. It holds up no other, is tried "
    "again, and can be cancelled.",
    "cancel": "Its copies go back to the shelf. " + _STEP,
    "fulfil": "The last step of its progress, wherever it is. " + _STEP,
    "progress": "Before the last step any may follow any other. " + _STEP,
    "events": "Each was noted in the transaction of its change.",
    "mail_test": "What the mail server said is in the answer where it refused.",
    "audit": "It costs nothing, so it is a way to try the secret.",
    "audit_orders": "None is driven, and none is made sense of, so damaged ones are shown too. "
    "Only an empty page is the end.",
    "audit_order": "As it stands in the database, made sense of by nobody.",
    "audit_integrity": "The database reads all that it has. Nothing in `faults`: all is well.",
    "mail": "Pages offer to write to somebody only where it does.",
    "wish": "One mail, once, when the book is back; then the address is deleted.",
    "end": "The key stands for the address in the links of letters, and tells nobody what it is.",
    "forget": "What `bazar mail forget` uses.",
}
_PLACED = ("Location", "Idempotency-Key")

ORDER = teaching(
    _ABOUT,
    _TAGS,
    _OPERATIONS,
    {
        "purchase": {201: (*_PLACED, "Bazar-Changed"), 202: (*_PLACED, "Retry-After")},
        "order": {201: (*_PLACED, "Bazar-Changed"), 202: (*_PLACED, "Retry-After")},
        "cancel": {200: ("Bazar-Changed",)},
    },
)
