"""What a service counts, in the Prometheus text format."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA_TYPE = CONTENT_TYPE_LATEST
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The counters of one service."""

    def __init__(self, service: str) -> None:
        """Start all counters at zero, in a registry of their own."""
        self.registry = CollectorRegistry()
        self._service = service
        self._requests = Counter(
            "bazar_requests",
            "Requests answered.",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self._latency_s = Histogram(
            "bazar_request_seconds",
            "Time from the first byte of a request to its answer.",
            ("service", "route"),
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._commit_batch = Histogram(
            "bazar_commit_batch_size",
            "Writes that shared one flush to the disk.",
            ("service",),
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        ).labels(service)
        self._outcomes = Counter(
            "bazar_purchases",
            "Purchases by outcome.",
            ("service", "outcome"),
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "bazar_requests_in_flight",
            "Requests being answered now.",
            ("service",),
            registry=self.registry,
        ).labels(service)
        self._request_counters: dict[tuple[str, str, int], Counter] = {}
        self._latencies_s: dict[str, Histogram] = {}

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one answered request."""
        key = (method, route, status)
        counter = self._request_counters.get(key)
        if counter is None:
            counter = self._requests.labels(self._service, method, route, str(status))
            self._request_counters[key] = counter
        counter.inc()
        latency_s = self._latencies_s.get(route)
        if latency_s is None:
            latency_s = self._latency_s.labels(self._service, route)
            self._latencies_s[route] = latency_s
        latency_s.observe(duration_s)

    def commit_batch(self, size: int) -> None:
        """Count one flush that made `size` writes durable."""
        self._commit_batch.observe(size)

    def purchase(self, outcome: str) -> None:
        """Count one purchase by its outcome: confirmed, rejected, pending or replayed."""
        self._outcomes.labels(self._service, outcome).inc()

    def render(self) -> bytes:
        """Return all of it as text."""
        return generate_latest(self.registry)
