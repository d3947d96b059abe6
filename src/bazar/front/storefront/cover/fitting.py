"""Fitting: the largest size at which a text stands in its box, in lines of about one length.

Words are measured once, in em; a size only changes how many em the box is wide.
"""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from bazar.front.storefront.cover.faces import Face, is_wide, letter_em, width_em

LINES_MAX = 6
_HYPHEN = "-"
_ELLIPSIS = "…"
_NARROWINGS = 6
_PIECE_MIN_LETTERS = 3
_LOOK_BACK_LETTERS = 4
_VOWELS = frozenset("aeiouyäöüáéíóúàèìòùâêîôûåæœø")
_DIGRAPHS = frozenset({"ch", "ck", "gh", "ph", "qu", "sh", "th"})
_NEVER_FIRST = frozenset(
    "\u3001\u3002\uff0c\uff0e\uff1a\uff1b\uff1f\uff01\u30fb\u300d\u300f"
    "\uff09\u3011\u300b\u3009\u3015\u30fc\u3005\u2026ゃゅょっャュョッ"
)
"""Signs and small letters that belong to the letter before them."""
_JOINER = "\u200d"


class Box(NamedTuple):
    """Room for a text, in units; sizes are of the type."""

    width: float
    height: float
    largest: int
    smallest: int
    lines_max: int = LINES_MAX


class Fitted(NamedTuple):
    """Lines, and the size at which they fit."""

    lines: list[str]
    size: float
    face: Face

    @property
    def height(self) -> float:
        """Height from the top of the first line to the foot of the last, in units."""
        return _height_em(len(self.lines), self.face) * self.size


class _Piece(NamedTuple):
    """What stays together on a line: a word, or one letter of a script without spaces."""

    text: str
    em: float
    gap_em: float
    """Width of the space before it, where it does not begin a line."""


def fit(text: str, face: Face, box: Box) -> Fitted:
    """Fit a text into a box, whatever it is: words are broken and the end cut if they must."""
    pieces = list(_pieces(text, face))
    size = next(
        (
            size
            for size in range(box.largest, box.smallest - 1, -1)
            if _fits(pieces, face, box, size)
        ),
        0,
    )
    if not size:
        return _cut(pieces, face, box)
    measure = box.width / size
    return Fitted(_lines(_balanced(pieces, measure)), size, face)


def fit_line(text: str, face: Face, box: Box) -> Fitted:
    """Fit a text on one line, or as `fit` does where its line would be too small."""
    if not text:
        return Fitted([], box.largest, face)
    em = width_em(text, face) or box.width
    size = min(box.largest, int(box.width / em))
    return Fitted([text], size, face) if size >= box.smallest else fit(text, face, box)


def _height_em(count: int, face: Face) -> float:
    return face.ascent + face.descent + face.leading * (count - 1) if count else 0


def _pieces(text: str, face: Face) -> Iterator[_Piece]:
    space = letter_em(" ") * face.factor
    for word in text.split():
        gap = space
        for part in _parts(word):
            yield _Piece(part, width_em(part, face), gap)
            gap = 0


def _parts(word: str) -> list[str]:
    """Split a word wherever a line may break in it: around the letters that fill a square."""
    if word.isascii() or not any(map(is_wide, word)):
        return [word]
    parts: list[str] = []
    for letters in _clusters(word):
        starts = is_wide(letters[0]) or (bool(parts) and is_wide(parts[-1][-1]))
        if parts and (not starts or letters in _NEVER_FIRST):
            parts[-1] += letters
        else:
            parts.append(letters)
    return parts


def _clusters(word: str) -> list[str]:
    """Split a word into letters, each with its marks and with what is joined to it."""
    clusters: list[str] = []
    for letter in word:
        if clusters and (letter_em(letter) == 0 or clusters[-1].endswith(_JOINER)):
            clusters[-1] += letter
        else:
            clusters.append(letter)
    return clusters


def _fits(pieces: list[_Piece], face: Face, box: Box, size: int) -> bool:
    measure = box.width / size
    lines_max = _lines_max(face, box, size)
    total = sum(piece.em for piece in pieces)
    if total > measure * lines_max or any(piece.em > measure for piece in pieces):
        return False
    return len(_wrapped(pieces, measure)) <= lines_max


