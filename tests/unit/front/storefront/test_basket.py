"""The basket: in a cookie, in a form, and as the key of an order."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bazar.front.storefront.basket import (
    BASKET_LINES_MAX,
    REVISION_MAX,
    Basket,
    BasketLine,
    Change,
    Offer,
    after_order,
    after_refusal,
    lines_text,
    looked_over,
    new_basket,
    next_key,
    read_key,
    read_lines,
    total_minor,
)
from bazar.kit.identity import ID_MAX
from bazar.kit.money import PRICE_MINOR_MAX
from bazar.kit.web.cookies import Cookies
from bazar.wire.limits import LINES_MAX, QUANTITY_MAX

ID = "AAAAAAAAAAAAAAAAAAAA-_"
OTHER = "BBBBBBBBBBBBBBBBBBBBBB"
LINE = st.builds(
    BasketLine,
    st.integers(1, ID_MAX),
    st.integers(1, QUANTITY_MAX),
    st.integers(0, PRICE_MINOR_MAX),
)
LINES = st.lists(LINE, max_size=BASKET_LINES_MAX, unique_by=lambda line: line.book_id).map(tuple)
BASKETS = st.builds(Basket, st.sampled_from([ID, OTHER]), st.integers(1, REVISION_MAX), LINES)
TWO = (BasketLine(8, 2, 999), BasketLine(80, 2, 3900))


def basket(*lines: BasketLine, revision: int = 1) -> Basket:
    """Return a basket of these lines."""
    return Basket(ID, revision, lines)


@given(BASKETS)
def test_a_cookie_gives_the_basket_back(one: Basket) -> None:
    """What a cookie holds is what was put into it."""
    assert one == msgspec.json.decode(msgspec.json.encode(one), type=Basket)


def test_the_largest_basket_fits_into_a_cookie() -> None:
    """50 lines with the largest numbers that there are stay under 3 kB, signed and encoded."""
    lines = [
        BasketLine(ID_MAX - place, QUANTITY_MAX, PRICE_MINOR_MAX)
        for place in range(BASKET_LINES_MAX)
    ]
    site = Cookies("secret", secure=True)
    _name, header = site.header("basket", Basket(ID, REVISION_MAX, tuple(lines)), 1)
    assert len(header) < 3000


@pytest.mark.parametrize(
    "text",
    [
        f'["{ID}",0,[]]',
        f'["{ID[1:]}",1,[]]',
        f'["{ID}",1,[[8,0,999]]]',
        f'["{ID}",1,[[0,1,999]]]',
        f'["{ID}",1,{[[number, 1, 1] for number in range(1, BASKET_LINES_MAX + 2)]}]',
    ],
)
def test_a_cookie_that_holds_no_basket_gives_none(text: str) -> None:
    """What another release may have left in a browser is read within today's limits."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Basket)


@given(LINES.filter(bool))
def test_a_form_gives_its_lines_back(lines: tuple[BasketLine, ...]) -> None:
    """What a form holds is what was put into it."""
    assert lines == read_lines(lines_text(lines))


def test_a_form_tells_book_copies_and_price() -> None:
    """The form of the lines is one that people can read."""
    assert "8x2@999,80x2@3900" == lines_text(TWO)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "8x2",
        "8x2@999,",
        "8x2@-1",
        "0x2@999",
        "8x0@999",
        "8x1001@999",
        "8x2@999,8x1@999",
        f"{ID_MAX + 1}x1@1",
        f"8x1@{PRICE_MINOR_MAX + 1}",
        "٨x2@999",
        "8x2@999\n",
        ",".join(f"{number}x1@1" for number in range(1, LINES_MAX + 2)),
    ],
)
def test_what_are_no_lines_is_refused(text: str) -> None:
    """Lines are of one form, within the limits of orders, and name no book twice."""
    with pytest.raises(ValueError, match=r"no lines|Expected"):
        read_lines(text)


def test_a_form_may_hold_as_many_lines_as_an_order() -> None:
    """A hundred lines are read, though a basket holds fewer."""
    text = ",".join(f"{number}x1@1" for number in range(1, LINES_MAX + 1))
    assert LINES_MAX == len(read_lines(text))


@given(st.text(max_size=40))
def test_no_text_breaks_the_readers(text: str) -> None:
    """Whatever a browser sends, it is read or it is not."""
    assert read_key(text) is None
    with pytest.raises(ValueError, match=r"no lines|Expected"):
        read_lines(text)


def test_a_new_basket_has_an_id_that_nobody_guesses() -> None:
    """Ids have 128 random bits, and none comes twice."""
    ids = {new_basket().id for _ in range(100)}
    assert 100 == len(ids)
    assert {22} == {len(one) for one in ids}
    assert all(read_key(new_basket().key) for _ in range(100))


