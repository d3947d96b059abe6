"""Send the rows of a file to the catalog, as many at a time as it takes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

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
    run: str = field(default_factory=new_key)
    repeated: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _rows: list[ReadRow] = field(default_factory=list)
    _bytes: int = 0

    def add(self, row: ReadRow) -> None:
        """Take a row, and first send those before it where it finds no room beside them."""
        size = len(msgspec.json.encode(row.checked)) + 1
        if len(self._rows) == IMPORT_BATCH_MAX or self._bytes + size > BATCH_BYTES_MAX:
            self.send()
        self._rows.append(row)
        self._bytes += size

    def send(self) -> None:
        """Send the good rows that are waiting, and note what became of them and of the bad."""
        if not self._rows:
            return
        good = [row.checked for row in self._rows if isinstance(row.checked, ImportRow)]
        answers: dict[int, ImportResult] = {}
        if good:
            request = ImportRequest(
                rows=good,
                update=self.options.update,
                same=self.options.same,
                key=self.key,
                dry_run=self.options.dry_run,
                run=self.run if self.options.dry_run else None,
            )
            answers = {answer.row: answer for answer in self.shop.catalog.import_rows(request)}
        for row in self._rows:
            checked = row.checked
            result = checked if isinstance(checked, ImportResult) else answers[checked.row]
            self.counts[result.status] += 1
            self.repeated += result.repeated
            if result.status == "rejected":
                self.rejects.add(row, result)
        self.progress(len(self._rows))
        self._rows, self._bytes = [], 0
