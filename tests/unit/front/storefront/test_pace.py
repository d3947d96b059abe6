"""How much a visitor orders, and who the visitor is."""

from ipaddress import ip_network

import pytest

from bazar.front.storefront import pace
from bazar.front.storefront.basket import BasketLine
from bazar.front.storefront.pace import HOUR_S, REPEAT_MS, Pace, Repeats, visitor_of

TWO = (BasketLine(8, 2, 999), BasketLine(80, 2, 3900))


class Clock:
    """Stands where it is put."""

    now = 1000

    def __call__(self) -> int:
        """Return the time."""
        return self.now


def test_an_hour_has_so_many_orders() -> None:
    """Over the limit the wait is told, to the second; another visitor waits for nobody."""
    clock = Clock()
    counting = Pace(clock)
    for place in range(3):
        clock.now = 1000 + place * 10
        assert 0 == counting.wait_s("a", f"key {place}", 3)
    assert HOUR_S - 20 + 1 == counting.wait_s("a", "key 3", 3)
    assert 0 == counting.wait_s("b", "key 3", 3)
    clock.now = 1000 + HOUR_S
    assert 0 == counting.wait_s("a", "key 3", 3)
    assert 10 + 1 == counting.wait_s("a", "key 4", 3)


def test_an_order_counts_once_however_often_it_is_sent() -> None:
    """A double click is one order, also when the limit is reached."""
    counting = Pace(Clock())
    assert [0, 0, 0] == [counting.wait_s("a", "key", 1) for _ in range(3)]
    assert counting.wait_s("a", "other", 1) > 0


def test_what_was_refused_does_not_count() -> None:
    """Who got nothing may try again."""
    counting = Pace(Clock())
    counting.wait_s("a", "key", 1)
    counting.forget("a", "key")
    counting.forget("nobody", "key")
    assert 0 == counting.wait_s("a", "other", 1)


def test_a_shop_may_set_no_limit() -> None:
    """Nought is any number; and a limit that was lowered holds at once."""
    counting = Pace(Clock())
    assert [0] * 50 == [counting.wait_s("a", f"key {place}", 0) for place in range(50)]
    assert HOUR_S + 1 == counting.wait_s("a", "one more", 2)


def test_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who came longest ago is forgotten first."""
    monkeypatch.setattr(pace, "VISITORS_MAX", 2)
    counting, repeats = Pace(Clock()), Repeats(Clock())
    for visitor in "abc":
        counting.wait_s(visitor, "key", 1)
        repeats.note(visitor, "", TWO, "key")
    assert 0 == counting.wait_s("a", "other", 1)
    assert counting.wait_s("c", "other", 1) > 0
    assert repeats.before_ms("a", "", TWO, "other") is None
    assert 1000 == repeats.before_ms("c", "", TWO, "other")


def test_the_same_books_again_are_worth_a_question() -> None:
    """For ten minutes, from the same visitor with the same e-mail address, under another key."""
    clock = Clock()
    repeats = Repeats(clock)
    repeats.note("a", "lina@example.org", TWO, "key")
    assert 1000 == repeats.before_ms("a", "Lina@example.org", TWO[::-1], "other")
    assert repeats.before_ms("a", "lina@example.org", TWO, "key") is None
    assert repeats.before_ms("a", "lina@example.org", TWO[:1], "other") is None
    assert repeats.before_ms("a", "omar@example.org", TWO, "other") is None
    assert repeats.before_ms("b", "lina@example.org", TWO, "other") is None
    clock.now += REPEAT_MS
    assert repeats.before_ms("a", "lina@example.org", TWO, "other") is None


def test_an_order_that_is_sent_again_keeps_its_time() -> None:
    """The question names when it was ordered first."""
    clock = Clock()
    repeats = Repeats(clock)
    repeats.note("a", "lina@example.org", TWO, "key")
    clock.now += 5
    repeats.note("a", "lina@example.org", TWO, "key")
    assert 1000 == repeats.before_ms("a", "lina@example.org", TWO, "other")


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.2", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.2", ["1.2.3.4, 198.51.100.7", "10.0.0.3"], "198.51.100.7"),
        ("10.0.0.2", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.2", ["nonsense"], "nonsense"),
        ("2001:db8::1:2:3:4", [], "2001:db8::/64"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        ("", [], ""),
    ],
)
def test_only_a_named_proxy_is_believed(peer: str, forwarded: list[str], visitor: str) -> None:
    """Who asks directly cannot say to be somebody else; of IPv6 the customer's part is left out."""
    assert visitor == visitor_of(peer, forwarded, [ip_network("10.0.0.0/8")])
