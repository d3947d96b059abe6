"""What a service counts, in the Prometheus text format.

Requests are counted in plain lists and turned into Prometheus samples only when somebody asks:
a counter object per request would cost more than routing it (docs/performance.md).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

MEDIA_TYPE = CONTENT_TYPE_LATEST
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class _Requests(Collector):
    """Requests by route and status, and their latencies."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.counts: dict[tuple[str, str, int], int] = {}
        self.latencies: dict[str, list[float]] = {}

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        requests = CounterMetricFamily(
            "bazar_requests",
            "Requests answered.",
            labels=("service", "method", "route", "status"),
        )
        for (method, route, status), count in self.counts.items():
            requests.add_metric((self._service, method, route, str(status)), count)
        yield requests
        latency = HistogramMetricFamily(
            "bazar_request_seconds",
            "Time from the arrival of a request to its answer.",
            labels=("service", "route"),
        )
        for route, row in self.latencies.items():
            buckets, total = [], 0.0
            for bound, sample in zip((*_LATENCY_BUCKETS_S, "+Inf"), row[:-1], strict=True):
                total += sample
                buckets.append((str(bound), total))
            latency.add_metric((self._service, route), buckets, sum_value=row[-1])
        yield latency


class Metrics:
    """The counters of one service."""

    def __init__(self, service: str) -> None:
        """Start all counters at zero, in a registry of their own."""
        self.registry = CollectorRegistry()
        self._service = service
        self._requests = _Requests(service)
        self.registry.register(self._requests)
        self._commit_batch = Histogram(
            "bazar_commit_batch_size",
            "Writes that shared one flush to the disk.",
            ("service",),
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        ).labels(service)

    def watch(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a number of the service's own, asked for whenever somebody looks."""
        gauge = Gauge(name, about, ("service",), registry=self.registry)
        gauge.labels(self._service).set_function(value)

    def counter(self, name: str, about: str, label: str) -> Callable[[str], None]:
        """Return what counts one event more, told the value of its label."""
        family = Counter(name, about, ("service", label), registry=self.registry)

        @cache
        def increment(value: str) -> Callable[[], None]:
            return family.labels(self._service, value).inc

        return lambda value: increment(value)()

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one answered request."""
        counts = self._requests.counts
        key = (method, route, status)
        counts[key] = counts.get(key, 0) + 1
        row = self._requests.latencies.get(route)
        if row is None:
            row = self._requests.latencies[route] = [0.0] * (len(_LATENCY_BUCKETS_S) + 2)
        row[bisect_left(_LATENCY_BUCKETS_S, duration_s)] += 1
        row[-1] += duration_s

    def commit_batch(self, size: int) -> None:
        """Count one flush that made `size` writes durable."""
        self._commit_batch.observe(size)

    def render(self) -> bytes:
        """Return all of it as text."""
        return generate_latest(self.registry)
