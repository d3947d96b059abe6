"""`python -m hosts`: a shop on many hosts, which lose each other, while clients buy."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import SystemRandom

from bazar.kit.errors import StartupError
from chaos.report import Progress
from hosts import run
from hosts.cluster import Cluster
from hosts.database_faults import DATABASE
from hosts.databases import OneServer
from hosts.faults import BRIEFLY, SERVICES
from hosts.namespaces import exited, run_inside, why_not
from hosts.run import Plan

PLANS: Mapping[str, Plan] = {
    "services": Plan("Hosts of services", SERVICES, Cluster),
    "database": Plan("Hosts of the database", DATABASE, Cluster),
    "brief": Plan("Hosts in brief", BRIEFLY, OneServer, quiet_s=1.0, shuffled=False, judged=False),
}
"""Each part by its name; the brief one is for every test run, and has to be asked for."""
WITHIN_S = 3600.0
NOT_HERE = 2
_INSIDE = "--inside"


def main(words: Sequence[str]) -> int:
    """Run the parts, each in a world of its own; return 1 where a promise was broken, else 0.

    Where nobody can make such a world here, or a program is missing, say so and return 2.
    """
    parser = _parser()
    options = parser.parse_args(words)
    parts = [name for name in options.only if _chosen(PLANS[name], options.fault).faults]
    if not parts:
        parser.error(f"no fault has {options.fault!r} in its name")
    if options.inside:
        return _run(options)
    if reason := why_not():
        sys.stderr.write(f"hosts: {reason}\n")
        return NOT_HERE
    folder = Path(options.folder or tempfile.mkdtemp(prefix="bazar-hosts-")).absolute()
    print(f"seed {options.seed}, in {folder}", flush=True)
    command = [sys.executable, "-m", "hosts", *words, "--seed", str(options.seed)]
    command += ["--folder", str(folder), _INSIDE, "--only"]
    code = 1
    try:
        code = max(run_inside([*command, part], os.environ, WITHIN_S) for part in parts)
    finally:
        if code or options.folder:
            print(f"\nhistory, databases and logs of each part are kept in {folder}", flush=True)
        else:
            shutil.rmtree(folder)
    return code


def _run(options: argparse.Namespace) -> int:
    """Run one part, and print its report."""
    (name,) = options.only
    part = Path(options.folder) / name
    part.mkdir(parents=True)
    plan = replace(
        _chosen(PLANS[name], options.fault), announced=options.announced, secured=options.tls
    )
    try:
        report = run.run(plan=plan, seed=options.seed, folder=part, progress=Progress())
    except StartupError as error:
        sys.stderr.write(f"hosts: {error}\n")
        return NOT_HERE
    print(f"\n{report.text()}", flush=True)
    return int(bool(report.violations))


def _chosen(plan: Plan, words: str) -> Plan:
    """Return a plan with those faults alone that have these words in their names."""
    return replace(plan, faults={name: it for name, it in plan.faults.items() if words in name})


def _parser() -> argparse.ArgumentParser:
    def listed(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - PLANS.keys():
            message = f"no part is called {', '.join(sorted(unknown))}"
            raise argparse.ArgumentTypeError(message)
        return names

    parser = argparse.ArgumentParser(prog="python -m hosts", description=__doc__)
    seed = SystemRandom().randrange(1_000_000)
    parser.add_argument("--seed", type=int, default=seed, help="replay the plan of this seed")
    parser.add_argument(
        "--only",
        type=listed,
        default=["services", "database"],
        metavar="PART,PART",
        help=f"of {', '.join(PLANS)} [services,database]",
    )
    parser.add_argument(
        "--fault", default="", metavar="WORDS", help="those that have these words in their names"
    )
    parser.add_argument(
        "--announced",
        action="store_true",
        help="the hosts announce themselves, and know no name of each other",
    )
    parser.add_argument("--tls", action="store_true", help="they talk to each other under TLS")
    parser.add_argument("--folder", help="keep histories, databases and logs here")
    parser.add_argument(_INSIDE, action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    # Told to end, it ends what it started first, as on Ctrl-C, which a shell may have it ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(exited(signal.SIGTERM)))
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(exited(signal.SIGINT))
