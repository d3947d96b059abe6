"""Setting type on a sheet: a title with its author below it, from the side that its script reads.

A layout draws as for a text that runs to the right; a sheet that runs to the left is mirrored,
its text by where it is anchored and its art as a whole.
"""

from typing import NamedTuple

from bazar.front.storefront.cover.choices import Choices
from bazar.front.storefront.cover.drawing import WIDTH, colour, tag, text_content
from bazar.front.storefront.cover.faces import SERIF, Face, for_script, upright
from bazar.front.storefront.cover.fitting import Box, Fitted, fit, fit_line
from bazar.front.storefront.cover.palettes import Palette
from bazar.front.storefront.cover.wording import runs_left

_AUTHOR_LARGEST = 16
_AUTHOR_SMALLEST = 14
_NASKH_LARGER = 3
"""Letters of Naskh fonts are smaller than Latin ones of the same size."""
_AUTHOR_LINES_MAX = 2
_AUTHOR_HEIGHT_MAX = 60


class Sheet(NamedTuple):
    """What a layout is given: the words as they are to stand, colours, and the book's choices."""

    title: str
    author: str
    palette: Palette
    book: Choices
    leftwards: bool


class Drawn(NamedTuple):
    """What a layout gives back: art, which may be mirrored, and the text on it, which may not."""

    art: str
    text: str


class Stack(NamedTuple):
    """A title and, below it, its author."""

    title: Fitted
    author: Fitted
    gap: float

    @property
    def height(self) -> float:
        """Height of both, in units."""
        return self.title.height + self.gap + self.author.height

    def set(self, sheet: Sheet, x: float, top: float, ink: str, anchor: str = "start") -> str:
        """Set both from a top on."""
        below = top + self.title.height + self.gap
        return place(sheet, self.title, (x, top), ink, anchor) + place(
            sheet, self.author, (x, below), ink, anchor
        )


def stack(sheet: Sheet, faces: tuple[Face, Face], box: Box, gap: float = 9) -> Stack:
    """Fit a title and its author into a box, in a face each."""
    author = fit_author(sheet, faces[1], box.width)
    room = box.height - author.height - (gap if author.lines else 0)
    return Stack(
        fit_title(sheet, faces[0], box._replace(height=room)), author, gap if author.lines else 0
    )


def fit_title(sheet: Sheet, face: Face, box: Box) -> Fitted:
    """Fit the title into a box."""
    return fit(sheet.title, for_script(face, leftwards=sheet.leftwards), box)


def fit_author(sheet: Sheet, face: Face, width: float) -> Fitted:
    """Fit the author into a width: on one line, or on two where that would be too small."""
    leftwards = sheet.leftwards or runs_left(sheet.author)
    largest = _AUTHOR_LARGEST + (_NASKH_LARGER if leftwards else 0)
    box = Box(width, _AUTHOR_HEIGHT_MAX, largest, _AUTHOR_SMALLEST, _AUTHOR_LINES_MAX)
    return fit_line(sheet.author, upright(for_script(face, leftwards=leftwards), sheet.author), box)


def place(
    sheet: Sheet, fitted: Fitted, corner: tuple[float, float], ink: str, anchor: str = "start"
) -> str:
    """Set fitted lines with their top corner, or the middle of their top, at a point."""
    x, top = corner
    x = WIDTH - x if sheet.leftwards else x
    face, size = fitted.face, fitted.size
    lines = "".join(
        tag("text", text_content(line), x=x, y=top + (face.ascent + face.leading * row) * size)
        for row, line in enumerate(fitted.lines)
    )
    return lettering(lines, face, size, ink, anchor) if lines else ""


def lettering(lines: str, face: Face, size: float, ink: str, anchor: str = "start") -> str:
    """Give lines of text their type."""
    attributes: dict[str, str | float] = {
        "font_family": face.families,
        "font_size": size,
        "fill": colour(ink),
    }
    if face.weight > SERIF.weight:
        attributes["font_weight"] = str(face.weight)
    if face.italic:
        attributes["font_style"] = "italic"
    if face.tracking_em:
        attributes["letter_spacing"] = f"{face.tracking_em * size:.2f}"
    if anchor != "start":
        attributes["text_anchor"] = anchor
    return tag("g", lines, **attributes)
