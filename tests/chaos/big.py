"""A large shop: a million books and orders, and nobody who waits for somebody else's question.

A folder of that size is made and opened. Each route is asked, a crowd of strangers searches while
buyers buy, some leave before their answer, a keeper imports and asks for reports. No turn of any
event loop may take long, every question has its answer in time, and the log stays small.
"""

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, sleep
from urllib.parse import quote

from bench.big import make, vocabulary

from bazar.kit.data.sqlite_checkpoints import LOG_BYTES_MAX
from chaos.report import Progress, Report, percentile
from support.processes import SERVICES, wait_for
from support.running import RunningShop

TURN_MAX_S = 0.05
ANSWER_MAX_S = 2.5
LIST_AFTER_LEAVING_MAX_S = 1.0
LOG_MAX_BYTES = 2 * LOG_BYTES_MAX
SEARCHERS = 3
BUYERS = 8
WORDS = ("a", "ka", "lomi", "ka lo mi", "ka lo mi ne ru st ve th an el or in")
STATUSES = ("pending", "confirmed", "rejected", "cancelled", "fulfilled")
PENDING = 2000
WIDE = 1024
"""Orders with a hundred lines, that nobody has decided yet."""
BATCH = 500
BATCHES = 40
"""Enough that the index of words has to put what is new in order, again and again."""
DESCRIPTION_WORDS = 60
SETTLE_S = 60.0
MIB = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What came of one call."""

    status: int
    took_s: float
    content: bytes = b""


@dataclass
class Large:
    """A large shop that runs, and what was found in it."""

    shop: RunningShop
    report: Report
    timed: bool
    """Whether times count: not where there are few books."""
    longest_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SERVICES, 0.0))

    def call(
        self,
        service: str,
        path: str,
        body: object = None,
        method: str = "",
        timeout_s: float = 130,
    ) -> Answer:
        """Call a service, with the secret."""
        request = urllib.request.Request(  # noqa: S310  an address of our own
            getattr(self.shop.addresses, service) + path,
            method=method or None,
            headers={"authorization": f"Bearer {self.shop.secret}"},
            data=None if body is None else json.dumps(body).encode(),
        )
        started_s = monotonic()
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:  # noqa: S310
                content: bytes = response.read()
                return Answer(response.status, monotonic() - started_s, content)
        except urllib.error.HTTPError as error:
            return Answer(error.code, monotonic() - started_s, error.read())

    def metric(self, service: str, name: str) -> float:
        """Return a metric of a service."""
        text = self.call(service, "/metrics").content.decode()
        found = re.search(rf"^{name}{{[^}}]*}} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def broken(self, sentence: str) -> None:
        """Note a broken promise."""
        self.report.violations.append(sentence)

    def turns(self, step: str) -> None:
        """Note which service had a turn that was too long, since the last step."""
        for service in SERVICES:
            longest_s = self.metric(service, "bazar_loop_longest_turn_seconds")
            if longest_s > max(TURN_MAX_S, self.longest_s[service]) and self.timed:
                self.broken(f"{step}: a turn of the {service}'s event loop took {longest_s:.3f} s")
            self.longest_s[service] = max(self.longest_s[service], longest_s)

    def ask(self, step: str, service: str, path: str, limit_s: float = ANSWER_MAX_S) -> Answer:
        """Ask a question that has to be answered in time."""
        answer = self.call(service, path)
        if answer.status != 200:
            self.broken(f"{step}: {answer.status} {answer.content[:200]!r}")
        elif answer.took_s > limit_s and self.timed:
            self.broken(f"{step} took {answer.took_s:.2f} s")
        self.report.add(f"  {step}", f"{answer.took_s * 1000:.0f} ms")
        self.turns(step)
        return answer


def run(*, books: int, orders: int, seconds: float, folder: Path, progress: Progress) -> Report:
    """Make a large shop and press it.

    Args:
        books: 100 or more; a million, where times are to mean something.
        orders: 1 or more.
        seconds: of searches beside purchases.
        folder: for its data.
        progress: is told what happens.
    """
    report = Report(f"A large shop ({books:,} books, {orders:,} orders)")
    progress.say("making the shop")
    started_s = monotonic()
    if not (folder / "data").exists():  # it is used again, where it was kept
        make(folder / "data", books, orders, PENDING, WIDE)
    report.add("made in, seconds", round(monotonic() - started_s))
    with RunningShop(folder / "data") as shop:
        large = Large(shop, report, timed=books >= 1_000_000)
        shop.wait_until_ready()
        report.add("open after, seconds", round(shop.opened_in_s, 1))
        recovered(large)
        progress.say("asking each route")
        routes(large)
        progress.say("strangers leave before their answers")
        leaving(large, books)
        progress.say("importing")
        imports(large)
        progress.say("searching beside purchases")
        beside(large, seconds, books)
    for service, longest_s in large.longest_s.items():
        report.add(f"longest turn of the {service}'s event loop, ms", round(longest_s * 1000, 1))
    progress.end()
    return report


def recovered(large: Large) -> None:
    """Wait until the orders that an earlier run left are decided."""

    def settled() -> bool:
        return b"[]" == large.call("order", "/orders?status=pending").content

    try:
        wait_for("the end of all pending orders", settled, SETTLE_S)
    except AssertionError as error:
        large.broken(f"recovery: {error}")
    large.turns("recovery")


def routes(large: Large) -> None:
    """Ask each route whose answer comes from many rows."""
    topics = json.loads(large.ask("topics", "catalog", "/topics").content)
    topic = quote(max(topics, key=lambda one: int(one["books"]))["topic"])
    for path in (f"/search/{topic}", f"/query?topic={topic}", "/info/77", "/books?limit=100"):
        large.ask(path[:20], "catalog", path)
    large.ask("a page of a topic", "catalog", f"/books?topic={topic}&limit=100")
    for words in WORDS:
        large.ask(f"search for {words}", "catalog", f"/books?q={quote(words)}&limit=100")
        step = f"search for {words} in a topic"
        large.ask(step, "catalog", f"/books?q={quote(words)}&topic={topic}")
        large.ask(f"search for {words}, front", "front", f"/books?q={quote(words)}")
    for status in STATUSES:
        large.ask(f"orders that are {status}", "order", f"/orders?status={status}&limit=100")
    large.ask("a page of the ledger", "catalog", "/movements?after=1000&limit=100")
    large.ask("a page of reservations", "catalog", "/reservations?limit=100")
    path = "/stock-report"
    while path:
        report = json.loads(large.ask("stock report", "catalog", path, limit_s=10).content)
        if report["differences"]:
            large.broken("stock report: it finds differences")
        following = report.get("next", "")
        path = following and f"/stock-report?after={following}"
    for service, name in (("catalog", "decisions"), ("order", "orders")):
        large.ask(f"audit of {name}", service, f"/audit/{name}")


def leaving(large: Large, books: int) -> None:
    """Let strangers ask for much and leave at once; then everybody else is served as ever."""
    for _ in range(8):
        with suppress(OSError):
            large.call("catalog", f"/books?q={quote(WORDS[-1])}", timeout_s=0.05)
    for path in (f"/books?after={books // 2}&limit=1", "/books?q=lomi&limit=1"):
        large.ask(f"{path[:10]} after they left", "catalog", path, LIST_AFTER_LEAVING_MAX_S)


def imports(large: Large) -> None:
    """Import rows whose words differ, and only look what an import would do."""
    chance = Random(2)
    words = vocabulary(chance)
    batches = [
        [{"row": row, "book": _new_book(chance, words, row)} for row in range(first, first + BATCH)]
        for first in range(0, BATCH * BATCHES, BATCH)
    ]
    for step, dry_run in (("dry run", True), ("import", False)):
        for rows in batches if large.timed else batches[:4]:
            body = {"rows": rows, "dry_run": dry_run, "key": "big"}
            answer = large.call("catalog", "/imports", body, "POST")
            if answer.status != 200:
                large.broken(f"{step}: {answer.status} {answer.content[:200]!r}")
        large.turns(step)


def _new_book(chance: Random, words: list[str], row: int) -> dict[str, object]:
    return {
        "title": f"{' '.join(chance.choices(words, k=6))} {row}",
        "author": " ".join(chance.choices(words, k=2)),
        "topic": f"imported {row % 7}",
        "price": 10,
        "quantity": 3,
        "description": " ".join(chance.choices(words, k=DESCRIPTION_WORDS)),
    }


@contextmanager
def searching(large: Large) -> Iterator[list[Answer]]:
    """Have strangers search without a pause; tell their answers."""
    answers: list[Answer] = []
    over = threading.Event()

    def again_and_again() -> None:
        while not over.is_set():
            answers.append(large.call("catalog", "/books?q=ka"))

    with ThreadPoolExecutor(SEARCHERS) as strangers:
        for _ in range(SEARCHERS):
            strangers.submit(again_and_again)
        try:
            yield answers
        finally:
            over.set()


def beside(large: Large, seconds: float, books: int) -> None:
    """Let buyers buy for a while beside strangers who search; look at the log meanwhile."""
    end_s = monotonic() + seconds
    largest = 0.0

    def buy(buyer: int) -> list[Answer]:
        bought: list[Answer] = []
        while monotonic() < end_s:
            book_id = 1 + (len(bought) * 7919 + buyer) % books
            bought.append(large.call("front", f"/purchase/{book_id}", method="POST"))
        return bought

    with searching(large) as searched, ThreadPoolExecutor(BUYERS) as buyers:
        purchases = [buyers.submit(buy, buyer) for buyer in range(BUYERS)]
        while monotonic() < end_s:
            largest = max(largest, large.metric("catalog", "bazar_wal_bytes"))
            sleep(0.5)
        answers = [one for purchase in purchases for one in purchase.result()]
    if largest > LOG_MAX_BYTES:
        large.broken(f"the catalog's log grew to {largest / MIB:.0f} MiB")
    counted: Mapping[str, list[Answer]] = {"purchases": answers, "searches beside": searched}
    for name, found in counted.items():
        took_s = sorted(one.took_s for one in found)
        failed = [one.status for one in found if one.status not in {200, 201}]
        if failed:
            large.broken(f"{name}: {len(failed)} of {len(found)} were not answered: {failed[:5]}")
        large.report.add(f"{name}, p50 and p99", _milliseconds(took_s))
    large.report.add("largest log of the catalog, MiB", round(largest / MIB))
    large.turns("searches beside purchases")


def _milliseconds(took_s: list[float]) -> str:
    return f"{percentile(took_s, 0.5) * 1000:.0f} and {percentile(took_s, 0.99) * 1000:.0f} ms"
