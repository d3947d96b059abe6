"""What an order's page says: how far it is, step by step, and how it is paid. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Literal

import segno
from markupsafe import Markup

from bazar.kit.web import figures
from bazar.kit.web.texts import Texts
from bazar.wire.orders import Order, Progress, reference_of
from bazar.wire.shop import Shop

THANKS_MS = 30 * 60 * 1000
"""How old an order is until which its page says thank you."""
REFRESH_S = ((60_000, 5), (600_000, 15))
"""How often the page of an undecided order looks again, until it is so old, milliseconds."""
REFRESH_S_LAST = 60
State = Literal["done", "now", "to-come"]
_DONE: dict[Progress | None, int] = {
    None: 1,
    "to_pick": 1,
    "ready": 2,
    "packed": 2,
    "collected": 4,
    "sent": 4,
}
"""How many of the four steps are done."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an order's way."""

    state: State
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Paying:
    """How an order is paid, and whether it is."""

    text: str
    pill: str
    kind: str
    """Of the pill."""


def spaced(order: Order) -> str:
    """Return a reference as people read it out: `K7Q 2T4`."""
    reference = order.reference or reference_of(order.order_id)
    return f"{reference[:3]} {reference[3:]}"


def refresh_s(age_ms: int) -> int:
    """Return after how many seconds the page of an undecided order looks again."""
    return next((every for until, every in REFRESH_S if age_ms < until), REFRESH_S_LAST)


def steps_of(order: Order, shop: Shop, texts: Texts) -> list[Step]:
    """Return the way of an order, each step done, under way or to come."""
    _ = texts.gettext
    by_post = order.buyer is not None and order.buyer.delivery == "post"
    done = 4 if order.status == "fulfilled" else _DONE[order.progress]
    then = (_("Being packed"), _("Sent")) if by_post else (_("Ready to collect"), _("Collected"))
    titles = (_("Ordered"), _("Being picked"), *then)
    soon = _("We will e-mail you") if order.mailed else ""
    notes = [_moment(order.placed_at, shop, texts), "", soon, ""]
    if order.progress in {"ready", "packed"} and order.progress_at:
        notes[2] = _moment(order.progress_at, shop, texts)
    ended_at = order.ended_at or order.progress_at
    if done == len(titles) and ended_at:
        notes[3] = _moment(ended_at, shop, texts)
    if order.progress == "ready" and order.progress_at:
        until = order.progress_at + timedelta(days=shop.keep_days)
        day = figures.day(until, shop.time_zone, texts.language)
        notes[2] = _("We keep it until %(day)s.", day=day)
    return [
        Step("done" if place < done else "now" if place == done else "to-come", title, note)
        for place, (title, note) in enumerate(zip(titles, notes, strict=True))
    ]


def payment_of(order: Order, texts: Texts) -> Paying | None:
    """Return how an order is paid, where that is known."""
    _ = texts.gettext
    if order.buyer is None:
        return None
    if order.buyer.payment == "invoice":
        return Paying(_("On invoice"), _("By invoice"), "neutral")
    if order.status == "fulfilled":
        return Paying(_("Paid at the counter"), _("Paid"), "good")
    return Paying(_("Pay at the counter, cash or card"), _("To pay"), "warn")


def reason_words(reason: str | None, texts: Texts) -> str:
    """Return why an order was not possible."""
    _ = texts.gettext
    words = {
        "out-of-stock": _("Another reader took the last copies before we could put yours aside."),
        "price-changed": _("A price changed before we could put the books aside."),
        "book-retired": _("A book is not sold any more."),
        "book-not-found": _("A book is not sold any more."),
    }
    return words.get(reason or "", "")


def qr_code(address: str) -> Markup:
    """Return an address as a picture that a phone reads."""
    drawn = BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=False,
        omitsize=True,
        border=2,
        svgclass="code",
        lineclass=None,
        nl=False,
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704  drawn here, from nothing typed


def _moment(at: datetime, shop: Shop, texts: Texts) -> str:
    return figures.day_and_time(at, shop.time_zone, texts.language)
