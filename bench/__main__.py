"""`make bench`: measure this shop, the lab's way and nginx in one run, and print one table."""

import argparse
import importlib.util
import json
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import NoReturn

SYSTEMS = ("bazar", "lab", "nginx")
NEEDED = ("bazar", "flask", "psutil", "requests")
NO_NGINX = "nginx is not installed, so the limit is not measured (Debian: apt-get install nginx)"
EXIT_INVALID = 1
EXIT_CANNOT = 2
EXIT_STOPPED = 130


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--duration", type=_seconds, default=5, help="seconds a row [5]")
    parser.add_argument("--warmup", type=_seconds_or_none, default=1, help="seconds before it [1]")
    parser.add_argument(
        "--only", type=_systems, default=SYSTEMS, metavar="NAMES", help="of bazar,lab,nginx"
    )
    parser.add_argument(
        "--overload", type=_seconds_or_none, default=30, help="seconds of overload, 0: none [30]"
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

    if "nginx" in options.only and find_nginx() is None:
        options.only = tuple(name for name in options.only if name != "nginx")
        print(f"bench: {NO_NGINX}", file=sys.stderr)
        if not options.only:
            return EXIT_CANNOT
    signal.signal(signal.SIGTERM, _stop)
    folder = Path(mkdtemp(prefix="bazar-bench-"))
    keep = True  # what failed is to be looked at
    try:
        valid = run(options, folder)
        keep = not valid
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
    from bench.books import check_bazar, check_lab, check_nothing
    from bench.machine import facts, method
    from bench.measure import Options, Result, measure
    from bench.nginx import Nginx, plain_samples
    from bench.overload import measure_overload
    from bench.report import Report
    from bench.systems import Bazar, Lab

    options = Options(given.duration, given.warmup)
    stated = facts(folder), method(options)
    print(Report(*stated, []).header(), end="\n\n", flush=True)
    results: list[Result] = []
    samples = plain_samples()
    if "bazar" in given.only:
        results.append(measure("bazar", Bazar, folder / "bazar", options, check_bazar))
        samples |= results[-1].samples
    if "lab" in given.only:
        results.append(measure("lab", Lab, folder / "lab", options, check_lab))
    if "nginx" in given.only:

        def nginx(at: Path) -> Nginx:
            return Nginx(at, samples)

        results.append(measure("nginx", nginx, folder / "nginx", options, check_nothing))
    overload = None
    if "bazar" in given.only and given.overload:
        overload = measure_overload(folder / "overload", given.overload)
    report = Report(*stated, results, overload)
    print(report.figures(), flush=True)
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(report.as_data(options), indent=2) + "\n")
    return report.valid()


def cannot(message: str) -> int:
    """Say why nothing was measured."""
    print(f"bench: {message}", file=sys.stderr)
    return EXIT_CANNOT


def _seconds(text: str) -> int:
    value = int(text)
    if value < 1:
        message = "at least 1"
        raise argparse.ArgumentTypeError(message)
    return value


def _seconds_or_none(text: str) -> int:
    return 0 if text == "0" else _seconds(text)


def _systems(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    unknown = set(chosen) - set(SYSTEMS)
    if unknown:
        message = f"{', '.join(sorted(unknown))}: choose of {', '.join(SYSTEMS)}"
        raise argparse.ArgumentTypeError(message)
    return chosen


def _stop(_number: int, _frame: object) -> NoReturn:
    """Leave as on Ctrl-C, so that every process started here is stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
