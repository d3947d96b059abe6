"""ISBNs as people, labels, web pages, library records and spreadsheets write them."""

import pytest

from bazar.formats.isbn import Destroyed, OtherNumber, Placeholder, isbn13, shown_isbn

FORMS = [
    "9780439023481",
    "0439023483",
    "9-78 0439023481",
    "978.0.439.02348.1",
    "978-0-4390-2348/1",
    "978·0·439·02348·1",
    "978\u20110\u2011439\u201102348\u20111",
    "978\u22120\u2212439\u221202348\u22121",
    "978\u00a00\u00a0439\u00a002348\u00a01",
    "".join(chr(ord(one) + 0xFEE0) for one in "9780439023481"),
    "ISBN 0-439-02348-3",
    "isbn:0-439-02348-3",
    "ISBN-13: 978-0-439-02348-1",
    "ISBN 13 9780439023481",
    "ISBN10 0439023483",
    "ISBN-10 0-439-02348-3",
    "ISBN (13): 9780439023481",
    "ISBN139780439023481",
    "ISBN-Nr. 978-0-439-02348-1",
    "ISBN № 978-0-439-02348-1",
    "I.S.B.N. 0-439-02348-3",
    "eISBN: 978-0-439-02348-1",
    "EAN 9780439023481",
    "ردمك 9780439023481",
    "urn:isbn:9780439023481",
    "https://books.example/isbn/9780439023481",
    "[0439023483]",
    "(ISBN 9780439023481)",
    "<9780439023481>",
    "„9780439023481“",
    "'9780439023481",
    '="0439023483"',
    '"9780439023481"',
    "9780439023481 :",
    "0439023483 (v. 2)",
    "9780439023481 (pbk. : alk. paper)",
    "9780439023481 (br.) : 5,60 EUR",
    "9780439023481 pbk.",
    "9780439023481-hardcover",
    "9780439023481 00001",
    "978043902348100001",
    "9780439023481+05",
    "0439023483, 9780439023498",
    "0439023483/9780439023498",
    "9780439023481;9780439023498",
    "9780439023481 0439023483",
    "9780439023481.0",
    "9780439023481,00",
    "9,780,439,023,481",
    "9.780439023481E+12",
    "\u200e9780439023481",
    "97804390\u200b23481",
    "978\u00ad0439023481",
    "\ufeff9780439023481\t",
    "\u2067978-0-439-02348-1\u2069",
]
MESSAGES = [
    ("", "it has no digits"),
    ("0439023484", "its check digit is wrong"),
    ("978-0-439-02348-2", "its check digit is wrong"),
    ("97804390234", "it has 11 digits, not 10 or 13"),
    ("97804390234810", "it has 14 digits, not 10 or 13"),
    ("9780439023481 0", "it has 14 digits, not 10 or 13"),
    ("a9780439023481", "what stands around its digits is not understood"),
    *(
        (
            text,
            "the spreadsheet destroyed this ISBN; format the column as text and export again",
        )
        for text in ["9.78E+12", "9,78044E+12", "9.78043902348e+12", "4.39E8"]
    ),
]


@pytest.mark.parametrize("text", FORMS)
def test_an_isbn_is_known_in_any_dress(text: str) -> None:
    """What a person reads as an ISBN is one, where it is typed and where it is searched for."""
    assert "9780439023481" == isbn13(text) == shown_isbn(text)


def test_a_check_digit_x_is_known_in_any_alphabet() -> None:
    """A Russian keyboard has one too; an SBN of nine digits may end in it."""
    for text in [
        "043965548X",
        "0-439-65548-x",
        "043965548\u0425",
        "43965548X",
        "ISBN 043965548\u00d7",
    ]:
        assert "9780439655484" == isbn13(text) == shown_isbn(text)


def test_groups_that_nobody_has_issued_yet_are_taken() -> None:
    """New ones come every year."""
    for text in ["9798833029008", "9791038704022", "9786610326266", "9786400042628"]:
        assert text == isbn13(text)
    assert "9789794035634" == isbn13("9794035637")


@pytest.mark.parametrize(("text", "reason"), MESSAGES)
def test_what_is_none_is_refused_with_a_reason(text: str, reason: str) -> None:
    """The reason says what to do, where something can be done."""
    with pytest.raises(ValueError, match=f"^is not an ISBN: {reason}$") as caught:
        isbn13(text)
    assert caught.type in {ValueError, Destroyed}
    assert shown_isbn(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0000000000",
        "9780000000002",
        "978-0-00-000000-2",
        "9780000000000",
        "1111111111",
        "9999999999999",
        "9781111111113",
        "123456789X",
        "978-1-234-56789-7",
        "0123456789",
    ],
)
def test_a_placeholder_is_no_isbn(text: str) -> None:
    """One digit again and again, or digits that count up, fill a field that must not be empty."""
    with pytest.raises(Placeholder, match="only fills the place of one"):
        isbn13(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9790041811529", "979-0 begins an ISMN"),
        ("979-0-2600-0043-8", "979-0 begins an ISMN"),
        ("2901568582497", "the number of another article"),
        ("036000291452", "the number of another article"),
        ("B00A2KD8NC", "it is an ASIN"),
    ],
)
def test_the_number_of_something_else_is_told_apart(text: str, reason: str) -> None:
    """A shop sells music, maps and cups too, whose numbers are right and no ISBNs."""
    with pytest.raises(OtherNumber, match=reason):
        isbn13(text)


def test_zeros_in_front_are_lost_in_spreadsheets_alone() -> None:
    """Elsewhere seven digits are seven digits."""
    assert "9780007442911" == isbn13("7442912", lost_zeros=True)
    assert "9780439655484" == isbn13("43965548x", lost_zeros=True)
    with pytest.raises(ValueError, match="it has 7 digits"):
        isbn13("7442912")


def test_words_with_numbers_in_them_are_words() -> None:
    """A search for a title must not become one for an ISBN."""
    for text in ["1984", "2001: a space odyssey", "catch 22", "100 000 000 000 poems"]:
        assert shown_isbn(text) is None


@pytest.mark.parametrize("zero", ["\u0660", "\u06f0", "\u0966", "\uff10", "\U0001d7ce"])
def test_digits_of_any_script_are_read(zero: str) -> None:
    """As they are in prices and counts, and with hyphens between them."""
    for isbn in ("9780439023481", "0439023483"):
        other = "".join(chr(ord(zero) + int(one)) for one in isbn)
        assert "9780439023481" == isbn13(other) == isbn13(f"{other[:3]}-{other[3:]}")
        assert "9780439023481" == shown_isbn(other)


@pytest.mark.parametrize(
    "text", ["(978) 0 439 02348 1 (Bd. 1)", "[978]-0-439-02348-1", "ISBN (978)0439023481"]
)
def test_the_beginning_of_an_isbn_may_stand_in_brackets(text: str) -> None:
    """As catalogues mark what an ISBN-10 has not."""
    assert "9780439023481" == isbn13(text)
