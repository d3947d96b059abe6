"""Are the books right after the load, and after a race for the last copies?"""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from time import monotonic, sleep

from bench.client import SUCCESS, ask, status_of
from bench.lab.titles import BOOKS
from bench.load import new_nonce
from bench.measure import Check, Result, running
from bench.processes import ROOT, environment
from bench.systems import Bazar, Lab, System

RACE_COPIES = 20
RACE_CLIENTS = 16
RACE_PURCHASES_EACH = 5
RACE_BOOK = 8
"""In Bazar: a book of its own, so that the load's books need not be sold out."""
AUDIT_TIMEOUT_S = 3600
REST_S = 6.0
REST_POLL_S = 0.2
REST_TIMEOUT_S = 30.0
_CONFLICT = 409
_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Race:
    """The answers to more purchases at once than there are copies."""

    bought: int
    refused: int
    failed: int

    def text(self) -> str:
        """Say what was answered."""
        asked = RACE_CLIENTS * RACE_PURCHASES_EACH
        return (
            f"race for {RACE_COPIES} copies, {RACE_CLIENTS} clients, {asked} purchases: "
            f"{self.bought} bought, {self.refused} refused, {self.failed} failed"
        )


def race(front: str, book_id: int) -> Race:
    """Let clients that start together buy a book until they have asked five times each."""
    together = Barrier(RACE_CLIENTS)

    def client(_number: int) -> list[int]:
        together.wait()
        return [
            status_of(f"{front}/purchase/{book_id}", "POST", {"Idempotency-Key": f'"{key}"'})
            for key in [new_nonce() for _ in range(RACE_PURCHASES_EACH)]
        ]

    with ThreadPoolExecutor(RACE_CLIENTS) as pool:
        statuses = Counter(
            status for given in pool.map(client, range(RACE_CLIENTS)) for status in given
        )
    bought = sum(count for status, count in statuses.items() if status in SUCCESS)
    return Race(bought, statuses[_CONFLICT], statuses.total() - bought - statuses[_CONFLICT])


def check_bazar(bazar: Bazar, result: Result) -> list[Check]:
    """Race for the last copies, then audit the shop: it must be clean."""
    front = bazar.urls[0]
    bazar.add_book(RACE_BOOK, "The last copies", "races", 10.0, RACE_COPIES)
    raced = race(front, RACE_BOOK)
    bazar.processes.wait_until_quiet()
    left = json.loads(ask(f"{front}/info/{RACE_BOOK}").body)["quantity"]
    right = raced.bought == RACE_COPIES and left == 0 and raced.failed == 0
    race_check = Check([f"{raced.text()}; {left} left"], right)
    return [_audit(bazar, result.bought + raced.bought), race_check]


def _audit(bazar: Bazar, bought: int) -> Check:
    catalog, order = bazar.urls[1:]
    command = [sys.executable, "-m", "bazar", "audit", "--json", "--data", str(bazar.data)]
    command += ["--catalog", catalog, "--order", order]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=AUDIT_TIMEOUT_S,
    )
    if not done.stdout.startswith("{"):
        return Check([f"bazar audit failed: {done.stderr.strip()}"], good=False)
    report = json.loads(done.stdout)
    differences = report["differences"]
    lost = max(0, bought - report["copies_sold"])
    counts = ", ".join(
        f"{report[what]} {what}" for what in ("books", "movements", "reservations", "orders")
    )
    answered = f"{bought} purchases answered, {_undecided(bazar)} of them with 202"
    lines = [
        f"bazar audit: {counts}",
        f"  {len(differences)} differences" if differences else "  clean: everything adds up",
        *[f"  {text}" for text in differences[:10]],
        f"{answered}; {report['copies_sold']} sold, {report['pending']} pending, {lost} lost",
    ]
    return Check(lines, done.returncode == 0 and not differences and not lost)


def _undecided(bazar: Bazar) -> int:
    """Count the purchases that the front could only accept, by its own metrics."""
    total = 0.0
    for line in ask(f"{bazar.urls[0]}/metrics").body.decode().splitlines():
        name, _brace, rest = line.partition("{")
        if name == "bazar_requests_total" and f'status="{_ACCEPTED}"' in rest:
            total += float(rest.rsplit(" ", 1)[1])
    return int(total)


def check_lab(lab: Lab, result: Result) -> list[Check]:
    """Compare the lab's stock with its orders, after the load and after a race on a fresh lab."""
    taken, orders = _at_rest(lab)
    unequal = sum(taken.get(book_id, 0) != orders.get(book_id, 0) for book_id in taken | orders)
    lost = max(0, result.bought - sum(orders.values()))
    counts = f"{sum(orders.values())} orders, {sum(taken.values())} copies gone, {lost} lost"
    lines = [
        f"{result.bought} purchases answered; {counts}",
        f"  stock and orders differ for {unequal} of {len(BOOKS)} books",
    ]
    return [Check(lines, good=True), _race_lab(lab.folder.parent / "race")]


def check_nothing(_system: System, _result: Result) -> list[Check]:
    """Find nothing to check in a system without books."""
    return []


def _at_rest(lab: Lab) -> tuple[dict[int, int], dict[int, int]]:
    """Return copies gone and orders by book, when nothing changes them any more.

    A purchase that waits for a lock of SQLite uses no processor, for up to 5 s: what differs is
    looked at again until it has stayed the same for longer than that.
    """
    give_up_s = monotonic() + REST_TIMEOUT_S
    seen, since_s = lab.books(), monotonic()
    while seen[0] != seen[1] and monotonic() < min(give_up_s, since_s + REST_S):
        sleep(REST_POLL_S)
        now = lab.books()
        if now != seen:
            seen, since_s = now, monotonic()
    return seen


def _race_lab(folder: Path) -> Check:
    with running(Lab(folder, RACE_COPIES)) as lab:
        raced = race(lab.urls[0], 1)
        lab.processes.wait_until_quiet()
        gone, ordered = _at_rest(lab)
    left, orders = RACE_COPIES - gone.get(1, 0), ordered.get(1, 0)
    sold = max(0, orders - RACE_COPIES)
    return Check(
        [f"{raced.text()}", f"  {orders} orders, {left} left: {sold} copies oversold"], good=True
    )
