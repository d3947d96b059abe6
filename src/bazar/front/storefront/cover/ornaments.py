"""Small signs of gilt: ornaments above a title, and vignettes below it, each around a point."""

from collections.abc import Callable
from math import cos, pi, sin

from bazar.front.storefront.cover.choices import Choices
from bazar.front.storefront.cover.drawing import circle, colour, line_art, path, tag
from bazar.front.storefront.cover.drawing import number as n

VIGNETTE_RADIUS = 28
"""How far a vignette reaches, in units."""
Sign = Callable[[str], str]


def at(x: float, y: float, sign: str) -> str:
    """Move what is drawn around nought to a point."""
    return tag("g", sign, transform=f"translate({n(x)} {n(y)})")


def star(x: float, y: float, radius: float) -> str:
    """Return the outline of a star of four points."""
    r, s = n(radius), n(radius / 5)
    return (
        f"M{n(x)} {n(y - radius)}q{s} {n(radius * 0.8)} {r} {r}-{n(radius * 0.8)} {s}-{r} {r}"
        f"-{s}-{n(radius * 0.8)}-{r}-{r} {n(radius * 0.8)}-{s} {r}-{r}z"
    )


def _diamond(gilt: str) -> str:
    return path("M0-5 5 0 0 5-5 0z", gilt)


def _dots(gilt: str) -> str:
    return path(
        "M-11 0a2 2 0 1 0 4 0 2 2 0 1 0-4 0zm9 0a2 2 0 1 0 4 0 2 2 0 1 0-4 0z"
        "m9 0a2 2 0 1 0 4 0 2 2 0 1 0-4 0z",
        gilt,
    )


def _swash(gilt: str) -> str:
    return line_art("M-18 2q9-10 18-2t18-2", gilt, 1.6)


def _dash(gilt: str) -> str:
    return line_art("M-26 0h18M8 0h18", gilt, 1.4) + path("M0-3.5 3.5 0 0 3.5-3.5 0z", gilt)


def _star(gilt: str) -> str:
    return path(star(0, 0, 7), gilt)


def _sun(gilt: str) -> str:
    rays = "".join(
        f"M{n(15 * cos(turn))} {n(15 * sin(turn))}L{n(reach * cos(turn))} {n(reach * sin(turn))}"
        for turn, reach in ((pi * step / 8, 27 if step % 2 else 22) for step in range(16))
    )
    return circle(0, 0, 10, fill="none", stroke=colour(gilt), stroke_width=1.4) + line_art(
        rays, gilt, 1.4
    )


def _leaf(gilt: str) -> str:
    pairs = "".join(f"M0 {y}q2-10 13-11 0 9-13 11-2-10-13-11 0 9 13 11z" for y in (18, 7, -4))
    return path(f"{pairs}M0-12q-6-7 0-14 6 7 0 14z", gilt) + line_art("M0-12V28", gilt, 1.4)


def _arcade(gilt: str) -> str:
    bays = "".join(f"M{x} 16V-6a8 8 0 0 1 16 0V16" for x in (-26, -8, 10))
    return line_art(f"{bays}M-30 16h60M-30 20h60", gilt, 1.4)


def _compass(gilt: str) -> str:
    marks = "M0-27v5M0 22v5M-27 0h5M22 0h5"
    return (
        circle(0, 0, 19, fill="none", stroke=colour(gilt), stroke_width=1.4)
        + line_art(marks, gilt, 1.4)
        + path(star(0, 0, 13), gilt)
    )


ORNAMENTS: tuple[Sign, ...] = (_diamond, _dots, _swash, _dash, _star)
VIGNETTES: tuple[Sign, ...] = (_sun, _leaf, _arcade, _compass)


def ornament(book: Choices, gilt: str, x: float, y: float) -> str:
    """Draw the ornament of a book."""
    return at(x, y, book.one(ORNAMENTS)(gilt))


def vignette(book: Choices, gilt: str, x: float, y: float) -> str:
    """Draw the vignette of a book."""
    return at(x, y, book.one(VIGNETTES)(gilt))
