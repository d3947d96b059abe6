"""`make bench`: measure this shop and its references in turns, and print one table."""

import argparse
import importlib.util
import json
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from bench.measure import Check, Party, Result
    from bench.systems import System

SYSTEMS = ("bazar", "postgres1", "postgres2", "nginx", "floor", "lab")
ROW = re.compile("(info|search)(:(1|64))?|page(:64)?|(purchase|many|one)(:(1|64|256))?")
NEEDED = ("bazar", "flask", "psutil", "requests")
NO_NGINX = "nginx is not installed, so the limit is not measured (Debian: apt-get install nginx)"
T = TypeVar("T")
EXIT_INVALID = 1
EXIT_CANNOT = 2
EXIT_STOPPED = 130


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=_count, default=5, help="turns of each system a row [5]")
    parser.add_argument("--duration", type=_count, default=2, help="seconds a turn [2]")
    parser.add_argument(
        "--warmup", type=_count_or_none, default=1, help="seconds before the first round [1]"
    )
    parser.add_argument(
        "--only",
        type=_systems,
        default=SYSTEMS,
        metavar="NAMES",
        help=f"of {','.join(SYSTEMS)}; postgres2 is a shop with two replicas",
    )
    parser.add_argument(
        "--rows",
        type=_rows,
        default=(),
        metavar="ROWS",
        help="of info,search,page,purchase,many,one (books); with clients: purchase:256 [all]",
    )
    parser.add_argument(
        "--overload", type=_count_or_none, default=30, help="seconds of overload, 0: none [30]"
    )
    parser.add_argument(
        "--imports",
        type=_count_or_none,
        default=100_000,
        metavar="ROWS",
        help="rows that are imported beside a bulk insert, 0: none [100000]",
    )
    parser.add_argument(
        "--replicas",
        choices=("on", "off"),
        default="on",
        help="whether replicas are lost, hang and follow changes [on]",
    )
    parser.add_argument(
        "--searches",
        type=_count_or_none,
        default=1_000_000,
        metavar="BOOKS",
        help="of the shops that are searched, 0: none [1000000]",
    )
    parser.add_argument(
        "--tls",
        choices=("on", "off"),
        default="on",
        help="whether calls under TLS are measured [on]",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    return parser.parse_args(arguments)


def main() -> int:
    """Measure; 0: all is valid, 1: a row or the shop's books are not, 2: it cannot measure."""
    options = parse()
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return cannot(f"{', '.join(missing)} not installed; 'make bench' installs what is needed")
    if shutil.which("wrk") is None:
        return cannot(
            "wrk is not installed, and it makes the load.\n"
            "  Debian, Ubuntu: sudo apt-get install wrk\n"
            "  Fedora: sudo dnf install wrk; macOS: brew install wrk"
        )
    from bench.nginx import find_nginx
    from bench.processes import BenchError

    if "nginx" in options.only and find_nginx() is None:
        options.only = tuple(name for name in options.only if name != "nginx")
        print(f"bench: {NO_NGINX}", file=sys.stderr)
        if not options.only:
            return EXIT_CANNOT
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    folder = Path(mkdtemp(prefix="bazar-bench-"))
    keep = True  # what failed is to be looked at
    try:
        valid = run(options, folder)
        keep = not valid
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return EXIT_INVALID
    except KeyboardInterrupt:
        keep = False
        print("bench: stopped", file=sys.stderr)
        return EXIT_STOPPED
    finally:
        if keep:
            print(f"logs and data are kept in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if valid else EXIT_INVALID


def run(given: argparse.Namespace, folder: Path) -> bool:
    """Measure what was asked for, print it, and tell whether it is valid.

    Args:
        given: the command line.
        folder: empty; for all data and logs.
    """
    from bench.importing import measure_importing
    from bench.machine import facts, method
    from bench.measure import Options, measure
    from bench.overload import measure_overload
    from bench.replicas import measure_replicas
    from bench.report import Report
    from bench.rows import chosen
    from bench.searching import measure_searches
    from bench.securing import measure_securing

    options = Options(given.rounds, given.duration, given.warmup)
    stated = facts(folder), method(options)
    print(Report(*stated, []).header(), end="\n\n", flush=True)
    with ExitStack() as until:
        parties = start(given.only, folder, until)
        measure(parties, chosen(given.rows), options)
        for party in parties:
            party.check_books()
    results = [party.result for party in parties]
    overload = replicas = searches = None
    if "bazar" in given.only and given.overload:
        overload = _tried(results[0], measure_overload, folder / "overload", given.overload)
    if "postgres2" in given.only and given.replicas == "on":
        replicas = _tried(results[0], measure_replicas, folder / "replicas")
    if given.searches and "bazar" in given.only:
        engines = ["sqlite", *(["postgresql"] if "postgres1" in given.only else [])]
        searches = _tried(
            results[0], measure_searches, folder / "searches", given.searches, engines
        )
    report = Report(*stated, results, overload, replicas, searches)
    if "bazar" in given.only and given.imports:
        report.importing = _tried(results[0], measure_importing, folder / "imports", given.imports)
    if "bazar" in given.only and given.tls == "on":
        report.securing = _tried(results[0], measure_securing, folder / "securing")
    print(report.figures(), flush=True)
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(report.as_data(options), indent=2) + "\n")
    return report.valid()


def _tried(
    result: "Result", measure: "Callable[..., T]", folder: Path, *given: object
) -> "T | None":
    """Measure something of its own; where that fails, note a bad check."""
    from bench.measure import Check, tell
    from bench.processes import BenchError

    try:
        return measure(folder, *given)
    except BenchError as error:
        tell(f"{folder.name} FAILED: {error}")
        result.checks.append(Check([f"{folder.name} FAILED: {error}"], good=False))
        return None


def start(names: Sequence[str], folder: Path, until: ExitStack) -> "list[Party]":
    """Start the systems, the shop first: nginx and floor give its answers.

    Raises:
        BenchError: one of them does not start.
    """
    from bench.books import check_bazar, check_lab, check_nothing
    from bench.measure import join
    from bench.nginx import Nginx, plain_samples
    from bench.rows import INFO, MANY_BOOKS, PAGE
    from bench.shared import One, Two
    from bench.systems import Bazar, Floor, Lab

    samples = plain_samples()
    kinds: dict[str, tuple[Callable[[Path], System], Callable[..., list[Check]]]] = {
        "bazar": (Bazar, check_bazar),
        "postgres1": (One, check_bazar),
        "postgres2": (Two, check_bazar),
        "nginx": (lambda at: Nginx(at, samples), check_nothing),
        "floor": (lambda at: Floor(at, samples), check_nothing),
        "lab": (Lab, check_lab),
    }
    parties = []
    for name in (name for name in SYSTEMS if name in names):
        make, check = kinds[name]
        party = join(make, folder / name, check, until)
        parties.append(party)
        if name == "bazar":
            front, sampled = party.system.urls[0], (INFO, MANY_BOOKS, PAGE)
            samples |= {load.name: load.probe(front) for load in sampled}
            party.result.bought += 1
    return parties


def cannot(message: str) -> int:
    """Say why nothing was measured."""
    print(f"bench: {message}", file=sys.stderr)
    return EXIT_CANNOT


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        message = "at least 1"
        raise argparse.ArgumentTypeError(message)
    return value


def _count_or_none(text: str) -> int:
    return 0 if text == "0" else _count(text)


def _systems(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    unknown = set(chosen) - set(SYSTEMS)
    if unknown:
        message = f"{', '.join(sorted(unknown))}: choose of {', '.join(SYSTEMS)}"
        raise argparse.ArgumentTypeError(message)
    return chosen


def _rows(text: str) -> tuple[str, ...]:
    rows = tuple(text.split(","))
    unknown = [row for row in rows if not ROW.fullmatch(row)]
    if unknown:
        message = f"{', '.join(unknown)}: no such row"
        raise argparse.ArgumentTypeError(message)
    return rows


def _stop(_number: int, _frame: object) -> NoReturn:
    """Leave, so that every process started here is stopped; a second Ctrl-C does not stop that."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
