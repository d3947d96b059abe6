"""What the shop aims at, held against what was measured: statements, not tests."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.figures import Figures, Series
from bench.importing import Importing, p99
from bench.measure import Result
from bench.nginx import Nginx
from bench.overload import Overload
from bench.replicas import Replicas
from bench.reserving import BATCH
from bench.rows import (
    CROWD,
    FEW,
    INFO,
    MANY,
    MANY_BOOKS,
    ONE_BOOK,
    PAGE,
    PURCHASES,
    READS,
    SEARCH,
)
from bench.searching import A_BOOK, Searches
from bench.securing import Securing
from bench.shared import One, Two
from bench.systems import Bazar, Lab
from bench.turns import Spread

READ_TIMES_MIN = 25
PURCHASE_TIMES_MIN = 30
PAGES_S_MIN = 1500
PAGE_SHARE_MIN = 0.50
PURCHASE_P50_MS_MAX = 3.0
MEMORY_MB_MAX = 90.0
READY_S_MAX = 3.0
ONE_BOOK_SHARE_MIN = 0.95
PURCHASE_P99_MS_MAX = 60.0
GOODPUT_SHARE_MIN = 0.90
REFUSED_P99_MS_MAX = 50.0
NORMAL_S_MAX = 5.0
SHARED_SHARE_MIN = 0.60
TWO_SHARE_MIN = 0.95
SHARED_CPU_MAX = 1.5
SHARED_P50_MAX = 1.6
RESERVE_CPU_MAX = 1.2
CHANGE_P99_MS_MAX = 20.0
LOST_GAP_S_MAX, LOST_SLOWEST_S_MAX = 0.3, 0.5
SEARCH_P99_MS_MAX = 10.0
SECURED_CPU_MAX = 1.25
IMPORT_TIMES_MAX, IMPORT_GROWTH_MAX = 4.0, 1.25
READ_MEANWHILE_P99_MS_MAX, PURCHASE_MEANWHILE_P99_MS_MAX = 50.0, 100.0
HUNG_GAP_S_MAX, HUNG_SLOWEST_S_MAX = 1.0, 1.0

_PROXIED, _THREE_HOPS, _ALONE = Nginx.rows
_SHARES = (
    (INFO, MANY, 0.40),
    (SEARCH, MANY, 0.30),
    *((load, MANY, 0.20) for load in PURCHASES),
    *((load, CROWD, 0.30) for load in PURCHASES),
)
"""Of what nginx does on the same machine without any work: load, clients, at least."""


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


def goals(
    figures: Figures,
    shop: Result | None,
    overload: Overload | None,
    replicas: Replicas | None,
    searches: Searches | None = None,
) -> Iterator[Goal]:
    """Compare the shop with what it aims at.

    Args:
        figures: the lines of the table.
        shop: what was found out about Bazar.
        overload: None where it was not measured.
        replicas: the same.
        searches: the same.
    """
    yield from _beside_nginx(figures)
    yield from _beside_the_lab(figures)
    yield from _pages(figures)
    yield from _latencies(figures)
    most = max(shop.memory_mb.values(), default=None) if shop else None
    yield _below(f"memory < {MEMORY_MB_MAX:g} MB a process", most, MEMORY_MB_MAX, "{:.0f} MB")
    ready = shop.ready_median_s if shop else None
    yield _below(f"ready < {READY_S_MAX:g} s", ready, READY_S_MAX, "{:.2f} s")
    yield from _under_overload(overload)
    yield from _on_postgres(figures)
    yield from _with_replicas(replicas)
    yield from _searches(searches)


def _searches(searches: Searches | None) -> Iterator[Goal]:
    for one in searches.times if searches else ():
        if one.kind != A_BOOK:
            text = f"search on {one.engine}, {one.kind}: p99 < {SEARCH_P99_MS_MAX:g} ms"
            yield _below(text, one.p99_ms, SEARCH_P99_MS_MAX, "{:.1f} ms")


def digits(value: float) -> str:
    """Return a ratio with the digits that matter: two decimals, or three digits in all."""
    if value >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2f}"


def _beside_nginx(figures: Figures) -> Iterator[Goal]:
    for load, clients, least in _SHARES:
        reads = load in READS
        row, of_load = (_PROXIED, INFO) if reads else (_THREE_HOPS, MANY_BOOKS)
        text = f"{load.name}, {_clients(clients)}: requests/s >= {least:.2f} x {row}"
        ours = figures.valid(Bazar.name, load.name, clients)
        yield _at_least(text, ours, figures.valid(row, of_load.name, clients), least)
    for clients in (MANY, CROWD):
        one, several = (
            figures.valid(Bazar.name, load.name, clients) for load in (ONE_BOOK, MANY_BOOKS)
        )
        text = f"one book as fast as many, {_clients(clients)}: >= {ONE_BOOK_SHARE_MIN:.2f} x"
        yield _at_least(text, one, several, ONE_BOOK_SHARE_MIN)


def _beside_the_lab(figures: Figures) -> Iterator[Goal]:
    for load in (*READS, *PURCHASES):
        least = PURCHASE_TIMES_MIN if load in PURCHASES else READ_TIMES_MIN
        text = f"{load.name}, {_clients(MANY)}: requests/s >= {least} x lab"
        ours, lab = (figures.valid(system.name, load.name, MANY) for system in (Bazar, Lab))
        yield _at_least(text, ours, lab, least)


def _pages(figures: Figures) -> Iterator[Goal]:
    ours, theirs = (figures.valid(row, PAGE.name, MANY) for row in (Bazar.name, _ALONE))
    yield Goal(
        f"{PAGE.name}, {_clients(MANY)}: >= {PAGES_S_MIN:,} requests/s",
        f"{ours.requests_s:,.0f}" if ours else "-",
        ours.requests_s >= PAGES_S_MIN if ours else None,
    )
    text = f"{PAGE.name}, {_clients(MANY)}: requests/s >= {PAGE_SHARE_MIN:.2f} x {_ALONE}"
    yield _at_least(text, ours, theirs, PAGE_SHARE_MIN)


def _latencies(figures: Figures) -> Iterator[Goal]:
    for load in PURCHASES:
        alone = figures.valid(Bazar.name, load.name, FEW)
        text = f"{load.name}, {_clients(FEW)}: p50 < {PURCHASE_P50_MS_MAX:g} ms"
        yield _below(text, alone.p50_ms if alone else None, PURCHASE_P50_MS_MAX, "{:.2f} ms")
    for load in PURCHASES:
        among = figures.valid(Bazar.name, load.name, MANY)
        text = f"{load.name}, {_clients(MANY)}: p99 < {PURCHASE_P99_MS_MAX:g} ms"
        yield _below(text, among.p99_ms if among else None, PURCHASE_P99_MS_MAX, "{:.1f} ms")


def _under_overload(overload: Overload | None) -> Iterator[Goal]:
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


def _on_postgres(figures: Figures) -> Iterator[Goal]:
    name = MANY_BOOKS.name
    for clients in (MANY, CROWD):
        sqlite, one, two = (
            figures.valid(row, name, clients) for row in (Bazar.name, One.name, Two.name)
        )
        text = f"{name}, {_clients(clients)}: {One.name} >= {SHARED_SHARE_MIN:.2f} x {Bazar.name}"
        yield _at_least(text, one, sqlite, SHARED_SHARE_MIN)
        text = f"{name}, {_clients(clients)}: {Two.name} >= {TWO_SHARE_MIN:.2f} x {One.name}"
        yield _at_least(text, two, one, TWO_SHARE_MIN)
    text = f"{name}, {_clients(MANY)}: processor time of {One.name} <= {SHARED_CPU_MAX} x"
    one, sqlite = (figures.valid(row, name, MANY) for row in (One.name, Bazar.name))
    yield _at_most(text, one and sqlite and one.cpu_ratio(sqlite), SHARED_CPU_MAX)
    text = f"{name}, {_clients(FEW)}: p50 of {One.name} <= {SHARED_P50_MAX} x"
    one, sqlite = (figures.valid(row, name, FEW) for row in (One.name, Bazar.name))
    yield _at_most(text, one and sqlite and one.p50_ratio(sqlite), SHARED_P50_MAX)


def _with_replicas(found: Replicas | None) -> Iterator[Goal]:
    text = (
        f"reservations in batches of {BATCH}: processor time on PostgreSQL <= {RESERVE_CPU_MAX} x"
    )
    yield _at_most(text, found.reserving.spread if found else None, RESERVE_CPU_MAX)
    p99_ms = found.change_p99_ms if found else None
    text = f"a change is seen at all fronts: p99 < {CHANGE_P99_MS_MAX:g} ms"
    yield _below(text, p99_ms, CHANGE_P99_MS_MAX, "{:.1f} ms")
    for what, felt, gap_s_max, slowest_s_max in (
        ("lost", found and found.lost, LOST_GAP_S_MAX, LOST_SLOWEST_S_MAX),
        ("hung", found and found.hung, HUNG_GAP_S_MAX, HUNG_SLOWEST_S_MAX),
    ):
        text = f"a replica is {what}: longest without an answer < {gap_s_max:g} s"
        yield _below(text, felt.gap_s if felt else None, gap_s_max, "{:.2f} s")
        text = f"a replica is {what}: slowest purchase < {slowest_s_max:g} s"
        yield _below(text, felt.slowest_s if felt else None, slowest_s_max, "{:.2f} s")


def of_imports(found: Importing | None) -> Iterator[Goal]:
    """Compare imports with what they aim at.

    Args:
        found: None where they were not measured.
    """
    text = f"an import takes <= {IMPORT_TIMES_MAX:g} x a bulk insert of the same rows"
    yield _at_most(text, found.times if found else None, IMPORT_TIMES_MAX)
    text = f"its last rows beside its first ones, as bulk inserts: <= {IMPORT_GROWTH_MAX:g} x"
    yield _at_most(text, found.growth if found else None, IMPORT_GROWTH_MAX)
    for what, times_ms, most_ms in (
        ("a read", found and found.read_ms, READ_MEANWHILE_P99_MS_MAX),
        ("a purchase", found and found.purchase_ms, PURCHASE_MEANWHILE_P99_MS_MAX),
    ):
        text = f"{what} during an import: p99 < {most_ms:g} ms"
        yield _below(text, p99(times_ms) if times_ms else None, most_ms, "{:.1f} ms")


def of_securing(found: Securing | None) -> Iterator[Goal]:
    """Compare calls under TLS with what they aim at.

    Args:
        found: None where they were not measured.
    """
    text = f"a call between services under TLS takes <= {SECURED_CPU_MAX:g} x the processor time"
    yield _at_most(text, found.spread if found else None, SECURED_CPU_MAX)


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def _at_least(text: str, one: Series | None, other: Series | None, least: float) -> Goal:
    found = one.ratio(other) if one and other else None
    if found is None:
        return Goal(text, "-", None)
    spread = f"{digits(found.least)} to {digits(found.most)}"
    return Goal(text, f"{digits(found.median)} x ({spread})", found.median >= least)


def _at_most(text: str, found: Spread | None, most: float) -> Goal:
    if found is None:
        return Goal(text, "-", None)
    spread = f"{digits(found.least)} to {digits(found.most)}"
    return Goal(text, f"{digits(found.median)} x ({spread})", found.median <= most)


def _below(text: str, found: float | None, limit: float, form: str) -> Goal:
    if found is None:
        return Goal(text, "-", None)
    return Goal(text, form.format(found), found < limit)
