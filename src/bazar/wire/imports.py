"""Rows of an import on their way to the catalog."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bazar.kit.http.idempotency import KEY_LENGTH_MAX
from bazar.kit.identity import ID_MAX
from bazar.wire.books import BookEdit, NewBook
from bazar.wire.limits import IMPORT_BATCH_MAX, GivenId, Stock, Text

FILES_BEFORE_MAX = 8
"""Whose rejected rows a file has, and those of which these were the rejected rows, and so on."""
RowNumber = Annotated[int, Meta(ge=0, le=ID_MAX)]
"""Of a row in its file."""


class KnownBook(BookEdit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a row without a title says of a book that the shop has: it adds none."""

    id: GivenId | None = None
    quantity: Stock | UnsetType = UNSET


class ImportRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of an import, checked field by field by whoever reads the file: one of the two."""

    row: RowNumber
    book: NewBook | None = None
    known: KnownBook | None = None
    given: list[Text] | None = None
    """The columns about which `book` says something; only those are updated. None for all."""


class ImportRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows to take in."""

    rows: Annotated[list[ImportRow], Meta(min_length=1, max_length=IMPORT_BATCH_MAX)]
    update: Literal["none", "stock", "all"] = "none"
    same: Literal["reject", "add", "last"] = "reject"
    """What becomes of a row that is the same book as one before it in its file: it is rejected, its
    copies are added to those of the first, or it counts in its place."""
    key: Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH_MAX)] | None = None
    """Of the file, the same in each of its batches: with it a count is taken once."""
    rest_of: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH_MAX)]],
        Meta(max_length=FILES_BEFORE_MAX),
    ] = []
    """The keys of files whose rejected rows these are: together with this one they are one file,
    where a book comes twice in it."""
    dry_run: bool = False
    run: Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH_MAX)] | None = None
    """Of a dry run, the same in each of its batches: each meets what those before it would do."""


class ImportResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one row."""

    row: int
    status: Literal["created", "updated", "unchanged", "rejected"]
    id: int | None = None
    repeated: bool = False
    """Its count was taken before, or that of a later file: the stock stays as it is."""
    copies: int = 0
    """By how many it changed the stock of a book that was there."""
    column: str = ""
    reason: str = ""
