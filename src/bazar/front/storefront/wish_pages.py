"""Tell me when it is back: the form of a wish, and the page that ends all wishes of an address."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from bazar.front.storefront.buyers import EMAIL
from bazar.front.storefront.checkout_words import ASK_AGAIN_S, WRITTEN_TO, Said
from bazar.front.storefront.frame import Frame, Head
from bazar.front.storefront.pace import Network, Pace, asked_by
from bazar.front.storefront.problems import Pages
from bazar.front.storefront.rows import title_words
from bazar.front.storefront.showing import Shown, shown
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import Notice, Visit, notice_header
from bazar.front.upstream.wishes import Kept, Wishes
from bazar.kit.errors import RouteNotFound, Unavailable
from bazar.kit.http.answers import Headers
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.identity import ID_MAX
from bazar.kit.web.answers import NO_STORE, see
from bazar.kit.web.forms import Filled, fill, posted
from bazar.kit.web.texts import noted
from bazar.wire.budgets import PLACE_MS
from bazar.wire.wishes import STOP_KEY_LENGTH, WISH_DAYS_MAX, WishRequest

WISHES_AN_HOUR_MAX = 20
"""From one network address; whoever sends the same one again is not counted again."""
_FIELD = replace(EMAIL, hint=noted("For this one mail and for nothing else."))
_STOP_KEY = re.compile(f"[0-9a-f]{{{STOP_KEY_LENGTH}}}")


class WishPages(Pages):
    """The handlers of wishes."""

    def __init__(
        self,
        frame: Frame,
        stockroom: Stockroom,
        wishes: Wishes,
        pace: Pace,
        proxies: Sequence[Network] = (),
    ) -> None:
        """Keep wishes there, at this pace; these proxies say truly who asks."""
        super().__init__(frame)
        self._stockroom = stockroom
        self._wishes = wishes
        self._pace = pace
        self._proxies = proxies

    @route("GET", "/tell-me", answers={}, page=True)
    async def form(self, request: Request) -> Response:
        """Ask for an address to write to when a book is back."""
        seen = self._frame.visit(request)
        book = await self._book(seen, request.query_params)
        if book.stock.state != "out" or not await self._wishes.offered(request.id):
            return self._see_book(seen, book)
        return self._show_form(seen, book, Filled({}))

    @route("POST", "/tell-me", answers={}, page=True)
    async def tell_me(self, request: Request) -> Response:
        """Keep that an address is to be told when a book is back."""
        seen = self._frame.visit(request)
        typed = posted(request)
        book = await self._book(seen, typed)
        texts = self._frame.texts(seen.language)
        if book.stock.state != "out":
            here = Notice("good", texts.gettext("It is here again. You can order it now."))
            return self._see_book(seen, book, here if book.buyable else None)
        visitor, asked_for = (
            asked_by(request, self._proxies),
            f"{book.book.id} {typed.get('email')}",
        )
        if wait_s := self._pace.wait_s(visitor, asked_for, WISHES_AN_HOUR_MAX):
            return self._show_form(seen, book, Filled(typed), self._too_often(seen, wait_s))
        filled = fill([_FIELD], typed)
        if filled.wrong:
            return self._show_form(
                seen, book, filled, Said(HTTPStatus.UNPROCESSABLE_ENTITY, "", "")
            )
        wish = WishRequest(
            book_id=book.book.id, email=filled.values["email"], language=seen.language
        )
        kept: Kept | None = None
        with suppress(Unavailable):  # nobody knows, and asking again does no harm
            kept = await self._wishes.keep(
                wish, deadline=request.deadline(PLACE_MS), request_id=request.id
            )
        if kept == "kept":
            words = texts.gettext(WRITTEN_TO, email=wish.email)
            return self._see_book(seen, book, Notice("good", words))
        return self._show_form(seen, book, filled, self._refused(seen, kept))

    @route("GET", "/tell-me/end/{stop_key}", answers={}, page=True, hidden=True)
    async def ask_to_end(self, request: Request) -> Response:
        """Ask whether somebody waits for no book any more."""
        return self._show_end(self._frame.visit(request), _stop_key(request))

    @route("POST", "/tell-me/end/{stop_key}", answers={}, page=True, hidden=True)
    async def end(self, request: Request) -> Response:
        """Forget every wish of an address."""
        seen, stop_key = self._frame.visit(request), _stop_key(request)
        texts = self._frame.texts(seen.language)
        try:
            await self._wishes.end(
                stop_key, deadline=request.deadline(PLACE_MS), request_id=request.id
            )
        except Unavailable:
            return self._show_end(seen, stop_key, self._refused(seen, None))
        done = texts.gettext("Your address is deleted. We write to you about no book any more.")
        return self._see(seen, "/", Notice("good", done))

    async def _book(self, seen: Visit, given: Mapping[str, str]) -> Shown:
        number = given.get("book", "")
        if not (number.isascii() and number.isdigit() and 0 < int(number[:20]) <= ID_MAX):
            message = "no book has such an id"
            raise RouteNotFound(message)
        book = await self._stockroom.book(int(number), seen.request.id)
        return shown(book, self._frame.texts(seen.language))

    def _too_often(self, seen: Visit, wait_s: int) -> Said:
        then = self._frame.texts(seen.language).ngettext(
            "Many wishes came from your network. Please wait %(n)s minute, or ring us.",
            "Many wishes came from your network. Please wait %(n)s minutes, or ring us.",
            -(-wait_s // 60),
        )
        first = self._not_noted(seen)
        return Said(429, "warn", first, then, [(b"retry-after", b"%d" % wait_s)])

    def _refused(self, seen: Visit, kept: Kept | None) -> Said:
        """Return what to say where a wish was not kept, or nobody knows whether it was."""
        _ = self._frame.texts(seen.language).gettext
        first = self._not_noted(seen)
        if kept == "off":
            return Said(409, "warn", first, _("We send no mail at the moment. Ask us instead."))
        if kept == "too-many":
            then = _("You wait for many books already. Wait for one of them, or ring us.")
            return Said(409, "warn", first, then)
        then = _("Something is slow here. Please send it again: we still write only once.")
        return Said(503, "warn", first, then, [(b"retry-after", b"%d" % ASK_AGAIN_S)])

    def _not_noted(self, seen: Visit) -> str:
        return self._frame.texts(seen.language).gettext("We could not note that.")

    def _see_book(self, seen: Visit, book: Shown, notice: Notice | None = None) -> Response:
        return self._see(seen, book.path, notice)

    def _see(self, seen: Visit, path: str, notice: Notice | None) -> Response:
        response = see(quote(self._frame.href(seen.language, path)))
        if notice is not None:
            response.raw_headers.append(notice_header(self._frame.cookies, notice))
        return response

    def _show_form(
        self, seen: Visit, book: Shown, filled: Filled, said: Said | None = None
    ) -> Response:
        texts = self._frame.texts(seen.language)
        return self._show(
            seen,
            "tell-me.html",
            texts.gettext("Tell me when it is back"),
            said,
            f"/tell-me?book={book.book.id}",
            shown=book,
            book_title=title_words(book.book.title),
            field=_FIELD,
            filled=filled,
            first_wrong=next(iter(filled.wrong), ""),
            days=WISH_DAYS_MAX,
        )

    def _show_end(self, seen: Visit, stop_key: str, said: Said | None = None) -> Response:
        title = self._frame.texts(seen.language).gettext("Wait for no book any more?")
        path = f"/tell-me/end/{stop_key}"
        return self._show(seen, "end-wishes.html", title, said, path, address=path)

    def _show(
        self,
        seen: Visit,
        template: str,
        title: str,
        said: Said | None,
        path: str,
        **values: Any,  # noqa: ANN401  whatever the template shows
    ) -> Response:
        headers: Headers = list(said.headers) if said else []
        if said:
            title = self._frame.texts(seen.language).gettext("Problem: %(title)s", title=title)
        return self._frame.show(
            seen,
            template,
            Head(title=title, path=path, index=False),
            said.status if said else HTTPStatus.OK,
            caching=NO_STORE,
            headers=headers,
            said=said if said and said.first else None,
            **values,
        )


def _stop_key(request: Request) -> str:
    """Return what stands for an address in the path of a page.

    Raises:
        RouteNotFound: definite; no letter has such a link.
    """
    stop_key: str = request.path_params["stop_key"]
    if not _STOP_KEY.fullmatch(stop_key):
        message = "no letter has such a link"
        raise RouteNotFound(message)
    return stop_key
