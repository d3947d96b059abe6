"""A running shop as everybody outside sees it: a typed method for each thing to ask a service.

Ids become one segment of a path here, and lists are read page by page; nobody else writes a path.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlencode

from msgspec.structs import replace

from bazar.kit.backup import BackupRequest, BackupState
from bazar.kit.identity import new_key
from bazar.tools.remote import TIMEOUT, Remote, ServiceName, segment
from bazar.wire.audit import AuditMark, Integrity, KeptDecision, KeptOrder
from bazar.wire.books import (
    ALL_PAGE_MAX,
    COUNT_MAX,
    Book,
    BookCounts,
    BookEdit,
    BookTitle,
    NewBook,
    TopicCount,
)
from bazar.wire.imports import ImportRequest, ImportResult
from bazar.wire.limits import AUDIT_PAGE_MAX, PAGE_MAX
from bazar.wire.orders import (
    Accepted,
    MailTest,
    Order,
    OrderCounts,
    OrderStatus,
    Progress,
    ProgressRequest,
    Purchase,
    PurchaseRequest,
)
from bazar.wire.shop import Shop as Settings
from bazar.wire.shop import ShopEdit
from bazar.wire.stock import Movement, Outcome, StockChange, StockReport
from bazar.wire.wishes import ForgetWishes, WishesEnded

if TYPE_CHECKING:
    from bazar.kit.http.operations import Health

BACKUP_TIMEOUT = timedelta(seconds=30)
"""Of its beginning, which is tried again while the shop is busy."""
INTEGRITY_TIMEOUT = timedelta(minutes=10)
TITLES_MAX = 1000
"""That the front tells of a topic in one go."""
LAST_COPIES_MAX = 5
"""Up to so many the catalog lists as the last ones."""


class Shop(Remote):
    """The three services of a shop. Every method of theirs raises RemoteError."""

    @property
    def front(self) -> "Front":
        """What buyers ask."""
        return Front(self)

    @property
    def catalog(self) -> "Catalog":
        """What the keeper asks about books and stock."""
        return Catalog(self)

    @property
    def order(self) -> "Orders":
        """What the keeper asks about orders."""
        return Orders(self)


MAIL_TIMEOUT = timedelta(seconds=60)
"""A mail server may take its time with each of the things that are said to it."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a shop."""

    remote: Remote
    name: ClassVar[ServiceName]

    @property
    def url(self) -> str:
        """Its address."""
        return self.remote.url(self.name)

    def replicas(self) -> Iterator[Self]:
        """Yield each replica of it, as if it were alone."""
        for url in self.remote.urls(self.name):
            remote = copy(self.remote)
            remote.addresses = replace(self.remote.addresses, **{self.name: url})
            yield type(self)(remote)

    def ready(self) -> "Health":
        """Ask whether it can work, and who it is."""
        from bazar.kit.http.operations import Health  # late: the server's half comes with it

        return self.remote.call(self.name, "GET", "/readyz", Health)


class Books(Service):
    """A service that answers about books."""

    def book(self, book_id: int) -> Book:
        """Return a book: the front as it remembers it, the catalog as it is now."""
        return self.remote.call(self.name, "GET", f"/info/{book_id}", Book)

    def with_isbn(self, isbn: str) -> Book | None:
        """Return the book that has an ISBN, on sale or not; in a busy shop wait for a turn."""
        path = f"/books?{urlencode({'isbn': isbn})}"
        found = self.remote.read(self.name, path, list[Book], TIMEOUT)
        return found[0] if found else None

    def listing(
        self, asked: Mapping[str, str], after: str, limit: int
    ) -> tuple[list[Book], str | None]:
        """Return books of a list, and where the next ones begin, if there are any.

        Args:
            asked: which, as `GET /books` takes it.
            after: where the books before ended; empty: from the first on.
            limit: how many at most, in as many pages as that takes.
        """
        found: list[Book] = []
        following: str | None = after
        while following is not None and len(found) < limit:
            query = {**asked, "limit": str(min(PAGE_MAX, limit - len(found)))}
            query |= {"after": following} if following else {}
            path = f"/books?{urlencode(query)}"
            part, following = self.remote.page(self.name, path, list[Book])
            found += part
        return found, following

    def count(self, asked: Mapping[str, str]) -> int:
        """Return how many books a list has, at most 10,000."""
        path = f"/books/counts?{urlencode(asked)}"
        return self.remote.read(self.name, path, BookCounts).books


