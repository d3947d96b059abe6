"""No text leaves its cover: by estimate with a margin for every script, by real fonts for ours.

Fonts are not at hand where tests run. So the wild titles are checked by the estimate that lays
them out, times a safety factor, which finds what is placed wrongly; and titles in plain letters by
the measured advances of the fonts that covers name, which finds an estimate that is wrong.
"""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bazar.front.storefront.cover import draw
from support.advances import measured_em
from support.covers import Line, lines_of
from support.wild_titles import wild_books, word

SAFETY = 1.08
FRAGMENTS = (
    "",
    "W" * 500,
    "i" * 500,
    "字" * 500,
    "ض" * 300,
    "a " * 250,
    "👩‍👩‍👧" * 40,
    "e\u0301" * 200,
)


def outside(book: tuple[str, str, str]) -> list[Line]:
    """Return the lines of a book's cover that leave it."""
    return [line for line in lines_of(draw(*book)) if line.outside(safety=SAFETY) > 0]


@pytest.mark.parametrize("seed", range(4))
def test_no_text_leaves_its_cover_in_10000_wild_titles(seed: int) -> None:
    """In four times 2,500 titles and authors of many scripts, every line stays on its cover."""
    assert [] == [line for book in wild_books(seed, 2500) for line in outside(book)]


@pytest.mark.parametrize("author", FRAGMENTS)
@pytest.mark.parametrize("title", FRAGMENTS)
def test_monsters_stay_on_their_covers(title: str, author: str) -> None:
    """The widest, the longest and the emptiest are cut and broken until they fit in any layout."""
    for number in range(12):
        assert [] == outside((title, author + str(number), "novel"))


@given(st.text(max_size=80), st.text(max_size=40))
def test_anything_stays_on_its_cover(title: str, author: str) -> None:
    """There is no text that lays itself over the edge."""
    assert [] == outside((title, author, "novel"))


def test_no_plain_title_leaves_its_cover_in_the_fonts_that_it_names() -> None:
    """In 2,000 titles, measured with real advances, no line comes near the edge of its cover."""
    random = Random(11)
    for _ in range(2000):
        title = " ".join(word(random, "latin").capitalize() for _ in range(random.randint(1, 7)))
        svg = draw(title, word(random, "latin"), word(random, "latin"))
        plain = [line for line in lines_of(svg) if line.text.isascii()]
        assert [] == [line for line in plain if line.outside(measured_em) > -4]
