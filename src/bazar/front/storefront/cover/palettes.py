"""The colours of covers: fourteen palettes in a ring.

The topic chooses where in the ring its books begin, the book how far it stands from there.
"""

from functools import cache
from typing import NamedTuple

from bazar.front.storefront.cover.choices import Streams

STEPS = (0, 3, 5, 8, 10)
"""How far in the ring a book may stand from where its topic begins."""


_LINEAR_MAX = 0.04045


class Palette(NamedTuple):
    """Four colours, as six hex digits."""

    name: str
    ground: str
    ink: str
    first: str
    second: str


RING = tuple(
    Palette(*row.split())
    for row in (
        "oxblood 7a1f2b f8ecd9 e3a857 4a0f18",
        "bottle 1d4a3c f4ecd8 dba844 0f2c23",
        "cream f2e7cf 3a1712 b4392b 2f6166",
        "prussian 1b3558 f4ecdd ea9468 0d1d35",
        "mustard e6b84a 2b1c0c 8a2b1c f6e3ad",
        "midnight 17171f f1e7d2 d0593f 4f8a8b",
        "sky cfe2e6 132f47 e2553a 7fb0bb",
        "plum 4a2646 f7e8de eba5a0 2b1229",
        "teal 0e545b f5efdf f3bb7f 06343a",
        "blush f1d6c8 471a1d 2d6d65 d98c7a",
        "terracotta 8f3a1e fdf1de f0b25e 5a1f0d",
        "sage bccaa6 1f2e1a 96392b 7e9468",
        "slate 353c4d f3eee3 dc9478 1f2430",
        "bone efe9dd 1e2440 3f5fae d3572f",
    )
)


def choose(streams: Streams) -> Palette:
    """Return the palette of a book."""
    return RING[(streams.topic.below(len(RING)) + streams.book.one(STEPS)) % len(RING)]


@cache
def mixed(colour: str, other: str, share: int) -> str:
    """Return a colour with a share of another, in percent."""
    pairs = zip(bytes.fromhex(colour), bytes.fromhex(other), strict=True)
    return bytes((a * (100 - share) + b * share + 50) // 100 for a, b in pairs).hex()


@cache
def contrast(colour: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21.

    Source: WCAG 2.2, contrast ratio and relative luminance.
    """
    dark, light = sorted((_luminance(colour), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= _LINEAR_MAX else ((part + 0.055) / 1.055) ** 2.4
        for part in (byte / 255 for byte in bytes.fromhex(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(fill: str, palette: Palette) -> str:
    """Return the colour of the palette in which text is read best on a fill."""
    return max((palette.ink, palette.ground, palette.second), key=lambda ink: contrast(fill, ink))
