"""What the checkout's pages say when nothing was ordered, and why. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bazar.front.storefront import checkout
from bazar.front.storefront.checkout import Outcome
from bazar.front.storefront.rows import price_words
from bazar.kit.http.answers import Headers
from bazar.kit.web.texts import Texts, noted
from bazar.wire.shop import Shop

WRITTEN_TO = noted("We write to %(email)s once it is back.")
ASK_AGAIN_S = 2
"""After which it makes sense to ask again what became of an order."""


@dataclass(frozen=True, slots=True)
class Said:
    """What stands at the top of the form when it comes back, and with which status."""

    status: int
    kind: str
    first: str
    then: str = ""
    headers: Headers = field(default_factory=list)


def said_above(outcome: Outcome, shop: Shop, texts: Texts) -> Said:
    """Return what to say above a form that comes back as it was."""
    _ = texts.gettext
    nothing = _("Nothing was ordered and nothing was charged.")
    not_taken = _("We could not take your order this time.")
    match outcome:
        case checkout.TooMany(words, most):
            return Said(422, "warn", nothing, _(words, n=most))
        case checkout.PostPrice(was_minor, now_minor):
            then = _(
                "Delivery by post is now %(new)s; it was %(old)s. Look at the total again.",
                new=price_words(now_minor, shop.currency, texts),
                old=price_words(was_minor, shop.currency, texts),
            )
            return Said(409, "warn", nothing, then)
        case checkout.Wait(seconds):
            then = texts.ngettext(
                "Many orders came from your network. Please wait %(n)s minute, or ring us.",
                "Many orders came from your network. Please wait %(n)s minutes, or ring us.",
                -(-seconds // 60),
            )
            return Said(429, "warn", not_taken, then, [(b"retry-after", b"%d" % seconds)])
        case checkout.OpenOrders():
            then = _(
                "Some of your orders are not collected or paid yet. Collect or cancel one "
                "first, or ring us."
            )
            return Said(409, "warn", not_taken, then)
    busy = _("Many people order right now. Please send it again in a moment.")
    return Said(503, "warn", not_taken, busy, [(b"retry-after", b"%d" % ASK_AGAIN_S)])


@dataclass(frozen=True, slots=True)
class RefusalWords:
    """What the page of a refused order says."""

    title: str
    then: str


def refusal_words(code: str, whys: Sequence[str], texts: Texts) -> RefusalWords:
    """Return what to say of a refusal: by what is missing now, else by its reason."""
    _ = texts.gettext
    out = whys.count("sold-out")
    sold_out = texts.ngettext(
        "One book sold out a moment ago", "%(n)s books sold out a moment ago", out
    )
    words = {
        "sold-out": (
            sold_out,
            _("Another reader took the last copy while you were at the checkout."),
        ),
        "fewer": (
            _("Not enough copies are left"),
            _("Another reader took some copies while you were at the checkout."),
        ),
        "gone": (_("A book is not sold any more"), _("We took it off our shelves.")),
        "limit": (_("That is too many copies"), _("We sell fewer of one book at once now.")),
        "price": (
            _("A price changed a moment ago"),
            _("You pay what our page said, or nothing is ordered."),
        ),
        "out-of-stock": (
            _("A book was away for a moment"),
            _("Another reader had the last copy, and it is back. You can order it now."),
        ),
        "order-cancelled": (
            _("This order was cancelled"),
            _("You cancelled it before it was decided. You can order anew."),
        ),
    }
    unknown = _("Your order was not taken"), _("Please look it over, and order anew.")
    found = next((why for why in (*words, code) if why in whys or why == code), code)
    return RefusalWords(*words.get(found, unknown))
