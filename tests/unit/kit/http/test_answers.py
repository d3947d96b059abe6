"""What an answer says of itself to caches, and when it need not be sent."""

from collections.abc import Sequence

import pytest
from starlette.responses import Response

from bazar.kit.errors import InvalidRequest
from bazar.kit.http.answers import (
    json_response,
    problem_response,
    tagged_response,
    unless_held,
)
from bazar.kit.http.request import Request


def asks(*if_none_match: str) -> Request:
    """Return a request with these headers."""
    headers = [(b"if-none-match", text.encode("latin-1")) for text in if_none_match]
    return Request({"type": "http", "method": "GET", "headers": headers})


def headers_of(response: Response) -> dict[str, str]:
    """Return the headers of an answer."""
    return {name.decode(): value.decode() for name, value in response.raw_headers}


def tag() -> str:
    """Return the tag of what is asked for in these tests."""
    return headers_of(tagged_response([1, 2]))["etag"]


def test_what_is_not_said_otherwise_may_not_be_kept() -> None:
    """Answers to one person, and errors."""
    for response in (json_response([1]), problem_response(InvalidRequest("no"))):
        assert "no-store" == headers_of(response)["cache-control"]
        assert "etag" not in headers_of(response)


def test_a_tag_is_of_the_bytes() -> None:
    """A strong one, in quotes; whoever keeps the answer has to ask again."""
    response = tagged_response({"version": 1}, {"link": "<x>"})
    assert ("no-cache", "<x>") == (
        headers_of(response)["cache-control"],
        headers_of(response)["link"],
    )
    assert headers_of(response)["etag"] == headers_of(tagged_response({"version": 1}))["etag"]
    assert headers_of(response)["etag"] != headers_of(tagged_response({"version": 2}))["etag"]
    assert tag().startswith('"')
    assert tag().endswith('"')
    assert len(tag()) == 26


@pytest.mark.parametrize(
    "given",
    [
        ["*"],
        [" * "],
        ["{tag}"],
        ["W/{tag}"],
        ['"a,b", {tag}'],
        ['W/"a",W/{tag} , "b"'],
        ['"a"', "{tag}"],
        ['"",,{tag}'],
    ],
)
def test_who_holds_it_already_gets_no_body(given: Sequence[str]) -> None:
    """However the tag is written, in whatever list: it is compared weakly."""
    held = [text.format(tag=tag()) for text in given]
    response = unless_held(asks(*held), tagged_response([1, 2], {"link": "<x>", "bazar": "y"}))
    assert (304, b"") == (response.status_code, response.body)
    assert {"cache-control": "no-cache", "etag": tag(), "bazar": "y"} == headers_of(response)


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ['"another"'],
        ["{bare}"],
        ['"x{bare}"'],
        ['"{bare},"'],
        ["w/"],
        ['"*"'],
        ['"unfinished'],
    ],
)
def test_who_holds_something_else_gets_it(given: Sequence[str]) -> None:
    """A tag without its quotes, in another tag, or none at all."""
    held = [text.format(bare=tag().strip('"')) for text in given]
    answer = tagged_response([1, 2])
    assert answer is unless_held(asks(*held), answer)


def test_only_what_has_a_tag_and_is_there_can_be_held() -> None:
    """An error and an answer for once are sent, whatever is said to be held."""
    for answer in (json_response([1]), problem_response(InvalidRequest("no"))):
        assert answer is unless_held(asks("*"), answer)
