"""How PostgreSQL is asked for terms: by what is rare, through what is common."""

import pytest

from bazar.catalog.expressions import All, But, Either, Term
from bazar.catalog.store.postgres_search import (
    LOOK_THROUGH_MAX,
    SMALL_BOOKS,
    Frequencies,
    Plan,
    plan,
    text_query,
)

SHARES = {"aof": 0.4, "athe": 0.6, "ather": 0.2, "asea": 0.02, "asun": 0.001, "tthe": 0.1}
BOOKS = 1_000_000
KNOWN = Frequencies(list(SHARES), list(SHARES.values()), BOOKS)
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
        (But(SEA, THE), 0.0),
    ],
)
def test_shares_are_those_of_independent_terms(asked: All | Term, share: float) -> None:
    """Of what is wanted; what is unwanted is taken to be a part of it."""
    assert pytest.approx(share) == KNOWN.share(asked)


def test_what_is_in_no_statistics_is_rare() -> None:
    """No more frequent than the rarest that is."""
    assert 0 < KNOWN.share(NEW) <= 0.001
    assert 0 == Frequencies([], [], 0).share(NEW)


def test_a_rare_part_goes_to_the_index_alone() -> None:
    """The rest is looked at book by book."""
    assert Plan(SUN, 0) == plan(All((BEGIN, But(SUN, THE))), KNOWN, 21)
    assert Plan(NEW, 0) == plan(All((THE, NEW)), KNOWN, 21)


def test_what_is_common_is_looked_through() -> None:
    """Where so many are soon found; the index stands ready should they not be."""
    assert Plan(All((THE,)), LOOK_THROUGH_MAX) == plan(THE, KNOWN, 21)
    assert Plan(All((BEGIN,)), LOOK_THROUGH_MAX) == plan(BEGIN, KNOWN, 21)
    assert 0 == plan(SEA, KNOWN, 500).look_through


def test_in_between_the_index_has_what_it_gathers_quickly() -> None:
    """Whole words, and beginnings that few books have."""
    assert Plan(All((SEA,)), 0) == plan(All((BEGIN, SEA)), KNOWN, 500)


def test_a_small_shop_leaves_all_to_the_index() -> None:
    """No plan is quicker there."""
    small = Frequencies(list(SHARES), list(SHARES.values()), SMALL_BOOKS - 1)
    asked = All((THE, SUN))
    assert Plan(asked, 0) == plan(asked, small, 21)


def test_terms_are_quoted() -> None:
    """So that no word is syntax."""
    asked = But(Either((All((SEA, BEGIN)), SUN)), NEW)
    assert "((('asea' & 'athe':*) | 'asun') & !'anew')" == text_query(asked)
