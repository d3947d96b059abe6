"""ISBNs in any dress that people, labels, web pages, library records and spreadsheets give them.

One function for the API, the search box, the command line and files: what a person would read as
an ISBN is one, and what is refused says why.
"""

import re
import unicodedata
from collections.abc import Iterator

from stdnum import ean
from stdnum import isbn as stdnum_isbn


class Placeholder(ValueError):
    """Somebody had to type a number where there is none; the message is for a person."""


class OtherNumber(ValueError):
    """It is the number of something that is no book; the message is for a person."""


class Destroyed(ValueError):
    """A spreadsheet has made another number of it; the message is for a person."""


_LENGTH = 13
_SHORT_LENGTHS = {9, 10}
_BARE = re.compile("97[89][0-9]{10}")
_SAME_LETTERS = str.maketrans(
    dict.fromkeys("\u0425\u0445\u03a7\u03c7\u00d7\u2715", "X")
    | dict.fromkeys("\u2212\u2043\u02d7\u2027", "-")
)
"""Look like the X of a check digit, or like a hyphen."""
_BRACKETED = re.compile(r"[(\[]\s?(97[89])\s?[)\]]")
"""So a catalogue marks what an ISBN-10 has not."""
_QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_BETWEEN = frozenset("- ./_·•")
"""What may stand between two digits of an ISBN."""
_LABEL = re.compile(
    r"(?i).{0,100}?(?<![^\W_])"
    r"(?:[ep]?-?i\.?s\.?b\.?n\.?[^\W\d_]{0,8}|(?:sbn|ean|gtin|upc|barcode|ردمك|تدمك)(?![^\W\d_]))"
    r"(?P<length>[-\s(]*1[03](?:\b|(?=97[89]))[)\s]*)?[^0-9]*"
)
"""Up to the number: any words that end in one for what it is, which may name its length."""
_TAIL = re.compile(
    r"""
    [\W_]*                                    # nothing more, but brackets, quotes, full stops
    | [\s,;/|&+]+[0-9](?:[-\s]?[0-9]){7,}.*  # a second ISBN
    | \s*[(\[{<:;,|=&].*                     # a volume, a binding, a price
    | \s+[^\s0-9].* | -[^\W\d].*            # the same without brackets
    """,
    re.DOTALL | re.VERBOSE,
)
_ADD_ON = re.compile(r"\s*[-+]?\s*(?:[0-9]{2}|[0-9]{5})\s*")
"""What a scanner reads from the second, small barcode of a book."""
_GROUPED = re.compile(
    r"[0-9]{1,3}(?:([,.'\N{RIGHT SINGLE QUOTATION MARK} ])[0-9]{3})(?:\1[0-9]{3})+"
)
_POINT_ZERO = re.compile(r"(?P<whole>[0-9Xx -]+)[.,]0+")
_POWER = re.compile(r"(?P<first>[0-9])[.,]?(?P<rest>[0-9]*)\s?[Ee]\s?\+?0*(?P<power>[0-9]{1,2})")
_ASIN = re.compile(r"B0[0-9A-Z]{8}")
_LOST_ZEROS = re.compile("[0-9]{6,8}[0-9Xx]")
_COUNTED = {"123456789", "012345678"}
"""The bodies of numbers that only count up."""


def grouped(isbn: str) -> str:
    """Return an ISBN as books print it, with hyphens where its country puts them."""
    return str(stdnum_isbn.format(isbn))


def isbn13(text: str, *, lost_zeros: bool = False) -> str:
    """Return the ISBN that a text shows, as 13 digits.

    It may have ten digits, or the nine of an SBN; hyphens, spaces or points between them; a label
    in front; brackets or quotes around it; a volume, a binding or a second number behind it; signs
    that nobody sees; and what spreadsheets add to numbers.

    Args:
        text: of any length.
        lost_zeros: whether zeros in front may be missing, as from the cell of a spreadsheet.

    Raises:
        Placeholder: it stands where no ISBN is.
        OtherNumber: it is the number of something else.
        ValueError: it is not an ISBN. The message begins with these words.
    """
    if _BARE.fullmatch(text) and _adds_up(text):
        return _issued(str(text))
    shown = _undressed(text)
    if lost_zeros and _LOST_ZEROS.fullmatch(shown):
        shown = shown.zfill(10)
    for number in _numbers(shown):
        if found := _found(number):
            return _issued(found)
    raise _refusal(shown)


def shown_isbn(text: str) -> str | None:
    """Return the ISBN that words of a search show, as 13 digits, or None."""
    if sum(map(str.isdigit, text)) < min(_SHORT_LENGTHS) - 1:  # its X is none
        return None
    try:
        return isbn13(text)
    except ValueError:
        return None


