"""Six layouts in a book face: plate, horizon, initial, frame, column and arch."""

from bazar.front.storefront.cover import shapes
from bazar.front.storefront.cover.drawing import (
    CENTRE,
    HEIGHT,
    WIDTH,
    colour,
    line_art,
    rect,
    rule,
    tag,
    text_content,
)
from bazar.front.storefront.cover.drawing import number as n
from bazar.front.storefront.cover.faces import ITALIC, SERIF
from bazar.front.storefront.cover.fitting import Box
from bazar.front.storefront.cover.ornaments import VIGNETTE_RADIUS, ornament, vignette
from bazar.front.storefront.cover.palettes import Palette, ink_on, mixed
from bazar.front.storefront.cover.patterns import FILL, pattern
from bazar.front.storefront.cover.setting import (
    Drawn,
    Sheet,
    fit_author,
    fit_title,
    lettering,
    place,
    stack,
)
from bazar.front.storefront.cover.wording import initial as initial_of

_FACES = (SERIF, ITALIC)
_MARGIN = 20
INITIAL_SIZE = 330


def _whole(fill: str) -> str:
    return rect(0, 0, WIDTH, HEIGHT, fill=fill)


def plate(sheet: Sheet) -> Drawn:
    """Fill the cover with a pattern, and lay a plate with title and author on it."""
    palette = sheet.palette
    words = stack(sheet, _FACES, Box(148, 170, 32, 18))
    height = max(words.height + 40, 84)
    top = 168 - height / 2
    field = pattern(sheet.book, sheet.book.one((palette.first, _soft(palette))))
    board = rect(30, top, 180, height, fill=colour(palette.ink))
    inner = rect(
        36,
        top + 6,
        168,
        height - 12,
        fill="none",
        stroke=colour(palette.ground),
        stroke_opacity=0.6,
    )
    text = words.set(sheet, CENTRE, top + (height - words.height) / 2, palette.ground, "middle")
    return Drawn(field + _whole(FILL) + board + inner, text)


def _soft(palette: Palette) -> str:
    return mixed(palette.second, palette.first, 45)


def horizon(sheet: Sheet) -> Drawn:
    """Set title and author in the sky, over a sun and a landscape."""
    words = stack(sheet, _FACES, Box(194, 176, 40, 18), gap=10)
    top = 30
    art = shapes.landscape(sheet.book, sheet.palette, top + words.height)
    return Drawn(art, words.set(sheet, CENTRE, top, sheet.palette.ink, "middle"))


def initial(sheet: Sheet) -> Drawn:
    """Cut one big letter by the edge, and set the title under a rule below it."""
    palette = sheet.palette
    words = stack(sheet, _FACES, Box(196, 112, 30, 18), gap=7)
    top = HEIGHT - 22 - words.height
    line = top - 12
    letter = tag(
        "text", text_content(initial_of(sheet.title)), x=sheet.book.one((16, 34, 60)), y=line
    )
    fill = sheet.book.one((palette.first, palette.first, palette.second))
    art = lettering(letter, SERIF, INITIAL_SIZE, fill)
    panel = rect(0, line, WIDTH, HEIGHT - line, fill=colour(palette.ground))
    return Drawn(
        art + panel + rule(_MARGIN, line, 200, palette.ink),
        words.set(sheet, _MARGIN, top, palette.ink),
    )


def frame(sheet: Sheet) -> Drawn:
    """Put a double gilt frame around an ornament, the words and a vignette."""
    palette, book = sheet.palette, sheet.book
    gilt = palette.first
    words = stack(sheet, _FACES, Box(164, 200, 38, 18), gap=14)
    top = max(88, 150 - words.height / 2)
    room = HEIGHT - 34 - top - words.height
    has_vignette = room > VIGNETTE_RADIUS * 2 + 16
    if not has_vignette:
        top = (HEIGHT - words.height) / 2 + 8
    corners = _hollow if book.below(2) else _straight
    art = corners(16, gilt, 2) + corners(24, mixed(gilt, palette.ground, 25), 0.8)
    art += ornament(book, gilt, CENTRE, top - 24)
    if has_vignette:
        art += vignette(book, gilt, CENTRE, min(HEIGHT - 30 - room / 2, 288))
    return Drawn(art, words.set(sheet, CENTRE, top, palette.ink, "middle"))


def _straight(inset: float, gilt: str, width: float) -> str:
    return rect(
        inset,
        inset,
        WIDTH - 2 * inset,
        HEIGHT - 2 * inset,
        fill="none",
        stroke=colour(gilt),
        stroke_width=width,
    )


def _hollow(inset: float, gilt: str, width: float) -> str:
    r = 14
    across, down = n(WIDTH - 2 * (inset + r)), n(HEIGHT - 2 * (inset + r))
    return line_art(
        f"M{n(inset + r)} {n(inset)}h{across}a{r} {r} 0 0 0 {r} {r}v{down}a{r} {r} 0 0 0-{r} {r}"
        f"h-{across}a{r} {r} 0 0 0-{r}-{r}v-{down}a{r} {r} 0 0 0 {r}-{r}z",
        gilt,
        width,
    )


def column(sheet: Sheet) -> Drawn:
    """Run a strip of pattern down the spine, with the title at its side and the author below."""
    palette, book = sheet.palette, sheet.book
    strip = book.one((40, 52, 64, 84))
    x = strip + 16
    room = WIDTH - x - _MARGIN
    author = fit_author(sheet, ITALIC, room)
    title = fit_title(sheet, SERIF, Box(room, 296 - author.height, 40, 18))
    ground = book.one((palette.second, palette.first))
    art = (
        pattern(book, mixed(ground, ink_on(ground, palette), 40))
        + rect(0, 0, strip, HEIGHT, fill=colour(ground))
        + rect(0, 0, strip, HEIGHT, fill=FILL)
        + rect(strip, 0, 2, HEIGHT, fill=colour(palette.ink))
    )
    text = place(sheet, title, (x, 24), palette.ink)
    foot = HEIGHT - 26 - author.height
    return Drawn(art, text + place(sheet, author, (x, foot), palette.ink))


def arch(sheet: Sheet) -> Drawn:
    """Stand arches on a line, and set the words below it."""
    palette = sheet.palette
    words = stack(sheet, _FACES, Box(196, 104, 30, 18), gap=7)
    base = min(HEIGHT - 36 - words.height, 240)
    art = shapes.arches(sheet.book, palette, base) + rule(_MARGIN, base, 200, palette.ink)
    top = base + (HEIGHT - 6 - base - words.height) / 2
    return Drawn(art, words.set(sheet, CENTRE, top, palette.ink, "middle"))
