"""What a person reads in the end: method first, then one table with ratios, books and goals."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from bench.measure import Measurement, Options, Result
from bench.nginx import Nginx
from bench.overload import TIMES, Overload
from bench.systems import (
    CLIENTS,
    CROWD,
    INFO,
    MANY_BOOKS,
    ONE_BOOK,
    PURCHASES,
    SEARCH,
    SHOP_LOADS,
    Bazar,
    Lab,
)

WIDTH = 98
READ_TIMES_MIN = 25
PURCHASE_TIMES_MIN = 30
PURCHASE_P50_MS_MAX = 3.0
MEMORY_MB_MAX = 90.0
READY_S_MAX = 3.0
FOREIGN_SHARE_MAX = 0.05
READ_SHARE_MIN = 0.30
PURCHASE_SHARE_MIN = 0.20
ONE_BOOK_SHARE_MIN = 0.95
PURCHASE_P99_MS_MAX = 60.0
GOODPUT_SHARE_MIN = 0.90
REFUSED_P99_MS_MAX = 50.0
NORMAL_S_MAX = 5.0

_HEADS = "  {:<17}{:>8}{:>10}{:>9}{:>9}{:>9}{:>8}  {:>12}{:>11}"
_ITSELF, _PROXIED, _THREE_HOPS = Nginx.rows
LIMITS = {
    INFO.name: ((_ITSELF, INFO.name), (_PROXIED, INFO.name)),
    SEARCH.name: ((_ITSELF, INFO.name), (_PROXIED, INFO.name)),
    MANY_BOOKS.name: ((_THREE_HOPS, MANY_BOOKS.name),),
    ONE_BOOK.name: ((_THREE_HOPS, MANY_BOOKS.name),),
}
"""Which of nginx's rows a load of the shop is compared with."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What was aimed at, and what was found."""

    text: str
    found: str
    met: bool | None
    """None: not known, since it was not measured or the row is invalid."""

    def verdict(self) -> str:
        """Say it plainly."""
        return {True: "met", False: "not met", None: "not known"}[self.met]


