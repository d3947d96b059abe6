"""The checkout's pages: its form, and a page for everything that may come of sending it."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace
from starlette.responses import Response

from bazar.front.storefront import buyers, checkout
from bazar.front.storefront.basket import (
    BasketLine,
    after_order,
    after_refusal,
    looked_over,
    new_basket,
    next_key,
    read_key,
    read_lines,
)
from bazar.front.storefront.checkout import Asker, Checkout, Form, Outcome
from bazar.front.storefront.checkout_words import (
    ASK_AGAIN_S,
    WRITTEN_TO,
    Said,
    refusal_words,
    said_above,
)
from bazar.front.storefront.frame import Frame, Head
from bazar.front.storefront.pace import Network, asked_by
from bazar.front.storefront.problems import error_page
from bazar.front.storefront.rows import (
    money_of,
    offers_of,
    rows_left,
    rows_of,
    sentences,
    title_words,
)
from bazar.front.storefront.showing import Shown, shown
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import Notice, Visit, basket_header, notice_header
from bazar.front.upstream.terms import post_minor
from bazar.front.upstream.wishes import Wishes
from bazar.kit.clock import as_datetime
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, InvalidRequest, Unavailable
from bazar.kit.http.answers import Headers
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.money import PRICE_MINOR_MAX
from bazar.kit.web import figures
from bazar.kit.web.answers import see
from bazar.kit.web.forms import Filled, posted
from bazar.wire.books import Book, BookQuery
from bazar.wire.budgets import PLACE_MS
from bazar.wire.limits import PAGE_MAX
from bazar.wire.wishes import WishRequest

INSTEAD_MAX = 6
WISH_MS = 1000
"""To keep a wish beside an order."""
_BOOK_ID = re.compile("[1-9][0-9]{0,15}")
_DAMAGED = "the form of the checkout is damaged"
_TYPED = (
    "name",
    "email",
    "tel",
    "delivery",
    "street",
    "street2",
    "postcode",
    "city",
    "country",
    "payment",
    "note",
)


class CheckoutPages:
    """The handlers of the checkout."""

    def __init__(
        self,
        frame: Frame,
        stockroom: Stockroom,
        checkout: Checkout,
        wishes: Wishes,
        proxies: Sequence[Network] = (),
    ) -> None:
        """Place orders through this checkout, and wishes for what was missing.

        These proxies say truly who asks.
        """
        self._frame = frame
        self._stockroom = stockroom
        self._checkout = checkout
        self._wishes = wishes
        self._proxies = proxies

    async def error_page(self, request: Request, error: BazarError) -> Response:
        """Tell what went wrong."""
        return error_page(self._frame, request, error)

    @route("GET", "/checkout", answers={}, page=True)
    async def form(self, request: Request) -> Response:
        """Show the form for the books in the basket."""
        seen = self._frame.visit(request)
        basket = seen.basket
        if basket is None or not basket.lines:
            return see(self._frame.href(seen.language, "/basket"))
        shop = self._frame.shop
        if checkout.over_limits(basket.lines, shop):
            return see(self._frame.href(seen.language, "/basket"))
        ids = [line.book_id for line in basket.lines]
        books = await self._stockroom.books(ids, request.id)
        lines, changes = looked_over(basket.lines, offers_of(books), shop.copies_a_line_max)
        if changes:
            return see(self._frame.href(seen.language, "/basket"))
        typed = buyers.chosen_at_first(shop)
        form = Form(basket.key, lines, typed, post_minor(shop), language=seen.language)
        return self._show_form(seen, form, Filled(typed), books)

    @route("POST", "/checkout", answers={}, page=True)
    async def place(self, request: Request) -> Response:
        """Place the order that a form asks for, exactly once its key."""
        seen = self._frame.visit(request)
        form = form_of(posted(request), seen.language)
        visitor = asked_by(request, self._proxies)
        shop, deadline = self._frame.shop, request.deadline(PLACE_MS)
        if not shop.version:  # never seen yet: the form must not be lost, nor its prices misread
            return self._unknown(seen, form)
        outcome = await self._checkout.place(form, shop, Asker(visitor, request.id), deadline)
        response = await self._answer(seen, form, outcome)
        if form.wish and isinstance(outcome, checkout.Placed):
            response.raw_headers += await self._wished(seen, form)
        return response

    async def _wished(self, seen: Visit, form: Form) -> Headers:
        """Keep the wish for a book that was missing; return what has the next page say so."""
        wish = WishRequest(
            book_id=form.wish, email=form.typed["email"].strip(), language=seen.language
        )
        with suppress(Unavailable):  # the order is there, which is what its buyer came for
            kept = await self._wishes.keep(
                wish, deadline=Deadline(WISH_MS), request_id=seen.request.id
            )
            if kept == "kept":
                words = self._frame.texts(seen.language).gettext(WRITTEN_TO, email=wish.email)
                return [notice_header(self._frame.cookies, Notice("good", words))]
        return []

    async def _answer(self, seen: Visit, form: Form, outcome: Outcome) -> Response:
        match outcome:
            case checkout.Placed(order_id):
                response = self._placed(seen, form, order_id)
            case checkout.Refused(code):
                response = await self._refused(seen, form, code)
            case checkout.Reused(order_id):
                response = self._reused(seen, form, order_id)
            case checkout.Unknown():
                response = self._unknown(seen, form)
            case checkout.Question(at_ms):
                response = self._question(seen, form, at_ms)
            case _:
                response = await self._form_again(seen, form, outcome)
        return response

    async def _form_again(self, seen: Visit, form: Form, outcome: Outcome) -> Response:
        """Return the form with all that was typed.

        Where nothing will be ordered under its key any more it comes under the next one. What is
        refused for its size, or since too much comes, reads no book that is not at hand.
        """
        said = said_above(outcome, self._frame.shop, self._frame.texts(seen.language))
        filled = Filled(form.typed)
        if isinstance(outcome, checkout.Mend):
            filled, said = Filled(form.typed, wrong=outcome.wrong), Said(422, "", "")
        if isinstance(outcome, checkout.PostPrice):
            form = replace(form, post_minor=outcome.now_minor)
        if isinstance(outcome, checkout.TooMany | checkout.PostPrice) or (
            isinstance(outcome, checkout.Mend) and outcome.ended
        ):
            form, seen, headers = self._under_next_key(seen, form)
            said = dataclasses.replace(said, headers=[*said.headers, *headers])
        if isinstance(outcome, checkout.Mend | checkout.PostPrice):
            books = await self._books(form.lines, seen)
        else:
            books = self._stockroom.held(line.book_id for line in form.lines)
        return self._show_form(seen, form, filled, books, said)

    def _placed(self, seen: Visit, form: Form, order_id: str) -> Response:
        basket = seen.basket or new_basket()
        now = after_order(basket, form.key, form.lines)
        response = see(self._frame.href(seen.language, f"/order/{order_id}"))
        if now is not basket:
            response.raw_headers.append(basket_header(self._frame.cookies, now))
        return response

    async def _refused(self, seen: Visit, form: Form, code: str) -> Response:
        """Say what is missing, and offer the rest under a key that was not refused yet."""
        shop, texts = self._frame.shop, self._frame.texts(seen.language)
        form, seen, headers = self._under_next_key(seen, form)
        books = await self._books(form.lines, seen, fresh=True)
        kept, changes = looked_over(form.lines, offers_of(books), shop.copies_a_line_max)
        if not books:
            kept = ()
        missing = [change for change in changes if change.why != "price"]
        words = refusal_words(code, [change.why for change in changes], texts)
        post = form.post_minor if form.typed.get("delivery") == "post" else 0
        lost = [books[change.book_id] for change in missing if change.book_id in books]
        wished = await self._can_be_wished(lost, seen)
        return self._show(
            seen,
            "refused.html",
            words.title,
            HTTPStatus.CONFLICT,
            headers,
            words=words,
            changes=sentences((one for one in changes if one.why == "price"), shop.currency, texts),
            rows=rows_left(form.lines, kept, books, shop.currency, texts) if books else [],
            rest=replace(form, lines=kept, wish=0),
            form=form,
            money=money_of(kept, post, shop.currency, texts),
            by_post=form.typed.get("delivery") == "post",
            whole=not missing,
            shelf=await self._instead_of(lost[0], books, seen) if lost else [],
            instead_of=lost[0].title if lost else "",
            wished=wished,
            wished_title=title_words(wished.title) if wished else "",
        )

    async def _can_be_wished(self, lost: Sequence[Book], seen: Visit) -> Book | None:
        """Return the first missing book that may come back, where anybody can be told of it."""
        out = (book for book in lost if not book.quantity and not book.retired)
        book = next(out, None)
        return book if book and await self._wishes.offered(seen.request.id) else None

    def _under_next_key(self, seen: Visit, form: Form) -> tuple[Form, Visit, Headers]:
        """Return a form whose key is used up under the next one, and the basket that goes on so."""
        basket = seen.basket or new_basket()
        following = next_key(basket, form.key)
        now = after_refusal(basket, form.key, following)
        headers = [] if now is basket else [basket_header(self._frame.cookies, now)]
        return replace(form, key=following), seen.with_basket(now), headers

    def _reused(self, seen: Visit, form: Form, order_id: str) -> Response:
        texts = self._frame.texts(seen.language)
        form, seen, headers = self._under_next_key(seen, form)
        return self._show(
            seen,
            "already.html",
            texts.gettext("You have ordered this already."),
            HTTPStatus.CONFLICT,
            headers,
            order_id=order_id,
            form=replace(form, again=True),
        )

    def _unknown(self, seen: Visit, form: Form) -> Response:
        texts = self._frame.texts(seen.language)
        return self._show(
            seen,
            "unknown.html",
            texts.gettext("We don't know yet whether your order arrived."),
            HTTPStatus.SERVICE_UNAVAILABLE,
            [(b"retry-after", b"%d" % ASK_AGAIN_S)],
            plain=True,
            form=form,
        )

    def _question(self, seen: Visit, form: Form, at_ms: int) -> Response:
        shop, texts = self._frame.shop, self._frame.texts(seen.language)
        at = figures.clock_time(as_datetime(at_ms), shop.time_zone)
        question = texts.gettext("You ordered the same books at %(time)s. Again?", time=at)
        return self._show(
            seen,
            "again.html",
            question,
            HTTPStatus.CONFLICT,
            question=question,
            form=replace(form, again=True),
        )

    def _show_form(
        self,
        seen: Visit,
        form: Form,
        filled: Filled,
        books: Mapping[int, Book],
        said: Said | None = None,
    ) -> Response:
        shop, texts = self._frame.shop, self._frame.texts(seen.language)
        fields = buyers.fields_of(shop, {"delivery": "post"})
        title = texts.gettext("Checkout")
        wrong = bool(filled.wrong) or bool(said)
        return self._show(
            seen,
            "checkout.html",
            texts.gettext("Problem: %(title)s", title=title) if wrong else title,
            said.status if said else HTTPStatus.OK,
            said.headers if said else None,
            plain=True,
            form=form,
            filled=filled,
            fields={one.name: one for one in fields},
            said=said if said and said.first else None,
            first_wrong=next(iter(filled.wrong), ""),
            deliveries=buyers.deliveries(shop),
            countries=[(code, figures.country(code, seen.language)) for code in shop.countries],
            rows=rows_of(form.lines, books, shop.currency, texts),
            money=money_of(form.lines, form.post_minor, shop.currency, texts),
        )

    def _show(
        self,
        seen: Visit,
        template: str,
        title: str,
        status: int,
        headers: Headers | None = None,
        **values: Any,  # noqa: ANN401  whatever the template shows
    ) -> Response:
        texts = self._frame.texts(seen.language)
        if status >= HTTPStatus.BAD_REQUEST and not title.startswith(texts.gettext("Problem:")):
            title = texts.gettext("Problem: %(title)s", title=title)
        # What answers a post has no address of its own: in another language begins the basket.
        path = "/checkout" if status == HTTPStatus.OK else "/basket"
        head = Head(title=title, path=path, index=False)
        return self._frame.show(seen, template, head, status, headers=headers, **values)

    async def _books(
        self, lines: Sequence[BasketLine], seen: Visit, *, fresh: bool = False
    ) -> Mapping[int, Book]:
        """Return the books of a form, or none while the stock room is away: the form comes back."""
        ids = [line.book_id for line in lines]
        try:
            return await self._stockroom.books(ids, seen.request.id, fresh=fresh)
        except BazarError:
            return {}

    async def _instead_of(self, book: Book, asked: Mapping[int, Book], seen: Visit) -> list[Shown]:
        """Return books like one that is not there, none of which was asked for already."""
        most = min(INSTEAD_MAX + len(asked), PAGE_MAX)
        query = BookQuery(topic=book.topic, in_stock="1", limit=most)
        try:
            listed = await self._stockroom.listed(query, seen.request.id)
        except BazarError:
            return []
        texts = self._frame.texts(seen.language)
        others = [shown(one, texts) for one in listed.books if one.id not in asked]
        return [one for one in others if one.buyable][:INSTEAD_MAX]


def form_of(posted_fields: Mapping[str, str], language: str) -> Form:
    """Return what a browser sent from the checkout.

    Raises:
        InvalidRequest: definite; the key or the lines are none that we made.
    """
    key, post = posted_fields.get("key", ""), posted_fields.get("post", "")
    try:
        lines = read_lines(posted_fields.get("lines", ""))
    except ValueError as error:
        raise InvalidRequest(_DAMAGED, member="lines") from error
    if read_key(key) is None:
        raise InvalidRequest(_DAMAGED, member="key")
    if not (post.isascii() and post.isdigit() and len(post) <= len(str(PRICE_MINOR_MAX))):
        raise InvalidRequest(_DAMAGED, member="post")
    typed = {name: posted_fields.get(name, "") for name in _TYPED}
    again = posted_fields.get("again") == "1"
    wish = posted_fields.get("wish", "")
    wished = int(wish) if _BOOK_ID.fullmatch(wish) else 0
    return Form(key, lines, typed, int(post), again, language, wished)  # type: ignore[arg-type]
