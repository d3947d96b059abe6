"""What errors say, for example: as the sample shop says it."""

from typing import Any

_ORDER_ID = "01m8dp77q0car9qdqfx8cdy6d0"

DETAILS: dict[str, dict[str, Any]] = {
    "invalid-request": {
        "detail": "the body is not valid: Expected `int` >= 1 - at `$.quantity`",
        "member": "quantity",
    },
    "invalid-idempotency-key": {
        "detail": "the request has 0 Idempotency-Key headers, not one",
    },
    "invalid-framing": {
        "detail": "the request has a Transfer-Encoding; a Content-Length beside it could not be "
        "seen",
    },
    "invalid-host": {"detail": "the request has 2 host headers, not one"},
    "unauthorized": {"detail": "the bearer token is missing"},
    "cross-site": {"detail": "the request comes from https://evil.example, which is not this shop"},
    "open-api-off": {"detail": "the open interface of this shop takes no orders"},
    "book-not-found": {"detail": "no book has the id 999", "book_id": 999},
    "order-not-found": {"detail": f"no order has the id {_ORDER_ID!r}"},
    "reservation-not-found": {"detail": f"nothing was decided about order {_ORDER_ID}"},
    "out-of-stock": {
        "detail": "How to finish Project 3 on time: 90 in stock, 1000 asked for",
        "order_id": _ORDER_ID,
        "book_id": 5,
        "requested": 1000,
        "available": 90,
    },
    "price-changed": {
        "detail": "RPCs for Noobs is 19.99 USD now, not 17.99",
        "order_id": _ORDER_ID,
        "book_id": 2,
        "price": 19.99,
        "currency": "USD",
    },
    "book-retired": {
        "detail": "RPCs for Noobs is no longer sold",
        "order_id": _ORDER_ID,
        "book_id": 2,
    },
    "too-many-open-orders": {"detail": "3 orders of this e-mail address are open already"},
    "mixed-currencies": {
        "detail": "the books are priced in EUR, USD",
        "order_id": _ORDER_ID,
    },
    "order-rejected": {
        "detail": "the catalog refused to sell for a reason of its own",
        "order_id": _ORDER_ID,
    },
    "order-cancelled": {
        "detail": "the order was cancelled before it was sold; nothing was bought",
        "order_id": _ORDER_ID,
    },
    "order-not-cancellable": {
        "detail": "the order is fulfilled",
        "order_id": _ORDER_ID,
    },
    "order-not-fulfillable": {
        "detail": "the order is cancelled",
        "order_id": _ORDER_ID,
    },
    "progress-not-possible": {
        "detail": "the order is collected",
        "order_id": _ORDER_ID,
    },
    "stock-too-low": {
        "detail": "How to finish Project 3 on time has 90 copies; 100 cannot be taken away",
        "book_id": 5,
        "available": 90,
    },
    "book-exists": {
        "detail": "the ISBN 9780131103627 belongs to book 7",
        "member": "isbn",
        "book_id": 7,
    },
    "currency-fixed": {
        "detail": "this shop keeps its prices in USD, not in EUR",
        "member": "currency",
    },
    "mail-off": {"detail": "the order service was started without a mail server"},
    "too-many-wishes": {"detail": "20 wishes of this address are kept already"},
    "mail-not-sent": {"detail": "the mail server does not answer"},
    "precondition-failed": {"detail": 'it is not the one that you know by "a4a3888620e08b5aa8c8"'},
    "backup-not-found": {
        "detail": "there is no backup 8e03978e-40d5; another one may have begun since",
    },
    "no-room-for-backup": {
        "detail": "a backup needs 52,428,800 bytes beside the database, and 1,048,576 are free",
    },
    "backup-elsewhere": {
        "detail": "this shop is kept by PostgreSQL, whose pg_dump makes backups of one database; "
        "stop the shop, dump catalog and order, keep the secret with them, and start it",
    },
    "body-too-large": {"detail": "the body is longer than 65536 bytes"},
    "unsupported-media-type": {"detail": "the body is text/plain, not application/json"},
    "wrong-host": {
        "detail": "this service is on the loopback address, and not evil.example",
    },
    "idempotency-key-reused": {"detail": "this key was used before, for something else"},
    "internal-error": {
        "detail": "the request met a fault of ours; it is in the log under its request id",
    },
    "coding-not-implemented": {"detail": "the body has the transfer coding 'gzip'"},
    "overloaded": {"detail": "so much waits already that this would wait in vain"},
    "unavailable": {"detail": "the catalog service did not answer in time"},
}
