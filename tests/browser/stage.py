"""A shop to be looked at: the sample catalogue, settings, and a book for every state of one."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from bazar.kit.identity import new_key
from bazar.wire.books import Book, BookEdit
from bazar.wire.orders import Order
from bazar.wire.shop import Shop, ShopEdit
from support.processes import wait_for
from support.running import RunningShop

PLENTY, OTHER, FEW, LAST, OUT, RETIRED = 19, 8, 80, 100, 61, 58
"""Books of the sample catalogue, by what is left of them."""
COPIES = {PLENTY: 36, OTHER: 42, FEW: 2, LAST: 1, OUT: 0}
POST_PRICE = Decimal("4.50")
BOUGHT = (88, 25, 46, 36, 107, 17)
"""So that the first page has something to tell of."""
SETTINGS = ShopEdit(
    address="14 Market Row\nOld Town",
    hours="Monday to Saturday\n10:00 to 18:00",
    tel="+1 555 0148",
    deliveries=["collect", "post"],
    post_price=POST_PRICE,
    countries=["JO", "US"],
    payments=["shop", "invoice"],
    orders_an_hour_max=0,
    open_orders_max=0,
    texts={
        "delivery": "Collect from our counter from the next day on, without paying for it.\n\n"
        "By post it takes two to three working days.",
        "returns": "Bring a book back within two weeks, as you got it.",
        "privacy": "We keep your name and address for your order and for nothing else.",
        "imprint": "Bazar Books, 14 Market Row, Old Town.",
    },
)
"""Of a shop that posts, whose visitors all come from one address."""


MAIL = {"BAZAR_SMTP_URL": "smtp://127.0.0.1:9", "BAZAR_MAIL_FROM": "shop@shop.example"}
"""Pages promise mail; the server is always away, so whoever is promised some waits."""


class Stage(RunningShop):
    """One `bazar up` with the sample catalogue, set up to be looked at."""

    settings = MAIL

    def set_up(self) -> None:
        """Give it its settings and its stock."""
        self.remote().call("catalog", "PATCH", "/shop", Shop, body=SETTINGS, key=new_key())
        self.edit(RETIRED, BookEdit(retired=True))
        for book_id, copies in COPIES.items():
            self.leave(book_id, copies)
        for book_id in BOUGHT:
            self.remote().front.buy(book_id, 1, new_key())

    @property
    def url(self) -> str:
        """Return the address of the home page."""
        return self.addresses.front

    def edit(self, book_id: int, edit: BookEdit) -> Book:
        """Change a book."""
        return self.remote().catalog.edit(book_id, edit)

    def reprice(self, book_id: int, price: str) -> None:
        """Set a book's price."""
        self.remote().catalog.reprice(book_id, Decimal(price))

    def leave(self, book_id: int, copies: int) -> None:
        """Leave so many copies of a book in the stock, and wait until the front knows."""
        change = copies - self.stock(book_id)
        if change:
            self.remote().catalog.restock(book_id, change, new_key())
        front = self.remote().front
        wait_for("the front knows the stock", lambda: front.book(book_id).quantity == copies)

    def orders_of(self, email: str) -> list[Order]:
        """Return the orders of a buyer; it drives none of them."""
        return [one for one in self.orders() if one.buyer and one.buyer.email == email]

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """Hold a service still, until the end: it takes what it is sent and answers nothing.

        So is the supervisor, which would put another process in its place.
        """
        supervisor, process = self.supervisor(), self.services()[service]
        for one in (supervisor, process):
            os.kill(one.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process.pid, signal.SIGCONT)
            self.wait_until_ready()
            os.kill(supervisor.pid, signal.SIGCONT)


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Open a shop; when all is over its books must agree."""
    with Stage(folder / "shop", "--sample") as stage:
        stage.set_up()
        yield stage
        assert stage.settled_audit().differences == []
