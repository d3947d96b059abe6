"""Four layouts in a sans face: swiss, tiles, rings and bands."""

from bazar.front.storefront.cover import shapes
from bazar.front.storefront.cover.drawing import HEIGHT, WIDTH, colour, rect, rule
from bazar.front.storefront.cover.faces import (
    GEOMETRIC,
    GEOMETRIC_BOLD,
    SANS,
    SANS_BOLD,
    width_em,
)
from bazar.front.storefront.cover.fitting import Box, fit_line
from bazar.front.storefront.cover.palettes import ink_on
from bazar.front.storefront.cover.setting import Drawn, Sheet, fit_author, place, stack
from bazar.front.storefront.cover.tiling import tiled

_MARGIN = 20
_GEOMETRIC_FACES = (GEOMETRIC_BOLD, GEOMETRIC)
BANDS_MAX = 5
_BAND_LETTERS_MAX = 11
_BAND_EM_MAX = 7.5
_SHORT_WORD_LETTERS = 3
_JOINED_LETTERS_MAX = 6


def swiss(sheet: Sheet) -> Drawn:
    """Set the words bold at the top, and let one big shape rise from the foot."""
    words = stack(sheet, (SANS_BOLD, SANS), Box(194, 180, 40, 18), gap=8)
    top = 24
    art = shapes.poster(sheet.book, sheet.palette, top + words.height + 18)
    return Drawn(art, words.set(sheet, _MARGIN, top, sheet.palette.ink))


def tiles(sheet: Sheet) -> Drawn:
    """Lay tiles over the upper part, and set the words below them."""
    words = stack(sheet, _GEOMETRIC_FACES, Box(196, 116, 30, 18), gap=6)
    side, rows = sheet.book.one(((40, 5), (48, 4), (60, 3)))
    if (rows + 1) * side + words.height + 44 <= HEIGHT:
        rows += 1
    foot = rows * side
    top = foot + max((HEIGHT - foot - words.height) * 0.42, 16)
    art = tiled(sheet.book, sheet.palette, side, rows)
    return Drawn(art, words.set(sheet, _MARGIN, top, sheet.palette.ink))


def rings(sheet: Sheet) -> Drawn:
    """Let discs or orbits spread from one of four centres, and set the words below them."""
    words = stack(sheet, _GEOMETRIC_FACES, Box(196, 120, 32, 18), gap=6)
    top = HEIGHT - 24 - words.height
    draw = sheet.book.one((shapes.discs, shapes.orbits))
    panel = rect(0, top - 16, WIDTH, HEIGHT - top + 16, fill=colour(sheet.palette.ground))
    art = draw(sheet.book, sheet.palette) + panel
    return Drawn(art, words.set(sheet, _MARGIN, top, sheet.palette.ink))


def bands(sheet: Sheet) -> Drawn:
    """Give each word a band of its own."""
    palette, words = sheet.palette, band_words(sheet.title)
    author = fit_author(sheet, SANS, 196)
    foot = HEIGHT - 34 - author.height
    height = foot / max(len(words), 1)
    fills = sheet.book.one(
        (
            (palette.ground, palette.first, palette.ground, palette.second),
            (palette.first, palette.ground, palette.second, palette.ground),
            (palette.second, palette.ground, palette.first, palette.ground),
        )
    )
    art, text = "", ""
    for row, word in enumerate(words):
        fill = fills[row % len(fills)]
        fitted = fit_line(word, SANS_BOLD, Box(194, height, min(int(height * 0.72), 54), 18))
        middle = height * (row + 0.5)
        top = middle - (SANS_BOLD.ascent - 0.36) * fitted.size
        art += rect(0, height * row, WIDTH, height + 0.3, fill=colour(fill))
        text += place(sheet, fitted, (_MARGIN, top), ink_on(fill, palette))
    art += rule(_MARGIN, foot + 10, 200, palette.ink) if author.lines else ""
    return Drawn(art, text + place(sheet, author, (_MARGIN, foot + 16), palette.ink))


def band_words(title: str) -> list[str]:
    """Return what stands on each band: a word, or a short word and the one after it."""
    words: list[str] = []
    for word in title.split():
        joined = f"{words[-1]} {word}" if words else word
        if (
            words
            and len(words[-1]) <= _SHORT_WORD_LETTERS
            and len(joined) - 1 <= _JOINED_LETTERS_MAX
        ):
            words[-1] = joined
        else:
            words.append(word)
    return words


def has_bands(title: str) -> bool:
    """Whether each word of a title has room on a band of its own."""
    words = band_words(title)
    return 1 < len(words) <= BANDS_MAX and all(
        len(word) <= _BAND_LETTERS_MAX and width_em(word, SANS_BOLD) <= _BAND_EM_MAX
        for word in words
    )
