"""Rows of an import on their way to the catalog."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from bazar.wire.books import NewBook
from bazar.wire.limits import IMPORT_BATCH_MAX, Text


class ImportRow(Struct, frozen=True, kw_only=True):
    """One row of an import, checked field by field by whoever reads the file."""

    row: int
    book: NewBook
    given: list[Text] | None = None
    """The columns about which the row says something; only those are updated. None for all."""


class ImportRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows to take in, in one transaction."""

    rows: Annotated[list[ImportRow], Meta(min_length=1, max_length=IMPORT_BATCH_MAX)]
    update: Literal["none", "stock", "all"] = "none"
    dry_run: bool = False


class ImportResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one row."""

    row: int
    status: Literal["created", "updated", "unchanged", "rejected"]
    id: int | None = None
    column: str = ""
    reason: str = ""