def _adds_up(isbn: str) -> bool:
    """Tell whether 13 digits end in their check digit."""
    digits = [ord(one) - ord("0") for one in isbn]
    return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _undressed(text: str) -> str:
    """Return a text without what nobody sees, what spreadsheets add, and what is around it."""
    seen = "".join(
        one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf"
    ).translate(_SAME_LETTERS)
    if not seen.isascii():
        seen = "".join(str(unicodedata.digit(one)) if one.isdecimal() else one for one in seen)
    seen = "".join("-" if unicodedata.category(one) == "Pd" else one for one in seen)
    seen = re.sub(r"[\s\x00-\x1f]+", " ", seen).strip(f" {_QUOTES}=").strip()
    if "(" in seen or "[" in seen:
        seen = _BRACKETED.sub(r"\1 ", seen)
    if power := _POWER.fullmatch(seen):
        digits = power["first"] + power["rest"]
        # Only a power that has lost no digit is still the number.
        whole = len(digits) == int(power["power"]) + 1
        return digits if whole and len(digits) in {*_SHORT_LENGTHS, _LENGTH} else seen
    if zero := _POINT_ZERO.fullmatch(seen):
        seen = zero["whole"].strip()
    if _GROUPED.fullmatch(seen):
        seen = re.sub("[^0-9]", "", seen)
    return seen


def _numbers(text: str) -> Iterator[str]:
    """Yield a text from where its number may begin."""
    yield text.lstrip(f"([{{< {_QUOTES}")
    if label := _LABEL.match(text):
        yield text[label.end() :]
        if label["length"]:
            yield text[label.start("length") :].lstrip("-( ")


def _found(text: str) -> str:
    """Return the ISBN at the beginning of a text, as 13 digits, or nothing."""
    for digits, rest in reversed(list(_cuts(text))):
        add_on = len(digits) == _LENGTH and _ADD_ON.fullmatch(rest)
        if (add_on or _TAIL.fullmatch(rest)) and stdnum_isbn.is_valid(digits):
            return str(stdnum_isbn.to_isbn13(digits))
    return ""


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the first 9, 10 and 13 digits of a text, as far as it has so many, and what follows."""
    digits = ""
    for at, one in enumerate(text):
        if one in "0123456789" or (one in "Xx" and len(digits) in {8, 9}):
            digits += one.upper()
            if len(digits) in {*_SHORT_LENGTHS, _LENGTH}:
                yield digits, text[at + 1 :]
            if one in "Xx" or len(digits) == _LENGTH:
                return
        elif one not in _BETWEEN:
            return


def _issued(isbn: str) -> str:
    """Return an ISBN unless nobody can have issued it.

    Raises:
        Placeholder, OtherNumber: nobody can.
    """
    body = isbn[3:-1]
    if len(set(body)) == 1 or body in _COUNTED:
        raise _placeholder()
    if isbn.startswith("9790"):
        message = "is not an ISBN: 979-0 begins an ISMN, the number of printed music"
        raise OtherNumber(message)
    return isbn


def _placeholder() -> Placeholder:
    return Placeholder("is not an ISBN: it only fills the place of one")


def _refusal(shown: str) -> ValueError:
    """Say why a text is no ISBN, as helpfully as can be told."""
    if _POWER.fullmatch(shown):
        return Destroyed(
            "is not an ISBN: the spreadsheet destroyed this ISBN; "
            "format the column as text and export again"
        )
    if _ASIN.fullmatch(shown.upper()):
        return OtherNumber("is not an ISBN: it is an ASIN, a number of one shop's own")
    label = _LABEL.match(shown)
    number = shown[label.end() :] if label else shown
    digits = re.sub("[^0-9Xx]", "", number)
    if re.fullmatch(r"([0-9])\1*|97[89]([0-9])\2{8}.", re.sub("[- ]", "", number)):
        return _placeholder()
    if len(digits) in {8, 12, _LENGTH, 14} and ean.is_valid(digits) and not _is_book(digits):
        return OtherNumber("is not an ISBN: it is the number of another article")
    return ValueError(f"is not an ISBN: {_fault(digits)}")


def _is_book(digits: str) -> bool:
    return len(digits) == _LENGTH and digits.startswith(("978", "979"))


def _fault(digits: str) -> str:
    """Say what is wrong with the digits, and the X, of a text."""
    if not re.search("[0-9]", digits):
        return "it has no digits"
    if len(digits) not in {10, _LENGTH}:
        return f"it has {len(digits)} digits, not 10 or 13"
    if stdnum_isbn.is_valid(digits):
        return "what stands around its digits is not understood"
    return "its check digit is wrong"
