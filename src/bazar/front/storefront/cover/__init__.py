"""Covers of our own: a book's title, author and topic, drawn as a small picture of SVG.

The same words always give the same bytes: nothing is read, nothing is random, and no clock is
asked. What is drawn stays inside its cover, whatever the words are.
"""

from bazar.front.storefront.cover import choices, layouts, palettes
from bazar.front.storefront.cover.drawing import HEIGHT, WIDTH, colour, rect, tag
from bazar.front.storefront.cover.setting import Drawn, Sheet
from bazar.front.storefront.cover.wording import clean, runs_left, short_author, short_title

__all__ = ["digest", "draw"]

_SPINE_WIDTH = 29
_SPINE_STOPS = (
    ("0", "000", ".28"),
    (".3", "000", ".06"),
    (".36", "fff", ".26"),
    (".46", "fff", ".1"),
    (".54", "000", ".05"),
    ("1", "000", "0"),
)
_STOPS = "".join(
    f'<stop offset="{offset}" stop-color="#{shade}" stop-opacity="{opacity}"/>'
    for offset, shade, opacity in _SPINE_STOPS
)


def digest(title: str, author: str, topic: str) -> str:
    """Return the 10 hex digits by which the address of a cover changes when the cover does."""
    return choices.digest(clean(title), clean(author), clean(topic))


def draw(title: str, author: str, topic: str) -> bytes:
    """Draw the cover of a book, 240 units wide and 360 high, about 1.5 kB of UTF-8."""
    title, author, topic = clean(title), clean(author), clean(topic)
    streams = choices.streams(title, author, topic)
    sheet = Sheet(
        short_title(title),
        short_author(author),
        palettes.choose(streams),
        streams.book,
        runs_left(title),
    )
    name = layouts.suited(layouts.of_author(streams.author), sheet)
    return _bound(sheet, layouts.LAYOUTS[name].draw(sheet)).encode()


def _bound(sheet: Sheet, drawn: Drawn) -> str:
    """Put ground, art, text and spine on each other, mirrored where the title runs leftwards."""
    root = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
    art, text = drawn
    if sheet.leftwards:
        art = tag("g", art, transform=f"matrix(-1 0 0 1 {WIDTH} 0)")
        text = tag("g", text, direction="rtl")
    return (
        f'<svg {root} width="{WIDTH}" height="{HEIGHT}">'
        f"{rect(0, 0, WIDTH, HEIGHT, fill=colour(sheet.palette.ground))}{art}{text}"
        f"{_spine(leftwards=sheet.leftwards)}</svg>"
    )


def _spine(*, leftwards: bool) -> str:
    """Round the cover off at the side where it is bound."""
    ends = ' x1="1" x2="0"' if leftwards else ""
    x = WIDTH - _SPINE_WIDTH if leftwards else 0
    return (
        f'<linearGradient id="s"{ends}>{_STOPS}</linearGradient>'
        f"{rect(x, 0, _SPINE_WIDTH, HEIGHT, fill='url(#s)')}"
    )
