"""What an experiment found: tables, what they mean, and a chart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from bazar.chart.sheet import Chart
from bazar.experiment.settings import Name, Settings

if TYPE_CHECKING:
    from bazar.experiment.lab import Lab

Cell = str | int | float | None


class Vary(msgspec.Struct, frozen=True):
    """A command that changes one thing, and what to look for."""

    command: str
    ask: str


class Table(msgspec.Struct, kw_only=True):
    """Figures in rows; units stand in the names of the columns."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]

    def lines(self) -> list[list[str]]:
        """Return the rows as people read them."""
        return [[shown(cell) for cell in row] for row in self.rows]


def shown(cell: Cell) -> str:
    """Return a cell as a person reads it: three digits are all that was measured."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        digits = sum(abs(cell) < least for least in (100, 10, 1))
        return f"{cell:,.{digits}f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured, and what follows from it."""

    tables: Sequence[Table]
    meaning: Sequence[str]
    """Sentences, each computed from the figures."""
    charts: Sequence[Chart]
    remarks: Sequence[str] = ()
    """What a reader of the figures must know too."""
    rounds: Sequence[Sequence[float]] = field(default=(), repr=False)
    """The figures of each round, row by row, which say how noisy the machine was."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment."""

    name: Name
    question: str
    does: str
    vary: Sequence[Vary]
    usual: Mapping[str, Any]
    """Its own values of the settings; those that are not named here have no effect on it."""
    quick: Mapping[str, Any]
    """Instead, where it only has to be seen to run."""
    run: Callable[["Lab", Settings], Outcome]
    needs_postgres: bool = False


class Report(msgspec.Struct, kw_only=True):
    """An experiment that was run, or that could not be."""

    name: Name
    question: str
    does: str
    settings: dict[str, Any]
    tables: list[Table] = []
    meaning: list[str] = []
    remarks: list[str] = []
    vary: list[Vary] = []
    chart: str = ""
    """The file."""
    text: str = ""
    """The file that says all this in words."""
    skipped: str = ""
    """Why it was not run; empty where it was."""


class Run(msgspec.Struct, kw_only=True):
    """All that one command ran."""

    machine: dict[str, str]
    experiments: list[Report]
