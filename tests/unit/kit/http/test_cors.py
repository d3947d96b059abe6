"""Pages of other origins: which are invited, and what is said to them."""

import pytest

from bazar.kit.errors import StartupError
from bazar.kit.http.cors import ORIGINS_MAX, Cors, origin_of, origins_of

PAGE = "http://localhost:3000"


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        (PAGE, PAGE),
        ("http://localhost:3000/", PAGE),
        ("HTTP://LocalHost:3000", PAGE),
        ("http://lab.example:80", "http://lab.example"),
        ("https://lab.example:443/", "https://lab.example"),
        ("https://lab.example:80", "https://lab.example:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://10.0.0.2:8080", "http://10.0.0.2:8080"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(given: str, origin: str) -> None:
    """However its keeper typed it; else it would never match."""
    assert origin == origin_of(given)


@pytest.mark.parametrize(
    "given",
    [
        "*",
        "null",
        "localhost:3000",
        "lab.example",
        "//lab.example",
        "ftp://lab.example",
        "http://",
        "http://lab.example/shop",
        "http://lab.example?x",
        "http://lab.example#x",
        "http://me@lab.example",
        "http://*.lab.example",
        "http://lab.example:0",
        "http://lab.example:65536",
        "http://lab.example:x",
        "http://lab example",
        "http://[::1",
        "http://-lab.example/\r\nx: y",
    ],
)
def test_what_is_no_origin_or_stands_for_many_is_refused(given: str) -> None:
    """With a sentence that names the option, before anything is started."""
    with pytest.raises(StartupError, match="--cors takes"):
        origin_of(given)


def test_several_may_be_given_in_one_text_or_in_many() -> None:
    """A variable holds one text, an option comes as often as one likes; each counts once."""
    given = [f"{PAGE}, https://lab.example,", "http://LOCALHOST:3000"]
    assert (PAGE, "https://lab.example") == origins_of(given)
    assert () == origins_of(["", " , "])
    with pytest.raises(StartupError, match=str(ORIGINS_MAX)):
        origins_of(f"http://lab{number}.example" for number in range(ORIGINS_MAX + 1))


@pytest.mark.parametrize(
    "origin", [None, b"", b"null", b"http://localhost:30000", b"http://localhost", b"*"]
)
def test_only_an_origin_that_was_named_is_let_in(origin: bytes | None) -> None:
    """Letter by letter. Everybody hears that the answer depends on the origin."""
    cors = Cors([PAGE])
    assert cors.invites(PAGE.encode())
    assert not cors.invites(origin)
    assert ((b"vary", b"Origin"),) == cors.said(origin)


def test_there_is_one_vary_that_names_all() -> None:
    """Programs that look at one of two would not see the other."""
    for origin, others in ((None, 0), (PAGE.encode(), 2)):
        headers = [(b"a", b"1"), (b"vary", b"Accept-Encoding"), (b"b", b"2")]
        Cors([PAGE]).add(headers, origin)
        assert [b"Accept-Encoding, Origin"] == [v for name, v in headers if name == b"vary"]
        assert 3 + others == len(headers)
