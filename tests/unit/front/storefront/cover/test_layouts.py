"""Who gets which layout: an author's books look like a series, and no layout is asked too much."""

from collections import Counter

import pytest

from bazar.front.storefront.cover.choices import Choices, streams
from bazar.front.storefront.cover.classic import INITIAL_SIZE
from bazar.front.storefront.cover.layouts import LAYOUTS, of_author, suited
from bazar.front.storefront.cover.modern import band_words
from bazar.front.storefront.cover.palettes import RING
from bazar.front.storefront.cover.setting import Sheet
from support.covers import lines_of, parsed


def sheet(title: str, *, leftwards: bool = False) -> Sheet:
    """Return a sheet for a title."""
    return Sheet(title, "An Author", RING[0], Choices("book", title), leftwards)


def test_an_authors_books_share_a_layout() -> None:
    """The title and the topic have no say in it."""
    books = [("Emma", "novel"), ("Persuasion", "romance"), ("Lady Susan", "letters")]
    for author in map("Author {}".format, range(50)):
        names = {of_author(streams(title, author, topic).author) for title, topic in books}
        assert 1 == len(names)


def test_authors_are_spread_over_all_ten_layouts() -> None:
    """No layout is forgotten, and none is everywhere."""
    counts = Counter(of_author(streams("", f"Author {n}", "").author) for n in range(2000))
    assert set(LAYOUTS) == set(counts)
    assert 140 < min(counts.values()) <= max(counts.values()) < 260


def test_without_an_author_the_title_decides() -> None:
    """Books without an author do not all look the same."""
    names = {of_author(streams(f"Title {n}", "", "novel").author) for n in range(60)}
    assert len(names) > 5


@pytest.mark.parametrize(
    ("name", "title", "drawn"),
    [
        ("bands", "The Arabian Nights", "bands"),
        ("bands", "Dracula", "initial"),
        ("bands", "??", "frame"),
        ("bands", "", "frame"),
        ("bands", "How to get a good grade without fear", "column"),
        ("bands", "A Compendiousness", "column"),
        ("bands", "WWWWWWWW MMMMMM", "column"),
        ("initial", "The Odyssey", "initial"),
        ("initial", "…and justice", "frame"),
        ("arch", "…", "arch"),
    ],
)
def test_a_title_that_does_not_suit_gets_another_layout(name: str, title: str, drawn: str) -> None:
    """Bands need two to five words of eleven letters, and an initial needs a letter."""
    assert drawn == suited(name, sheet(title))


@pytest.mark.parametrize("name", LAYOUTS)
def test_leftwards_no_initial_and_no_bands(name: str) -> None:
    """Letters that join can't stand alone, and such a title has its own places to break."""
    assert suited(name, sheet("ألف ليلة", leftwards=True)) not in {"initial", "bands"}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("title", ["The Sea", "The Importance of Being Earnest"])
def test_every_layout_sets_the_title_and_the_author(name: str, title: str) -> None:
    """The words stand on the cover whole, whatever is drawn around them."""
    art, text = LAYOUTS[name].draw(sheet(title))
    lines = lines_of(f'<svg xmlns="http://www.w3.org/2000/svg">{art}{text}</svg>'.encode())
    assert f"{title} An Author" == " ".join(line.text for line in lines)


def test_the_initial_is_one_letter_that_the_edge_cuts() -> None:
    """The only text that may leave its cover is one letter, and it belongs to the art."""
    art = LAYOUTS["initial"].draw(sheet("The Odyssey")).art
    big = parsed(f'<svg xmlns="http://www.w3.org/2000/svg">{art}</svg>'.encode())
    assert "O" == "".join(big.itertext())
    assert f'font-size="{INITIAL_SIZE}"' in art


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Cooking for the Impatient", ["Cooking", "for the", "Impatient"]),
        ("Rubáiyát of Omar Khayyám", ["Rubáiyát", "of Omar", "Khayyám"]),
        ("The Importance of Being Earnest", ["The", "Importance", "of", "Being", "Earnest"]),
    ],
)
def test_short_words_share_a_band(title: str, words: list[str]) -> None:
    """A word of three letters joins the next one where both are short."""
    assert words == band_words(title)
