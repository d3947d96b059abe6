"""A letter, written: from an order and the words of its language. Pure rules, no I/O.

A letter is plain text, and the same as simple HTML without pictures. What people typed never gets
into a header but through the standard library, which refuses line breaks; and in the HTML it is
escaped. References, addresses and titles stand apart from a text that runs leftwards.
"""

from collections.abc import Iterator
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime
from hashlib import blake2b

from markupsafe import Markup, escape

from bazar.kit.web.figures import price
from bazar.kit.web.texts import ENGLISH, Texts, noted, texts
from bazar.order.letters import LetterKind
from bazar.order.wishes import Wish
from bazar.wire.orders import Buyer, Delivery, Order

WORDS = "bazar.words"
_SUBJECTS: dict[LetterKind, str] = {
    "confirmed": noted("Your order %(reference)s is confirmed"),
    "not-available": noted("We could not fill your order %(reference)s"),
    "ready": noted("Your order %(reference)s is ready to collect"),
    "sent": noted("Your order %(reference)s is on its way"),
    "cancelled": noted("Your order %(reference)s is cancelled"),
    "back-in-stock": noted("%(title)s is back"),
}
_SAID: dict[LetterKind, str] = {
    "confirmed": noted("Thank you, %(name)s. The books are yours."),
    "not-available": noted(
        "We are sorry, %(name)s. When we could look, a book of your order had sold out, or had "
        "another price. Nothing was ordered and nothing was charged."
    ),
    "ready": noted("%(name)s, your books are ready. Say %(reference)s at the counter."),
    "sent": noted("%(name)s, your books are in the post."),
    "cancelled": noted("%(name)s, your order is cancelled. The books are back on the shelf."),
    "back-in-stock": noted("%(title)s is on our shelf again. You asked us to tell you."),
}
_NEXT: dict[Delivery, str] = {
    "collect": noted("We get them together now, and write to you when you can collect them."),
    "post": noted("We get them together now, and write to you when they are in the post."),
}
_REFERENCE_HALF = 3
_APART = "\u2068{}\u2069"
"""In plain text. Source: unicode.org/reports/tr9, first strong isolate"""
_ID_BYTES = 16


