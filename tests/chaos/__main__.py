"""`python -m chaos`: let everything go wrong that can, and see whether the shop keeps its word."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from chaos import big, crash_points, kills, power, slow_clients, soak, storm
from chaos.report import Progress, Report
from chaos.setting import ENGINES, Engine, Setting

BIG_SECONDS = 60.0


@dataclass(frozen=True)
class Given:
    """What every part is told."""

    seed: int
    purchases: int
    faults: int
    crash_points: int
    power_cuts: int
    kills: int
    soak_minutes: float
    big_books: int
    engine: Engine
    replicas: int
    fronts: int
    folder: Path
    """Of this part alone; it is kept where something was wrong."""
    progress: Progress

    @property
    def setting(self) -> Setting:
        """Return which kind of shop it is."""
        return Setting(self.engine, self.replicas, self.fronts)


def _storm(given: Given) -> Report:
    return storm.run(
        seed=given.seed,
        purchases=given.purchases,
        faults=given.faults,
        folder=given.folder,
        progress=given.progress,
        setting=given.setting,
    )


def _crash_points(given: Given) -> Report:
    return crash_points.run(
        points=given.crash_points,
        seed=given.seed,
        folder=given.folder,
        progress=given.progress,
    )


def _power_cuts(given: Given) -> Report:
    return power.run(
        cuts=given.power_cuts,
        seed=given.seed,
        folder=given.folder,
        progress=given.progress,
    )


def _slow_clients(given: Given) -> Report:
    return slow_clients.run(seed=given.seed, folder=given.folder, progress=given.progress)


def _kills(given: Given) -> Report:
    return kills.run(
        seed=given.seed,
        folder=given.folder,
        progress=given.progress,
        kills=given.kills,
        setting=given.setting,
    )


def _big(given: Given) -> Report:
    return big.run(
        books=given.big_books,
        orders=given.big_books,
        seconds=BIG_SECONDS,
        folder=given.folder,
        progress=given.progress,
    )


def _soak(given: Given) -> Report:
    return soak.run(
        seed=given.seed,
        minutes=given.soak_minutes,
        folder=given.folder,
        progress=given.progress,
    )


Parts = Mapping[str, Callable[[Given], Report]]
PARTS: Parts = {
    "storm": _storm,
    "crash-points": _crash_points,
    "power-cuts": _power_cuts,
    "slow-clients": _slow_clients,
    "kills": _kills,
    "big": _big,
    "soak": _soak,
}
"""Each part by its name, in the order in which they run."""
ANY_ENGINE = frozenset({"storm", "kills"})
"""The parts that run on every engine; most others strike at SQLite's files."""
FIGURES = frozenset(Given.__dataclass_fields__) - {"folder", "progress"}


def main(words: Sequence[str] | None = None, parts: Parts = PARTS) -> int:
    """Run the parts, print their reports, and return 1 where a promise was broken, else 0."""
    parser = _parser(parts)
    options = _fitting(parser, parser.parse_args(words))
    folder = Path(options.folder or tempfile.mkdtemp(prefix="bazar-chaos-"))
    print(f"seed {options.seed}, in {folder}")
    reports = []
    for name in options.only or _asked_for(options, parts):
        part = folder / name
        part.mkdir(parents=True)
        figures = {name: value for name, value in vars(options).items() if name in FIGURES}
        reports.append(parts[name](Given(**figures, folder=part, progress=Progress())))
    for report in reports:
        print(f"\n{report.text()}")
    broken = any(report.violations for report in reports)
    if broken or options.folder:
        print(f"\nhistory, databases and logs of each part are kept in {folder}")
    else:
        shutil.rmtree(folder)
    return int(broken)


def _asked_for(options: argparse.Namespace, parts: Parts) -> list[str]:
    """Return the parts to run; a soak takes its time and has to be asked for."""
    if options.engine != "sqlite":
        return [name for name in parts if name in ANY_ENGINE]
    return [name for name in parts if name != "soak" or options.soak_minutes]


def _fitting(parser: argparse.ArgumentParser, options: argparse.Namespace) -> argparse.Namespace:
    """Refuse what cannot be, and fill in what follows from the engine."""
    shared = options.engine != "sqlite"
    if not shared and (options.replicas or 1) > 1:
        parser.error("SQLite has one catalog and one order service: --engine postgresql has more")
    if shared and set(options.only or ()) - ANY_ENGINE:
        parser.error(f"on PostgreSQL there are {', '.join(sorted(ANY_ENGINE))} alone")
    options.replicas = options.replicas or (2 if shared else 1)
    options.fronts = options.fronts or (2 if shared else 1)
    return options


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        message = "at least 1"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _parser(parts: Parts) -> argparse.ArgumentParser:
    def listed(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - parts.keys():
            message = f"no part is called {', '.join(sorted(unknown))}"
            raise argparse.ArgumentTypeError(message)
        return names

    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    seed = SystemRandom().randrange(1_000_000)
    parser.add_argument("--seed", type=int, default=seed, help="replay the plan of this seed")
    parser.add_argument("--purchases", type=int, default=20_000, help="at least so many")
    parser.add_argument("--faults", type=int, default=300, help="so many strike meanwhile")
    parser.add_argument(
        "--engine", choices=ENGINES, default="sqlite", help="on which database: storm, kills"
    )
    parser.add_argument(
        "--replicas", type=_count, help="catalogs, and order services [2, SQLite: 1]"
    )
    parser.add_argument("--fronts", type=_count, help="[2, SQLite: 1]")
    parser.add_argument("--crash-points", type=int, default=300, help="so many in all services")
    parser.add_argument("--power-cuts", type=int, default=1000, help="so many in all shops")
    parser.add_argument(
        "--kills", type=int, default=25, help="of a supervised service, one a second"
    )
    parser.add_argument("--big-books", type=int, default=1_000_000, help="and as many orders")
    parser.add_argument("--only", type=listed, metavar="PART,PART", help=f"of {', '.join(parts)}")
    parser.add_argument(
        "--soak-minutes", type=float, default=0.0, help="steady load for so long; none by default"
    )
    parser.add_argument("--folder", help="keep histories, databases and logs here")
    return parser


if __name__ == "__main__":
    # Told to end, it ends what it started first, as on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
