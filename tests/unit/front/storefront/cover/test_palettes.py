"""The colours: a topic's books are neighbours, and what is written can be read."""

import re

import pytest

from bazar.front.storefront.cover.choices import Choices, streams
from bazar.front.storefront.cover.classic import plate
from bazar.front.storefront.cover.palettes import (
    RING,
    STEPS,
    Palette,
    choose,
    contrast,
    ink_on,
    mixed,
)
from bazar.front.storefront.cover.setting import Sheet


def test_there_are_fourteen_palettes() -> None:
    """Each has a name of its own and four colours."""
    assert 14 == len({palette.name for palette in RING})
    assert {24} == {len("".join(palette[1:])) for palette in RING}


@pytest.mark.parametrize("palette", RING, ids=lambda palette: palette.name)
def test_ink_is_read_on_its_ground(palette: Palette) -> None:
    """The contrast of text is 6.7 to 14.5; that of the big words on bands at least 3."""
    assert 6.7 <= contrast(palette.ink, palette.ground) <= 14.6
    for fill in (palette.first, palette.second):
        assert contrast(fill, ink_on(fill, palette)) >= 3.6


def test_contrast_is_that_of_the_standard() -> None:
    """Black on white is 21, a colour on itself 1, and a known grey 4.54."""
    assert 21 == pytest.approx(contrast("000000", "ffffff"))
    assert 1 == contrast("1d4a3c", "1d4a3c")
    assert 4.54 == pytest.approx(contrast("767676", "ffffff"), abs=0.01)


def test_a_topics_books_share_neighbouring_palettes() -> None:
    """A topic has five palettes of the fourteen, and its books have them all."""
    for topic in ("novel", "poetry", "history"):
        places = {RING.index(choose(streams(f"Title {n}", "A", topic))) for n in range(200)}
        starts = [
            start
            for start in range(len(RING))
            if {(start + step) % len(RING) for step in STEPS} == places
        ]
        assert 1 == len(starts)


def test_topics_do_not_begin_at_the_same_place() -> None:
    """How a topic is written in capitals does not matter; which it is does."""
    ring = [Choices("topic", f"topic {n}").below(14) for n in range(200)]
    assert 14 == len(set(ring))
    assert choose(streams("T", "A", "novel")) in RING
    assert streams("T", "A", "Science Fiction").topic.below(14) == streams(
        "T", "A", "science fiction"
    ).topic.below(14)


def test_colours_are_mixed_by_shares() -> None:
    """Nothing of another is the first colour, all of it the other."""
    assert ("102030", "405060", "283848") == tuple(
        mixed("102030", "405060", share) for share in (0, 100, 50)
    )


def test_a_plate_is_written_on_in_the_colour_of_the_ground() -> None:
    """The plate is ink, so what is on it has the contrast of the table."""
    palette = RING[0]
    drawn = plate(Sheet("Emma", "Jane Austen", palette, Choices("book", ""), leftwards=False))
    assert re.search(f'<rect x="30"[^>]* fill="#{palette.ink}"', drawn.art)
    assert 2 == drawn.text.count(f'fill="#{palette.ground}"')
