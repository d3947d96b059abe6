"""`python -m chaos`: let everything go wrong that can, and see whether the shop keeps its word."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from chaos import storm
from chaos.report import Progress, Report


@dataclass(frozen=True)
class Given:
    """What every part is told."""

    seed: int
    purchases: int
    faults: int
    folder: Path
    """Of this part alone; it is kept where something was wrong."""
    progress: Progress


def _storm(given: Given) -> Report:
    return storm.run(
        seed=given.seed,
        purchases=given.purchases,
        faults=given.faults,
        folder=given.folder,
        progress=given.progress,
    )


PARTS: dict[str, Callable[[Given], Report]] = {
    "storm": _storm,
}
"""Each part by its name, in the order in which they run."""


def main() -> int:
    """Run the parts, print their reports, and return 1 where a promise was broken, else 0."""
    options = _parser().parse_args()
    names = options.only.split(",") if options.only else list(PARTS)
    folder = Path(options.folder or tempfile.mkdtemp(prefix="bazar-chaos-"))
    print(f"seed {options.seed}; histories and logs are in {folder}")
    reports = []
    for name in names:
        part = folder / name
        part.mkdir(parents=True)
        given = Given(options.seed, options.purchases, options.faults, part, Progress())
        reports.append(PARTS[name](given))
    for report in reports:
        print(f"\n{report.text()}")
    return int(any(report.violations for report in reports))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    seed = SystemRandom().randrange(1_000_000)
    parser.add_argument("--seed", type=int, default=seed, help="replay the plan of this seed")
    parser.add_argument("--purchases", type=int, default=20_000, help="at least so many")
    parser.add_argument("--faults", type=int, default=300, help="so many strike meanwhile")
    parser.add_argument("--only", metavar="PART,PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--folder", help="keep histories, databases and logs here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
