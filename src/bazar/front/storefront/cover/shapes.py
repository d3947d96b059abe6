"""Big shapes: the lower part of a poster, landscapes, arches, and rings."""

from collections.abc import Callable, Sequence
from math import hypot

from bazar.front.storefront.cover.choices import Choices
from bazar.front.storefront.cover.drawing import (
    CENTRE,
    HEIGHT,
    WIDTH,
    circle,
    colour,
    path,
    rect,
)
from bazar.front.storefront.cover.drawing import number as n
from bazar.front.storefront.cover.ornaments import star
from bazar.front.storefront.cover.palettes import Palette, mixed
from bazar.front.storefront.cover.tiling import quarters

Poster = Callable[[Choices, Palette, float], str]
Arch = Callable[[float, float, float], str]


def poster(book: Choices, palette: Palette, top: float) -> str:
    """Draw a book's big shape below a height, in units."""
    return book.one(_POSTERS)(book, palette, top)


def _half_sun(book: Choices, palette: Palette, top: float) -> str:
    sea = 292
    radius = min(book.one((72, 86, 100)), sea - top)
    x = book.one((84, 150, 176, 240 - radius * 0.6))
    disc = path(
        f"M{n(x - radius)} {sea}a{n(radius)} {n(radius)} 0 0 1 {n(radius * 2)} 0z", palette.first
    )
    return disc + rect(0, sea, WIDTH, HEIGHT - sea, fill=colour(palette.second))


def _columns(book: Choices, palette: Palette, top: float) -> str:
    room = HEIGHT - top
    width = book.one((22, 26, 30))
    step = width + 8
    bars = ["", ""]
    for row, x in enumerate(range(20, WIDTH - 20 - width, step)):
        height = room * (0.4 + book.below(13) * 0.05)
        bars[row % 2] += f"M{x} {HEIGHT}V{n(HEIGHT - height)}h{width}V{HEIGHT}z"
    return path(bars[0], palette.first) + path(bars[1], palette.second)


def _quarter_tiles(book: Choices, palette: Palette, top: float) -> str:
    side = 60
    rows = 2 if top <= HEIGHT - 2 * side else 1
    return quarters(book, palette, HEIGHT - rows * side, rows, side)


def _slopes(book: Choices, palette: Palette, top: float) -> str:
    radius = 22
    peak = max(top + radius * 3, 196 + book.below(4) * 10)
    foot, near = book.one((20, 44, 68)), 292 + book.below(4) * 8
    fall = (HEIGHT - peak) / (WIDTH - foot)
    x = book.one((136, 156, 176))
    rests_at = peak + fall * (WIDTH - x) - radius * hypot(1, fall)
    return (
        path(f"M{WIDTH} {n(peak)}V{HEIGHT}H{foot}z", palette.first)
        + path(f"M0 {near}L{WIDTH} {HEIGHT - 6}V{HEIGHT}H0z", palette.second)
        + circle(x, rests_at, radius, fill=colour(palette.ink))
    )


def _nested(book: Choices, palette: Palette, top: float) -> str:
    x = book.one((84, 150, 170))
    foot = HEIGHT + book.one((12, 40))
    radius = min(132, (foot - top) / 2)
    fills = (palette.first, palette.second, palette.ground, palette.first, palette.ink)
    shares = (1, 0.78, 0.56, 0.38, 0.16)
    return "".join(
        circle(x, foot - radius * (1 + share) / 2, radius * share, fill=colour(fill))
        for share, fill in zip(shares, fills, strict=True)
    )


_POSTERS: tuple[Poster, ...] = (_half_sun, _columns, _quarter_tiles, _slopes, _nested)


def landscape(book: Choices, palette: Palette, top: float) -> str:
    """Draw a sun and three bands of water, peaks or hills, all below a height."""
    radius = book.one((28, 34, 40))
    x = book.one((66, 96, 144, 172))
    horizon = max(top + radius + 22, 236)
    sun = circle(x, horizon - book.one((4, 14)), radius, fill=colour(palette.first))
    band = book.one((_water, _peaks, _hills))
    step = (HEIGHT - horizon) / 3
    tones = (38, 72, 100)
    return sun + "".join(
        path(
            f"{band(book, horizon + 8 + step * row * 0.9)}V{HEIGHT}H0z",
            mixed(palette.ground, palette.second, tone),
        )
        for row, tone in enumerate(tones)
    )


def _water(book: Choices, y: float) -> str:
    start = -book.below(4) * 20
    return f"M{start} {n(y)}q20-9 40 0" + "t40 0" * 7


