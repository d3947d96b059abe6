"""What a load asks for: the mix, the popularity, and the arrivals."""

import random
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.load.plan import ACTS, MIX_DEFAULT, Act, Item, Plan, Tastes, Zipf, arrivals, parse_mix

BOOKS = [Item(book_id, f"topic {book_id}") for book_id in range(1, 6)]
DRAWS = 20_000
MODEST = settings(max_examples=100, deadline=None)


def test_the_default_mix_is_what_it_says() -> None:
    """Seven of ten browse, two search, one buys."""
    assert {"browse": 0.7, "search": 0.2, "buy": 0.1} == pytest.approx(parse_mix(MIX_DEFAULT))


def test_shares_need_not_sum_to_a_hundred() -> None:
    """They are shares of their sum, and a share of nothing is left out."""
    assert {"browse": 0.75, "buy": 0.25} == parse_mix("browse=1.5, buy=.5, search=0")


@pytest.mark.parametrize(
    "text",
    ["", "browse", "browse=", "browse=x", "browse=-1", "read=1", "buy=1,buy=2", "buy=1e3", "buy=²"],
)
def test_a_mix_that_is_none_is_refused_with_an_example(text: str) -> None:
    """The message names the option, shows how it is written, and what was wrong."""
    with pytest.raises(ValueError, match=f"--mix takes shares such as {MIX_DEFAULT}, not '"):
        parse_mix(text)


def test_a_mix_of_nothing_is_refused() -> None:
    """Somebody has to do something."""
    with pytest.raises(ValueError, match="--mix needs a share above zero"):
        parse_mix("browse=0")


@pytest.mark.parametrize(
    ("act", "path"),
    [("browse", "/info/7"), ("buy", "/purchase/7"), ("search", "/search/a%2Fb%20c")],
)
def test_each_act_has_its_path(act: Act, path: str) -> None:
    """A topic is one segment, whatever is in it."""
    assert path == Item(7, "a/b c").path(act)


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.0, 2.0])
def test_popularity_follows_the_exponent(exponent: float) -> None:
    """The book at rank r is drawn in proportion to 1 / r ** exponent."""
    zipf, dice = Zipf(BOOKS, exponent), random.Random(4)
    drawn = Counter(zipf.draw(dice).book_id for _ in range(DRAWS))
    weights = {book.book_id: book.book_id**-exponent for book in BOOKS}
    expected = {book: weight / sum(weights.values()) for book, weight in weights.items()}
    assert expected == pytest.approx({book: drawn[book] / DRAWS for book in expected}, abs=0.02)


def test_a_plan_keeps_to_its_mix_and_its_books() -> None:
    """Acts come in their shares; what is bought is for sale, all else is on the shelf."""
    plan = Plan(Tastes(parse_mix(MIX_DEFAULT), seed=3), BOOKS, BOOKS[:2])
    calls = [plan.next() for _ in range(DRAWS)]
    shares = Counter(act for act, _ in calls)
    assert pytest.approx([0.7, 0.2, 0.1], abs=0.02) == [shares[act] / DRAWS for act in ACTS]
    assert set(BOOKS[:2]) == {book for act, book in calls if act == "buy"}
    assert set(BOOKS) == {book for act, book in calls if act == "browse"}


def test_the_same_seed_makes_the_same_calls() -> None:
    """And another seed makes others."""

    def calls(seed: int) -> list[tuple[Act, Item]]:
        plan = Plan(Tastes(parse_mix(MIX_DEFAULT), seed=seed), BOOKS, BOOKS)
        return [plan.next() for _ in range(50)]

    assert calls(1) == calls(1)
    assert calls(1) != calls(2)


@MODEST
@given(rate=st.floats(0.1, 1000), seed=st.integers(0, 1000))
def test_arrivals_are_in_order_and_within_the_time(rate: float, seed: int) -> None:
    """Each is after the one before, none is after the end."""
    moments = list(islice(arrivals(rate, 10, seed), 500))
    assert sorted(moments) == moments
    assert all(0 <= moment < 10 for moment in moments)


def test_arrivals_come_at_their_rate_and_independently() -> None:
    """The gaps of independent arrivals vary as much as they are long."""
    moments = list(arrivals(500, 20, seed=1))
    assert pytest.approx(10_000, rel=0.05) == len(moments)
    gaps = [after - before for before, after in pairwise(moments)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert pytest.approx(mean, rel=0.05) == deviation
