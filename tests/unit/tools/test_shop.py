"""What each method of the client asks a shop for."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from bazar.kit.http.operations import Health
from bazar.tools.remote import READ_TIMEOUT, TIMEOUT, Addresses, RemoteError
from bazar.tools.shop import Shop
from bazar.wire.audit import KeptDecision, KeptOrder
from bazar.wire.books import Book, BookEdit, BookTitle, NewBook, TopicCount
from bazar.wire.imports import ImportRequest, ImportResult
from bazar.wire.orders import Accepted, MailTest, Order, ProgressRequest, Purchase, PurchaseRequest
from bazar.wire.shop import Shop as Settings
from bazar.wire.shop import ShopEdit
from bazar.wire.stock import Movement, Outcome, StockChange

T = TypeVar("T")

NEW = NewBook(title="T", topic="t", price=Decimal(1))
EDIT = BookEdit(title="U")
ROWS = ImportRequest(rows=[])
COUNTED = StockChange(count=5)
RENAMED = ShopEdit(name="Sea Books")

Ask = Callable[[Shop], object]
ASKED: list[tuple[Ask, tuple[str, str, str], Any, object]] = [
    (lambda shop: shop.front.ready(), ("front", "GET", "/readyz"), Health, None),
    (lambda shop: shop.front.search("a/b"), ("front", "GET", "/search/a%2Fb"), BookTitle, None),
    (
        lambda shop: shop.front.listing({"q": "a b"}, "", 3),
        ("front", "GET", "/books?q=a+b&limit=3"),
        Book,
        None,
    ),
    (
        lambda shop: shop.catalog.listing({"list": "out"}, "cursor", 500),
        ("catalog", "GET", "/books?list=out&limit=100&after=cursor"),
        Book,
        None,
    ),
    (lambda shop: shop.catalog.topics(), ("catalog", "GET", "/topics"), TopicCount, None),
    (
        lambda shop: shop.catalog.with_isbn("9780441172719"),
        ("catalog", "GET", "/books?isbn=9780441172719"),
        Book,
        None,
    ),
    (lambda shop: shop.front.book(7), ("front", "GET", "/info/7"), Book, None),
    (lambda shop: shop.front.books(), ("front", "GET", "/books?limit=100"), Book, None),
    (
        lambda shop: shop.front.buy(7, 2, "key"),
        ("front", "POST", "/purchase/7"),
        Purchase | Accepted,
        PurchaseRequest(2),
    ),
    (lambda shop: shop.front.order("a"), ("front", "GET", "/orders/a"), Order, None),
    (lambda shop: shop.front.cancel("a"), ("front", "POST", "/orders/a/cancel"), Order, None),
    (lambda shop: shop.catalog.ready(), ("catalog", "GET", "/readyz"), Health, None),
    (lambda shop: shop.catalog.book(7), ("catalog", "GET", "/info/7"), Book, None),
    (lambda shop: shop.catalog.books(), ("catalog", "GET", "/books?limit=100"), Book, None),
    (
        lambda shop: shop.catalog.books("t"),
        ("catalog", "GET", "/books?limit=100&topic=t"),
        Book,
        None,
    ),
    (lambda shop: shop.catalog.add(NEW), ("catalog", "POST", "/books"), Book, NEW),
    (
        lambda shop: shop.catalog.change_stock(7, COUNTED),
        ("catalog", "POST", "/books/7/stock"),
        Book,
        COUNTED,
    ),
    (
        lambda shop: shop.catalog.ledger(7, None, 20),
        ("catalog", "GET", "/books/7/movements?limit=20"),
        list[Movement],
        None,
    ),
    (
        lambda shop: shop.catalog.ledger(7, 9, 2),
        ("catalog", "GET", "/books/7/movements?limit=2&before=9"),
        list[Movement],
        None,
    ),
    (lambda shop: shop.catalog.settings(), ("catalog", "GET", "/shop"), Settings, None),
    (
        lambda shop: shop.catalog.edit_settings(RENAMED),
        ("catalog", "PATCH", "/shop"),
        Settings,
        RENAMED,
    ),
    (lambda shop: shop.catalog.edit(7, EDIT), ("catalog", "PATCH", "/books/7"), Book, EDIT),
    (
        lambda shop: shop.catalog.reprice(7, Decimal(2)),
        ("catalog", "PATCH", "/books/7"),
        Book,
        BookEdit(price=Decimal(2)),
    ),
    (
        lambda shop: shop.catalog.restock(7, -3),
        ("catalog", "PUT", "/update/7/amount_of_items/-3"),
        Book,
        None,
    ),
    (
        lambda shop: shop.catalog.import_rows(ROWS),
        ("catalog", "POST", "/imports"),
        ImportResult,
        ROWS,
    ),
    (
        lambda shop: shop.catalog.reservation("a"),
        ("catalog", "GET", "/reservations/a"),
        Outcome,
        None,
    ),
    (
        lambda shop: shop.catalog.reservations(),
        ("catalog", "GET", "/reservations?limit=100"),
        Outcome,
        None,
    ),
    (
        lambda shop: shop.catalog.movements(),
        ("catalog", "GET", "/movements?limit=100"),
        Movement,
        None,
    ),
    (
        lambda shop: shop.catalog.kept_decision("a"),
        ("catalog", "GET", "/audit/decisions/a"),
        KeptDecision,
        None,
    ),
    (
        lambda shop: shop.catalog.kept_decisions(),
        ("catalog", "GET", "/audit/decisions?limit=1000"),
        KeptDecision,
        None,
    ),
    (
        lambda shop: shop.order.unsettled(5),
        ("order", "GET", "/audit/orders?unsettled=true&limit=5"),
        KeptOrder,
        None,
    ),
    (
        lambda shop: shop.order.kept_orders(),
        ("order", "GET", "/audit/orders?limit=1000"),
        KeptOrder,
        None,
    ),
    (lambda shop: shop.order.kept_order("a"), ("order", "GET", "/audit/orders/a"), KeptOrder, None),
    (lambda shop: shop.order.ready(), ("order", "GET", "/readyz"), Health, None),
    (lambda shop: shop.order.order("a"), ("order", "GET", "/orders/a"), Order, None),
    (
        lambda shop: shop.order.listing("pending", "", "a", 5, oldest=True),
        ("order", "GET", "/orders?limit=5&status=pending&sort=placed_at&after=a"),
        Order,
        None,
    ),
    (
        lambda shop: shop.order.listing(None, "", "", 500),
        ("order", "GET", "/orders?limit=100&sort=-placed_at&q=&before="),
        Order,
        None,
    ),
    (
        lambda shop: shop.order.listing("pending", "a@b", "x", 5),
        ("order", "GET", "/orders?limit=5&status=pending&sort=-placed_at&q=a%40b&before=x"),
        Order,
        None,
    ),
    (lambda shop: shop.order.orders(), ("order", "GET", "/orders?limit=100"), Order, None),
    (
        lambda shop: shop.order.send_trial("a@b"),
        ("order", "POST", "/mail/test"),
        MailTest,
        MailTest("a@b"),
    ),
    (lambda shop: shop.order.fulfil("a"), ("order", "POST", "/orders/a/fulfil"), Order, None),
    (
        lambda shop: shop.order.progress("a", "ready"),
        ("order", "POST", "/orders/a/progress"),
        Order,
        ProgressRequest("ready"),
    ),
]


class Notebook(Shop):
    """A shop that notes what it is asked for, and has nothing of it."""

    def __init__(self) -> None:
        """Start with an empty page."""
        super().__init__(Addresses())
        self.asked: list[tuple[tuple[str, str, str], Any, object]] = []
        self.keys: list[str | None] = []

    def call(
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: object = None,
        key: str | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> T:
        """Note a request."""
        assert timeout in {TIMEOUT, READ_TIMEOUT}
        self.asked.append(((service, method, path), kind, body))
        self.keys.append(key)
        return []  # type: ignore[return-value]

    def page(self, service: str, path: str, kind: type[T]) -> tuple[T, str | None]:
        """Note a request for a page, after which there is no other."""
        return self.call(service, "GET", path, kind), None


@pytest.mark.parametrize(("ask", "request_line", "kind", "body"), ASKED)
def test_each_method_asks_for_one_thing(
    ask: Ask, request_line: tuple[str, str, str], kind: object, body: object
) -> None:
    """Service, method, path, body, and the type of the answer or of its items."""
    shop = Notebook()
    answer = ask(shop)
    if isinstance(answer, Iterator):
        assert [] == list(answer)
    (asked,) = shop.asked
    assert (request_line, body) == (asked[0], asked[2])
    assert asked[1] in (kind, list[kind])  # type: ignore[valid-type]


def test_a_purchase_has_its_key() -> None:
    """So that it can be asked for again."""
    shop = Notebook()
    shop.front.buy(7, 2, "mine")
    assert ["mine"] == shop.keys


@pytest.mark.parametrize("order_id", ["", ".", ".."])
def test_what_would_climb_in_a_path_is_not_asked_for(order_id: str) -> None:
    """No service is asked, by whichever method."""
    shop = Notebook()
    asks: list[Callable[[str], object]] = [
        *(shop.front.search, shop.front.order, shop.front.cancel),
        *(shop.catalog.reservation, shop.order.order, shop.order.fulfil),
    ]
    for ask in asks:
        with pytest.raises(RemoteError, match="nothing in the shop is called"):
            ask(order_id)
    assert [] == shop.asked


def test_a_service_knows_its_address() -> None:
    """It is what a person is told where the service does not answer."""
    shop = Notebook()
    assert (Addresses().front, Addresses().catalog, Addresses().order) == (
        *(shop.front.url, shop.catalog.url),
        shop.order.url,
    )


class Shelf(Shop):
    """A shop with some books, by the copies that are left of each; a page holds two."""

    def __init__(self, copies: list[int]) -> None:
        """Give the books ids from 1 on."""
        super().__init__(Addresses())
        price = Decimal(1)
        self.stock = [
            Book(
                id=number,
                title="T",
                topic="t",
                quantity=left,
                price=price,
                year=None,
                isbn=None,
                version=1,
                author="",
                description="",
                currency="USD",
            )
            for number, left in enumerate(copies, 1)
        ]

    def page(
        self,
        service: str,  # noqa: ARG002
        path: str,
        kind: type[T],  # noqa: ARG002
    ) -> tuple[T, str | None]:
        """Return a page of a list by name."""
        asked = dict(parse_qsl(urlsplit(path).query))
        fits = {"out": [0], "last": range(1, 6)}[asked["list"]]
        listed = [book for book in self.stock if book.quantity in fits]
        start = int(asked.get("after", "0"))
        part, rest = listed[start : start + 2], listed[start + 2 :]
        return part, str(start + 2) if rest else None  # type: ignore[return-value]

    def read(
        self,
        service: str,  # noqa: ARG002
        path: str,
        kind: type[T],  # noqa: ARG002
        timeout: timedelta = READ_TIMEOUT,  # noqa: ARG002
    ) -> T:
        """Return a page of all books, by id."""
        after = int(dict(parse_qsl(urlsplit(path).query)).get("after", "0"))
        return self.stock[after : after + 2]  # type: ignore[return-value]


@pytest.mark.parametrize("listed", [10_000, 3])
@pytest.mark.parametrize(
    ("low", "ids"), [(0, [5, 2]), (1, [5, 4, 2]), (5, [7, 5, 4, 2]), (6, [7, 6, 5, 4, 2])]
)
def test_scarce_books_are_found_whatever_lists_there_are(
    monkeypatch: pytest.MonkeyPatch, listed: int, low: int, ids: list[int]
) -> None:
    """From two short lists, or where one is cut, or asks for more, among all books."""
    monkeypatch.setattr("bazar.tools.shop.COUNT_MAX", listed)
    found = Shelf([9, 0, 7, 1, 0, 6, 5]).catalog.scarce(low)
    assert ids == [book.id for book in found]