def _peaks(book: Choices, y: float) -> str:
    d, x, up = f"M0 {n(y + 8)}", 0, True
    while x < WIDTH:
        x += 26 + book.below(4) * 10
        d += f"L{x} {n(y - 22 - book.below(4) * 5 if up else y + 8)}"
        up = not up
    return f"{d}L{x + 40} {n(y)}"


def _hills(book: Choices, y: float) -> str:
    rise, turn = 14 + book.below(4) * 6, 60 + book.below(5) * 30
    if book.below(2):
        rise = -rise
    return f"M0 {n(y)}C{turn} {n(y - rise)} {turn + 40} {n(y + rise)} {WIDTH} {n(y - rise / 4)}"


def _round(width: float, spring: float, base: float) -> str:
    w = n(width)
    left = n(CENTRE - width)
    return f"M{left} {n(base)}V{n(spring)}a{w} {w} 0 0 1 {n(width * 2)} 0V{n(base)}z"


def _pointed(width: float, spring: float, base: float) -> str:
    left, right = n(CENTRE - width), n(CENTRE + width)
    top, shoulder = n(spring - width * 1.12), n(spring - width * 0.72)
    return (
        f"M{left} {n(base)}V{n(spring)}Q{left} {shoulder} {CENTRE} {top}"
        f"Q{right} {shoulder} {right} {n(spring)}V{n(base)}z"
    )


def _ogee(width: float, spring: float, base: float) -> str:
    left, right = n(CENTRE - width), n(CENTRE + width)
    top, shoulder, neck = (n(spring - width * part) for part in (1.2, 0.78, 0.84))
    return (
        f"M{left} {n(base)}V{n(spring)}C{left} {shoulder} {n(CENTRE - width * 0.3)} {neck} "
        f"{CENTRE} {top}C{n(CENTRE + width * 0.3)} {neck} {right} {shoulder} {right} {n(spring)}"
        f"V{n(base)}z"
    )


_ARCHES: tuple[Arch, ...] = (_round, _pointed, _ogee)


def arches(book: Choices, palette: Palette, base: float) -> str:
    """Draw three or four arches inside each other on a base, in units from the top."""
    arch = book.one(_ARCHES)
    widths = book.one(((84, 62, 40), (86, 66, 46, 26)))
    fills = _arch_fills(palette)
    spring = base - 112
    drawn = "".join(
        path(arch(width, spring + (widths[0] - width) * 0.12, base), fill)
        for width, fill in zip(widths, fills, strict=False)
    )
    door = fills[0] if len(widths) == len(fills) else palette.ground
    sign = book.below(3)
    if sign == 0:
        return drawn + path(star(CENTRE, base - 20, 7), door)
    return drawn + (circle(CENTRE, base - 15, 5, fill=colour(door)) if sign == 1 else "")


def _arch_fills(palette: Palette) -> Sequence[str]:
    return (
        palette.second,
        palette.first,
        mixed(palette.first, palette.second, 55),
        palette.ink,
    )


_CENTRES = ((120, 104), (66, 84), (178, 96), (226, 20))


def discs(book: Choices, palette: Palette) -> str:
    """Draw discs on each other around one of four centres."""
    x, y = book.one(_CENTRES)
    radii = book.one(((128, 98, 68, 40, 15), (112, 84, 56, 28), (150, 118, 86, 54, 22)))
    fills = (palette.second, palette.first, palette.ground, palette.first, palette.ink)
    return "".join(
        circle(x, y, radius, fill=colour(fill)) for radius, fill in zip(radii, fills, strict=False)
    )


_MOONS = ((0.8, 0.6), (-0.6, 0.8), (0, 1), (-0.96, 0.28), (0.28, 0.96))


def orbits(book: Choices, palette: Palette) -> str:
    """Draw a sun, thin orbits and two worlds around one of four centres."""
    x, y = book.one(_CENTRES)
    radii = range(30, book.one((116, 136, 156)), book.one((16, 20, 24)))
    lines = "".join(circle(x, y, radius) for radius in radii)
    worlds = ""
    for radius, size, fill in ((radii[1], 7, palette.ink), (radii[-1], 5, palette.first)):
        right, down = book.one(_MOONS)
        worlds += circle(x + right * radius, y + down * radius, size, fill=colour(fill))
    return (
        f'<g fill="none" stroke="{colour(palette.first)}" stroke-width="1.5">{lines}</g>'
        + circle(x, y, 13, fill=colour(palette.first))
        + worlds
    )
