"""How long buyers waited: what counts, and what is told of it."""

import pytest

from chaos.history import Call
from hosts.measures import gap, longest, waits_of


def asked(started_s: float, ended_s: float, status: int = 0, key: str = "k") -> Call:
    """Return a request for a purchase and what came of it."""
    return Call(
        errand=1,
        act="buy",
        started_s=started_s,
        ended_s=ended_s,
        status=status,
        lines=((1, 1),),
        key=key,
    )


@pytest.mark.parametrize(
    ("calls", "waits"),
    [
        ([asked(1, 2, 201)], [(1, 2)]),
        ([asked(1, 2), asked(3, 4, 503), asked(5, 6, 201), asked(7, 8, 201)], [(1, 6)]),
        ([asked(1, 2, 202), asked(3, 4, 409)], [(1, 4)]),
        ([asked(1, 2, 202)], [(1, 2)]),
        ([asked(1, 2, 202), asked(5, 6)], [(1, 2)]),
        ([asked(1, 2), asked(3, 9)], [(1, 9)]),
        ([asked(1, 2)], []),
        ([asked(1, 3, 201), asked(2, 4, 201, key="other")], [(1, 3), (2, 4)]),
    ],
)
def test_a_buyer_waits_until_the_answer_is_final(
    calls: list[Call], waits: list[tuple[float, float]]
) -> None:
    """From the first request on, over all repetitions; who gave up at once did not wait."""
    assert waits == waits_of(calls)


def test_the_longest_wait_is_of_those_who_waited_at_that_time() -> None:
    """One that began before it, or ended after it, counts whole."""
    waits = [(0.0, 9.0), (10.0, 14.0), (13.0, 15.0), (20.0, 29.0)]
    assert 4.0 == longest(waits, 12.0, 18.0)
    assert 0.0 == longest(waits, 16.0, 18.0)


def test_a_gap_is_between_two_purchases_or_at_either_end() -> None:
    """Only what was sold counts, and only in that time."""
    calls = [asked(0, 1, 201), asked(2, 11, 201), asked(3, 12, 503), asked(4, 16, 201)]
    assert 5.0 == gap(calls, 10.0, 20.0)
    assert 9.0 == gap([], 1.0, 10.0)
