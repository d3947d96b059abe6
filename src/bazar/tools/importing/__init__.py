"""Import a CSV file of books: a bad file is refused before a row is sent, a bad row alone."""

from collections.abc import Callable
from itertools import islice

from bazar.formats.columns import Layout
from bazar.tools.importing import reading
from bazar.tools.importing.options import ImportFileError, ImportOptions, parse_pairs
from bazar.tools.importing.rejects import REJECT_COLUMNS, rejects_file
from bazar.tools.importing.report import ImportReport, Reject
from bazar.tools.importing.sending import Batches
from bazar.tools.shop import Shop

__all__ = [
    "ImportFileError",
    "ImportOptions",
    "ImportReport",
    "Reject",
    "import_file",
    "parse_pairs",
]


def import_file(
    shop: Shop, options: ImportOptions, progress: Callable[[int], None]
) -> ImportReport:
    """Send the rows of a UTF-8 CSV file to the catalog, 500 at a time, and report on each.

    A value is that of the mapped column; where its cell is empty, of the file's own column of our
    name, unless another of ours is mapped to that; else the default. A row without any value is
    passed over like a blank line. Rejected rows go to the rejects file with all their cells, to be
    mended and imported from there; without any, an older rejects file is removed.

    Args:
        shop: whose catalog takes the rows.
        options: what to import, and how.
        progress: is told the number of rows done since it was last told.

    Raises:
        ImportFileError: definite; nothing was sent, unless a disk failed midway.
        RemoteError: indefinite; some rows may be in. Import the file again: that takes in the rest.
    """
    with rejects_file(options.rejects) as rejects:
        header, key = reading.checked_file(options)
        layout = Layout(header, options.mapping, options.defaults)
        added = len(REJECT_COLUMNS) if header[: len(REJECT_COLUMNS)] == REJECT_COLUMNS else 0
        rejects.begin(header, passed_over=added)
        batches = Batches(shop, options, rejects, progress, key)
        with reading.opened(options.file) as found:
            for record in islice(found, 1, None):
                batches.add(reading.read_row(record, layout, options.update))
        batches.send()
    counts = batches.counts
    return ImportReport(
        rows=counts.total(),
        created=counts["created"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        rejected=rejects.count,
        repeated=batches.repeated,
        rejects=rejects.first,
        rejects_file=str(options.rejects) if rejects.count else None,
    )