def _lines_max(face: Face, box: Box, size: int) -> int:
    room = (box.height / size - face.ascent - face.descent) / face.leading
    return min(box.lines_max, int(room + 1e-9) + 1)


def _wrapped(pieces: list[_Piece], measure: float) -> list[list[_Piece]]:
    """Fill lines one after the other; a piece that is too long for any has one of its own."""
    lines: list[list[_Piece]] = []
    left = -1.0
    for piece in pieces:
        needed = piece.em + piece.gap_em
        if needed > left + 1e-9:
            lines.append([piece])
            left = measure - piece.em
        else:
            lines[-1].append(piece)
            left -= needed
    return lines


def _balanced(pieces: list[_Piece], measure: float) -> list[list[_Piece]]:
    """Narrow the measure as far as the number of lines stays the same."""
    best = _wrapped(pieces, measure)
    narrow = max((piece.em for piece in pieces), default=0)
    for _ in range(_NARROWINGS if len(best) > 1 else 0):
        middle = (narrow + measure) / 2
        tried = _wrapped(pieces, middle)
        if len(tried) > len(best):
            narrow = middle
        else:
            best, measure = tried, middle
    return best


def _lines(lines: list[list[_Piece]]) -> list[str]:
    return [_joined(line) for line in lines]


def _joined(line: list[_Piece]) -> str:
    return line[0].text + "".join((" " if piece.gap_em else "") + piece.text for piece in line[1:])


def _cut(pieces: list[_Piece], face: Face, box: Box) -> Fitted:
    """Fit at the smallest size: break words that are too long, and cut what has no room."""
    measure = box.width / box.smallest
    whole = [part for piece in pieces for part in _broken(piece, face, measure)]
    wrapped = _wrapped(whole, measure)
    lines_max = max(1, _lines_max(face, box, box.smallest))
    lines = _lines(wrapped[:lines_max])
    if len(wrapped) > lines_max:
        lines[-1] = _ended(lines[-1], face, measure)
    else:
        lines = _lines(_balanced(whole, measure))
    return Fitted(lines, box.smallest, face)


def _ended(line: str, face: Face, measure: float) -> str:
    """Take words, or letters of the only one, off a line until an ellipsis has room."""
    clusters = _clusters(line.rstrip(_HYPHEN))
    cut = ""
    while clusters and width_em("".join(clusters) + _ELLIPSIS, face) > measure:
        cut = clusters.pop()
    kept = "".join(clusters)
    if cut.strip() and " " in kept:
        kept = kept.rpartition(" ")[0]
    return kept.rstrip(" .,:;-") + _ELLIPSIS


def _broken(piece: _Piece, face: Face, measure: float) -> Iterator[_Piece]:
    """Break a piece that is wider than any line into parts of about one length."""
    clusters = _clusters(piece.text)
    em = piece.em
    gap = piece.gap_em
    hyphen = width_em(_HYPHEN, face)
    while em > measure:
        wanted = em / ceil(em / (measure - hyphen))
        at = _break_at(clusters, face, min(wanted, measure - hyphen))
        part = "".join(clusters[:at])
        last = clusters[at - 1]
        part += _HYPHEN if last.upper() != last.lower() else ""
        yield _Piece(part, width_em(part, face), gap)
        clusters, gap = clusters[at:], 0.01
        em = width_em("".join(clusters), face)
    yield _Piece("".join(clusters), em, gap)


def _break_at(clusters: list[str], face: Face, measure: float) -> int:
    """Return how many letters go before a break: as many as fit, a little fewer after a vowel."""
    at, em = 0, 0.0
    for cluster in clusters[:-1]:
        em += width_em(cluster, face)
        if em > measure and at:
            break
        at += 1
    last = min(at, len(clusters) - 2)
    for good in range(last, max(at - _LOOK_BACK_LETTERS, _PIECE_MIN_LETTERS) - 1, -1):
        if _begins_syllable(*(cluster.lower() for cluster in clusters[good - 1 : good + 2])):
            return good
    return at


def _begins_syllable(before: str, first: str, second: str) -> bool:
    """Whether a word may be broken before a letter: one consonant and a vowel follow."""
    if before == _HYPHEN:
        return True
    return first not in _VOWELS and second in _VOWELS and before + first not in _DIGRAPHS
