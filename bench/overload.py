"""Ten times the customers that the shop can serve: what the served get, and what the others hear.

A customer buys a copy, thinks for a while, and buys the next. More and more of them show the peak;
then ten times as many come as it serves. Whoever is refused stays away as long as `Retry-After`
says, as browsers, command lines and well-made clients do. A last run shows what clients do who ask
again at once, whatever they are told.

wrk makes the crowd, on the same cores, and takes more of them the larger it is; what it takes is
told. It cannot tell the latency of a refusal from that of a sale, so a few probes
buy beside it, one after the other, and measure both.
"""

import json
import resource
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.load import MARK, new_nonce, run_wrk
from bench.measure import running, tell
from bench.processes import BenchError
from bench.rows import MANY_BOOKS
from bench.systems import Bazar

THINK_MS = 100
TIMES = 10
PEAK_CUSTOMERS = (300, 600, 900, 1200)
IMPATIENT_CLIENTS = 640
PEAK_DURATION_S = 4
CALM_DURATION_S = 10
CALM_SHARE = 0.5
PROBES = 8
PROBE_INTERVAL_S = 0.1
PROBE_TIMEOUT_S = 20.0
NORMAL_FACTOR = 2.0
"""A second is normal again when its median latency is at most this many times the calm one."""
FILES_WANTED = 20_000
_BOUGHT, _REFUSED = 201, 503

_SCRIPT = """
local threads = {}
local paths = { %(paths)s }

function setup(thread) table.insert(threads, thread) end

function init(arguments)
  nonce, think_ms, patient = arguments[1], tonumber(arguments[2]), arguments[3] == "patient"
  sent, bought, refused, others, waits = 0, 0, 0, 0, {}
end

function request()
  sent = sent + 1
  local path = paths[sent %% #paths + 1]
  return "POST " .. path .. " HTTP/1.1\\r\\nHost: " .. wrk.headers["Host"]
    .. "\\r\\nContent-Length: 0"
    .. "\\r\\nIdempotency-Key: \\"" .. nonce .. "-" .. sent .. "\\"\\r\\n\\r\\n"
end

function response(status, headers)
  if status == 201 then bought = bought + 1
  elseif status == 503 then
    refused = refused + 1
    if patient then waits[#waits + 1] = tonumber(headers["retry-after"] or 1) * 1000 end
  else others = others + 1 end
end

function delay()
  if #waits > 0 then return table.remove(waits) end
  return think_ms > 0 and math.random(0, 2 * think_ms) or 0
end

function done(summary)
  local total = { 0, 0, 0 }
  for _, thread in ipairs(threads) do
    for place, name in ipairs({ "bought", "refused", "others" }) do
      total[place] = total[place] + thread:get(name)
    end
  end
  local errors = summary.errors
  io.write(string.format(
    '%(mark)s{"us":%%d,"bought":%%d,"refused":%%d,"closed":%%d,"failed":%%d}\\n',
    summary.duration, total[1], total[2], errors.read,
    total[3] + errors.connect + errors.write + errors.timeout))
end
"""


class Crowd(NamedTuple):
    """Customers of one kind."""

    customers: int
    think_ms: int = 0
    patient: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """What a crowd heard."""

    bought_s: float = 0.0
    """Purchases a second."""
    refused_s: float = 0.0
    closed: int = 0
    """Customers who found their connection closed when they came back to it."""
    failed: int = 0
    cores: float = 0.0
    """What wrk took of the cores."""


class Probed(NamedTuple):
    """One purchase of the probe."""

    at_s: float
    status: int
    latency_ms: float


