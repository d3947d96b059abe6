"""What the catalog keeps, and every statement that it sends to its database; no rules.

`Store` is the seam between the use cases and the engines: one function, one purpose. What every
engine does with the same statement is in `shared`; each engine's own way is in its module. One
suite, tests/contract/catalog_store/, runs every function on every engine.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from bazar.catalog.domain import StoredBook
from bazar.catalog.store.lists import Lists
from bazar.kit.data.database import Transaction
from bazar.kit.identity import ID_MAX
from bazar.wire.audit import KeptDecision
from bazar.wire.books import BookEdited, BookTitle, TopicCount
from bazar.wire.limits import ORDER_ID_LENGTH_MAX
from bazar.wire.shop import Shop
from bazar.wire.stock import Movement, MovementKind, Outcome, Reason

AFTER_ALL_ORDERS = "\U0010ffff" * (ORDER_ID_LENGTH_MAX + 1)
"""It sorts after every order id."""
AFTER_ALL_ROWS = 2**63 - 1
"""No number is higher."""


class LedgerNumbers(NamedTuple):
    """How many rows the ledger has, and the highest number that it ever gave to one."""

    rows: int
    last: int


class FileRow(NamedTuple):
    """A row of a file, as what it says of a book is known by; a later one is greater."""

    import_id: int
    """Of the file."""
    row: int


NO_ROW = FileRow(0, 0)
"""It is earlier than every row of a file."""
BY_HAND = ID_MAX + 1
"""Stands for the row where a keeper has counted: later than every row of the last file then."""
NO_YEAR = -9999
"""Stands for the year of a book that has none, where books are known by their names."""


class Sought(NamedTuple):
    """What a row of a file tells of the book that it is about, beside an id of ours."""

    row: int
    isbn: str | None
    name: str | None
    """Title and author, by `bare`; None where the book is not sought by them."""
    parted: str | None
    """The same with letters that are not composed, as an older release may have kept it."""
    year: int
    """`NO_YEAR` where there is none."""


class KnownBy(NamedTuple):
    """The ids of the books that a row of a file may be about, each by what it is known."""

    isbn: int | None = None
    made_by: int | None = None
    """The row itself when its file came before, or that it was about then."""
    name: int | None = None


class CountedBook(NamedTuple):
    """A book with what files have said of it."""

    book: StoredBook
    counted: FileRow = NO_ROW
    """Where its last count came from."""
    seen: FileRow = NO_ROW
    """The last row that was about it."""


class Seen(NamedTuple):
    """What is noted of a book that rows of a file were about."""

    book_id: int
    counted: FileRow
    seen: FileRow


class KeptWrite(NamedTuple):
    """What was asked with a key, and the first answer."""

    request: str
    answer: str


class Why(NamedTuple):
    """Why a keeper changed a stock, and who that was."""

    reason: Reason | None = None
    note: str = ""
    actor: str = ""


NO_WHY = Why()


class BookStock(NamedTuple):
    """The copies of a book, in stock or by the ledger."""

    book_id: int
    stock: int


class ReservationDifference(NamedTuple):
    """A line of an order about which reservation and ledger differ; copies sold are negative."""

    order_id: str
    book_id: int
    reserved: int
    ledger: int


class Store(Lists, Protocol):
    """Books, the stock ledger and the decisions about orders, as one engine keeps them.

    Whoever looks at a row and then changes it by what it saw has it locked with `lock=True`:
    until the end of the transaction no other changes it. An engine with one writer has nothing to
    do for that. So that no two wait for each other, books are locked before the decision about an
    order, and several books in order of id, which `books` and
    `counted_books` do.
    """

    part_rows: int
    """Rows of a file that are looked up and written at once."""
    unit_s: float
    """After which a transaction takes in no further part of a file, since others wait for it."""

    async def book(
        self, transaction: Transaction, book_id: int, *, lock: bool = False
    ) -> StoredBook | None:
        """Return a book, or None."""
        ...

    async def books(
        self, transaction: Transaction, book_ids: Collection[int], *, lock: bool = False
    ) -> dict[int, StoredBook]:
        """Return those of some books that exist, by id, without what only describes them.

        That is for sales, which are many: ISBN, author, year, topic, description and what comes
        after the time of retiring are as if nobody knew them.
        """
        ...

    async def book_by_isbn(
        self, transaction: Transaction, isbn: str, *, lock: bool = False
    ) -> StoredBook | None:
        """Return the book with an ISBN-13, or None."""
        ...

    async def last_book(self, transaction: Transaction) -> StoredBook | None:
        """Return the book with the highest id, or None; the next one gets a higher id."""
        ...

    async def titles_by_topic(
        self, transaction: Transaction, topic: str, limit: int
    ) -> list[BookTitle]:
        """Return id and title of the books of a topic that are sold, in order of id."""
        ...

    async def topics(self, transaction: Transaction, limit: int) -> list[TopicCount]:
        """Return the topics with the most books, each with their number, in order of its key."""
        ...

    async def books_after(
        self, transaction: Transaction, after: int, topic: str | None, limit: int
    ) -> list[StoredBook]:
        """Return a page of books that are sold, in order of id, of one topic or of all."""
        ...

    async def all_after(self, transaction: Transaction, after: int, limit: int) -> list[StoredBook]:
        """Return a page of all books, the retired ones too, in order of id."""
        ...

    async def edits_after(
        self, transaction: Transaction, after: int, limit: int
    ) -> list[BookEdited]:
        """Return a page of books that are sold, in order of id, each with its last edit."""
        ...

    async def add_book(self, transaction: Transaction, new: StoredBook, at_ms: int) -> StoredBook:
        """Insert a book, with its first copies as received, and return it as it is stored.

        Args:
            transaction: to write in.
            new: the book; the database chooses its id where that is 0.
            at_ms: when.
        """
        ...

    async def edit_book(
        self, transaction: Transaction, edited: StoredBook, at_ms: int
    ) -> StoredBook:
        """Replace what describes a book, not its stock, and return it with its new version.

        Args:
            transaction: to write in.
            edited: the book as it is to be.
            at_ms: when.
        """
        ...

    async def complete_keys(self, transaction: Transaction, limit: int) -> int:
        """Make the forms to compare of books from before there were any; return of how many."""
        ...

    async def move_stock(  # noqa: PLR0913, PLR0917  the columns of a ledger row
        self,
        transaction: Transaction,
        book_id: int,
        kind: MovementKind,
        copies: int,
        order_id: str | None,
        at_ms: int,
        why: Why = NO_WHY,
    ) -> int:
        """Change a book's stock and write the ledger row that says so; return the new version.

        The database refuses a stock below zero: callers check first.
        """
        ...

    async def sell(self, transaction: Transaction, decided: Sequence[Outcome], at_ms: int) -> None:
        """Store decisions that were made just now, and take from the stock what they sold.

        Each book is written once, however many orders bought it, so that a rush for one book
        costs no more than a rush for many. The database refuses a stock below zero: callers
        check first.
        """
        ...

    async def import_id(self, transaction: Transaction, key: str) -> int:
        """Return the number of the file with a key, or the next one where the file is new."""
        ...

    async def save_import(
        self, transaction: Transaction, import_id: int, key: str, at_ms: int
    ) -> None:
        """Note that rows of a file are taken in; a file that is noted stays as it is."""
        ...

    async def known_by(
        self, transaction: Transaction, sought: Sequence[Sought], import_id: int | None
    ) -> list[KnownBy]:
        """Return the books that rows of a file may be about, for each row in the same order.

        The first of several with a name. Nothing is locked: whoever goes on looks again whether
        it holds.
        """
        ...

    async def counted_books(
        self, transaction: Transaction, book_ids: Collection[int], *, lock: bool = False
    ) -> dict[int, CountedBook]:
        """Return those of some books that exist, by id, with what files have said of them."""
        ...

    async def add_books(
        self, transaction: Transaction, books: Sequence[StoredBook], at_ms: int
    ) -> list[int]:
        """Insert books, each as `add_book` does, and return their ids, in the same order.

        Args:
            transaction: to write in.
            books: at least one; all of them have an id, or the database chooses all.
            at_ms: when.
        """
        ...

    async def edit_books(
        self, transaction: Transaction, edited: Sequence[StoredBook], at_ms: int
    ) -> dict[int, int]:
        """Edit books, each as `edit_book` does, and return their new versions, by id.

        Args:
            transaction: to write in.
            edited: books as they are to be, each once.
            at_ms: when.
        """
        ...

    async def adjust(
        self, transaction: Transaction, copies: Mapping[int, int], at_ms: int
    ) -> dict[int, int]:
        """Correct the stock of books by so many copies each; return their new versions, by id."""
        ...

    async def save_seen(self, transaction: Transaction, seen: Sequence[Seen]) -> None:
        """Note which rows of a file were about books, and which counted them; each book once."""
        ...

    async def save_counts(self, transaction: Transaction, book_ids: Collection[int]) -> None:
        """Note that books were counted just now, and not by a file; those there are locked."""
        ...

    async def save_made_by(
        self, transaction: Transaction, made_by: Sequence[tuple[FileRow, int]]
    ) -> None:
        """Note which books rows of a file have made, or were about; the first one stays."""
        ...

    async def kept_write(self, transaction: Transaction, key: str) -> KeptWrite | None:
        """Return what was asked with a key, and its answer, or None."""
        ...

    async def keep_write(
        self, transaction: Transaction, key: str, request: str, answer: str, keys_max: int
    ) -> None:
        """Keep what was asked with a new key, and its answer; forget all but the last keys."""
        ...

    async def shop(self, transaction: Transaction) -> Shop | None:
        """Return the settings of the shop, or None before its first start.

        Those with version 0 only tell the currency of books that are older than the settings.
        """
        ...

    async def save_shop(self, transaction: Transaction, shop: Shop) -> None:
        """Store the settings of the shop in place of those that were there.

        The database refuses another currency once there is one: callers check first.
        """
        ...

    async def outcome(
        self, transaction: Transaction, order_id: str, *, lock: bool = False
    ) -> Outcome | None:
        """Return what was decided about an order, or None."""
        ...

    async def outcomes(
        self, transaction: Transaction, order_ids: Collection[str]
    ) -> dict[str, Outcome]:
        """Return what was decided about some orders, by order id."""
        ...

    async def add_outcome(self, transaction: Transaction, decided: Outcome, at_ms: int) -> bool:
        """Store a decision about an order unless there is one; tell whether there was none."""
        ...

    async def save_outcome(self, transaction: Transaction, decided: Outcome) -> None:
        """Store what ends a decision that is there, and locked."""
        ...

    async def outcomes_after(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[Outcome]:
        """Return a page of decisions in order of order id."""
        ...

    async def movements_after(
        self, transaction: Transaction, after: int, limit: int
    ) -> list[Movement]:
        """Return a page of the stock ledger, in an order in which no row comes in later.

        Args:
            transaction: to read in.
            after: number of the last row of the page before.
            limit: how many at most.
        """
        ...

    async def movements_of_book(
        self, transaction: Transaction, book_id: int, before: int, limit: int
    ) -> list[Movement]:
        """Return a page of one book's ledger, the newest first.

        Each row tells the stock after it: that of now, without what came later.

        Args:
            transaction: to read in.
            book_id: of the book; one that does not exist has no rows.
            before: only rows with a lower number.
            limit: how many at most.
        """
        ...

    async def ledger_numbers(self, transaction: Transaction) -> LedgerNumbers:
        """Return how many rows the ledger has, and its highest number; they are equal.

        An engine that may leave numbers out says the same for both.
        """
        ...

    async def stocks_after(
        self, transaction: Transaction, after: int, limit: int
    ) -> list[BookStock]:
        """Return a page of the stock of all books, in order of id."""
        ...

    async def ledger_until(self, transaction: Transaction, after: int, limit: int) -> int:
        """Return the number of the row that comes so many after another; at the end the highest."""
        ...

    async def ledger_sums(
        self, transaction: Transaction, rows: tuple[int, int], books: tuple[int, int]
    ) -> list[BookStock]:
        """Return what some rows of the ledger sum to for some books that they name.

        Args:
            transaction: to read in.
            rows: after one number, up to another.
            books: after one id, up to another.
        """
        ...

    async def orders_until(self, transaction: Transaction, after: str, limit: int) -> str:
        """Return the order id that so many decisions, or rows of the ledger, lead up to.

        Where there are fewer of both it is higher than any.
        """
        ...

    async def count_decisions(self, transaction: Transaction, after: str, until: str) -> int:
        """Return how many decisions have an order id after one, and up to another."""
        ...

    async def reservation_differences(
        self, transaction: Transaction, after: str, until: str
    ) -> list[ReservationDifference]:
        """Return where reservations and ledger differ, in order of order id and book id.

        A reserved order took its lines from the stock; a rejected or released one took nothing,
        or gave all of it back. Of an outcome that cannot be read, no line counts.

        Args:
            transaction: to read in.
            after: only orders with a higher id,
            until: and no higher than this one.
        """
        ...

    async def kept_decisions(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptDecision]:
        """Return a page of decisions as they are kept, in order of order id."""
        ...

    async def kept_decision(self, transaction: Transaction, order_id: str) -> KeptDecision | None:
        """Return a decision as it is kept, or None."""
        ...

    async def last_order_id(self, transaction: Transaction) -> str:
        """Return the highest order id of a decision or a ledger row, empty where there is none."""
        ...

    async def faults(self, transaction: Transaction) -> list[str]:
        """Return what the engine finds wrong with its files, and rows without their like."""
        ...
