"""The lines of a basket as pages show them: with their books, prices in words, and what changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bazar.front.storefront.basket import (
    BasketLine,
    Change,
    Offer,
    copies_of,
    total_minor,
)
from bazar.front.storefront.showing import Shown, shown
from bazar.kit.money import to_minor, to_price
from bazar.kit.web import figures
from bazar.kit.web.texts import Texts
from bazar.wire.books import Book


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a basket on a page."""

    line: BasketLine
    shown: Shown | None
    """None where its book is not known now."""
    each: str
    sum: str
    mark: str = ""
    """What became of it: `here`, `less` or `out`; empty where that is not the question."""
    words: str = ""
    """The same for people."""


@dataclass(frozen=True, slots=True)
class Money:
    """What lines cost, in words."""

    copies: int
    books: str
    sum: str
    post: str
    """What delivery by post costs."""
    with_post: str


def offers_of(books: Mapping[int, Book]) -> dict[int, Offer]:
    """Return what is offered of these books."""
    return {
        book.id: Offer(
            book.title, book.quantity, to_minor(book.price, book.currency), sold=not book.retired
        )
        for book in books.values()
    }


def rows_of(
    lines: Sequence[BasketLine], books: Mapping[int, Book], currency: str, texts: Texts
) -> list[Row]:
    """Return lines ready to be shown, at the prices that were seen."""
    return [
        Row(
            line,
            shown(books[line.book_id], texts) if line.book_id in books else None,
            price_words(line.price_minor, currency, texts),
            price_words(line.price_minor * line.copies, currency, texts),
        )
        for line in lines
    ]


def rows_left(
    lines: Sequence[BasketLine],
    kept: Sequence[BasketLine],
    books: Mapping[int, Book],
    currency: str,
    texts: Texts,
) -> list[Row]:
    """Return lines that could not be ordered, each with how much of it is left."""
    left = {line.book_id: line for line in kept}
    rows = []
    for row in rows_of(lines, books, currency, texts):
        now = left.get(row.line.book_id)
        mark, words = _mark(row, now, texts)
        price = row.each if now is None else price_words(now.price_minor, currency, texts)
        rows.append(Row(row.line, row.shown, price, row.sum, mark, words))
    return rows


def _mark(row: Row, now: BasketLine | None, texts: Texts) -> tuple[str, str]:
    if now is None:
        retired = row.shown is None or row.shown.book.retired
        return "out", texts.gettext("No longer sold") if retired else texts.gettext("Sold out")
    if now.copies < row.line.copies:
        return "less", texts.gettext("%(n)s of %(of)s left", n=now.copies, of=row.line.copies)
    return "here", texts.gettext("Still here")


def money_of(lines: Sequence[BasketLine], post_minor: int, currency: str, texts: Texts) -> Money:
    """Return what lines cost."""
    copies, minor = copies_of(lines), total_minor(lines)
    return Money(
        copies,
        texts.ngettext("%(n)s book", "%(n)s books", copies),
        price_words(minor, currency, texts),
        price_words(post_minor, currency, texts) if post_minor else texts.gettext("free"),
        price_words(minor + post_minor, currency, texts),
    )


def price_words(minor: int, currency: str, texts: Texts) -> str:
    """Return an amount as a language writes it."""
    return figures.price(to_price(minor, currency), currency, texts.language)


def sentences(changes: Iterable[Change], currency: str, texts: Texts) -> list[str]:
    """Return what changed about lines, a sentence each."""
    return [_sentence(change, currency, texts) for change in changes]


def _sentence(change: Change, currency: str, texts: Texts) -> str:
    _ = texts.gettext
    title = title_words(change.title)
    match change.why:
        case "fewer":
            return texts.ngettext(
                "Only %(n)s copy of %(title)s is left, so we changed %(was)s to %(n)s.",
                "Only %(n)s copies of %(title)s are left, so we changed %(was)s to %(n)s.",
                change.now,
                title=title,
                was=change.was,
            )
        case "limit":
            return _(
                "We sell at most %(now)s copies of %(title)s at once, so %(was)s became %(now)s.",
                title=title,
                was=change.was,
                now=change.now,
            )
        case "price":
            return _(
                "%(title)s is now %(new)s; it was %(old)s.",
                title=title,
                new=price_words(change.now, currency, texts),
                old=price_words(change.was, currency, texts),
            )
        case "sold-out":
            return _("%(title)s has sold out, so we took it out.", title=title)
    if change.title:
        return _("%(title)s is not sold any more, so we took it out.", title=title)
    return _("A book is not sold any more, so we took it out.")


def title_words(title: str) -> Markup:
    """Return a title inside a sentence, whichever way it runs."""
    return Markup("<cite><bdi>{}</bdi></cite>").format(title)