@dataclass(slots=True)
class Overload:
    """All that was found out."""

    peak: Heard = field(default_factory=Heard)
    """The one that bought most."""
    peak_customers: int = 0
    customers: int = 0
    crowd: Heard = field(default_factory=Heard)
    calm: list[Probed] = field(default_factory=list)
    during: list[Probed] = field(default_factory=list)
    after: list[Probed] = field(default_factory=list)
    ended_s: float = 0.0
    impatient: Heard = field(default_factory=Heard)
    duration_s: int = 0

    @property
    def goodput_share(self) -> float:
        """Return the purchases a second under overload, as a share of the peak."""
        return self.crowd.bought_s / self.peak.bought_s

    @property
    def refused_p99_ms(self) -> float | None:
        """Return how long a refusal took, but for one in a hundred; None where none was seen."""
        refused = [one.latency_ms for one in self.during if one.status == _REFUSED]
        return percentile(refused, 0.99) if refused else None

    @property
    def normal_after_s(self) -> float | None:
        """Return the seconds from the end of the overload until each second is a normal one."""
        limit_ms = NORMAL_FACTOR * percentile([one.latency_ms for one in self.calm], 0.5)
        seconds: dict[int, list[Probed]] = {}
        for one in self.after:
            seconds.setdefault(int(one.at_s - self.ended_s), []).append(one)
        normal_from = 0
        for second, probes in sorted(seconds.items()):
            median_ms = percentile([one.latency_ms for one in probes], 0.5)
            if median_ms > limit_ms or any(one.status != _BOUGHT for one in probes):
                normal_from = second + 1
        return float(normal_from) if normal_from in seconds else None

    def lines(self) -> Iterator[str]:
        """Return what a person reads."""
        yield (
            f"peak: {self.peak.bought_s:,.0f} purchases/s, with {self.peak_customers:,} customers; "
            f"each thinks {THINK_MS} ms on average"
        )
        yield (
            f"overload: {self.customers:,} customers for {self.duration_s} s, {TIMES} times what "
            f"the peak serves; each waits as Retry-After says"
        )
        yield (
            f"of them {self.crowd.bought_s:,.0f}/s bought ({self.goodput_share:.0%} of the peak), "
            f"{self.crowd.refused_s:,.0f}/s were refused, {self.crowd.failed} failed"
        )
        yield (
            f"{self.crowd.closed:,} times a customer came back to a connection that the shop had "
            "closed as idle, and opened a new one"
        )
        yield (
            f"wrk took {self.peak.cores:.2f} cores at the peak, and {self.crowd.cores:.2f} under "
            "overload"
        )
        for name, probes, status in (
            ("calm, bought", self.calm, _BOUGHT),
            ("overload, bought", self.during, _BOUGHT),
            ("overload, refused", self.during, _REFUSED),
            ("afterwards, bought", self.after, _BOUGHT),
        ):
            latencies = [one.latency_ms for one in probes if one.status == status]
            if latencies:
                shown = "  ".join(
                    f"p{share:.0%} {percentile(latencies, share):6.1f} ms".replace("%", "")
                    for share in (0.5, 0.9, 0.99)
                )
                count = f"{len(latencies)} of {len(probes)} probes"
                yield f"latency: {name:<18}{count:>20}  {shown}"
        normal = self.normal_after_s
        ended = "not within the run" if normal is None else f"{normal:.0f} s after its end"
        yield f"back to normal: {ended}"
        share = self.impatient.bought_s / self.peak.bought_s
        yield (
            f"{IMPATIENT_CLIENTS} clients who never wait: {self.impatient.bought_s:,.0f}/s "
            f"bought ({share:.0%} of the peak), {self.impatient.refused_s:,.0f}/s were refused"
        )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share (0 to 1) of them does not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def measure_overload(folder: Path, duration_s: int) -> Overload:
    """Start a shop and press it.

    Args:
        folder: does not exist yet.
        duration_s: of the overload.

    Raises:
        BenchError: wrk failed, or the shop answered nothing.
    """
    _raise_file_limit()
    found = Overload(duration_s=duration_s)
    with running(Bazar(folder)) as shop:
        url = shop.urls[0]
        for customers in PEAK_CUSTOMERS:
            heard = drive(Crowd(customers, THINK_MS), url, PEAK_DURATION_S, folder)
            tell(f"overload peak with {customers:,} customers: {heard.bought_s:,.0f}/s")
            if heard.bought_s > found.peak.bought_s:
                found.peak, found.peak_customers = heard, customers
        if not found.peak_customers:
            message = "the shop sold nothing"
            raise BenchError(message)
        served = found.peak.bought_s * THINK_MS / 1000
        calm = Crowd(max(1, int(CALM_SHARE * served)), THINK_MS)
        found.customers = int(TIMES * served)
        with probing(url, found.calm):
            drive(calm, url, CALM_DURATION_S, folder)
        with probing(url, found.during):
            found.crowd = drive(Crowd(found.customers, THINK_MS), url, duration_s, folder)
        found.ended_s = monotonic()
        with probing(url, found.after):
            drive(calm, url, CALM_DURATION_S, folder)
        tell(f"overload {found.goodput_share:.0%} of the peak")
        crowd = Crowd(IMPATIENT_CLIENTS, patient=False)
        found.impatient = drive(crowd, url, PEAK_DURATION_S, folder)
    return found


def drive(crowd: Crowd, url: str, duration_s: int, folder: Path) -> Heard:
    """Let a crowd buy for some time.

    Raises:
        BenchError: wrk failed.
    """
    paths = ", ".join(json.dumps(path) for path in MANY_BOOKS.paths)
    script = _SCRIPT % {"paths": paths, "mark": MARK}
    patience = "patient" if crowd.patient else "impatient"
    cpu_before_s = _children_cpu_s()
    counted = run_wrk(
        script, url, crowd.customers, duration_s, folder, new_nonce(), str(crowd.think_ms), patience
    )
    seconds = counted["us"] / 1e6
    return Heard(
        counted["bought"] / seconds,
        counted["refused"] / seconds,
        counted["closed"],
        counted["failed"],
        (_children_cpu_s() - cpu_before_s) / seconds,
    )


def _children_cpu_s() -> float:
    """Return the processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def probing(url: str, found: list[Probed]) -> Iterator[None]:
    """Buy now and then while the block runs, and note how that went."""
    over = threading.Event()
    threads = [
        threading.Thread(target=_probe, args=(url, found, over), daemon=True) for _ in range(PROBES)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(PROBE_TIMEOUT_S)


def _probe(url: str, found: list[Probed], over: threading.Event) -> None:
    parts, nonce, number = urlsplit(url), new_nonce(), 0
    connection: HTTPConnection | None = None
    while not over.is_set():
        number += 1
        started_s = monotonic()
        try:
            if connection is None:
                connection = HTTPConnection(
                    str(parts.hostname), parts.port, timeout=PROBE_TIMEOUT_S
                )
            headers = {"Idempotency-Key": f'"{nonce}-{number}"', "Content-Length": "0"}
            connection.request("POST", MANY_BOOKS.paths[0], headers=headers)
            response = connection.getresponse()
            response.read()
            status = response.status
        except (OSError, HTTPException):
            connection, status = None, 0
        now_s = monotonic()
        found.append(Probed(now_s, status, (now_s - started_s) * 1000))
        sleep(PROBE_INTERVAL_S)


def _raise_file_limit() -> None:
    """Let wrk and the shop open a connection for each customer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
