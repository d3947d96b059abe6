"""The type of a cover: which fonts, how wide their letters are taken to be, how lines follow.

A cover can't carry a font, and is drawn where nobody can measure one. So each face names fonts
that look alike on phones, Macs and PCs, and states a factor that holds for the widest of them.
"""

from functools import lru_cache
from typing import NamedTuple
from unicodedata import category, east_asian_width, normalize

_LETTERS_KEPT_MAX = 8192
_SPACE_EM = 0.26
_WIDE_EM = 1.0
_REST_EM = 0.52
_OTHER_SCRIPT_EM = 0.8
_LETTERS_EM = (
    ("ijl.,:;'!\u2018\u2019|", 0.27),
    ("ftr()-/", 0.36),
    ("mw", 0.86),
    ("MW…—", 1.0),
    ("@%&æœ", 0.9),
    ("шщюжыфм", 0.82),
    ("ШЩЮЖЫФМ", 1.0),
    ("φψω", 0.75),
    ("سشصضطظ", 0.8),
    ("0123456789", 0.57),
)
_TABLE_EM = {letter: em for letters, em in _LETTERS_EM for letter in letters} | {" ": _SPACE_EM}
_SCRIPTS_EM = (
    ("\u0000", "\u02ff", _REST_EM),
    ("\u1e00", "\u1eff", _REST_EM),
    ("\u0600", "\u06ff", 0.54),
    ("\u0750", "\u077f", 0.50),
    ("\u08a0", "\u08ff", 0.50),
    ("\ufb50", "\ufdff", 0.50),
    ("\ufe70", "\ufefc", 0.50),
    ("\u0400", "\u052f", 0.58),
    ("\u0370", "\u03ff", 0.56),
    ("\u1f00", "\u1fff", 0.56),
    ("\u0590", "\u05ff", 0.58),
)
"""First and last letter of a script, and the width of its letters."""
_WIDE_KINDS = frozenset("WF")
_KINDS_EM = {"Mn": 0, "Me": 0, "Cf": 0, "Lu": 0.70, "Nl": 0.9, "No": 0.9, "Sm": 0.75, "So": 1.4}
"""Widths by category: marks and joiners take no room, emoji the most."""


class Face(NamedTuple):
    """A family in one weight and slant."""

    families: str
    factor: float
    """What an estimated width is multiplied by."""
    leading: float
    """From one baseline to the next, in em."""
    weight: int = 400
    italic: bool = False
    tracking_em: float = 0
    ascent: float = 0.76
    """Height of what stands above the first baseline, in em."""
    descent: float = 0.24


_SERIF = "Iowan Old Style,Palatino Linotype,Palatino,P052,Book Antiqua,Noto Serif,Georgia,serif"
_SANS = "Helvetica Neue,Helvetica,Arial,Liberation Sans,system-ui,sans-serif"
_GEOMETRIC = "Avenir Next,Century Gothic,URW Gothic,Futura,Segoe UI,Noto Sans,sans-serif"
_NASKH = "Noto Naskh Arabic,Geeza Pro,Sakkal Majalla,Traditional Arabic,Noto Serif Hebrew,serif"

SERIF = Face(_SERIF, 1.04, 1.12)
ITALIC = Face(_SERIF, 1.0, 1.2, italic=True)
SANS = Face(_SANS, 1.05, 1.2)
SANS_BOLD = Face(_SANS, 1.12, 1.08, weight=700, tracking_em=-0.01)
GEOMETRIC = Face(_GEOMETRIC, 1.12, 1.2)
GEOMETRIC_BOLD = Face(_GEOMETRIC, 1.15, 1.1, weight=700)
NASKH = Face(_NASKH, 1.0, 1.5, ascent=0.95, descent=0.45)
NASKH_BOLD = NASKH._replace(weight=700, factor=1.1)


def for_script(face: Face, *, leftwards: bool) -> Face:
    """Return a face for text that runs leftwards: no italics, no tracking, more air."""
    if not leftwards:
        return face
    return NASKH_BOLD if face.weight > SERIF.weight else NASKH


def upright(face: Face, text: str) -> Face:
    """Return a face without a slant where the script of a text has none."""
    return SERIF if face.italic and not (text.isascii() or all(map(_slants, text))) else face


def _slants(letter: str) -> bool:
    return letter < "\u0530" or not letter.isalpha() or "\u1e00" <= letter < "\u2000"


@lru_cache(maxsize=_LETTERS_KEPT_MAX)
def letter_em(letter: str) -> float:
    """Estimate the width of a letter, before the factor of its face."""
    if letter in _TABLE_EM:
        return _TABLE_EM[letter]
    kind = category(letter)
    bare = normalize("NFD", letter)[0]
    if bare != letter and not is_wide(letter):
        return letter_em(bare)
    if kind in _KINDS_EM:
        return _KINDS_EM[kind]
    if is_wide(letter):
        return _WIDE_EM
    return next(
        (em for first, last, em in _SCRIPTS_EM if first <= letter <= last),
        _OTHER_SCRIPT_EM if letter.isalpha() or kind == "Mc" else _REST_EM,
    )


def is_wide(letter: str) -> bool:
    """Whether a letter fills a square, and a line may break on either side of it."""
    return east_asian_width(letter) in _WIDE_KINDS


def width_em(text: str, face: Face) -> float:
    """Estimate the width of a text in a face, in em."""
    return sum(map(letter_em, text)) * face.factor
