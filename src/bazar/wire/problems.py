"""The shop's own errors that reach the public: the other half of the wire format.

Those that only the catalog's keeper meets (`stock-too-low`, `book-exists`) are in its domain.
"""

from typing import Any

from msgspec.structs import replace

from bazar.kit.errors import BazarError, Problem, Unavailable
from bazar.kit.http.idempotency import InvalidKey, format_key, key_header
from bazar.wire.limits import Price


class PlacingProblem(Problem, frozen=True, kw_only=True, omit_defaults=True):
    """A problem with an order or a book, and what is known of it."""

    order_id: str | None = None
    book_id: int | None = None
    requested: int | None = None
    available: int | None = None
    price: Price | None = None
    """Of one copy, now."""
    currency: str | None = None
    idempotency_key: str | None = None


class BookNotFound(BazarError):
    """No book has this id."""

    problem_type = PlacingProblem
    code = "book-not-found"
    status = 404
    title = "There is no such book"
    hint = "Search for it: GET /books?q=WORDS, or GET /search/TOPIC."
    definite = True


class OutOfStock(BazarError):
    """Fewer copies are in stock than were asked for."""

    problem_type = PlacingProblem
    code = "out-of-stock"
    status = 409
    title = "Not enough copies in stock"
    hint = "Ask for fewer copies, or try again when it is restocked, with a new Idempotency-Key."
    definite = True


class MixedCurrencies(BazarError):
    """The books of one order are priced in different currencies."""

    problem_type = PlacingProblem
    code = "mixed-currencies"
    status = 409
    title = "The books are priced in different currencies"
    hint = "Place one order for each currency, each with a new Idempotency-Key."
    definite = True


class PriceChanged(BazarError):
    """The book has another price now than its buyer saw."""

    problem_type = PlacingProblem
    code = "price-changed"
    status = 409
    title = "The price is another now"
    hint = "Look at the new price, and order at it with a new Idempotency-Key."
    definite = True


class BookRetired(BazarError):
    """The book is no longer sold."""

    problem_type = PlacingProblem
    code = "book-retired"
    status = 409
    title = "This book is no longer sold"
    hint = "Order the other books without it, with a new Idempotency-Key."
    definite = True


class TooManyOpenOrders(BazarError):
    """This e-mail address has as many unpaid orders open as the shop allows."""

    code = "too-many-open-orders"
    status = 409
    title = "Too many orders are open for this e-mail address"
    hint = "Collect or cancel one of them first, or ring the shop."
    definite = True


class OpenApiOff(BazarError):
    """The shop takes no orders over its open interface."""

    code = "open-api-off"
    status = 403
    title = "This shop takes orders on its pages alone"
    hint = "Order on the pages of the shop. The keeper's own programs send the service secret."
    definite = True


REJECTIONS: dict[str, type[BazarError]] = {
    error.code: error
    for error in (BookNotFound, OutOfStock, PriceChanged, BookRetired, MixedCurrencies)
}
"""Why the catalog may refuse to sell, as far as this release knows."""


class OrderRejected(BazarError):
    """The catalog refused to sell, for a reason that this release does not know."""

    problem_type = PlacingProblem
    code = "order-rejected"
    status = 409
    title = "The order was refused"
    hint = "The detail says why. Nothing was bought; to try again, use a new Idempotency-Key."
    definite = True

    def __init__(self, detail: str, *, reason: str = code, **members: Any) -> None:  # noqa: ANN401
        """Describe one refusal; `reason` is its code, as the catalog gave it."""
        super().__init__(detail, **members)
        self.reason = reason

    def problem(self) -> Problem:
        """Return the problem document, under the code that the catalog gave."""
        return replace(super().problem(), type=f"urn:bazar:error:{self.reason}", code=self.reason)


class OrderNotFound(BazarError):
    """No order has this id."""

    code = "order-not-found"
    status = 404
    title = "There is no such order"
    hint = "Use the order_id of the answer to your purchase."
    definite = True


class OrderNotCancellable(BazarError):
    """The order ended in a way that cannot be cancelled."""

    problem_type = PlacingProblem
    code = "order-not-cancellable"
    status = 409
    title = "This order cannot be cancelled"
    hint = "Only a pending or confirmed order can be cancelled."
    definite = True


class OrderNotFulfillable(BazarError):
    """The order is not one that can be handed over."""

    problem_type = PlacingProblem
    code = "order-not-fulfillable"
    status = 409
    title = "This order cannot be fulfilled"
    hint = "Only a confirmed order can be fulfilled."
    definite = True


class ProgressNotPossible(BazarError):
    """The order is not where this step follows."""

    problem_type = PlacingProblem
    code = "progress-not-possible"
    status = 409
    title = "This step does not follow where the order is"
    hint = "A confirmed order goes to_pick, ready, collected; by post to_pick, packed, sent."
    definite = True


class OrderCancelled(BazarError):
    """The order of this key was cancelled before it was sold."""

    problem_type = PlacingProblem
    code = "order-cancelled"
    status = 409
    title = "This order was cancelled"
    hint = "To buy after all, send the request with a new Idempotency-Key."
    definite = True


class MailOff(BazarError):
    """The shop sends no mail."""

    code = "mail-off"
    status = 409
    title = "This shop sends no mail"
    hint = "Start the order service with BAZAR_SMTP_URL and BAZAR_MAIL_FROM."
    definite = True


class TooManyWishes(BazarError):
    """No more wishes are kept: of this address, or at all."""

    code = "too-many-wishes"
    status = 409
    title = "No more wishes are kept"
    hint = "Wait until one of the books is back, or ring the shop."
    definite = True


class MailNotSent(BazarError):
    """The mail server did not take a mail."""

    code = "mail-not-sent"
    status = 502
    title = "The mail server did not take the mail"
    hint = "The detail says why. Look at BAZAR_SMTP_URL and BAZAR_MAIL_FROM."
    definite = False


class KeyReused(BazarError):
    """The key was used before, for another request."""

    code = "idempotency-key-reused"
    status = 422
    title = "This Idempotency-Key was used for another request"
    hint = "Use a new key for a new purchase."
    definite = True

    def __init__(self, detail: str, *, order_id: str = "") -> None:
        """Describe one failure.

        Args:
            detail: what was wrong.
            order_id: that the key has placed, for the shop's own pages, whose keys nobody guesses.
                It is no part of the document: whoever guesses a key must not learn an order.
        """
        super().__init__(detail)
        self.order_id = order_id


class PurchaseUnavailable(Unavailable):
    """Nobody knows what became of a purchase; it tells the key to ask again with."""

    problem_type = PlacingProblem

    def __init__(self, detail: str, key: str) -> None:
        """Describe one failure; the key is the client's own, or the one that was made for it."""
        super().__init__(detail, idempotency_key=format_key(key))
        self.headers = (*self.headers, key_header(key))


PLACING_ERRORS: tuple[type[BazarError], ...] = (
    BookNotFound,
    OutOfStock,
    PriceChanged,
    BookRetired,
    MixedCurrencies,
    TooManyOpenOrders,
    OrderRejected,
    OrderCancelled,
    KeyReused,
    InvalidKey,
    PurchaseUnavailable,
)
"""What may go wrong when an order is placed."""
