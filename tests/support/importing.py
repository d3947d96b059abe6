"""A desk to import files at, and a shop that answers right there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from bazar.tools import importing
from bazar.tools.importing import ImportFileError, ImportOptions, ImportReport
from bazar.tools.remote import TIMEOUT, Addresses
from bazar.tools.shop import Shop
from bazar.wire.books import NewBook
from bazar.wire.imports import ImportRequest, ImportResult
from bazar.wire.limits import IMPORT_BODY_BYTES_MAX
from bazar.wire.shop import Shop as Settings

T = TypeVar("T")

Answer = Callable[[ImportRequest], list[ImportResult]]


def create_all(request: ImportRequest) -> list[ImportResult]:
    """Answer as a catalog that takes every row in."""
    return [ImportResult(row=row.row, status="created", id=row.row) for row in request.rows]


@dataclass
class FakeShop(Shop):
    """A shop whose catalog answers right here; requests and answers pass through JSON."""

    addresses: Addresses = field(default_factory=lambda: Addresses("", "", ""))
    answer: Answer = create_all
    currency: str = "USD"
    sent: list[ImportRequest] = field(default_factory=list)

    def call(
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: object = None,
        key: str | None = None,
        timeout: timedelta = TIMEOUT,  # noqa: ARG002  an answer right here is never late
    ) -> T:
        """Answer an import."""
        if (method, path) == ("GET", "/shop"):
            return msgspec.convert(Settings(version=1, currency=self.currency), kind)
        assert ("catalog", "POST", "/imports", None) == (service, method, path, key)
        content = msgspec.json.encode(body)
        assert len(content) <= IMPORT_BODY_BYTES_MAX
        request = msgspec.json.decode(content, type=ImportRequest)
        self.sent.append(request)
        return msgspec.json.decode(msgspec.json.encode(self.answer(request)), type=kind)

    @property
    def books(self) -> list[NewBook]:
        """All books that were sent, in order."""
        return [row.book for request in self.sent for row in request.rows if row.book]


@dataclass
class Desk:
    """A folder with a file to import, and a shop to import it into."""

    folder: Path
    shop: FakeShop
    progress: list[int] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The file to import."""
        return self.folder / "books.csv"

    @property
    def rejects(self) -> Path:
        """The file of rejected rows."""
        return self.folder / "rejects.csv"

    def options(self, **changed: object) -> ImportOptions:
        """Return what to import, with changes."""
        options: dict[str, Any] = {
            "file": self.file,
            "update": "none",
            "dry_run": False,
            "mapping": {},
            "defaults": {},
            "rejects": self.rejects,
            **changed,
        }
        return ImportOptions(**options)

    def take(self, content: str | bytes, **changed: object) -> ImportReport:
        """Import a file with this content."""
        self.file.write_bytes(content.encode() if isinstance(content, str) else content)
        return importing.import_file(self.shop, self.options(**changed), self.progress.append)

    def refused(self, content: str | bytes, **changed: object) -> str:
        """Return the error that this content makes, after checking that nothing came of it."""
        with pytest.raises(ImportFileError) as caught:
            self.take(content, **changed)
        assert [] == self.shop.sent
        assert [self.file] == sorted(self.folder.iterdir())
        return str(caught.value)

    def refused_again(self, content: bytes, **changed: object) -> str:
        """Return the error that this content makes, whatever was imported before."""
        self.shop.sent.clear()
        for path in self.folder.iterdir():
            path.unlink()
        return self.refused(content, **changed)


def row_of(cells: list[str]) -> str:
    """Return cells as a line of CSV."""
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"
