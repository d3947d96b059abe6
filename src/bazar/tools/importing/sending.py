"""Send the rows of a file to the catalog, as many at a time as it takes."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import msgspec

from bazar.kit.identity import new_key
from bazar.tools.importing.options import ImportOptions
from bazar.tools.importing.reading import ReadRow
from bazar.tools.importing.rejects import Rejects
from bazar.tools.shop import Shop
from bazar.wire.imports import ImportRequest, ImportResult, ImportRow
from bazar.wire.limits import IMPORT_BATCH_MAX, IMPORT_BODY_BYTES_MAX

BATCH_BYTES_MAX = IMPORT_BODY_BYTES_MAX - 1024  # the rest of a body takes less than 1 KiB


@dataclass(slots=True)
class Batches:
    """Sends as many rows at a time as the catalog takes, and counts what becomes of each."""

    shop: Shop
    options: ImportOptions
    rejects: Rejects
    progress: Callable[[int], None]
    key: str
    rest_of: list[str] = field(default_factory=list)
    run: str = field(default_factory=new_key)
    repeated: int = 0
    stocks: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _rows: list[ReadRow] = field(default_factory=list)
    _bytes: int = 0
    _under_way: tuple[list[ReadRow], Future[list[ImportResult]] | None] = ([], None)
    """The batch that was sent last; the next one is read meanwhile."""
    _sender: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Wait for what is under way, whatever comes of it."""
        self._sender.shutdown()

    def add(self, row: ReadRow) -> None:
        """Take a row, and first send those before it where it finds no room beside them."""
        size = len(msgspec.json.encode(row.checked)) + 1
        if len(self._rows) == IMPORT_BATCH_MAX or self._bytes + size > BATCH_BYTES_MAX:
            self.send()
        self._rows.append(row)
        self._bytes += size

    def send(self) -> None:
        """Send the good rows that are waiting, and go on while they are under way.

        Raises:
            RemoteError: indefinite; those that were under way before may be in.
        """
        self._note()
        rows, self._rows, self._bytes = self._rows, [], 0
        good = [row.checked for row in rows if isinstance(row.checked, ImportRow)]
        self._under_way = rows, self._sender.submit(self._ask, good) if good else None

    def end(self) -> None:
        """Send what is waiting, and note what became of all.

        Raises:
            RemoteError: indefinite.
        """
        self.send()
        self._note()

    def _ask(self, rows: list[ImportRow]) -> list[ImportResult]:
        request = ImportRequest(
            rows=rows,
            update=self.options.update,
            same=self.options.same,
            key=self.key,
            rest_of=self.rest_of,
            dry_run=self.options.dry_run,
            run=self.run if self.options.dry_run else None,
        )
        return self.shop.catalog.import_rows(request)

    def _note(self) -> None:
        """Note what became of the rows that are under way, the bad ones too."""
        rows, answer = self._under_way
        self._under_way = [], None
        answers = {} if answer is None else {result.row: result for result in answer.result()}
        for row in rows:
            checked = row.checked
            result = checked if isinstance(checked, ImportResult) else answers[checked.row]
            self.counts[result.status] += 1
            self.repeated += result.repeated
            self.stocks += result.copies != 0
            if result.status == "rejected":
                self.rejects.add(row, result)
        if rows:
            self.progress(len(rows))
