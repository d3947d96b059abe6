"""In which letters a file is written: told by its mark, else by what its bytes can be."""

import codecs
import re
from typing import NamedTuple

from bazar.formats.csv import BrokenText

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252",
    "cp1256": "Windows-1256",
    "mac-roman": "Mac Roman",
    "cp850": "DOS 850",
}
"""Encodings as people call them."""
OTHERS = ("cp1256", "mac-roman", "cp850")
"""What a file may be in of whose header more is understood so than in Windows-1252."""
_BROKEN = re.compile("[\udc80-\udcff]")
_WIDE = re.compile("[\u0080-\ud7ff\ue000-\U0010ffff]")
_NOT_1252 = re.compile(b"[\x81\x8d\x8f\x90\x9d]")
_NULS_MIN = 0.3
"""Of the bytes at even, or at odd places: of a text in UTF-16 with mostly Latin letters."""


class Encoding(NamedTuple):
    """How the bytes of a file become letters."""

    codec: str
    name: str
    """As people call it."""
    guessed: bool = False
    """Whether it is neither marked nor proved."""


def named(text: str) -> Encoding:
    """Return the encoding that a person names.

    Raises:
        LookupError: there is none of this name.
    """
    codec = codecs.lookup(text).name
    if not codecs.lookup(codec)._is_text_encoding:  # noqa: SLF001
        raise LookupError(text)
    return Encoding("utf-8-sig" if codec == "utf-8" else codec, NAMES.get(codec, text))


class Finder:
    """Finds the encoding of a file, which it is fed piece by piece."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._first: bytes | None = None
        self._marked = ""
        self._lines = 1
        self._line_broken = 0
        self._broken = 0
        self._right = 0
        self._is_1252 = True

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes of the file."""
        if self._first is None and piece:
            self._first = piece[:4096]
            self._marked = next((codec for mark, codec in _MARKS if piece.startswith(mark)), "")
        if self._marked and self._marked != "utf-8-sig":
            return
        text = self._decoder.decode(piece)
        if not text.isascii():
            self._is_1252 = self._is_1252 and not _NOT_1252.search(piece)
            broken = [one.start() for one in _BROKEN.finditer(text)]
            self._right += len(_WIDE.findall(text))
            if broken and not self._line_broken:
                self._line_broken = self._lines + text.count("\n", 0, broken[0])
            self._broken += len(broken)
        self._lines += text.count("\n")

    def found(self) -> Encoding:
        """Return the encoding, when the file was fed whole.

        Raises:
            BrokenText: it is a mixture of encodings, or one that cannot be told.
        """
        first = self._first or b""
        if tail := self._decoder.decode(b"", final=True):
            self._broken += len(tail)
            self._line_broken = self._line_broken or self._lines
        codec = self._marked or _wide(first)
        if codec and codec != "utf-8-sig":
            return Encoding(codec, NAMES[codec])
        if not self._broken:
            return Encoding("utf-8-sig", NAMES["utf-8"])
        if self._marked or self._right > self._broken or not self._is_1252:
            message = (
                f"line {self._line_broken} is not UTF-8; save the file as UTF-8, "
                "or say what it is with --encoding"
            )
            raise BrokenText(message)
        return Encoding("cp1252", NAMES["cp1252"], guessed=True)


def _wide(first: bytes) -> str:
    """Return which UTF-16 the beginning of a file without a mark is in, or nothing."""
    half = len(first) // 2
    if half and first[1::2].count(0) > _NULS_MIN * half and not first[::2].count(0):
        return "utf-16-le"
    if half and first[::2].count(0) > _NULS_MIN * half and not first[1::2].count(0):
        return "utf-16-be"
    return ""