class Keeping(Service):
    """A service that keeps a database; what the audit asks it needs the secret."""

    def last_order_id(self) -> str:
        """Return the highest order id that it knows of, empty where there is none."""
        return self.remote.read(self.name, "/audit", AuditMark).last_order_id

    def begin_backup(self, backup_id: str) -> BackupState:
        """Have a copy of its database made, as that is at this moment."""
        body = BackupRequest(backup_id)
        return self.remote.call(
            self.name, "POST", "/backups", BackupState, body=body, timeout=BACKUP_TIMEOUT
        )

    def backup(self, backup_id: str) -> BackupState:
        """Tell how far a copy is."""
        return self.remote.read(self.name, f"/backups/{segment(backup_id)}", BackupState)

    def backup_piece(self, backup_id: str, after: int) -> bytes:
        """Return the next bytes of a copy; none at its end."""
        return self.remote.piece(self.name, f"/backups/{segment(backup_id)}/content?after={after}")

    def end_backup(self, backup_id: str) -> None:
        """Free the room that a copy takes."""
        path = f"/backups/{segment(backup_id)}/end"
        self.remote.call(self.name, "POST", path, None)  # type: ignore[arg-type]

    def faults(self) -> list[str]:
        """Have its database look for faults in itself; the larger it is, the longer it takes."""
        path = "/audit/integrity"
        return self.remote.read(self.name, path, Integrity, INTEGRITY_TIMEOUT).faults


class Front(Books):
    """The front, which needs no secret."""

    name = "front"

    def search(self, topic: str) -> list[BookTitle]:
        """Return the books of a topic, in any case."""
        return self.remote.call("front", "GET", f"/search/{segment(topic)}", list[BookTitle])

    def first(self, limit: int) -> list[Book]:
        """Return the first books, by id."""
        return self.remote.call("front", "GET", f"/books?limit={limit}", list[Book])

    def books(self) -> Iterator[Book]:
        """Yield every book, by its id."""
        return self.remote.pages("front", "/books", Book, "id")

    def buy(self, book_id: int, quantity: int, key: str) -> Purchase | Accepted:
        """Buy copies of a book; with the same key once, however often it is asked."""
        return self.remote.call(
            "front",
            "POST",
            f"/purchase/{book_id}",
            Purchase | Accepted,  # type: ignore[arg-type]
            body=PurchaseRequest(quantity),
            key=key,
        )

    def order(self, order_id: str) -> Order:
        """Return an order."""
        return self.remote.call("front", "GET", f"/orders/{segment(order_id)}", Order)

    def cancel(self, order_id: str) -> Order:
        """Cancel an order, and return it."""
        return self.remote.call("front", "POST", f"/orders/{segment(order_id)}/cancel", Order)


