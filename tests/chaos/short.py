"""A storm that is small enough for every test run."""

import sys
from pathlib import Path
from random import SystemRandom

from chaos import storm
from chaos.history import Call, read
from chaos.report import Progress
from chaos.setting import Setting
from chaos.workload import CREATED


def assert_kept(folder: Path, setting: Setting, purchases: int, faults: int) -> None:
    """Let a short storm pass over a shop, and find no promise broken.

    To see one run again: `python -m chaos --only storm --purchases N --faults N --seed SEED`, with
    `--engine`, `--replicas` and `--fronts` as they were.

    Args:
        folder: for databases, logs and the history.
        setting: which kind of shop.
        purchases: how many are to be acknowledged, at least.
        faults: how many strike meanwhile.
    """
    seed = SystemRandom().randrange(1_000_000)
    sys.stdout.write(f"seed {seed}\n")
    report = storm.run(
        seed=seed,
        purchases=purchases,
        faults=faults,
        folder=folder,
        progress=Progress(quiet=True),
        setting=setting,
    )
    shown = f"{report.text()}\nthe history is in {folder / storm.HISTORY}"
    assert [] == report.violations, shown
    calls = [record for record in read(folder / storm.HISTORY) if isinstance(record, Call)]
    assert purchases <= len({call.key for call in calls if call.status == CREATED})
    assert ("faults", faults) in report.rows
