"""In which letters a file is written."""

import pytest

from bazar.formats.csv import BrokenText
from bazar.formats.encoding import Encoding, Finder, named

TEXT = "title,price\nCaf\u00e9 \u201cÜber\u201d,1\n"


def found(content: bytes, size: int = 7) -> Encoding:
    """Return the encoding of a file that comes in small pieces."""
    finder = Finder()
    for at in range(0, len(content), size):
        finder.feed(content[at : at + size])
    return finder.found()


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
        ("ascii", "UTF-8"),
    ],
)
def test_an_encoding_is_found(codec: str, name: str) -> None:
    """By its mark, or by what its bytes can be; the last is only a guess, and says so."""
    text = TEXT if codec != "ascii" else "title,price\nA,1\n"
    content = text.encode(codec)
    encoding = found(content, 4096 if codec.startswith("utf-16-") else 7)
    assert (name, codec == "cp1252") == (encoding.name, encoding.guessed)
    assert text == content.decode(encoding.codec).removeprefix("\ufeff")


def test_two_encodings_in_one_file_are_refused() -> None:
    """Either reading would make nonsense of a part of it."""
    with pytest.raises(BrokenText, match=r"^line 3 is not UTF-8; .* --encoding$"):
        found("é\n\u20acé,1\n".encode() + b"\xe9\n")
    with pytest.raises(BrokenText, match=r"^line 1 is not UTF-8"):
        found(b"\xef\xbb\xbf\xe9\n")


def test_bytes_that_windows_does_not_know_are_refused() -> None:
    """They belong to another alphabet, which a person has to name."""
    with pytest.raises(BrokenText, match="say what it is with --encoding"):
        found("\u0402\u0403\u201a,1\n".encode("cp1251"))


def test_a_pair_of_letters_that_looks_like_utf_8_is_no_proof() -> None:
    """German with quotation marks of Windows has such pairs."""
    assert "Windows-1252" == found("\u201eSpaß\u201c für Große\n".encode("cp1252")).name


def test_a_letter_that_breaks_off_at_the_end_is_found() -> None:
    """A file that was cut off in the middle of a letter."""
    with pytest.raises(BrokenText, match=r"^line 2 is not UTF-8"):
        found("ééé\né".encode()[:-1])


def test_a_nul_in_a_cell_makes_no_utf_16() -> None:
    """Half of all bytes must be zero for that."""
    assert "UTF-8" == found(b"title,price\nEm\0ma,1\n").name


def test_a_person_may_name_an_encoding() -> None:
    """By any of its names; what is no encoding of letters is none."""
    assert Encoding("cp1256", "Windows-1256") == named("windows-1256")
    assert Encoding("utf-8-sig", "UTF-8") == named("UTF8")
    for text in ("klingon", "base64", "rot13"):
        with pytest.raises(LookupError):
            named(text)
