"""How PostgreSQL is asked for terms: by what is rare, through what is common."""

import pytest

from bazar.catalog.expressions import All, But, Either, Expression, Term
from bazar.catalog.store.postgres_frequencies import Frequencies, Shares
from bazar.catalog.store.postgres_search import (
    LOOK_US,
    SMALL_BOOKS,
    SPAN_BITS,
    SPANS_MAX,
    By,
    Plan,
    are_many,
    by_index,
    few,
    index_query,
    plan,
    question,
    spanned,
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
    assert By(SUN) == by_index(All((Term("at", more=True), But(SUN, THE))), KNOWN).by
    assert By(All((SUN, SEA))) == by_index(All((Term("at", more=True), SEA, SUN)), KNOWN).by
    assert 0 == plan(All((BEGIN, SEA, SUN)), KNOWN, 21).look_through


def test_what_is_common_is_looked_through() -> None:
    """Until that has cost what the index would."""
    for asked in (THE, BEGIN):
        way = plan(asked, KNOWN, 21)
        assert by_index(asked, KNOWN).by == way.by
        assert surely(21) <= way.look_through * KNOWN.share(asked)
        assert way.look_through * LOOK_US <= by_index(asked, KNOWN).cost_us
    assert 0 == plan(SUN, KNOWN, 500).look_through


def test_in_between_the_index_is_asked_among_so_many_as_should_be_enough() -> None:
    """It passes over the books elsewhere, and so does who looks at rows."""
    in_title = Term("tsea")
    asked = All((Term("at", more=True), in_title))
    way = plan(asked, KNOWN, 21)
    assert By(in_title) == way.by_among
    assert pytest.approx(surely(21), abs=1) == way.among * KNOWN.share(asked)
    assert way.cost_us < by_index(asked, KNOWN).cost_us
    assert 0 == plan(asked, KNOWN, 5000).among


def test_among_most_books_the_index_is_asked_for_all() -> None:
    """It has a list for each part of the ids, and more lists take longer."""
    part = 1 << SPAN_BITS
    ids = range(1, 100 * part)
    assert range(5, 2 * part) == spanned(range(5, part + 2), ids)
    assert range(5, 9) == spanned(range(5, 7), range(1, 9))
    assert spanned(range(1, SPANS_MAX * part + 1), ids) is None


def test_where_ids_lie_far_apart_common_words_are_looked_for_as_elsewhere() -> None:
    """There are too many parts of the ids to ask for, and no fewer books to look through."""
    far = Frequencies(Shares(list(SHARES), list(SHARES.values()), 0), BOOKS, last_id=10**15)
    way = plan(THE, far, 21)
    assert surely(21) <= way.look_through * far.share(THE)
    assert plan(THE, KNOWN, 21).cost_us == way.cost_us
    assert None is plan(All((Term("at", more=True), Term("tsea"))), far, 21).by_among


def test_so_many_books_end_at_an_id() -> None:
    """Where ids have gaps it is further off."""
    assert 110 == KNOWN.id_after(10, 100)
    wide = Frequencies(Shares(["a"], [1.0], 0), 1000, first_id=5001, last_id=9000)
    assert [5400, 8400] == [wide.id_after(after, 100) for after in (0, 8000)]


def test_a_beginning_is_looked_up_where_the_index_has_a_list_for_it() -> None:
    """Of three letters anywhere, of two in heads, which titles are parts of; else in the rows."""
    rare = Term("asun")
    known = Frequencies(Shares([*SHARES, "hher", "hthe"], [*SHARES.values(), 0.02, 0.02], 0), BOOKS)
    for text, beginning in (("tth", "hth"), ("hthe", "hthe"), ("ther", "hher"), ("asea", "asea")):
        by = by_index(All((Term(text, more=True), rare)), known).by
        assert By(rare, (beginning,)) == by, text
    for text in ("at", "ath", "tt", "ht"):
        assert By(rare) == by_index(All((Term(text, more=True), rare)), known).by


def test_few_books_are_not_looked_up_in_a_long_list() -> None:
    """To pass over all the others in it would take longer than a look at those few rows."""
    few_books = Term("erare")
    assert By(few_books) == by_index(All((few_books, THE)), KNOWN).by
    assert By(All((SEA, Term("aof")))) == by_index(All((SEA, Term("aof"))), KNOWN).by


def test_a_long_beginning_is_asked_for_word_by_word() -> None:
    """As long as there are few words; a row is looked at for the beginning."""
    few_words = Term("aseas", more=True, spelt=("aseas", "aseason"))
    assert By(few_words) == by_index(few_words, KNOWN).by
    assert "('aseas' | 'aseason')" == index_query(few_words)
    assert "'aseas':*" == text_query(few_words)
    many = Term("awind", more=True, spelt=tuple(f"awind{number}" for number in range(99)))
    assert By(None, ("awin",)) == by_index(many, KNOWN).by


def test_words_that_only_begin_so_are_not_those_that_are_whole() -> None:
    """Those were found before, and are most of all that begin so."""
    beginnings = Term("athe", more=True)
    only = KNOWN.share(But(beginnings, Term("tsea")))
    assert pytest.approx(KNOWN.share(beginnings) - 0.6) == only
    longer = But(All((beginnings, Either((beginnings, SEA)))), SUN)
    assert 0 < KNOWN.share(longer) < KNOWN.share(longer.wanted)


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
    assert Plan(By(asked), 0.0) == plan(asked, small, 21)
    assert not are_many(THE, small, 1, 1e6)


def test_nothing_is_looked_at_that_the_index_knows() -> None:
    """Where it is asked for all of a question, rows are not; else they are, for all of it."""
    ids = range(1, 9)
    assert ("'asun'", 0, 8, 3) == question(SUN, By(SUN), ids, 3).values
    given = ("'asun'", ["hne"], "'athe':*", [0], 0, 8, 3)
    assert given == question(BEGIN, By(SUN, ("hne",)), ids, 3, spans=True).values
    asked = few(BEGIN, By(None, ("athe",)), 3)
    assert (["athe"], "'athe':*", 3) == asked.values
    assert "ORDER BY" not in asked.sql


def test_terms_are_quoted() -> None:
    """So that no word is syntax."""
    asked = But(Either((All((SEA, BEGIN)), SUN)), NEW)
    assert "((('asea' & 'athe':*) | 'asun') & !'anew')" == text_query(asked)
