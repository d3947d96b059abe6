"""A value of each message type, as it goes over the wire in the sample shop."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from bazar.kit.backup import BackupRequest, BackupState
from bazar.kit.errors import Problem
from bazar.kit.http.operations import Health
from bazar.wire.audit import AuditMark, Integrity, KeptDecision, KeptLine, KeptOrder
from bazar.wire.books import (
    Book,
    BookCounts,
    BookEdit,
    BookEdited,
    BookTitle,
    NewBook,
    TopicCount,
)
from bazar.wire.imports import ImportRequest, ImportResult, ImportRow, KnownBook
from bazar.wire.orders import (
    Accepted,
    Buyer,
    Line,
    MailTest,
    Order,
    OrderCounts,
    OrderEvent,
    OrderLine,
    OrderRequest,
    ProgressRequest,
    Purchase,
    PurchaseRequest,
    Receipt,
    StuckOrder,
)
from bazar.wire.placing import (
    Placement,
    PlacementAnswer,
    PlacementBatch,
    RefusedForm,
    UsedBy,
    UsedKey,
)
from bazar.wire.problems import PlacingProblem
from bazar.wire.shop import Shop, ShopEdit
from bazar.wire.stock import (
    InStock,
    Movement,
    Outcome,
    Rejection,
    Reserve,
    ReserveBatch,
    SoldLine,
    StockChange,
    StockQuestion,
    StockReport,
)
from bazar.wire.wishes import ForgetWishes, MailState, StopWishes, WishesEnded, WishRequest

ORDER_ID = "01m8dp777cyqt48dqjm8vvv3sy"
_BACKUP_ID = "8e03978e-40d5"
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
TITLE = "RPCs for Noobs"
TOPIC = "distributed systems"
AUTHOR = "Bazar Lab"
DESCRIPTION = (
    "Call a function on another machine and live to see the answer. Starts at the first socket "
    "and ends at retries that are safe."
)
EMAIL = "ida@example.org"
REJECTS = "How to finish Project 3 on time: 90 in stock, 1000 asked for"
_AT = datetime(2026, 11, 27, 5, 4, 2, 796_000, UTC)
_PRICE, _OTHER_PRICE, _TOTAL = Decimal("19.99"), Decimal("12.95"), Decimal("45.89")
_OTHER_TITLE = "Cooking for the Impatient Undergrad"

_BOOK = Book(
    id=2,
    title=TITLE,
    topic=TOPIC,
    quantity=100,
    price=_PRICE,
    currency="USD",
    author=AUTHOR,
    year=None,
    isbn=None,
    description=DESCRIPTION,
    version=2,
    language="en",
)
_NEW_BOOK = NewBook(
    title="Pride and Prejudice",
    topic="novel",
    price=Decimal("9.99"),
    isbn="9780141439518",
    author="Jane Austen",
    year=1813,
    quantity=12,
    language="en",
)
_BUYER = Buyer(name="Ida Winter", email=EMAIL)
_LINE = Line(2, 1, _PRICE)
_ORDER_LINE = OrderLine(book_id=2, quantity=1, title=TITLE, price=_PRICE)
_ORDER_LINES = [
    _ORDER_LINE,
    OrderLine(book_id=4, quantity=2, title=_OTHER_TITLE, price=_OTHER_PRICE),
]
_SOLD_LINE = SoldLine(2, 1, TITLE, 1999, "USD", 3)
_RESERVE = Reserve(ORDER_ID, [_LINE], "b00d334b-2")
_OUTCOME = Outcome(ORDER_ID, "reserved", [_SOLD_LINE])
_REJECTION = Rejection("out-of-stock", REJECTS, 5, 1000, 90)
_PURCHASE = Purchase(
    order_id=ORDER_ID,
    message=f"bought book {TITLE}",
    id=2,
    title=TITLE,
    quantity=1,
    price=_PRICE,
    total=_PRICE,
    currency="USD",
)
_PLACEMENT = Placement("purchase", [Line(2)], KEY, "b00d334b-2")
_KEPT_LINE = KeptLine(2, 1, TITLE, 1999, "USD")
_PROBLEM = {
    "type": "urn:bazar:error:out-of-stock",
    "title": "Not enough copies in stock",
    "status": 409,
    "code": "out-of-stock",
    "detail": REJECTS,
    "hint": "Ask for fewer copies, or try again when it is restocked, with a new Idempotency-Key.",
    "definite": True,
}
_FOUND = {"order_id": ORDER_ID, "book_id": 5, "requested": 1000, "available": 90}

EXAMPLES: dict[Any, Any] = {
    Health: Health("front", "alive"),
    Book: _BOOK,
    BookTitle: BookTitle(2, TITLE),
    TopicCount: TopicCount(TOPIC, 2),
    BookCounts: BookCounts(books=1, topics=[TopicCount(TOPIC, 1)]),
    BookEdited: BookEdited(2, TITLE, _AT),
    NewBook: _NEW_BOOK,
    BookEdit: BookEdit(price=Decimal("14.99"), shelf="D 4"),
    Line: _LINE,
    Buyer: _BUYER,
    PurchaseRequest: PurchaseRequest(1),
    OrderRequest: OrderRequest([_LINE, Line(4, 2, _OTHER_PRICE)], _BUYER),
    Purchase: _PURCHASE,
    OrderLine: _ORDER_LINE,
    Receipt: Receipt(
        order_id=ORDER_ID,
        message="bought 3 copies of 2 books",
        lines=_ORDER_LINES,
        total=_TOTAL,
        currency="USD",
    ),
    Accepted: Accepted(
        order_id=ORDER_ID,
        message="the order is safe but not decided yet; it will be, without another request",
    ),
    Order: Order(
        order_id=ORDER_ID,
        status="confirmed",
        lines=_ORDER_LINES,
        total=_TOTAL,
        currency="USD",
        reason=None,
        placed_at=_AT,
        reference="VVV3SY",
        buyer=_BUYER,
        progress="to_pick",
    ),
    ProgressRequest: ProgressRequest("sent", "JD014600004567"),
    OrderEvent: OrderEvent(at=_AT, what="sent", by="Lina", detail="JD014600004567"),
    OrderCounts: OrderCounts(343),
    StuckOrder: StuckOrder(
        ORDER_ID, "the catalog answered with status 400; its log says why", 4, 8.2
    ),
    MailTest: MailTest(EMAIL),
    MailState: MailState(on=True),
    WishRequest: WishRequest(book_id=2, email=EMAIL),
    StopWishes: StopWishes("d32b1bcb236f8ac927e741421ecf24bb"),
    ForgetWishes: ForgetWishes(EMAIL),
    WishesEnded: WishesEnded(1),
    Placement: _PLACEMENT,
    PlacementBatch: [_PLACEMENT],
    PlacementAnswer: PlacementAnswer(
        201, msgspec.Raw(msgspec.json.encode({"order_id": ORDER_ID})), ORDER_ID, "2=3"
    ),
    UsedKey: UsedKey(KEY),
    UsedBy: UsedBy(ORDER_ID),
    RefusedForm: RefusedForm(KEY, [Line(2)]),
    Problem: msgspec.convert(_PROBLEM, Problem),
    PlacingProblem: msgspec.convert(_PROBLEM | _FOUND, PlacingProblem),
    Shop: Shop(version=2, currency="USD", name="Bazar Books", keep_days=14),
    ShopEdit: ShopEdit(hours="Monday to Friday 9 to 18", keep_days=21),
    KnownBook: KnownBook(isbn="9780141439518", quantity=12),
    ImportRow: ImportRow(row=2, book=_NEW_BOOK),
    ImportRequest: ImportRequest(rows=[ImportRow(row=2, book=_NEW_BOOK)], update="stock"),
    ImportResult: ImportResult(row=2, status="created", id=111),
    Reserve: _RESERVE,
    ReserveBatch: [_RESERVE],
    SoldLine: _SOLD_LINE,
    Rejection: _REJECTION,
    Outcome: _OUTCOME,
    StockQuestion: StockQuestion([2]),
    InStock: InStock(2, TITLE),
    Movement: Movement(id=1, book_id=1, kind="received", copies=60, order_id=None, moved_at=_AT),
    StockChange: StockChange(change=5, note="from the fair"),
    StockReport: StockReport(books=110, movements=110, reservations=1, differences=[]),
    AuditMark: AuditMark(ORDER_ID),
    KeptLine: _KEPT_LINE,
    KeptOrder: KeptOrder(ORDER_ID, "confirmed", True, None, [_KEPT_LINE]),  # noqa: FBT003  as it is stored
    KeptDecision: KeptDecision(ORDER_ID, "reserved", msgspec.json.encode(_OUTCOME).decode()),
    Integrity: Integrity([]),
    BackupRequest: BackupRequest(_BACKUP_ID),
    BackupState: BackupState(
        id=_BACKUP_ID, made=True, size_bytes=1_490_944, sha256="9f86d081884c7d65" * 4
    ),
    "backup_content": "SQLite format 3",
    "metrics": "# HELP bazar_requests_total Requests answered.\n"
    "# TYPE bazar_requests_total counter\n"
    'bazar_requests_total{method="GET",route="/readyz",service="front",status="200"} 3.0\n',
    "changes": ": open 8c1f03aa-17 91245310\n\n"
    'data: {"book_id":4,"version":3,"listed":false}\n\n: told 8c1f03aa-18 91245512\n\n',
}