class Writer:
    """Writes the letters of one shop."""

    def __init__(self, sender: Address, public_url: str) -> None:
        """Write in this name.

        Args:
            sender: its display name is that of the shop.
            public_url: of the shop's pages, without a slash at its end; empty: no links.
        """
        self._sender = sender
        self._public_url = public_url

    def letter(self, kind: LetterKind, order: Order, buyer: Buyer, at: datetime) -> EmailMessage:
        """Return a letter to a buyer.

        Args:
            kind: what it tells.
            order: as its buyer sees it.
            buyer: of this order.
            at: when it is sent.
        """
        words = texts(WORDS, buyer.language)
        reference = spoken(order.reference)
        subject = words.gettext(_SUBJECTS[kind], reference=reference)
        message = self._headed(subject, Address(buyer.name, *_halves(buyer.email)), at)
        message["Message-ID"] = self.message_id(kind, order.order_id)
        paragraphs = list(self._paragraphs(words, kind, order, buyer))
        rows = list(_rows(words, order)) if kind != "not-available" else []
        message.set_content(_plain(words, paragraphs, rows, self._sender.display_name))
        message.add_alternative(
            _html(words, subject, paragraphs, rows, self._sender.display_name), subtype="html"
        )
        message["Content-Language"] = words.language
        return message

    def back_in_stock(self, wish: Wish, title: str, at: datetime) -> EmailMessage:
        """Return a letter to who waited for a book.

        Args:
            wish: of an address.
            title: of the book.
            at: when it is sent.
        """
        words = texts(WORDS, wish.language)
        subject = words.gettext(_SUBJECTS["back-in-stock"], title=title)
        message = self._headed(subject, Address("", *_halves(wish.email)), at)
        message["Message-ID"] = self.message_id("back-in-stock", f"wish {wish.wish_id}")
        stop = f"{self._pages(words)}/tell-me/end/{wish.stop_key}" if self._public_url else ""
        if stop:
            message["List-Unsubscribe"] = f"<{stop}>"
        paragraphs = list(self._about_wish(words, wish, title, stop))
        by = self._sender.display_name
        message.set_content(_plain(words, paragraphs, [], by))
        message.add_alternative(_html(words, subject, paragraphs, [], by), subtype="html")
        message["Content-Language"] = words.language
        return message

    def _about_wish(
        self, words: Texts, wish: Wish, title: str, stop: str
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each paragraph: its text in the language, and the values in it."""
        yield words.gettext(_SAID["back-in-stock"]), {"title": title}
        yield words.gettext(noted("No copy is put aside: it goes to who orders first.")), {}
        if self._public_url:
            link = f"{self._pages(words)}/book/{wish.book_id}"
            yield words.gettext(noted("Order it here: %(link)s")), {"link": link}
        yield (
            words.gettext(
                noted("This is the only mail about it, and your address is deleted with it.")
            ),
            {},
        )
        if stop:
            yield (
                words.gettext(noted("You wait for other books too? End it: %(link)s")),
                {"link": stop},
            )

    def _pages(self, words: Texts) -> str:
        """Return where the pages of a language begin."""
        prefix = "" if words.language == ENGLISH else f"/{words.language}"
        return self._public_url + prefix

    def trial(self, to: str, at: datetime) -> EmailMessage:
        """Return a mail that only shows that mail arrives."""
        message = self._headed("Mail of the shop arrives", Address("", *_halves(to)), at)
        message.set_content("This mail was sent to see whether mail of the shop arrives.\n")
        return message

    def message_id(self, kind: LetterKind, about: str) -> str:
        """Return what tells a second copy of a letter from a second letter.

        It is made from kind and order, or wish, alone, and does not give the order id away: mail
        servers write it into their logs.
        """
        digest = blake2b(f"{about} {kind}".encode(), digest_size=_ID_BYTES).hexdigest()
        return f"<{digest}@{self._sender.domain.encode('idna').decode()}>"

    def _headed(self, subject: str, to: Address, at: datetime) -> EmailMessage:
        message = EmailMessage(policy=SMTPUTF8)
        message["Subject"] = subject
        message["From"] = self._sender
        message["To"] = to
        message["Date"] = format_datetime(at)
        message["Auto-Submitted"] = "auto-generated"
        return message

    def _paragraphs(
        self, words: Texts, kind: LetterKind, order: Order, buyer: Buyer
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each paragraph: its text in the language, and the values in it."""
        values = {"name": buyer.name, "reference": spoken(order.reference)}
        yield words.gettext(_SAID[kind]), values
        if kind == "confirmed":
            yield words.gettext(_NEXT[buyer.delivery]), {}
        if kind == "sent" and order.tracking:
            yield (
                words.gettext(noted("Follow them with: %(tracking)s")),
                {"tracking": order.tracking},
            )
        if self._public_url:
            link = f"{self._pages(words)}/order/{order.order_id}"
            yield words.gettext(noted("Your order: %(link)s")), {"link": link}
            yield (
                words.gettext(noted("Whoever has this address can see the order and cancel it.")),
                {},
            )
        else:
            yield words.gettext(noted("Your order is %(reference)s.")), values


def spoken(reference: str) -> str:
    """Return a reference as people read it aloud, such as `K7Q 2T4`."""
    return f"{reference[:_REFERENCE_HALF]} {reference[_REFERENCE_HALF:]}"


def _halves(email: str) -> tuple[str, str]:
    """Return the two halves of an address, the second as every server understands it."""
    user, _at, domain = email.rpartition("@")
    try:
        return user, domain.encode("idna").decode()
    except UnicodeError:  # no name of a host; the server will say so
        return user, domain


def _rows(words: Texts, order: Order) -> Iterator[tuple[str, str]]:
    """Yield what was bought and what it costs, a line each, the total last."""
    currency = order.currency or ""
    for line in order.lines:
        if line.price is not None and line.title is not None:
            cost = price(line.price * line.quantity, currency, words.language)
            yield f"{line.quantity} × {line.title}", cost  # noqa: RUF001  the sign of copies
    if order.delivery_price is not None:
        yield (
            words.gettext(noted("Delivery by post")),
            price(order.delivery_price, currency, words.language),
        )
    if order.total is not None:
        yield words.gettext(noted("Total")), price(order.total, currency, words.language)


def _plain(
    words: Texts, paragraphs: list[tuple[str, dict[str, str]]], rows: list[tuple[str, str]], by: str
) -> str:
    apart = _APART if words.direction == "rtl" else "{}"
    parts = [
        text % {name: apart.format(value) for name, value in values.items()} if values else text
        for text, values in paragraphs
    ]
    bought = "\n".join(f"{apart.format(what)}: {cost}" for what, cost in rows)
    return "\n\n".join(part for part in (*parts, bought, by) if part) + "\n"


def _html(
    words: Texts,
    title: str,
    paragraphs: list[tuple[str, dict[str, str]]],
    rows: list[tuple[str, str]],
    by: str,
) -> str:
    head = Markup('<!doctype html>\n<html lang="{}" dir="{}">\n<title>{}</title>\n').format(
        words.language, words.direction, title
    )
    said = Markup("").join(
        Markup("<p>{}</p>\n").format(_marked(text, values)) for text, values in paragraphs
    )
    bought = Markup("").join(
        Markup("<tr><td><bdi>{}</bdi></td><td>{}</td></tr>\n").format(what, cost)
        for what, cost in rows
    )
    table = Markup('<table cellpadding="4">\n{}</table>\n').format(bought) if rows else Markup("")
    return head + said + table + (Markup("<p>{}</p>\n").format(by) if by else Markup(""))


def _marked(text: str, values: dict[str, str]) -> Markup:
    """Return a paragraph as HTML, its values apart from it, and a link to follow."""
    if not values:
        return escape(text)
    shown = {name: Markup("<bdi>{}</bdi>").format(value) for name, value in values.items()}
    if "link" in values:
        shown["link"] = Markup('<a href="{0}"><bdi>{0}</bdi></a>').format(values["link"])
    return Markup(escape(text)) % shown  # noqa: S704  escaped in this line