def test_putting_books_in_changes_lines_and_no_key() -> None:
    """A book has one line, which keeps its place; the key is of the basket, whatever is in it."""
    one = basket(*TWO).put(8, 5, 1099).put(7, 1, 100)
    assert (BasketLine(8, 5, 1099), BasketLine(80, 2, 3900), BasketLine(7, 1, 100)) == one.lines
    assert f"{ID}.1" == one.key
    assert (BasketLine(80, 2, 3900), BasketLine(7, 1, 100)) == one.put(8, 0, 0).lines
    assert one == one.put(9, 0, 0)
    assert (8, 5 * 1099 + 2 * 3900 + 100) == (one.copies, total_minor(one.lines))


def test_what_changed_is_told_and_then_true() -> None:
    """Copies shrink to the stock or the limit, prices follow, and what is gone goes."""
    lines = (
        BasketLine(1, 3, 100),
        BasketLine(2, 1, 1595),
        BasketLine(3, 1, 1),
        BasketLine(4, 2, 5),
        BasketLine(5, 20, 7),
        BasketLine(6, 1, 8),
    )
    offers = {
        1: Offer("Records", 2, 100),
        2: Offer("Dracula", 9, 1675),
        4: Offer("Judge Dee", 0, 5),
        5: Offer("Emma", 99, 7),
        6: Offer("Ulysses", 3, 8, sold=False),
    }
    kept, changes = looked_over(lines, offers, 10)
    assert (BasketLine(1, 2, 100), BasketLine(2, 1, 1675), BasketLine(5, 10, 7)) == kept
    assert [
        Change("fewer", 1, "Records", 3, 2),
        Change("price", 2, "Dracula", 1595, 1675),
        Change("gone", 3, ""),
        Change("sold-out", 4, "Judge Dee"),
        Change("limit", 5, "Emma", 20, 10),
        Change("gone", 6, "Ulysses"),
    ] == changes
    assert (kept, []) == looked_over(kept, offers, 10)


@given(LINES, st.dictionaries(st.integers(1, ID_MAX), st.integers(0, 30), max_size=5))
def test_changes_are_told_once(lines: tuple[BasketLine, ...], stocks: dict[int, int]) -> None:
    """Looked over again, nothing is left to tell, and no line asks for more than there is."""
    offers = {book_id: Offer("T", stock, 7) for book_id, stock in stocks.items()}
    offers |= {line.book_id: Offer("T", 12, 9) for line in lines[::2]}
    kept, _changes = looked_over(lines, offers, 10)
    assert (kept, []) == looked_over(kept, offers, 10)
    assert all(0 < line.copies <= min(10, offers[line.book_id].stock) for line in kept)


def test_an_order_takes_its_own_lines_out_and_gives_a_new_key() -> None:
    """What another window put in meanwhile stays, and so does the rest of a larger line."""
    now = basket(BasketLine(8, 3, 999), BasketLine(80, 2, 3900), BasketLine(7, 1, 100), revision=4)
    after = after_order(now, f"{ID}.4", TWO, lambda: OTHER)
    assert Basket(OTHER, 1, (BasketLine(8, 1, 999), BasketLine(7, 1, 100))) == after


def test_an_answer_that_comes_again_takes_nothing_out() -> None:
    """The same books, put in anew after an order, stay when its form is sent once more."""
    later = Basket(OTHER, 1, TWO)
    assert later is after_order(later, f"{ID}.1", TWO)
    assert later is after_order(later, "nonsense", TWO)


def test_a_refusal_gives_the_next_key() -> None:
    """The key that follows is in the answer's form and in the basket; the lines stay."""
    now = basket(*TWO)
    following = next_key(now, now.key)
    assert f"{ID}.2" == following
    assert Basket(ID, 2, TWO) == after_refusal(now, now.key, following)


def test_an_old_window_goes_on_under_a_key_that_is_free() -> None:
    """A try of an old window does not take the revision back, nor touch another basket."""
    now = basket(*TWO, revision=5)
    assert f"{ID}.5" == next_key(now, f"{ID}.1")
    assert now == after_refusal(now, f"{ID}.1", f"{ID}.5")
    other = Basket(OTHER, 1, TWO)
    assert f"{ID}.2" == next_key(other, f"{ID}.1")
    assert other is after_refusal(other, f"{ID}.1", f"{ID}.2")


def test_revisions_come_to_an_end() -> None:
    """After the last revision there is another id."""
    now = basket(*TWO, revision=REVISION_MAX)
    following = next_key(now, now.key, lambda: OTHER)
    assert f"{OTHER}.1" == following
    assert Basket(OTHER, 1, TWO) == after_refusal(now, now.key, following)
    assert f"{OTHER}.1" == next_key(now, "nonsense", lambda: OTHER)
