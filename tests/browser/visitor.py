"""Somebody in front of a window, with a mouse or with nothing but a keyboard.

What is pressed is found by what it does, such as the action of its form, never by its words: those
are in another language on the next run.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, Response

SEARCH = "#q"
ADD = 'form:has([name=add][value="{}"]) button'
TO_BOOK = 'main a[href*="/book/{}/"]:not([tabindex="-1"])'
TO_CHECKOUT = 'main a[href$="/checkout"]'
ORDER = 'form[action$="/checkout"] button[type=submit]'
TO_CANCEL = 'main a[href$="/cancel"]'
CANCEL = 'form[action$="/cancel"] button'
TELL_ME = 'main a[href*="/tell-me?"]'
WISH = 'form[action$="/tell-me"] button'
END = 'form[action*="/tell-me/end/"] button'
TO_ORDER = 'main a[href*="/order/"]'
PROBLEMS = ".problems"
PENDING = "[data-state=pending]"
NAME, EMAIL = "[name=name]", "[name=email]"
TABS_MAX = 150
"""Steps of the keyboard within which everything on a page is reached."""
NO_PAGE = 204
"""The answer after which a browser stays where it is."""
_HAS_FOCUS = "element => element === document.activeElement"


@dataclass
class Visitor:
    """Who looks at a page of the shop."""

    page: Page
    language: str = "en"
    keyboard: bool = False
    """Whether there is no mouse."""

    def __post_init__(self) -> None:
        """Listen to what pages are answered with."""
        self.answers: list[Response] = []
        self.page.on("response", self._note)

    def _note(self, response: Response) -> None:
        if response.request.is_navigation_request() and response.status != NO_PAGE:
            self.answers.append(response)

    @property
    def prefix(self) -> str:
        """Return the beginning of addresses in the visitor's language."""
        return "" if self.language == "en" else f"/{self.language}"

    @property
    def status(self) -> int:
        """Return the status of the page that is shown."""
        return self.answers[-1].status

    @property
    def order_id(self) -> str:
        """Return the id of the order whose page is shown."""
        return self.page.url.partition("/order/")[2].partition("/")[0]

    def go(self, path: str) -> None:
        """Open an address, given without the prefix of a language."""
        self.page.goto((self.prefix + path).rstrip("/") or "/")

    def back(self) -> None:
        """Go back to the page before, which a browser shows as it was left."""
        self.page.go_back(wait_until="commit")

    def _another_page(self) -> AbstractContextManager[object]:
        """Wait for another document; a page that came back does not always tell of its load."""
        return self.page.expect_navigation(wait_until="domcontentloaded")

    def find(self, selector: str) -> Locator:
        """Return the first of what is selected."""
        return self.page.locator(selector).first

    def press(self, selector: str) -> None:
        """Press a link or a button, and wait for the page that it leads to."""
        if self.keyboard:
            self.reach(selector)
            with self._another_page():
                self.page.keyboard.press("Enter")
            return
        with self._another_page():
            self.find(selector).click()

    def write(self, selector: str, text: str) -> None:
        """Put a text into a field, in place of what is in it."""
        if self.keyboard:
            self.reach(selector)
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(text)
        else:
            self.find(selector).fill(text)

    def reach(self, selector: str) -> None:
        """Go through the page with the Tab key until something has the focus."""
        for _step in range(TABS_MAX):
            if self.find(selector).evaluate(_HAS_FOCUS):
                return
            self.page.keyboard.press("Tab")
        message = f"the keyboard does not reach {selector} on {self.page.url}"
        raise AssertionError(message)

    def search(self, words: str) -> None:
        """Ask the shop for books."""
        self.write(SEARCH, words)
        with self._another_page():
            self.page.keyboard.press("Enter")

    def add(self, *book_ids: int) -> None:
        """Put books into the basket, each from its own page."""
        for book_id in book_ids:
            self.go(f"/book/{book_id}")
            self.press(ADD.format(book_id))

    def fill_in(self, email: str, name: str = "Lina Mansour") -> None:
        """Fill in what the checkout needs from who collects."""
        self.write(NAME, name)
        self.write(EMAIL, email)

    def to_checkout(self, email: str, *book_ids: int) -> None:
        """Stand before the button that orders these books."""
        self.add(*book_ids)
        self.press(TO_CHECKOUT)
        self.fill_in(email)

    def order(self, email: str, *book_ids: int) -> str:
        """Order books, and return the id of the order."""
        self.to_checkout(email, *book_ids)
        self.press(ORDER)
        return self.order_id
