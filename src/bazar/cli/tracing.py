"""The command that tells what became of an order or a request, from the logs of all services."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from bazar.cli.terminal import DATA_DEFAULT, Data, fail, print_json, print_table, say, visible

if TYPE_CHECKING:
    from bazar.tools.tracing import Row, Story

LOGS_FOLDER = "logs"


class _Told(msgspec.Struct, frozen=True):
    """A story as JSON."""

    asked: str
    started_at: datetime
    verdicts: list[object]
    rows: list[object]
    notes: list[str]


def trace(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="ORDER_ID|REFERENCE|REQUEST_ID",
            help="Of the order, or of the request as its answer tells it: x-request-id.",
        ),
    ],
    logs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[LOG]...",
            help="Files, folders of them, or - for standard input "
            "[default: logs in the data folder].",
            show_default=False,
        ),
    ] = None,
    *,
    data: Data = DATA_DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell step by step what all services did about an order or a request.

    They have to run with --log-level debug. Lines may come through journald or a container engine,
    on standard input too: journalctl -o cat | bazar trace 3f9a1c22-5 -

    Examples:
      bazar trace K7Q2T4
      bazar trace 3f9a1c22-5 front.log order.log catalog.log
    """
    from bazar.tools.tracing import NoLogs, Sources, TooMany, find, tell

    folder = data / LOGS_FOLDER
    try:
        with Sources(logs or (), folder) as sources:
            found = find(sources, asked)
            names, size = sources.names, sources.bytes
    except NoLogs as error:
        advice = (
            "'bazar up --log-level debug' writes them; of services that were started one by one, "
            "name the files of --log-file"
        )
        fail(f"{error}; {advice}" if not logs else str(error))
    except TooMany as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot read the logs: {error.strerror or error}")
    if not found.lines:
        looked = f"{len(names)} logs, {size:,} bytes" if len(names) != 1 else names[0]
        fail(f"no line names {asked[:100]} in {looked}")
    story = tell(found)
    if as_json:
        print_json(_as_json(story))
    else:
        _show(story)


def _as_json(story: "Story") -> _Told:
    rows: list[object] = [
        {
            "after_ms": round(row.after_ms, 3),
            "at": _time(row.at_us).isoformat(timespec="microseconds"),
            "service": row.service,
            "process": row.process,
            "step": row.step,
            "what": row.what,
            "order": row.order,
            "request_id": row.request_id,
            "call": row.call,
            "missing": row.gap,
            "facts": row.facts,
        }
        for row in story.rows
    ]
    return _Told(story.asked, _time(story.started_us), [*story.verdicts], rows, story.notes)


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)


def _show(story: "Story") -> None:
    from bazar.tools.tracing import folded

    several = len(story.verdicts) > 1
    typer.echo(f"{_time(story.started_us):%F %T.%f} UTC\n")
    columns = ["ms", "who", *(["order"] if several else []), "what", "also"]
    print_table(
        columns, [_cells(row, several=several) for row in folded(story.rows)], fixed={"ms", "who"}
    )
    typer.echo()
    for verdict in story.verdicts:
        named = f"order {verdict.order}: " if verdict.order else ""
        say(f"{named}{verdict.status}{f' ({verdict.why})' if verdict.why else ''}")
    for note in story.notes:
        say(f"note: {note}")


def _cells(row: "Row", *, several: bool) -> list[object]:
    also = " ".join(f"{name}={visible(value)}" for name, value in row.facts.items())
    order = [row.order[-6:].upper()] if several else []
    return [
        f"{row.after_ms:,.2f}",
        row.who,
        *order,
        f"-- {row.what}" if row.gap else row.what,
        also,
    ]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trace)
