"""ISBNs in any form that people write them."""

from stdnum import isbn as stdnum_isbn
from stdnum.exceptions import ValidationError


def grouped(isbn: str) -> str:
    """Return an ISBN as books print it, with hyphens where its country puts them."""
    return str(stdnum_isbn.format(isbn))


def isbn13(text: str) -> str:
    """Return an ISBN as 13 digits; ISBN-10, hyphens and spaces are welcome.

    Raises:
        ValueError: the length or the check digit is wrong.
    """
    try:
        return str(stdnum_isbn.to_isbn13(stdnum_isbn.validate(text)))
    except ValidationError as error:
        message = f"is not an ISBN: {error}"
        raise ValueError(message) from error
