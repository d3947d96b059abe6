"""The checks that bugs are shown to: parts of the harness, each small, run as a person would."""

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

THREE_SERVICES = ("serve catalog", "serve order", "serve front")


@dataclass(frozen=True)
class Part:
    """A check: a module that is run, which ends with 1 and says what is wrong where it is."""

    name: str
    words: tuple[str, ...]
    """After `python -m`."""
    processes: tuple[str, ...]
    """Words from the commands of all that have to import the package while it runs."""
    says: re.Pattern[str]
    """Finds the sentences that name a broken promise in what it prints."""
    limit_s: float
    """A run that takes longer proves nothing: every check has much shorter bounds of its own."""

    def command(self, seed: int, folder: Path) -> list[str]:
        """Return the words that run it.

        Args:
            seed: of everything that it draws.
            folder: for what it writes.
        """
        words = (word.format(seed=seed, folder=folder) for word in self.words)
        return [sys.executable, "-m", *words]


def _chaos(name: str, *figures: str, processes: tuple[str, ...] = ()) -> Part:
    """Return a part of `make chaos`, with figures of its own."""
    words = ("chaos", "--only", name, "--seed", "{seed}", "--folder", "{folder}", *figures)
    says = re.compile(r"^  - (.+)$", re.MULTILINE)
    return Part(name, words, ("-m chaos", *processes), says, limit_s=240)


def _tests(name: str, path: str) -> Part:
    """Return tests; the names of those that fail are the sentences."""
    options = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed={seed}")
    without_src = "--override-ini=pythonpath=tests"
    says = re.compile(r"^FAILED \S+?::(.+)$", re.MULTILINE)
    return Part(name, ("pytest", path, *options, without_src), ("-m pytest",), says, limit_s=120)


STORM = _chaos("storm", "--purchases", "300", "--faults", "12", processes=THREE_SERVICES)
POWER_CUTS = _chaos("power-cuts", "--power-cuts", "40")
CRASH_POINTS = _chaos("crash-points", "--crash-points", "12", processes=THREE_SERVICES)
RESERVE_MODEL = _tests("reserve model", "tests/unit/catalog/test_reserve_model.py")
PLACE_MODEL = _tests("place model", "tests/unit/order/test_place_model.py")
CACHE_MODEL = _tests("cache model", "tests/unit/front/upstream/test_cache.py")
OVERTAKEN = _tests(
    "overtaken by a cancel",
    "tests/service/test_order_lifecycle.py"
    "::test_a_cancel_that_overtakes_the_recovery_loop_is_never_sold",
)
CLIMBING = replace(
    _tests(
        "climbing paths",
        "tests/fuzz/test_ugly_requests.py"
        "::test_a_path_does_not_climb_to_where_strangers_may_not_go",
    ),
    processes=("-m pytest", *THREE_SERVICES),
)
OWN_SALES = _tests(
    "front test",
    "tests/service/test_front.py::test_the_front_sees_its_own_sales_before_the_feed_tells_of_them",
)
"""In a storm the feed is seldom slower than the next read."""
TAMPERING = _tests("tampering tests", "tests/service/test_audit_tampering.py")
REMOTE = _tests("remote tests", "tests/unit/tools/test_remote.py")
EXIT_CODES = _tests("exit codes", "tests/unit/cli/test_main.py")
IMPORTS = _tests("import tests", "tests/service/test_catalog_imports.py")
LAZY_WRITES = _tests("lazy writes", "tests/contract/test_lazy_writes.py")
LAZY_CUTS = _tests(
    "power cuts among lazy writes",
    "tests/chaos/test_power_cuts.py"
    "::test_a_power_cut_takes_lazy_writes_from_the_end_and_no_durable_one",
)
FAULTS = _tests(
    "faults around a batch",
    "tests/contract/test_sqlite.py::test_a_fault_around_a_batch_ends_the_process_with_a_line",
)
LOG = _tests("SQLite's log", "tests/contract/test_sqlite_log.py")
SCANS = _tests("scans", "tests/contract/test_scans.py")
PLANS = _tests("plans", "tests/contract/test_plans.py")
LOCK = _tests("lock", "tests/unit/kit/test_lock.py")
KEYED_WRITES = _tests("keyed writes", "tests/service/test_catalog_keys.py")
