"""Counters: what was counted is what the text says, in a form that Prometheus reads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bazar.kit.metrics import MEDIA_TYPE, Metrics


def families(metrics: Metrics) -> dict[str, Metric]:
    """Parse what is rendered."""
    text = metrics.render().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def samples(metrics: Metrics, family: str, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a name by the values of their labels other than the service."""
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label != "service"): (
            sample.value
        )
        for sample in families(metrics)[family].samples
        if sample.name == name
    }


def test_the_text_is_of_the_prometheus_kind() -> None:
    """Its media type has a version, and nothing counted yet is a valid text too."""
    assert MEDIA_TYPE.startswith("text/plain; version=")
    assert "bazar_commit_batch_size" in families(Metrics("catalog"))


def test_requests_are_counted_by_method_route_and_status() -> None:
    """Each combination has a counter of its own."""
    metrics = Metrics("catalog")
    for _ in range(3):
        metrics.request("GET", "/info/{book_id}", 200, 0.001)
    metrics.request("GET", "/info/{book_id}", 404, 0.001)
    metrics.request("POST", "/books", 201, 0.001)
    wanted = {
        ("GET", "/info/{book_id}", "200"): 3.0,
        ("GET", "/info/{book_id}", "404"): 1.0,
        ("POST", "/books", "201"): 1.0,
    }
    assert wanted == samples(metrics, "bazar_requests", "bazar_requests_total")
    services = {s.labels["service"] for s in families(metrics)["bazar_requests"].samples}
    assert {"catalog"} == services


@given(st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_latencies_fall_into_cumulative_buckets(durations_s: list[float]) -> None:
    """Every bucket holds all durations up to its bound; the last holds all, the sum is right."""
    metrics = Metrics("catalog")
    for duration_s in durations_s:
        metrics.request("GET", "/x", 200, duration_s)
    family = families(metrics)["bazar_request_seconds"]
    buckets = {
        float(sample.labels["le"]): sample.value
        for sample in family.samples
        if sample.name == "bazar_request_seconds_bucket"
    }
    assert {bound: sum(d <= bound for d in durations_s) for bound in buckets} == buckets
    assert float("inf") in buckets
    totals = {s.name: s.value for s in family.samples if "le" not in s.labels}
    assert len(durations_s) == totals["bazar_request_seconds_count"]
    assert sum(durations_s) == pytest.approx(totals["bazar_request_seconds_sum"])


def test_a_duration_on_the_bound_belongs_to_its_bucket() -> None:
    """Bounds are inclusive, as Prometheus has them."""
    metrics = Metrics("catalog")
    metrics.request("GET", "/x", 200, 0.005)
    buckets = samples(metrics, "bazar_request_seconds", "bazar_request_seconds_bucket")
    assert 0 == buckets["0.0025", "/x"]
    assert 1 == buckets["0.005", "/x"]


def test_commit_batches_are_counted_by_size() -> None:
    """The sum is the number of writes, the count is the number of flushes."""
    metrics = Metrics("catalog")
    for size in (1, 3, 512, 600):
        metrics.commit_batch(size)
    name = "bazar_commit_batch_size"
    assert {(): 4.0} == samples(metrics, name, f"{name}_count")
    assert {(): 1116.0} == samples(metrics, name, f"{name}_sum")
    buckets = samples(metrics, name, f"{name}_bucket")
    assert (1, 2, 3, 4) == tuple(buckets[bound,] for bound in ("1.0", "4.0", "512.0", "+Inf"))


def test_events_are_counted_by_the_value_of_their_label() -> None:
    """One counter for each value that there was, and none of the others."""
    metrics = Metrics("order")
    count = metrics.counter("bazar_purchases", "Purchases by outcome.", "outcome")
    assert {} == samples(metrics, "bazar_purchases", "bazar_purchases_total")
    for outcome in ("confirmed", "confirmed", "rejected"):
        count(outcome)
    wanted = {("confirmed",): 2.0, ("rejected",): 1.0}
    assert wanted == samples(metrics, "bazar_purchases", "bazar_purchases_total")
    family = families(metrics)["bazar_purchases"]
    assert "Purchases by outcome." == family.documentation
    assert {"order"} == {sample.labels["service"] for sample in family.samples}


def test_odd_labels_do_not_break_the_text() -> None:
    """Quotes, backslashes and line breaks in a route are escaped."""
    metrics = Metrics("catalog")
    metrics.request("GET", 'a"b\\c\nd', 200, 0.001)
    assert {("GET", 'a"b\\c\nd', "200"): 1.0} == samples(
        metrics, "bazar_requests", "bazar_requests_total"
    )


def test_two_services_in_one_process_do_not_share_counters() -> None:
    """Each has a registry of its own."""
    left, right = Metrics("catalog"), Metrics("order")
    left.request("GET", "/x", 200, 0.001)
    assert {} == samples(right, "bazar_requests", "bazar_requests_total")


def test_a_watched_number_is_read_when_somebody_looks() -> None:
    """The text shows what it is at that moment."""
    metrics = Metrics("catalog")
    numbers = [1]
    metrics.watch("bazar_numbers", "How many.", lambda: len(numbers))
    assert {(): 1.0} == samples(metrics, "bazar_numbers", "bazar_numbers")
    numbers.append(2)
    assert {(): 2.0} == samples(metrics, "bazar_numbers", "bazar_numbers")
