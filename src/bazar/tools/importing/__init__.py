"""Import a file of books: a bad file is refused before a row is sent, a bad row alone."""

from collections.abc import Callable

import msgspec

from bazar.formats.books import Reader
from bazar.formats.header import Wanted
from bazar.tools.importing import reading
from bazar.tools.importing.options import ImportFileError, ImportOptions, parse_pairs
from bazar.tools.importing.rejects import Rejects, rejects_file, rest_of
from bazar.tools.importing.report import FileUnderstood, ImportReport, Noted, Reject, Understood
from bazar.tools.importing.sending import Batches
from bazar.tools.importing.source import TextSource, opened
from bazar.tools.shop import Shop

REASONS_KEPT_MAX = 10
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
    """Send the rows of a file to the catalog, up to 500 at a time, and report on each.

    A value is that of the mapped column; where its cell is empty, of a column of the file that has
    our name, unless another of ours is mapped to that; else the default. A row without any value is
    passed over like a blank line. Rejected rows go to the rejects file with all their cells, to be
    mended and imported from there.

    Args:
        shop: whose catalog takes the rows.
        options: what to import, and how.
        progress: is told the number of rows done since it was last told.

    Raises:
        ImportFileError: definite; nothing was sent, unless a disk failed midway.
        RemoteError: indefinite; some rows may be in. Import the file again: that takes in the rest.
    """
    wanted = Wanted(options.mapping, options.defaults, options.update != "none")
    with opened(options, wanted) as source:
        plan = reading.planned(source, options, wanted, shop.catalog.settings().currency)
        layout, sample = plan.layout, reading.sample(source)
        delimiter = source.dialect.delimiter if isinstance(source, TextSource) else ","
        own = layout.header[: layout.own]
        before = rest_of(layout.header)
        with (
            rejects_file(
                options, own, delimiter if delimiter == ";" else ",", [plan.key, *before]
            ) as rejects,
            Batches(shop, options, rejects, progress, plan.key, before) as batches,
        ):
            reader, warnings = reading.reader(plan, strict=options.strict), Noted()
            as_exported = 0
            for record in plan.records():
                if (row := reader.read(record)) is None:
                    continue
                as_exported += row.as_exported
                batches.add(reading.for_catalog(row, options.update))
                if row.warnings:
                    warnings.add(row.line, row.warnings)
            batches.end()
    return _report(
        batches, rejects, warnings, _understood(plan, reader, options.update, sample), as_exported
    )


def _report(
    batches: Batches, rejects: Rejects, warnings: Noted, file: FileUnderstood, as_exported: int
) -> ImportReport:
    counts = batches.counts
    return ImportReport(
        rows=counts.total(),
        created=counts["created"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        rejected=rejects.noted.rows,
        repeated=batches.repeated,
        stocks=batches.stocks,
        as_exported=as_exported,
        warned=warnings.rows,
        rejects=rejects.noted.first,
        rejects_by=rejects.noted.by_reason,
        rejects_file=str(rejects.file) if rejects.file else None,
        warnings=warnings.first,
        warnings_by=warnings.by_reason,
        file=file,
    )


def _understood(plan: reading.Plan, reader: Reader, update: str, sample: str) -> FileUnderstood:
    """Return how a file was read, when it was read whole."""
    source, layout = plan.source, plan.layout
    columns = [
        Understood(column, names, plan.reading.mark(column))
        for column, names in layout.used.items()
    ]
    common = FileUnderstood(
        kind="workbook",
        header_row=source.header.row,
        program=layout.preset.name if layout.preset else "",
        columns=columns,
        unused=[name for name in layout.unused if name not in reader.isbns_in],
        defaults=dict(layout.preset.defaults) if layout.preset else {},
        notes=_notes(plan, reader, update),
    )
    if isinstance(source, TextSource):
        return msgspec.structs.replace(
            common,
            kind="CSV",
            encoding=source.encoding.name,
            encoding_guessed=source.encoding.guessed,
            sample=sample,
            delimiter=source.dialect.delimiter,
        )
    return msgspec.structs.replace(
        common, sheet=source.sheet.name, other_sheets=source.sheet.others
    )


def _notes(plan: reading.Plan, reader: Reader, update: str) -> list[str]:
    """Return what a person would want to know beside the columns."""
    notes = []
    source = plan.source
    if isinstance(source, TextSource) and source.dialect.quotes != "doubled":
        ways = {"escaped": "behind backslashes", "letters": "as letters like any other"}
        notes.append(f"quotation marks in cells are read {ways[source.dialect.quotes]}")
    if plan.layout.is_feed:
        notes.append("without titles: it changes books that are there, and adds none")
    if update == "stock" and plan.layout.is_feed and "price" in plan.layout.places:
        notes.append("its prices change nothing: --update stock sets copies, --update all both")
    if plan.layout.own < len(plan.layout.header):
        notes.append("a file of rejected rows: the columns that tell why are passed over")
    if reader.variants:
        notes.append(
            f"rows that are variants, each a book of its own, TITLE (VARIANT): {reader.variants}"
        )
    for name, rows in reader.isbns_in.items():
        notes.append(f"rows whose ISBN is in {name!r}: {rows}")
    if not plan.layout.is_feed and "quantity" not in {*plan.layout.places, *plan.layout.defaults}:
        notes.append(
            "NO COLUMN OF COPIES: new books have none, and nobody can buy them. "
            "Name it with --map quantity=..., or say --default quantity=1"
        )
    for why, rows in reader.passed_over.most_common(REASONS_KEPT_MAX):
        notes.append(f"rows that are no books, {why}: {rows}")
    for column, cells in reader.changed.items():
        notes.append(f"cells of {column} with HTML, or guarded, taken as plain text: {cells}")
    return notes
