"""A drawn cover, read back: its lines of text with all that they inherit, and where they end."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bazar.front.storefront.cover import faces
from bazar.front.storefront.cover.classic import INITIAL_SIZE
from bazar.front.storefront.cover.drawing import HEIGHT, WIDTH
from bazar.front.storefront.cover.faces import Face, width_em

SVG = "{http://www.w3.org/2000/svg}"
FACES = {
    (face.families, face.weight, face.italic): face
    for face in vars(faces).values()
    if isinstance(face, Face)
}
Measure = Callable[[str, Face], float]
"""Returns the width of a text in a face, in em."""


class Line(NamedTuple):
    """A line of text as it stands on a cover."""

    text: str
    x: float
    y: float
    size: float
    face: Face
    anchor: str
    leftwards: bool

    def outside(self, measure: Measure = width_em, safety: float = 1) -> float:
        """Return how far the line leaves its cover, in units; up to 0 where it does not."""
        width = measure(self.text, self.face) * self.size * safety
        if self.anchor == "middle":
            left = self.x - width / 2
        else:
            left = self.x - width if self.leftwards else self.x
        top = self.y - self.size * min(self.face.ascent, 0.76)
        foot = self.y + self.size * self.face.descent
        return max(-left, left + width - WIDTH, -top, foot - HEIGHT)


def parsed(svg: bytes) -> ET.Element:
    """Parse a cover."""
    return ET.fromstring(svg)  # noqa: S314 - drawn by ourselves


def lines_of(svg: bytes) -> list[Line]:
    """Return the lines on a cover, without the big letter that its edge may cut."""
    return [line for line in _lines(parsed(svg), {}) if line.size < INITIAL_SIZE]


def _lines(element: ET.Element, inherited: dict[str, str]) -> Iterator[Line]:
    own = inherited | element.attrib
    if element.tag == f"{SVG}text":
        italic = own.get("font-style") == "italic"
        face = FACES[own["font-family"], int(own.get("font-weight", "400")), italic]
        yield Line(
            element.text or "",
            float(own["x"]),
            float(own["y"]),
            float(own["font-size"]),
            face,
            own.get("text-anchor", "start"),
            own.get("direction") == "rtl",
        )
    for child in element:
        yield from _lines(child, own)
