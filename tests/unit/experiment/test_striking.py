"""A timeline: who was there while a service was away, and who noted it when."""

import pytest

from bazar.experiment.striking import Heard, counted, detection, together
from support.turns import came, crashed, steps

LOG = [
    b"Bazar is open at http://127.0.0.1:5000/",
    b'{"service":"order","at":"2026-01-01T00:00:05Z","event":"restarting","port":5002}',
    b'{"service":"catalog","at":"2026-01-01T00:00:10.5Z","event":"restarting","port":5001}',
    b'{"service":"order","at":"2026-01-01T00:00:10.6Z","event":"restarting","port":5004}',
    b'{"service":"order","at":"2026-01-01T00:00:11Z","event":"request","port":5002}',
    b'{"service":"order","at":"2026-01-01T00:00:12Z","event":"not-answering","port":5002}',
    b'{"service":"order","at":"2026-01-01T00:00:13Z","event":"restarting","port":5002}',
    b'{"event":"restarting","at":"yesterday"}',
    b"\xff",
]
TEN_S = 1767225610.0
"""The tenth second of the year."""


def test_the_first_note_of_the_process_that_was_struck_counts() -> None:
    """Not that of another service, replica, event, or an earlier fault; nor what is no line."""
    assert TEN_S + 2 == detection(LOG, "order", 5002, TEN_S)
    assert TEN_S + 0.5 == detection(LOG, "catalog", 5001, TEN_S)
    assert None is detection(LOG, "front", 5000, TEN_S)
    assert None is detection(LOG, "order", 5002, TEN_S + 60)


def test_who_was_there_while_the_service_was_away_is_known() -> None:
    """Also who came before the fault and was not answered yet; not who came after it was back."""
    early, waiting = Heard("buy", "ok", 0.5, 10), Heard("buy", "ok", 0.9, 1200)
    during, late = Heard("buy", "ok", 1.5, 600), Heard("buy", "ok", 2.1, 10)
    other = Heard("browse", "ok", 1.5, 10)
    one = crashed([early, waiting, during, late, other])
    assert [early] == one.before("buy")
    assert [waiting, during] == one.meanwhile("buy")
    assert [waiting, during, late] == one.after("buy")
    assert [other] == one.meanwhile("browse")


def test_without_a_return_all_until_the_end_were_there() -> None:
    """Nobody saw the service again, so all of them met the fault."""
    late = came("buy", [3.9], 10)
    assert late == crashed(late, ready_s=None).meanwhile("buy")


def test_buyers_are_served_as_before_once_most_of_them_are() -> None:
    """One quick answer among slow ones is no recovery."""
    usual = came("buy", steps(0, 0.9), 10)
    slow, quick = came("buy", steps(2, 3), 500), came("buy", [2.01], 5)
    calm = came("buy", steps(3, 3.9), 8)
    assert 2.75 <= (crashed([*usual, *slow, *quick, *calm]).calm_s() or 0) <= 3
    assert crashed([*usual, *slow, *quick]).calm_s() is None
    assert crashed(calm).calm_s() is None
    assert crashed([*usual, *calm], ready_s=None).calm_s() is None


def test_answers_are_counted_by_what_they_say() -> None:
    """All, good ones, those to be decided later, and the rest."""
    heard = (
        came("buy", [1, 2], 1) + came("buy", [1], 1, "accepted") + came("buy", [1], 1, "timeout")
    )
    assert (4, 2, 1, 1) == counted(heard)


def test_the_purchases_of_all_faults_are_checked_together() -> None:
    """None of them is left out."""
    first, second = crashed([]), crashed([])
    first.purchases.asked, second.purchases.asked = 2, 3
    first.purchases.acknowledged["a"] = 1
    second.purchases.unknown["k"] = 2
    second.purchases.accepted["b"] = 3
    second.purchases.differences.append("odd")
    found = together([first, second])
    assert (5, {"a": 1}, {"k": 2}) == (found.asked, found.acknowledged, found.unknown)
    assert ({"b": 3}, ["odd"]) == (found.accepted, found.differences)


@pytest.mark.parametrize("outcome", ["accepted", "overloaded", "timeout", "no-answer"])
def test_only_what_was_asked_for_is_good(outcome: str) -> None:
    """A purchase that is decided later is none yet."""
    assert not Heard("buy", outcome, 0, 1).is_good
