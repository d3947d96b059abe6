"""The command `bazar experiment`: the lab's experiments, run and explained."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from bazar.cli.shop import Json
from bazar.cli.terminal import (
    PostgresBin,
    fail,
    misused,
    print_facts,
    print_json,
    print_table,
    say,
    tidy_end,
    visible,
)
from bazar.experiment.settings import NAMES, Fault, Name, Service, figures_of

if TYPE_CHECKING:  # it knows the load generator, and most commands nothing of it
    from bazar.experiment.result import Report

FOLDER_DEFAULT = Path("experiments")
UPDATES_MAX, REPLICAS_MAX = 1000, 8

Which = Annotated[
    Literal["cache", "consistency", "crash", "replicas", "clients", "all"] | None,
    typer.Argument(metavar="[NAME]", help="Of an experiment, or all; none: list them."),
]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where charts and reports go.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Write over charts and reports that are there.")
]
Duration = Annotated[
    float | None,
    typer.Option(
        min=0.2, max=600, help="Of each turn, and of the timeline of each crash, in seconds."
    ),
]
Rounds = Annotated[int | None, typer.Option(min=1, max=50, help="Turns of each row, or faults.")]
Clients = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="How many ask at once; of 'clients' the most of them."),
]
Seed = Annotated[int | None, typer.Option(help="The same seed, the same customers.")]
Zipf = Annotated[
    float | None,
    typer.Option(min=0, max=5, help="How much the popular books lead; 0: all are equal."),
]
Books = Annotated[int | None, typer.Option(min=1, max=1000, help="How many books each shop has.")]
Rate = Annotated[
    float | None,
    typer.Option(min=1, max=5000, help="Of 'crash': customers arriving a second."),
]
Updates = Annotated[
    str | None,
    typer.Option(metavar="N,N", help="Of 'consistency': updates a second, row by row."),
]
Replicas = Annotated[
    str | None, typer.Option(metavar="N,N", help="Of 'replicas': how many, shop by shop.")
]
Struck = Annotated[
    Service | None,
    typer.Option(
        "--service", metavar="SERVICE", help="Of 'crash', who is struck: catalog, order or front."
    ),
]
Kind = Annotated[
    Fault | None,
    typer.Option("--fault", help="Of 'crash': whether it is killed, or only stands still."),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Only see that it runs: few seconds, figures mean nothing.")
]


class Listed(msgspec.Struct):
    """An experiment that can be run."""

    name: str
    question: str
    varies: list[str]


def experiment(  # noqa: PLR0913  one parameter an option
    which: Which = None,
    *,
    out: Out = FOLDER_DEFAULT,
    replace: Replace = False,
    duration: Duration = None,
    rounds: Rounds = None,
    clients: Clients = None,
    seed: Seed = None,
    zipf: Zipf = None,
    books: Books = None,
    rate: Rate = None,
    updates: Updates = None,
    replicas: Replicas = None,
    service: Struck = None,
    fault: Kind = None,
    quick: Quick = False,
    postgres_bin: PostgresBin = None,
    as_json: Json = False,
) -> None:
    """Run the lab's experiments on shops of their own, and explain what was measured.

    It never touches a shop of yours. Charts and reports go to a folder, and all else is taken
    away, after Ctrl-C too.

    Examples:
      bazar experiment
      bazar experiment cache --clients 16
      bazar experiment all --out results
    """
    given: dict[str, Any] = {
        "duration_s": duration,
        "rounds": rounds,
        "clients": clients,
        "seed": seed,
        "zipf": zipf,
        "books": books,
        "rate": rate,
        "updates": _figures("--updates", updates, 0, UPDATES_MAX),
        "replicas": _figures("--replicas", replicas, 1, REPLICAS_MAX),
        "service": service,
        "fault": fault,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if which is None:
        if given or quick or replace or out != FOLDER_DEFAULT:
            misused("name the experiment that these options are for, or all")
        _list(as_json=as_json)
        return
    names: list[Name] = list(NAMES) if which == "all" else [which]
    _refuse_idle(names, given)
    _run(names, out, given, quick=quick, replace=replace, programs=postgres_bin, as_json=as_json)


def _figures(option: str, text: str | None, least: int, most: int) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return figures_of(text, least, most)
    except ValueError as error:
        misused(f"{option}: {error}")


def _list(*, as_json: bool) -> None:
    from bazar.experiment.run import EXPERIMENTS

    if as_json:
        print_json(
            [
                Listed(one.name, one.question, [_option(name) for name in one.usual])
                for one in EXPERIMENTS.values()
            ]
        )
        return
    print_facts([(one.name, one.question) for one in EXPERIMENTS.values()])
    say("\nRun one with 'bazar experiment NAME', or 'bazar experiment all'.")


def _option(name: str) -> str:
    return f"--{name.removesuffix('_s')}"


def _refuse_idle(names: list[Name], given: dict[str, Any]) -> None:
    """Refuse options that change nothing: who varies one believes that it was varied."""
    from bazar.experiment.run import EXPERIMENTS, without_effect

    if idle := without_effect(names, given):
        heeded = ", ".join(map(_option, EXPERIMENTS[names[0]].usual))
        misused(f"{_option(idle[0])} has no effect on {names[0]!r}, which takes {heeded}")


def _run(  # noqa: PLR0913  what the command line said
    names: list[Name],
    out: Path,
    given: dict[str, Any],
    *,
    quick: bool,
    replace: bool,
    programs: Path | None,
    as_json: bool,
) -> None:
    from bazar.experiment.lab import ExperimentError
    from bazar.experiment.run import Asked, run

    asked = Asked(names, out, given, quick, replace, programs)
    try:
        with tidy_end(), _progress() as tell:
            done = run(asked, tell, lambda found: None if as_json else _show(found, out))
    except FileExistsError as error:
        there = error.args[0] if isinstance(error.args[0], Path) else out
        fail(
            f"{there} is there already; name another folder with --out, or write over it with "
            "--replace"
        )
    except ExperimentError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write to {out}: {error.strerror or error}")
    if as_json:
        print_json(done)
    if all(one.skipped for one in done.experiments):
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Any]:
    """Say on standard error how far it is: on a terminal in one line, that is gone at the end."""
    from rich.console import Console

    if not sys.stderr.isatty():
        yield lambda text: typer.echo(text, err=True)
        return
    with Console(stderr=True).status("") as status:
        yield status.update


def _show(found: "Report", out: Path) -> None:
    """Print what an experiment found."""
    say(f"{found.name.upper()}: {found.question}")
    if found.skipped:
        say(f"not run: {found.skipped}\n")
        return
    say(found.does)
    for table in found.tables:
        say(f"\n{table.title}")
        print_table(table.columns, table.lines())
    for heading, lines in (
        ("What it means", found.meaning),
        ("Mind", found.remarks),
        ("What to vary", [f"{one.command}: {one.ask}" for one in found.vary]),
    ):
        if lines:
            say(f"\n{heading}")
            for line in lines:
                say(f"- {line}")
    typer.echo(f"\nwritten: {visible(str(out / found.chart))} {visible(str(out / found.text))}\n")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(experiment)
