"""The page that charts stand on: its colours by day and by night, and the texts on it.

Each part has the colour of a light page as its attribute, so that every program draws it. Those
that know style sheets follow the reader's own choice of light or dark. Nothing tells two lines
apart by colour alone: each has a dash and a mark of its own too.

Source: docs/decisions/0046-experiments-on-shops-of-their-own.md
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import NamedTuple

WIDTH_PX = 1000
LEFT_PX, RIGHT_PX = 90, 970
LETTER_PX = 7.4
"""About as wide is a letter of the smaller size."""
LINE_PX = 20
TITLE_LETTERS, LINE_LETTERS = 86, 118
"""That fit into a line: bold and large, and as all other text."""


class Shade(NamedTuple):
    """A colour on a light page and on a dark one."""

    light: str
    dark: str


class Look(NamedTuple):
    """How one series looks, that all others look different from."""

    shade: Shade
    dash: str
    """Lengths of strokes and gaps; empty: one stroke."""
    mark: str
    """A path around 0,0."""


PAPER, INK, SOFT = (
    Shade("#ffffff", "#14181c"),
    Shade("#1c1f23", "#f2f4f6"),
    Shade("#555a60", "#b9c1c9"),
)
GRID, AXIS = Shade("#dde0e3", "#343b42"), Shade("#7d838a", "#8b949d")
LOOKS = (
    Look(Shade("#0062a3", "#62b8f0"), "", "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z"),
    Look(Shade("#c24e00", "#ff9a52"), "9 5", "M-4,-4h8v8h-8z"),
    Look(Shade("#00795c", "#2fd0a5"), "2 5", "M0,-5L5,4H-5z"),
    Look(Shade("#8a3a78", "#e79fd2"), "12 4 2 4", "M0,-5.5L5.5,0L0,5.5L-5.5,0z"),
)
"""The colours are told apart with each of the common kinds of colour-blindness, too."""
_CLASSES: Mapping[str, tuple[str, Shade]] = {
    "paper": ("fill", PAPER),
    "ink": ("fill", INK),
    "soft": ("fill", SOFT),
    "grid": ("stroke", GRID),
    "axis": ("stroke", AXIS),
    **{f"s{number}": ("stroke", look.shade) for number, look in enumerate(LOOKS)},
    **{f"f{number}": ("fill", look.shade) for number, look in enumerate(LOOKS)},
}
_NIGHT = "".join(f".{name}{{{part}:{shade.dark}}}" for name, (part, shade) in _CLASSES.items())
_PAGE = """<?xml version="1.0" encoding="utf-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" width="{width}" \
role="img" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif" font-size="14">
<title>{title}</title>
<style>@media (prefers-color-scheme:dark){{{night}}}</style>
<rect width="100%" height="100%" {paper}/>
{body}
</svg>
"""


def colour(name: str) -> str:
    """Return the attributes that give a part its colour by day and by night."""
    part, shade = _CLASSES[name]
    return f'class="{name}" {part}="{shade.light}"'


def text(x: float, y: float, words: str, anchor: str = "start", name: str = "soft") -> str:
    """Return a line of text.

    Args:
        x: where it starts, has its middle, or ends, as `anchor` says.
        y: of the line that it stands on.
        words: are escaped.
        anchor: start, middle or end.
        name: of its colour.
    """
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place} {colour(name)}>{escape(words)}</text>"


def look(number: int) -> Look:
    """Return how the series with this number looks."""
    return LOOKS[number % len(LOOKS)]


def mark(number: int, x: float, y: float) -> str:
    """Return the mark of a series at a place."""
    shade = colour(f"f{number % len(LOOKS)}")
    return f'<path d="{look(number).mark}" transform="translate({x:.1f},{y:.1f})" {shade}/>'


def head(title: str, subtitle: str) -> tuple[list[str], float]:
    """Return the lines on top of a page, and how much room they take; they are folded."""
    parts, y = [], 38.0
    for line in folded(title, TITLE_LETTERS):
        parts.append(
            f'<text x="{LEFT_PX}" y="{y:.0f}" font-size="20" font-weight="bold" '
            f"{colour('ink')}>{escape(line)}</text>"
        )
        y += 26
    for line in folded(subtitle, LINE_LETTERS):
        parts.append(text(LEFT_PX, y, line))
        y += LINE_PX
    return parts, y


def folded(words: str, letters: int) -> list[str]:
    """Return a text in lines of at most so many letters, broken between words."""
    lines: list[str] = []
    for word in words.split():
        if lines and len(lines[-1]) + 1 + len(word) <= letters:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def page(title: str, body: Iterable[str], height_px: float) -> str:
    """Return a whole file.

    Args:
        title: is read out by programs that read to people.
        body: what stands on it.
        height_px: of all that.
    """
    return _PAGE.format(
        width=WIDTH_PX,
        height=height_px,
        title=escape(title),
        night=_NIGHT,
        paper=colour("paper"),
        body="\n".join(body),
    )
