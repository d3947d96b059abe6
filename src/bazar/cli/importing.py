"""The command that takes in files of books, and how it tells what became of one."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bazar.cli.shop import Answer, asks
from bazar.cli.show import counted
from bazar.cli.terminal import fail, misused, print_table, progress_bar, visible
from bazar.tools.shop import Shop

if TYPE_CHECKING:  # commands import late what only they need
    from collections.abc import Sequence

    from bazar.tools.importing.report import FileUnderstood, ImportReport, Reject, Tally

NOTES_SHOWN = 10
_OTHER_TITLE = re.compile(r"book \d+ is .*, not ['\"]", re.DOTALL)
"""A row that names a book by its number, and another title."""
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}

Update = Annotated[
    Literal["none", "stock", "all"],
    typer.Option(help="What to change about books that are there already."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check, and change nothing.")]
Again = Annotated[
    bool, typer.Option("--again", help="Take the counts of a file anew that was imported before.")
]
Same = Annotated[
    Literal["reject", "add", "last"],
    typer.Option(
        help="A row that is the same book as one before it: rejected, its copies added to it, or "
        "counting in its place."
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Reject rows that would go in without some cells.")
]
Mapping = Annotated[
    list[str] | None,
    typer.Option(
        "--map", help="Our column=its column, such as title=original_title; year= for none."
    ),
]
Default = Annotated[
    list[str] | None, typer.Option(help="Our column=value for empty cells, such as price=9.99.")
]
Delimiter = Annotated[
    str, typer.Option(help="What stands between cells, such as ; or tab [default: found out].")
]
Encoding = Annotated[str, typer.Option(help="Of the letters, such as cp1252 [default: found out].")]
Sheet = Annotated[
    str, typer.Option(help="Of a spreadsheet [default: the one most like a list of books].")
]
RejectsFile = Annotated[
    Path | None, typer.Option(help="Where bad rows go [default: FILE.rejects.csv here].")
]


@asks("catalog")
def import_books(  # noqa: PLR0913  one parameter an option
    shop: Shop,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, .xlsx, .xls or .ods; - is standard input.")
    ],
    *,
    update: Update = "none",
    dry_run: DryRun = False,
    again: Again = False,
    same: Same = "reject",
    strict: Strict = False,
    mapping: Mapping = None,
    default: Default = None,
    delimiter: Delimiter = "",
    encoding: Encoding = "",
    sheet: Sheet = "",
    rejects: RejectsFile = None,
) -> "Answer[ImportReport]":
    """Take in books from a file of any program; running it twice changes nothing.

    Our columns: bazar_id, isbn, title, author, year, topic, price, quantity, description,
    subtitle, publisher, format, pages, language, condition, shelf, low_at. They are found by what
    they are usually called, in English, German, French, Spanish and Arabic.

    Examples:
      bazar import books.xlsx --dry-run
      bazar import list.csv --map title=Work,year=
      bazar import count.csv --update stock
    """
    from bazar.tools.importing import ImportFileError, ImportOptions, import_file, parse_pairs

    try:
        pairs = parse_pairs(mapping or [], "--map"), parse_pairs(default or [], "--default")
    except ImportFileError as error:
        misused(str(error))
    try:
        options = ImportOptions(
            file=file,
            update=update,
            dry_run=dry_run,
            again=again,
            same=same,
            strict=strict,
            mapping=pairs[0],
            defaults=pairs[1],
            delimiter=delimiter,
            encoding=encoding,
            sheet=sheet,
            rejects=rejects,
        )
        with progress_bar(None, file.name) as progress:
            report = import_file(shop, options, progress)
    except ImportFileError as error:
        fail(str(error))
    return Answer(report, partial(show_import, dry_run=dry_run))


def show_import(report: "ImportReport", *, dry_run: bool) -> None:
    """Print what became of the rows, how the file was understood, and what was wrong with it."""
    typer.echo(
        f"{counted(report.rows, 'row')}: {report.created} created, {report.updated} updated, "
        f"{report.unchanged} unchanged, {report.rejected} rejected"
        + (" (dry run: nothing was kept)" if dry_run else "")
    )
    if report.repeated:
        typer.echo(
            f"{counted(report.repeated, 'count')} of this file taken before, or followed by a "
            "later one: the stock stays as it is; --again takes it anew"
        )
    if report.stocks:
        typer.echo(f"{counted(report.stocks, 'stock')} changed")
    if report.as_exported and report.updated + report.unchanged:
        typer.echo(
            f"{counted(report.as_exported, 'row')} with as many copies as exported: no count, "
            "so the stock of books that are there stays as it is"
        )
    _show_file(report.file)
    if report.warned:
        typer.echo(f"{counted(report.warned, 'row')} with warnings:")
        _show_notes(report.warnings, report.warnings_by)
    if report.rejected:
        where = f" in {report.rejects_file}" if report.rejects_file else ""
        typer.echo(f"{counted(report.rejected, 'rejected row')}{visible(where)}:")
        _show_notes(report.rejects, report.rejects_by)
        if any(_OTHER_TITLE.match(one.reason) for one in report.rejects):
            typer.echo("a book gets another title with bazar book edit ID --title TITLE")


def _show_notes(first: "Sequence[Reject]", by_reason: "Sequence[Tally]") -> None:
    """Print the first faults; where there are more of them, also how many there are of each."""
    print_table(
        ("row", "column", "value", "reason"),
        [(one.row, one.column, one.value, one.reason) for one in first[:NOTES_SHOWN]],
    )
    if len(first) > NOTES_SHOWN:
        typer.echo(f"the first {NOTES_SHOWN}; all of them, by column and reason:")
        shown = by_reason[:NOTES_SHOWN]
        print_table(
            ("rows", "column", "reason"), [(one.rows, one.column, one.reason) for one in shown]
        )
        if len(by_reason) > len(shown):
            typer.echo(f"and {counted(len(by_reason) - len(shown), 'more reason')}: --json")


def _show_file(file: "FileUnderstood") -> None:
    """Print how a file was read: what it is, which columns are ours, and which nobody used."""
    facts = [file.kind]
    if file.encoding:
        seen = f", in which a cell reads {file.sample!r}" if file.sample else ""
        guess = f" (a guess{seen}: --encoding names another)" if file.encoding_guessed else ""
        between = _DELIMITERS.get(file.delimiter, file.delimiter)
        facts += [f"{file.encoding}{guess}", f"with {between} between cells"]
    if file.sheet:
        facts.append(f"sheet {file.sheet!r}")
    if file.header_row > 1:
        facts.append(f"columns named in row {file.header_row}")
    if file.program:
        facts.append(f"as {file.program} writes it")
    commas = [one.column for one in file.columns if one.decimals == ","]
    if commas:
        facts.append(f"a comma begins the decimals of {', '.join(commas)}")
    typer.echo(visible(f"read as {', '.join(facts)}"))
    understood = [
        f"{one.column} from {', else '.join(map(repr, one.names))}" for one in file.columns
    ]
    typer.echo(visible(f"understood: {'; '.join(understood) or 'nothing'}"))
    if file.unused:
        typer.echo(visible(f"not used: {', '.join(map(repr, file.unused))}"))
    if file.other_sheets:
        typer.echo(visible(f"sheets not read: {', '.join(map(repr, file.other_sheets))}"))
    for column, value in file.defaults.items():
        typer.echo(f"where {column} says nothing, it is {value}")
    for note in file.notes:
        typer.echo(visible(note))


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("import")(import_books)