class Report:
    """The results of one run."""

    def __init__(
        self,
        facts: Mapping[str, str],
        method: Sequence[str],
        results: Sequence[Result],
        overload: Overload | None = None,
    ) -> None:
        """Take what the machine is, how it was measured, and what came out."""
        self._overload = overload
        self._facts = facts
        self._method = method
        self._results = {result.name: result for result in results}
        self._rows = {
            (one.row, one.load, one.clients): one
            for result in results
            for one in result.measurements
        }

    def valid(self) -> bool:
        """Tell whether no row is invalid and the shop's books are right."""
        checks = [check for result in self._results.values() for check in result.checks]
        return not any(row.problems for row in self._rows.values()) and all(
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
        parts += [*self._overloaded(), *self._goals()]
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
                    "rows": [asdict(one) for one in result.measurements],
                    "checks": [asdict(check) for check in result.checks],
                }
                for result in self._results.values()
            ],
            "overload": asdict(self._overload) if self._overload else None,
            "goals": [asdict(goal) for goal in self.goals()],
        }

    def goals(self) -> Iterator[Goal]:
        """Compare the shop with what it aims at."""
        for load in SHOP_LOADS:
            least = PURCHASE_TIMES_MIN if load in (MANY_BOOKS, ONE_BOOK) else READ_TIMES_MIN
            text = f"{load.name}, {CLIENTS[-1]} clients: requests/s >= {least} x lab"
            bazar, lab = (
                self._valid(system.name, load.name, CLIENTS[-1]) for system in (Bazar, Lab)
            )
            if bazar and lab:
                times = bazar.requests_s / lab.requests_s
                yield Goal(text, _times(times), times >= least)
            else:
                yield Goal(text, "-", None)
        for load in (MANY_BOOKS, ONE_BOOK):
            text = f"{load.name}, 1 client: p50 < {PURCHASE_P50_MS_MAX:g} ms"
            row = self._valid(Bazar.name, load.name, 1)
            found = row.p50_ms if row else None
            yield _below(text, found, PURCHASE_P50_MS_MAX, "{:.2f} ms")
        shop = self._results.get(Bazar.name)
        most = max(shop.memory_mb.values(), default=None) if shop else None
        yield _below(f"memory < {MEMORY_MB_MAX:g} MB a process", most, MEMORY_MB_MAX, "{:.0f} MB")
        ready = shop.ready_median_s if shop else None
        yield _below(f"ready < {READY_S_MAX:g} s", ready, READY_S_MAX, "{:.2f} s")
        yield from self._limit_goals()
        yield from self._overload_goals()

    def _limit_goals(self) -> Iterator[Goal]:
        """How near the shop is to what nginx does on this machine, without any work."""
        many, crowd = CROWD[-2:]
        reads = [(load, _PROXIED, INFO.name, READ_SHARE_MIN, many) for load in (INFO, SEARCH)]
        purchases = [
            (load, _THREE_HOPS, MANY_BOOKS.name, PURCHASE_SHARE_MIN, clients)
            for clients in (many, crowd)
            for load in PURCHASES
        ]
        for load, row, of_load, least, clients in (*reads, *purchases):
            text = f"{load.name}, {clients} clients: requests/s >= {least:.2f} x {row}"
            bazar = self._valid(Bazar.name, load.name, clients)
            yield _at_least(text, bazar, self._valid(row, of_load, clients), least)
        for clients in (many, crowd):
            one, several = (
                self._valid(Bazar.name, load.name, clients) for load in (ONE_BOOK, MANY_BOOKS)
            )
            text = f"one book as fast as many, {clients} clients: >= {ONE_BOOK_SHARE_MIN:.2f} x"
            yield _at_least(text, one, several, ONE_BOOK_SHARE_MIN)
        for load in PURCHASES:
            row_of = self._valid(Bazar.name, load.name, many)
            text = f"{load.name}, {many} clients: p99 < {PURCHASE_P99_MS_MAX:g} ms"
            found = row_of.p99_ms if row_of else None
            yield _below(text, found, PURCHASE_P99_MS_MAX, "{:.1f} ms")

    def _overload_goals(self) -> Iterator[Goal]:
        overload = self._overload
        share = overload.goodput_share if overload else None
        yield Goal(
            f"overload: goodput >= {GOODPUT_SHARE_MIN:.0%} of the peak",
            "-" if share is None else f"{share:.0%}",
            None if share is None else share >= GOODPUT_SHARE_MIN,
        )
        refused_ms = overload.refused_p99_ms if overload else None
        text = f"overload: p99 of a refusal < {REFUSED_P99_MS_MAX:g} ms"
        yield _below(text, refused_ms, REFUSED_P99_MS_MAX, "{:.1f} ms")
        normal_s = overload.normal_after_s if overload else None
        text = f"overload: normal again in < {NORMAL_S_MAX:g} s"
        yield _below(text, normal_s, NORMAL_S_MAX, "{:.0f} s")

    def _valid(self, row: str, load: str, clients: int) -> Measurement | None:
        found = self._rows.get((row, load, clients))
        return found if found and not found.problems else None

    def _table(self) -> Iterator[str]:
        heads = ("", "", "requests", "p50", "p99", "CPU", "others", "bazar :", "this row")
        units = ("", "clients", "/s", "ms", "ms", "ms", "%", "requests/s", "CPU")
        yield from (_HEADS.format(*heads), _HEADS.format(*units))
        for load in SHOP_LOADS:
            keys = [(Bazar.name, load.name), (Lab.name, load.name), *LIMITS[load.name]]
            rows = [
                row
                for clients in CROWD
                for row_name, of_load in keys
                if (row := self._rows.get((row_name, of_load, clients)))
            ]
            if rows:
                yield load.name
            for row in rows:
                yield self._line(row, self._rows.get((Bazar.name, load.name, row.clients)))

        busiest = max((row.foreign_share for row in self._rows.values()), default=0.0)
        if busiest > FOREIGN_SHARE_MAX:
            yield ""
            yield from _wrapped(
                f"others took up to {busiest:.0%} of the cores, not the same in every row: these "
                "figures and ratios show little; measure again on a quiet machine",
                "! ",
            )

    def _line(self, row: Measurement, bazar: Measurement | None) -> str:
        text = (
            f"  {row.row:<17}{row.clients:>8}{row.requests_s:>10,.0f}{row.p50_ms:>9.2f}"
            f"{row.p99_ms:>9.2f}{row.cpu_ms:>9.3f}{row.foreign_share * 100:>8.0f}"
        )
        if row.problems:
            problems = ", ".join(f"{count} {kind}" for kind, count in row.problems.items())
            return f"{text}  INVALID\n      invalid: {problems}"
        if bazar is None or bazar is row or bazar.problems:
            return text
        cpu = _times(bazar.cpu_ms / row.cpu_ms) if row.cpu_ms else "-"
        return f"{text}  {_times(bazar.requests_s / row.requests_s):>12}{cpu:>11}"

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

    def _books(self) -> Iterator[str]:
        yield "books after the load, and after a race"
        for name, result in self._results.items():
            for check in result.checks:
                prefix = f"  {name:<8}" if check.good else f"! {name:<8}"
                for line in check.lines:
                    yield from _wrapped(line, prefix)

    def _goals(self) -> Iterator[str]:
        yield "goals of the shop (statements, not tests)"
        for goal in self.goals():
            yield f"  {goal.text:<62}{goal.found:>14}   {goal.verdict()}"


def _times(value: float) -> str:
    """Return a ratio with three digits that matter."""
    return f"{value:,.0f} x" if value >= 100 else f"{value:.3g} x"  # noqa: PLR2004


def _at_least(text: str, one: Measurement | None, other: Measurement | None, least: float) -> Goal:
    if not one or not other:
        return Goal(text, "-", None)
    share = one.requests_s / other.requests_s
    return Goal(text, f"{share:.2f} x", share >= least)


def _below(text: str, found: float | None, limit: float, form: str) -> Goal:
    if found is None:
        return Goal(text, "-", None)
    return Goal(text, form.format(found), found < limit)


def _wrapped(text: str, prefix: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=prefix,
        subsequent_indent=" " * len(prefix),
        break_long_words=False,
        break_on_hyphens=False,
    )
