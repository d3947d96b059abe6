"""The files that an experiment leaves: a chart, and all that it found in words, for a class."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from bazar.chart.sheet import Chart, sheet
from bazar.experiment.result import Report, Table
from bazar.kit.files import whole_file


def chart_name(name: str) -> str:
    """Return the file of an experiment's chart."""
    return f"{name}.svg"


def text_name(name: str) -> str:
    """Return the file of an experiment's report."""
    return f"{name}.md"


def taken(folder: Path, names: list[str]) -> list[Path]:
    """Return the files of these experiments that are in a folder already."""
    files = [folder / file for name in names for file in (chart_name(name), text_name(name))]
    return [file for file in files if file.exists() or file.is_symlink()]


def write(
    folder: Path,
    report: Report,
    charts: list[Chart],
    machine: Mapping[str, str],
    *,
    replace: bool,
) -> None:
    """Write the chart and the report.

    Raises:
        FileExistsError: one is there, and is to stay.
        OSError: one cannot be written.
    """
    subtitle = f"bazar experiment {report.name}; {machine['machine']}; {machine['date']}"
    drawing = sheet(report.question, subtitle, charts)
    with whole_file(folder / report.chart, replace=replace) as file:
        file.write(drawing.encode("utf-8"))
    with whole_file(folder / report.text, replace=replace) as file:
        file.write("\n".join(markdown(report, machine)).encode("utf-8"))


def markdown(report: Report, machine: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a report."""
    yield f"# {report.question}\n"
    yield f"{report.does}\n"
    settings = ", ".join(f"{name} {said(value)}" for name, value in report.settings.items())
    yield f"`bazar experiment {report.name}` with {settings}.\n"
    yield f"![{escape(report.question)}]({report.chart})\n"
    for table in report.tables:
        yield from _table(table)
    for heading, lines in (
        ("What it means", report.meaning),
        ("Mind", report.remarks),
        ("What to vary", [f"`{one.command}`: {one.ask}" for one in report.vary]),
    ):
        if lines:
            yield f"## {heading}\n"
            yield from (f"- {line}" for line in lines)
            yield ""
    yield "## Where this was measured\n"
    yield from (f"- {name}: {value}" for name, value in machine.items())
    yield ""


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.title}\n"
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{'---|' * len(table.columns)}"
    for row in table.lines():
        yield f"| {' | '.join(row)} |"
    yield ""


def said(value: object) -> str:
    """Return a setting as it is typed."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
