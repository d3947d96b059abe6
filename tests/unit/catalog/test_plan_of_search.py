"""How PostgreSQL is asked for terms: by what is rare, through what is common."""

import pytest

from bazar.catalog.expressions import All, But, Either, Expression, Term
from bazar.catalog.store.postgres_frequencies import Frequencies, Shares
from bazar.catalog.store.postgres_search import (
    LOOK_US,
    SMALL_BOOKS,
    Plan,
    are_many,
    by_index,
    plan,
    surely,
    text_query,
)

SHARES = {
    "aof": 0.4,
    "athe": 0.6,
    "ather": 0.2,
    "asea": 0.02,
    "asun": 0.001,
    "tthe": 0.1,
    "tsea": 0.01,
}
BOOKS = 1_000_000
KNOWN = Frequencies(Shares(list(SHARES), list(SHARES.values()), 0), BOOKS)
THE, SEA, SUN, NEW = Term("athe"), Term("asea"), Term("asun"), Term("anew")
BEGIN = Term("athe", more=True)


@pytest.mark.parametrize(
    ("asked", "share"),
    [
        (THE, 0.6),
        (BEGIN, 1 - 0.4 * 0.8),
        (All((THE, SEA)), 0.012),
        (Either((THE, Term("aof"))), 1.0),
        (Either((SEA, SUN)), 0.021),
        (But(THE, Term("tthe")), 0.5),
        (But(SEA, THE), 0.01),
    ],
)
def test_shares_are_those_of_independent_terms(asked: Expression, share: float) -> None:
    """What is unwanted is taken to be a part of what is wanted, but not most of it."""
    assert pytest.approx(share) == KNOWN.share(asked)


def test_what_is_in_no_statistics_is_rare() -> None:
    """A word rarer than the rarest that is, a whole title rarer still."""
    assert pytest.approx(0.00025) == KNOWN.share(NEW)
    assert pytest.approx(0.00001) == KNOWN.share(Term("enew"))
    assert pytest.approx(0.001) == KNOWN.share(Term("anew", more=True))
    assert 0 == Frequencies(Shares([], [], 0), BOOKS).share(NEW)
    assert 0 == Frequencies(Shares([], [], 0), BOOKS).books


def test_words_in_titles_begin_as_words_anywhere_do() -> None:
    """Fewer of them are in the statistics, for they are fewer."""
    assert pytest.approx(0.01) == KNOWN.share(Term("tse", more=True))
    anywhere = KNOWN.share(Term("ao", more=True))
    assert pytest.approx(anywhere * 0.11 / 0.62, rel=0.3) == KNOWN.share(Term("to", more=True))
    assert pytest.approx(0.001) == KNOWN.share(Term("tx", more=True))


def test_beginnings_count_the_terms_that_no_statistics_list() -> None:
    """As many for each that is listed as a row has bytes for."""
    letters = sum(map(len, SHARES)) / len(SHARES) + 4
    known = Shares(list(SHARES), list(SHARES.values()), round(2 * sum(SHARES.values()) * letters))
    assert pytest.approx(0.04, rel=0.05) == known.of_beginning("ase")


def test_a_rare_part_goes_to_the_index_first() -> None:
    """The rest is looked at book by book, or in the lists of the index where that is less work."""
    assert SUN == by_index(All((BEGIN, But(SUN, THE))), KNOWN).by
    assert All((SUN, SEA)) == by_index(All((BEGIN, SEA, SUN)), KNOWN).by
    assert 0 == plan(All((BEGIN, SEA, SUN)), KNOWN, 21).look_through


def test_what_is_common_is_looked_through() -> None:
    """Until that has cost what the index would."""
    for asked in (THE, BEGIN):
        way = plan(asked, KNOWN, 21)
        assert (asked, None) == (way.by, way.by_among)
        assert surely(21) <= way.look_through * KNOWN.share(asked)
        assert way.look_through * LOOK_US <= by_index(asked, KNOWN).cost_us
    assert 0 == plan(SUN, KNOWN, 500).look_through


def test_in_between_the_index_is_asked_among_so_many_as_should_be_enough() -> None:
    """It gathers all of one word, and looks at the rows of a part of the books."""
    in_title = Term("tsea")
    asked = All((Term("ather", more=True), in_title))
    way = plan(asked, KNOWN, 21)
    assert in_title == way.by_among
    assert pytest.approx(surely(21), abs=1) == way.among * KNOWN.share(asked)
    assert way.cost_us < by_index(asked, KNOWN).cost_us
    assert 0 == plan(asked, KNOWN, 600).among


def test_so_many_books_end_at_an_id() -> None:
    """Where ids have gaps it is further off."""
    assert 110 == KNOWN.id_after(10, 100)
    wide = Frequencies(Shares(["a"], [1.0], 0), 1000, first_id=5001, last_id=9000)
    assert [5400, 8400] == [wide.id_after(after, 100) for after in (0, 8000)]


def test_who_needs_a_few_of_many_has_them_looked_at_no_longer() -> None:
    """So one common beginning costs less than two."""
    beginnings = All((BEGIN, Term("asea", more=True)))
    assert Term("asea", more=True) == by_index(beginnings, KNOWN, 200).by
    assert by_index(beginnings, KNOWN, 200).cost_us < by_index(beginnings, KNOWN).cost_us


@pytest.mark.parametrize(
    ("asked", "cost_us", "many"),
    [(SEA, 0, True), (SUN, 0, True), (All((SUN, THE)), 0, False), (All((SUN, THE)), 1e6, True)],
)
def test_many_are_known_without_a_look(asked: Expression, cost_us: float, *, many: bool) -> None:
    """Where far more are expected, or a look is dear."""
    assert many == are_many(asked, KNOWN, 200, cost_us)
    assert not are_many(All((SUN, SEA)), KNOWN, 200, cost_us)


def test_a_small_shop_leaves_all_to_the_index() -> None:
    """No plan is quicker there."""
    small = Frequencies(Shares(list(SHARES), list(SHARES.values()), 0), SMALL_BOOKS - 1)
    asked = All((THE, SUN))
    assert Plan(asked, 0.0) == plan(asked, small, 21)
    assert not are_many(THE, small, 1, 1e6)


def test_terms_are_quoted() -> None:
    """So that no word is syntax."""
    asked = But(Either((All((SEA, BEGIN)), SUN)), NEW)
    assert "((('asea' & 'athe':*) | 'asun') & !'anew')" == text_query(asked)
