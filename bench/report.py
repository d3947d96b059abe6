"""What a person reads in the end: method first, then one table with ratios, books and goals."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from bench.figures import Figures, Series
from bench.goals import Goal, digits, goals, of_imports, of_securing
from bench.importing import Importing
from bench.measure import Options, Result
from bench.nginx import Nginx
from bench.overload import TIMES, Overload
from bench.replicas import Replicas
from bench.rows import CROWD, FEW, INFO, MANY, MANY_BOOKS, PAGE, PURCHASES, READS, SHOP_LOADS
from bench.searching import Searches
from bench.securing import Securing
from bench.shared import One, Two
from bench.systems import Bazar, Floor, Lab

WIDTH = 98
FOREIGN_SHARE_MAX = 0.05

_HEADS = "  {:<17}{:>8}{:>10}{:>9}{:>9}{:>9}{:>8}  {:>9}  {:<14}"
_READ, _CHAIN = ((Nginx.rows[place], Floor.rows[place]) for place in (0, 1))
REFERENCES = {
    **{load.name: tuple((row, INFO.name) for row in _READ) for load in READS},
    **{load.name: tuple((row, MANY_BOOKS.name) for row in _CHAIN) for load in PURCHASES},
    PAGE.name: ((Nginx.rows[2], PAGE.name),),
}
"""Which rows of nginx and of the floor chain a load of the shop is compared with."""


class Report:
    """The results of one run."""

    importing: Importing | None = None
    """None where it was not measured."""
    securing: Securing | None = None
    """The same."""

    def __init__(  # noqa: PLR0913, PLR0917  all that is measured
        self,
        facts: Mapping[str, str],
        method: Sequence[str],
        results: Sequence[Result],
        overload: Overload | None = None,
        replicas: Replicas | None = None,
        searches: Searches | None = None,
    ) -> None:
        """Take what the machine is, how it was measured, and what came out."""
        self._searches = searches
        self._overload = overload
        self._replicas = replicas
        self._facts = facts
        self._method = method
        self._results = {result.name: result for result in results}
        self._figures = Figures(results)

    def valid(self) -> bool:
        """Tell whether no row is invalid and the shop's books are right."""
        checks = [check for result in self._results.values() for check in result.checks]
        return not any(line.problems for line in self._figures.all().values()) and all(
            check.good for check in checks
        )

    def header(self) -> str:
        """Return machine, versions, date and method."""
        lines = ["Bazar, measured", ""]
        for name, value in self._facts.items():
            lines += _wrapped(value, f"  {name:<12} ")
        lines += ["", "Method"]
        for item in self._method:
            lines += _wrapped(item, "  - ")
        return "\n".join(lines)

    def figures(self) -> str:
        """Return all that was measured, and how it compares."""
        parts = [*self._table(), "", *self._processes(), "", *self._books(), ""]
        parts += [*self._overloaded(), *self._replicated(), *self._imported(), *self._secured()]
        parts += [*self._searched(), *self._goals()]
        return "\n".join(parts)

    def as_data(self, options: Options) -> dict[str, object]:
        """Return the same for machines."""
        return {
            "facts": dict(self._facts),
            "method": list(self._method),
            "options": asdict(options),
            "valid": self.valid(),
            "systems": [
                {
                    "name": result.name,
                    "ready_s": result.ready_s,
                    "memory_mb": result.memory_mb,
                    "turns": [asdict(one) for one in result.measurements],
                    "checks": [asdict(check) for check in result.checks],
                }
                for result in self._results.values()
            ],
            "rows": list(self._rows_as_data()),
            "overload": asdict(self._overload) if self._overload else None,
            "replicas": asdict(self._replicas) if self._replicas else None,
            "searches": asdict(self._searches) if self._searches else None,
            "imports": asdict(self.importing) if self.importing else None,
            "securing": asdict(self.securing) if self.securing else None,
            "goals": [asdict(goal) for goal in self.goals()],
        }

    def goals(self) -> Iterator[Goal]:
        """Compare the shop with what it aims at."""
        shop = self._results.get(Bazar.name)
        yield from goals(self._figures, shop, self._overload, self._replicas, self._searches)
        yield from of_imports(self.importing)
        yield from of_securing(self.securing)

    def _rows_as_data(self) -> Iterator[dict[str, object]]:
        for load, clients, line, bazar in self._lines():
            found = bazar.ratio(line) if bazar and bazar is not line else None
            yield {
                "load": load,
                "clients": clients,
                "row": line.turns[0].row,
                "requests_s": line.requests_s,
                "p50_ms": line.p50_ms,
                "p99_ms": line.p99_ms,
                "cpu_ms": line.cpu_ms,
                "problems": line.problems,
                "bazar_ratio": asdict(found) if found else None,
            }

    def _lines(self) -> Iterator[tuple[str, int, Series, Series | None]]:
        """Yield the lines of the table with load, clients, and Bazar's own line of the same row."""
        shops = (Bazar.name, One.name, Two.name, Lab.name)
        alone = not self._results.keys() & set(shops)  # references without a shop
        for load in SHOP_LOADS:
            for clients in (FEW, MANY, CROWD):
                own = [self._figures.line(name, load.name, clients) for name in shops]
                others = [
                    self._figures.line(row, of_load, clients)
                    for row, of_load in REFERENCES[load.name]
                ]
                for line in (*own, *others):
                    if line and (alone or any(own)):
                        yield load.name, clients, line, own[0]

    def _table(self) -> Iterator[str]:
        heads = ("", "", "requests", "p50", "p99", "CPU", "others", "bazar :", "this row")
        units = ("", "clients", "/s", "ms", "ms", "ms", "%", "median", "range")
        yield from (_HEADS.format(*heads), _HEADS.format(*units))
        shown = ""
        for load, _clients, line, bazar in self._lines():
            if load != shown:
                yield load
                shown = load
            yield self._line(line, bazar)

        lines = self._figures.all().values()
        busiest = max((line.foreign_share for line in lines), default=0.0)
        if busiest > FOREIGN_SHARE_MAX:
            yield ""
            yield from _wrapped(
                f"others took up to {busiest:.0%} of the cores, not the same in every row: these "
                "figures and ratios show little; measure again on a quiet machine",
                "! ",
            )

    def _line(self, line: Series, bazar: Series | None) -> str:
        first = line.turns[0]
        text = (
            f"  {first.row:<17}{first.clients:>8}{line.requests_s:>10,.0f}{line.p50_ms:>9.2f}"
            f"{line.p99_ms:>9.2f}{line.cpu_ms:>9.3f}{line.foreign_share * 100:>8.0f}"
        )
        if line.problems:
            problems = ", ".join(f"{count} {kind}" for kind, count in line.problems.items())
            return f"{text}  INVALID\n      invalid: {problems}"
        if bazar is None or bazar is line or bazar.problems:
            return text
        found = bazar.ratio(line)
        if found is None:
            return text
        median, least, most = map(digits, (found.median, found.least, found.most))
        return f"{text}  {median + ' x':>9}  {least} to {most}"

    def _processes(self) -> Iterator[str]:
        yield "ready after, and memory of each process (most after any row)"
        for name, result in self._results.items():
            memory = "  ".join(
                f"{process} {held:.0f}" for process, held in sorted(result.memory_mb.items())
            )
            total = sum(result.memory_mb.values())
            ready_s = result.ready_median_s
            ready = "   never" if ready_s is None else f"{ready_s:>6.2f} s"
            yield from _wrapped(f"{memory}  all {total:.0f} MB", f"  {name:<8}{ready}   ")

    def _overloaded(self) -> Iterator[str]:
        if self._overload is None:
            return
        yield f"overload: {TIMES} times the customers that the shop can serve"
        for line in self._overload.lines():
            yield from _wrapped(line, "  ")
        yield ""

    def _replicated(self) -> Iterator[str]:
        if self._replicas is None:
            return
        yield "replicas: two catalogs and two order services over one PostgreSQL"
        for line in self._replicas.lines():
            yield from _wrapped(line, "  ")
        yield ""

    def _searched(self) -> Iterator[str]:
        if self._searches is None:
            return
        yield f"searches: a page of what is found in {self._searches.books:,} books"
        for line in self._searches.lines():
            yield f"  {line}"
        yield ""

    def _imported(self) -> Iterator[str]:
        if self.importing is None:
            return
        yield "imports: beside a bulk insert of the same rows under the same indexes"
        for line in self.importing.lines():
            yield from _wrapped(line, "  ")
        yield ""

    def _secured(self) -> Iterator[str]:
        if self.securing is None:
            return
        yield "TLS between services: the same calls in the clear and under TLS"
        for line in self.securing.lines():
            yield f"  {line}"
        yield ""

    def _books(self) -> Iterator[str]:
        yield "books after the load, and after a race"
        for name, result in self._results.items():
            for check in result.checks:
                prefix = f"  {name:<8}" if check.good else f"! {name:<8}"
                for line in check.lines:
                    yield from _wrapped(line, prefix)

    def _goals(self) -> Iterator[str]:
        yield "goals of the shop (statements, not tests); ratios: median of the rounds (range)"
        yield ""
        yield f"| {'goal':<73} | {'measured':<22} | {'met':<9} |"
        yield f"|{'-' * 75}|{'-' * 24}|{'-' * 11}|"
        for goal in self.goals():
            yield f"| {goal.text:<73} | {goal.found:<22} | {goal.verdict():<9} |"


def _wrapped(text: str, prefix: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=prefix,
        subsequent_indent=" " * len(prefix),
        break_long_words=False,
        break_on_hyphens=False,
    )
