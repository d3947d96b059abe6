"""Tiles: a grid of quarter circles, of triangles, or of dots, squares and arches."""

from collections.abc import Callable

from bazar.front.storefront.cover.choices import Choices
from bazar.front.storefront.cover.drawing import WIDTH, path
from bazar.front.storefront.cover.drawing import number as n
from bazar.front.storefront.cover.palettes import Palette

Tile = Callable[[int, int, int, int], str]
"""Corner of a cell, its side, and a turn of 0 to 3; returns an outline."""
_TURNS = 4


def square(x: int, y: int, side: int) -> str:
    """Return the outline of a whole cell."""
    return f"M{x} {y}h{side}v{side}h-{side}z"


def _quarter(x: int, y: int, side: int, turn: int) -> str:
    s = side
    return (
        f"M{x} {y}h{s}a{s} {s} 0 0 1-{s} {s}z",
        f"M{x + s} {y}v{s}a{s} {s} 0 0 1-{s}-{s}z",
        f"M{x + s} {y + s}h-{s}a{s} {s} 0 0 1 {s}-{s}z",
        f"M{x} {y + s}v-{s}a{s} {s} 0 0 1 {s} {s}z",
    )[turn]


def _triangle(x: int, y: int, side: int, turn: int) -> str:
    s = side
    return (
        f"M{x} {y}h{s}l-{s} {s}z",
        f"M{x} {y}h{s}v{s}z",
        f"M{x + s} {y}v{s}h-{s}z",
        f"M{x} {y}v{s}h{s}z",
    )[turn]


def _token(x: int, y: int, side: int, turn: int) -> str:
    inset = side // 10
    left, top, s = x + inset, y + inset, side - 2 * inset
    half = n(s / 2)
    return (
        f"M{left} {n(top + s / 2)}a{half} {half} 0 1 1 {s} 0 {half} {half} 0 1 1-{s} 0z",
        square(left, top, s),
        f"M{left} {top + s}v-{half}a{half} {half} 0 0 1 {s} 0v{half}z",
        f"M{left} {top + s}v-{half}a{half} {half} 0 0 1 {s} 0v{half}z",
    )[turn]


_TILES: tuple[Tile, ...] = (_quarter, _triangle, _token)
_GROUNDED: frozenset[Tile] = frozenset({_quarter, _triangle})
"""Tiles that leave a part of their cell free, which then may have a colour of its own."""


def tiled(book: Choices, palette: Palette, side: int, rows: int) -> str:
    """Draw rows of tiles from the top on."""
    return _grid(book, palette, book.one(_TILES), (0, rows, side))


def quarters(book: Choices, palette: Palette, top: int, rows: int, side: int) -> str:
    """Draw rows of quarter circles from a height on."""
    return _grid(book, palette, _quarter, (top, rows, side))


def _grid(book: Choices, palette: Palette, tile: Tile, place: tuple[int, int, int]) -> str:
    top, rows, side = place
    colours = (palette.first, palette.second, palette.ink)
    outlines = dict.fromkeys(colours, "")
    grounds = dict.fromkeys(colours, "")
    for y in range(top, top + rows * side, side):
        for x in range(0, WIDTH, side):
            number = book.below(180)
            front, turn, back = number % 3, number // 3 % _TURNS, number // 12
            if tile in _GROUNDED and back in {1, 2, 3, 4}:
                grounds[colours[(front + 1 + back % 2) % 3]] += square(x, y, side)
            outlines[colours[front]] += tile(x, y, side, turn)
    return "".join(path(d, fill) for drawn in (grounds, outlines) for fill, d in drawn.items() if d)
