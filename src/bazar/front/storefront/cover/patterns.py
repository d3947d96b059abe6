"""Seven patterns that fill a cover or a strip of it, each a small cell that repeats."""

from typing import NamedTuple

from bazar.front.storefront.cover.choices import Choices
from bazar.front.storefront.cover.drawing import colour, tag

FILL = "url(#p)"
"""Fills a shape with the pattern of its cover."""


class Cell(NamedTuple):
    """What repeats: its size, what is drawn and what is filled."""

    width: int
    height: int
    drawn: str
    filled: str = ""


CELLS = {
    "scales": Cell(
        24,
        24,
        "M0 12a12 12 0 0 0 24 0M-12 24a12 12 0 0 0 24 0 12 12 0 0 0 24 0M-12 0a12 12 0 0 0"
        " 24 0 12 12 0 0 0 24 0",
        "M12 15.5a2 2 0 1 1 .1 0zM0 3.5a2 2 0 1 1 .1 0zM24 3.5a2 2 0 1 1 .1 0z",
    ),
    "lozenges": Cell(
        24,
        36,
        "M12 0 24 18 12 36 0 18z",
        "M12 12.5l3.5 5.5-3.5 5.5-3.5-5.5zM0-3l2 3-2 3zM24-3"
        "l-2 3 2 3zM0 33l2 3-2 3zM24 33l-2 3 2 3z",
    ),
    "waves": Cell(28, 12, "M-14 6q7-8 14 0t14 0 14 0 14 0"),
    "stripes": Cell(18, 18, "M-2 15 15-2M12 19 19 12", "M0 7V2l2-2h5zM18 7V2L2 18h5z"),
    "stars": Cell(
        28,
        28,
        "",
        "M7 1q1 5 6 6-5 1-6 6-1-5-6-6 5-1 6-6zM21 15q1 5 6 6-5 1-6 6-1-5-6-6 5-1 6-6z"
        "M21 6a1 1 0 1 1-.1 0zM7 20a1 1 0 1 1-.1 0z",
    ),
    "leaves": Cell(
        28, 28, "M3 12Q2 3 12 3 12 12 3 12L9 6M17 17Q26 16 26 26 17 26 17 17l6 6M25 3l-6 6M3 25l6-6"
    ),
    "fans": Cell(
        32,
        16,
        "M0 16a16 16 0 0 1 32 0M5 16a11 11 0 0 1 22 0M10 16a6 6 0 0 1 12 0M-16 8a16 16 0 0"
        " 1 16 8 16 16 0 0 1 16-8M16 8a16 16 0 0 1 16 8",
    ),
}
_CELLS = tuple(CELLS.values())


def pattern(book: Choices, stroke: str) -> str:
    """Define the pattern of a book, in one colour."""
    cell = book.one(_CELLS)
    drawn = cell.drawn and tag(
        "path", d=cell.drawn, fill="none", stroke=colour(stroke), stroke_width=1.2
    )
    filled = cell.filled and tag("path", d=cell.filled, fill=colour(stroke))
    return tag(
        "pattern",
        drawn + filled,
        id="p",
        width=cell.width,
        height=cell.height,
        patternUnits="userSpaceOnUse",
    )
