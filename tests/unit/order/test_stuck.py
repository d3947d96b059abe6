"""Stuck orders: how long each is left alone, and how seldom the log speaks of them."""

from bazar.order import stuck
from bazar.order.stuck import PAUSE_S_FIRST, PAUSE_S_MAX, REPORT_INTERVAL_S, Report, Stuck


class Seconds:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        """Start anywhere."""
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return it."""
        return self.now_s


def test_pauses_double_up_to_a_bound() -> None:
    """1, 2, 4 seconds and so on, to two minutes; before that it is not due."""
    time = Seconds()
    orders = Stuck(time)
    pauses = []
    for _ in range(12):
        orders.failed("a", "why")
        start_s = time.now_s
        while not orders.due(9):
            time.now_s += 0.5
        pauses.append(time.now_s - start_s)
    assert [PAUSE_S_FIRST * 2**n for n in range(7)] == pauses[:7]
    assert [PAUSE_S_MAX] * 5 == pauses[7:]


def test_each_has_a_pause_of_its_own() -> None:
    """Those that wait the longest come first, at most so many; what ended is gone."""
    time = Seconds()
    orders = Stuck(time)
    for order_id in "abc":
        orders.failed(order_id, "why")
        time.now_s += PAUSE_S_FIRST / 4
    assert [] == orders.due(9)
    time.now_s += PAUSE_S_FIRST / 2
    assert ["a", "b"] == orders.due(9)
    assert ["a"] == orders.due(1)
    orders.ended("a")
    orders.ended("never there")
    assert "a" not in orders
    assert ["b"] == orders.due(9)
    assert [("b", 1), ("c", 1)] == [(one.order_id, one.tries) for one in orders.listed()]
    orders.forgive()
    assert 0 == len(orders)


def test_the_log_says_the_same_at_a_limited_rate() -> None:
    """The first time at once, then once in ten seconds with how often it was so, naming few."""
    time = Seconds()
    lines: list[dict[str, object]] = []

    class Log:
        def warning(self, event: str, **facts: object) -> None:
            lines.append({"event": event, **facts})

    report = Report("undecided", time)
    report._log = Log()  # noqa: SLF001  a log that can be read
    many = [f"{n}" for n in range(512)]
    for _ in range(1000):
        report.note(many, "away" * 1000)
        time.now_s += REPORT_INTERVAL_S / 100
    assert 10 == len(lines)
    assert [1, 100, 100] == [line["times"] for line in lines[:3]]
    assert ("undecided", 512) == (lines[0]["event"], lines[0]["orders"])
    assert "0,1,2,3,4" == lines[0]["named"]
    assert all(len(str(line)) < stuck.REASON_LENGTH_MAX + 200 for line in lines)


def test_the_log_names_no_order_by_its_whole_id() -> None:
    """Neither among the orders nor in the reason: an id opens the page of its buyer."""
    lines: list[dict[str, object]] = []

    class Log:
        def warning(self, event: str, **facts: object) -> None:
            lines.append({"event": event, **facts})

    report = Report("undecided", Seconds())
    report._log = Log()  # noqa: SLF001  a log that can be read
    order_id = "01m8e045wbtxqz992v9jnxfdsx"
    report.note([order_id], f"the catalog says reserved of {order_id} to a release")
    assert "01m8e045wb-nxfdsx" == lines[0]["named"]
    assert order_id not in str(lines)
