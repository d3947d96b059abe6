"""The shop's own errors that reach the public: the other half of the wire format.

Those that only the catalog's keeper meets (`stock-too-low`, `book-exists`) are in its domain.
"""

from bazar.kit.errors import BazarError, Unavailable
from bazar.kit.http.idempotency import InvalidKey


class BookNotFound(BazarError):
    """No book has this id."""

    code = "book-not-found"
    status = 404
    title = "There is no such book"
    hint = "Search for it: GET /books?q=WORDS, or GET /search/TOPIC."
    definite = True


class OutOfStock(BazarError):
    """Fewer copies are in stock than were asked for."""

    code = "out-of-stock"
    status = 409
    title = "Not enough copies in stock"
    hint = "Ask for fewer copies, or try again when it is restocked, with a new Idempotency-Key."
    definite = True


class MixedCurrencies(BazarError):
    """The books of one order are priced in different currencies."""

    code = "mixed-currencies"
    status = 409
    title = "The books are priced in different currencies"
    hint = "Place one order for each currency, each with a new Idempotency-Key."
    definite = True


REJECTIONS: dict[str, type[BazarError]] = {
    error.code: error for error in (BookNotFound, OutOfStock, MixedCurrencies)
}
"""Why the catalog may refuse to sell."""


class OrderNotFound(BazarError):
    """No order has this id."""

    code = "order-not-found"
    status = 404
    title = "There is no such order"
    hint = "Use the order_id of the answer to your purchase."
    definite = True


class OrderNotCancellable(BazarError):
    """The order ended in a way that cannot be cancelled."""

    code = "order-not-cancellable"
    status = 409
    title = "This order cannot be cancelled"
    hint = "Only a pending or confirmed order can be cancelled."
    definite = True


class OrderNotFulfillable(BazarError):
    """The order is not one that can be handed over."""

    code = "order-not-fulfillable"
    status = 409
    title = "This order cannot be fulfilled"
    hint = "Only a confirmed order can be fulfilled."
    definite = True


class OrderCancelled(BazarError):
    """The order of this key was cancelled before it was sold."""

    code = "order-cancelled"
    status = 409
    title = "This order was cancelled"
    hint = "To buy after all, send the request with a new Idempotency-Key."
    definite = True


class KeyReused(BazarError):
    """The key was used before, for another request."""

    code = "idempotency-key-reused"
    status = 422
    title = "This Idempotency-Key was used for another request"
    hint = "Use a new key for a new purchase."
    definite = True


PLACING_ERRORS: tuple[type[BazarError], ...] = (
    BookNotFound,
    OutOfStock,
    MixedCurrencies,
    OrderCancelled,
    KeyReused,
    InvalidKey,
    Unavailable,
)
"""What may go wrong when an order is placed."""