class Catalog(Books, Keeping):
    """The catalog; what changes it needs the secret."""

    name = "catalog"

    def scarce(
        self, low: int, topic: str | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> list[Book]:
        """Return the books on sale with at most `low` copies, the last added first.

        For few copies the catalog has lists; for more, and where those lists are too long, all
        its books are looked through.
        """
        within = {} if topic is None else {"topic": topic}
        if low <= LAST_COPIES_MAX:
            out, _ = self.listing({"list": "out", **within}, "", COUNT_MAX)
            last, _ = self.listing({"list": "last", **within}, "", COUNT_MAX) if low else ([], "")
            if max(len(out), len(last)) < COUNT_MAX:
                few = [*out, *(book for book in last if book.quantity <= low)]
                return sorted(few, key=lambda book: -book.id)
        few = []
        for book in self.books(topic):
            progress(1)
            if book.quantity <= low:
                few.append(book)
        return few[::-1]

    def topics(self) -> list[TopicCount]:
        """Return the 10,000 topics with the most books, each with their number."""
        return self.remote.read("catalog", "/topics", list[TopicCount])

    def books(self, topic: str | None = None) -> Iterator[Book]:
        """Yield every book, or those of a topic, by their ids."""
        query = {} if topic is None else {"topic": topic}
        return self.remote.pages("catalog", "/books", Book, "id", query)

    def every_book(self) -> Iterator[Book]:
        """Yield every book, the retired ones too, by their ids."""
        return self.remote.pages("catalog", "/books/all", Book, "id", limit=ALL_PAGE_MAX)

    def add(self, new: NewBook, key: str | None = None) -> Book:
        """Add a book; with the same key once, however often it is asked."""
        return self.remote.call("catalog", "POST", "/books", Book, body=new, key=key)

    def tagged_book(self, book_id: int) -> tuple[Book, str]:
        """Return a book, and the tag by which `edit_tagged` knows whether it is still like that."""
        return self.remote.tagged("catalog", f"/info/{book_id}", Book)

    def edit(self, book_id: int, edit: BookEdit, key: str | None = None) -> Book:
        """Change what describes a book; with the same key once."""
        path = f"/books/{book_id}"
        return self.remote.call("catalog", "PATCH", path, Book, body=edit, key=key or new_key())

    def edit_tagged(self, book_id: int, edit: BookEdit, tag: str) -> Book:
        """Change what describes a book, where it is still as it was when it had this tag."""
        path = f"/books/{book_id}"
        return self.remote.change_tagged("catalog", path, Book, body=edit, key=new_key(), tag=tag)

    def reprice(self, book_id: int, price: Decimal, key: str | None = None) -> Book:
        """Set the price of a book; with the same key once."""
        return self.edit(book_id, BookEdit(price=price), key)

    def restock(self, book_id: int, copies: int, key: str | None = None) -> Book:
        """Add copies to the stock, or take some away; with the same key once."""
        path = f"/update/{book_id}/amount_of_items/{copies}"
        return self.remote.call("catalog", "PUT", path, Book, key=key)

    def change_stock(self, book_id: int, change: StockChange, key: str | None = None) -> Book:
        """Note copies that came or went, or a new count; with the same key once."""
        path = f"/books/{book_id}/stock"
        return self.remote.call("catalog", "POST", path, Book, body=change, key=key)

    def ledger(self, book_id: int, before: int | None, limit: int) -> list[Movement]:
        """Return the ledger of one book before a row, the newest first."""
        found: list[Movement] = []
        while len(found) < limit:
            query = {"limit": min(PAGE_MAX, limit - len(found))}
            query |= {} if before is None else {"before": before}
            path = f"/books/{book_id}/movements?{urlencode(query)}"
            part = self.remote.read("catalog", path, list[Movement])
            if not part:
                break
            found += part
            before = part[-1].id
        return found

    def settings(self) -> Settings:
        """Return the settings of the shop."""
        return self.remote.call("catalog", "GET", "/shop", Settings)

    def edit_settings(self, edit: ShopEdit, key: str | None = None) -> Settings:
        """Change settings of the shop; with the same key once."""
        return self.remote.call("catalog", "PATCH", "/shop", Settings, body=edit, key=key)

    def import_rows(self, request: ImportRequest) -> list[ImportResult]:
        """Take in rows of a file, and say what became of each; in a busy shop wait for a turn."""
        return self.remote.in_turn(
            lambda: self.remote.call(
                "catalog", "POST", "/imports", list[ImportResult], body=request
            )
        )

    def reservation(self, order_id: str) -> Outcome:
        """Return what was decided about an order."""
        return self.remote.call("catalog", "GET", f"/reservations/{segment(order_id)}", Outcome)

    def reservations(self) -> Iterator[Outcome]:
        """Yield every decision, by the id of its order."""
        return self.remote.pages("catalog", "/reservations", Outcome, "order_id")

    def movements(self) -> Iterator[Movement]:
        """Yield every row of the stock ledger, in the order of the commits."""
        return self.remote.pages("catalog", "/movements", Movement, "id")

    def stock_report(self) -> Iterator[StockReport]:
        """Have the catalog check its own books, and yield what each part of that found."""
        following: str | None = ""
        while following is not None:
            path = (
                f"/stock-report?{urlencode({'after': following})}" if following else "/stock-report"
            )
            part = self.remote.read("catalog", path, StockReport)
            yield part
            following = part.next

    def kept_decisions(self) -> Iterator[KeptDecision]:
        """Yield every decision as it is kept, by the id of its order."""
        return self.remote.pages(
            "catalog", "/audit/decisions", KeptDecision, "order_id", limit=AUDIT_PAGE_MAX
        )

    def kept_decision(self, order_id: str) -> KeptDecision:
        """Return a decision as it is kept."""
        path = f"/audit/decisions/{segment(order_id)}"
        return self.remote.read("catalog", path, KeptDecision)


class Orders(Keeping):
    """The order service, which needs the secret."""

    name = "order"

    def order(self, order_id: str) -> Order:
        """Return an order."""
        return self.remote.call("order", "GET", f"/orders/{segment(order_id)}", Order)

    def listing(
        self,
        status: OrderStatus | None,
        sought: str,
        after: str,
        limit: int,
        *,
        oldest: bool = False,
    ) -> list[Order]:
        """Return orders, the newest first: all, those with a status, or those sought.

        Args:
            status: that they have.
            sought: a reference, an order id, an e-mail address, or a name.
            after: the id of the last order before them in the list; empty: from the first on.
            limit: how many at most, in as many pages as that takes.
            oldest: the oldest first instead; then none is sought.
        """
        asked: dict[str, str] = {"status": status} if status else {}
        asked |= {"sort": "placed_at"} if oldest else {"sort": "-placed_at", "q": sought}
        found: list[Order] = []
        while len(found) < limit:
            query = {"limit": str(min(PAGE_MAX, limit - len(found))), **asked}
            query["after" if oldest else "before"] = after
            path = f"/orders?{urlencode(query)}"
            part = self.remote.read("order", path, list[Order])
            if not part:
                break
            found += part
            after = part[-1].order_id
        return found

    def count(self, status: OrderStatus | None, sought: str) -> int:
        """Return how many orders there are of a status, or that are sought; at most 10,000."""
        query = {"sort": "-placed_at", "q": sought} | ({"status": status} if status else {})
        return self.remote.read("order", f"/orders/counts?{urlencode(query)}", OrderCounts).orders

    def orders(self) -> Iterator[Order]:
        """Yield every order, oldest first."""
        return self.remote.pages("order", "/orders", Order, "order_id")

    def fulfil(self, order_id: str) -> Order:
        """Note that an order was handed over, and return it."""
        return self.remote.call("order", "POST", f"/orders/{segment(order_id)}/fulfil", Order)

    def progress(self, order_id: str, step: Progress, tracking: str = "") -> Order:
        """Note how far the shop is with an order, and return it."""
        path = f"/orders/{segment(order_id)}/progress"
        return self.remote.call("order", "POST", path, Order, body=ProgressRequest(step, tracking))

    def send_trial(self, address: str) -> MailTest:
        """Have a mail sent that only shows that mail of the shop arrives; return to whom."""
        return self.remote.call(
            "order", "POST", "/mail/test", MailTest, body=MailTest(address), timeout=MAIL_TIMEOUT
        )

    def forget_wishes(self, address: str) -> WishesEnded:
        """Forget that somebody wants to be told of books; return of how many."""
        return self.remote.call(
            "order", "POST", "/wishes/forget", WishesEnded, body=ForgetWishes(address)
        )

    def kept_orders(self) -> Iterator[KeptOrder]:
        """Yield every order as it is kept, by its id."""
        return self.remote.pages(
            "order", "/audit/orders", KeptOrder, "order_id", limit=AUDIT_PAGE_MAX
        )

    def unsettled(self, limit: int) -> list[KeptOrder]:
        """Return the first orders that are not decided yet, or not released."""
        path = f"/audit/orders?{urlencode({'unsettled': 'true', 'limit': limit})}"
        return self.remote.read("order", path, list[KeptOrder])

    def kept_order(self, order_id: str) -> KeptOrder:
        """Return an order as it is kept; it is not driven."""
        return self.remote.read("order", f"/audit/orders/{segment(order_id)}", KeptOrder)
