"""A browser in tests: it keeps cookies, reads forms, and sends them as people do."""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from bazar.kit.http.app import HttpApp
from support.shops import Caller, Reply
from support.wires import BOUND_S

OWN = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
LINA = {"name": "Lina Mansour", "email": "lina@example.org"}
_VOID = frozenset({"area", "base", "br", "hr", "img", "input", "link", "meta", "path", "circle"})

_IN_A_SENTENCE = frozenset({"bdi", "b", "cite"})


@dataclass
class Form:
    """A form with what its fields hold."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """A page that was answered."""

    def __init__(self, reply: Reply) -> None:
        """Read it."""
        super().__init__(convert_charrefs=True)
        self.status = reply.status
        self.headers = reply.headers
        self.html = reply.content.decode()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._words: list[str] = []
        self._titles: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(self.html)
        self.text = " ".join("".join(self._words).split())

    @property
    def location(self) -> str:
        """Where the browser is sent on to."""
        return self.headers.get("location", "")

    @property
    def title(self) -> str:
        """Return the title."""
        return self._titles.get("title", "").strip()

    @property
    def h1(self) -> str:
        """Return the heading."""
        return " ".join(self._titles.get("h1", "").split())

    def form(self, action: str, *, button: str = "") -> Form:
        """Return the form that posts to an address, with the button that is named."""
        (found,) = [
            form
            for form in self.forms
            if form.action == action and any(button in words for words in form.buttons)
        ]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields and links."""
        given = {name: value or "" for name, value in attrs}
        self._space(tag)
        if tag not in _VOID:
            self._open.append((tag, given))
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif self.forms and "name" in given:
            self._note(tag, given)
        elif tag == "option" and ("selected" in given or self._of_select() not in self._held()):
            self._held()[self._of_select()] = given.get("value", "")
        if tag == "button" and self.forms:
            self.forms[-1].buttons.append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave an element, and those in it that have no end."""
        self._space(tag)
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note what is said, and where."""
        tags = [tag for tag, _given in self._open]
        for tag in {"title", "h1"}.intersection(tags):
            self._titles[tag] = self._titles.get(tag, "") + data
        if "textarea" in tags:
            self._held()[self._open[-1][1]["name"]] += data
        if "button" in tags and self.forms:
            self.forms[-1].buttons[-1] += data
        if not {"title", "script", "style"}.intersection(tags):
            self._words.append(data)

    def _space(self, tag: str) -> None:
        """Note that what follows stands apart, unless it is a word in a sentence."""
        if tag not in _IN_A_SENTENCE:
            self._words.append(" ")

    def _note(self, tag: str, given: Mapping[str, str]) -> None:
        chosen = given.get("type") != "radio" or "checked" in given
        if tag in {"input", "textarea"} and chosen:
            self._held()[given["name"]] = given.get("value", "")

    def _held(self) -> dict[str, str]:
        return self.forms[-1].fields

    def _of_select(self) -> str:
        return next(given["name"] for tag, given in reversed(self._open) if tag == "select")


async def streamed(app: HttpApp, path: str) -> tuple[int, bytes]:
    """Return the status of an answer that takes its time, and its body once it has ended."""
    parts: list[bytes] = []
    statuses: list[int] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])
        parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"front.test")],
    }
    async with asyncio.timeout(BOUND_S):
        await app(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
    return statuses[0], b"".join(parts)


class Browser:
    """Looks at the pages of a shop, and keeps its cookies; each page that it gave is a window."""

    def __init__(self, front: Caller) -> None:
        """Start without cookies."""
        self._front = front
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        """Look at a page."""
        return self._seen(await self._front.get(path, self._headers() | dict(headers or {})))

    async def post(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] = OWN
    ) -> Page:
        """Send a form."""
        content = urlencode(fields).encode()
        given = {**self._headers(), **headers}
        return self._seen(await self._front.call("POST", path, None, given, content=content))

    async def follow(self, page: Page) -> Page:
        """Go where an answer sends on to."""
        assert 303 == page.status, (page.status, page.text)
        return await self.get(page.location)

    def _headers(self) -> dict[str, str]:
        if not self.cookies:
            return {}
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _seen(self, reply: Reply) -> Page:
        for cookie in reply.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return Page(reply)


async def put_in(browser: Browser, book_id: int, copies: str | int = 1, prefix: str = "") -> Page:
    """Put copies of a book into the basket, and look at it."""
    fields = {"add": str(book_id), "copies": str(copies)}
    return await browser.follow(await browser.post(f"{prefix}/basket", fields))


async def checkout_form(browser: Browser, **changes: str) -> dict[str, str]:
    """Return the form of the checkout, filled in."""
    page = await browser.get("/checkout")
    assert 200 == page.status, page.text
    return page.form("/checkout").fields | LINA | changes
