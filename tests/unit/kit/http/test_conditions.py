"""The header If-Match: what it says, and what a thing is held against."""

import msgspec
import pytest

from bazar.kit.errors import InvalidRequest
from bazar.kit.http.answers import tag_of, tagged_response
from bazar.kit.http.conditions import PreconditionFailed, known_by
from support.pages import asked


class Thing(msgspec.Struct):
    """Something that can be changed."""

    name: str


THING = Thing("a")
TAG = tag_of(THING)
OTHER = '"another"'


def holds(text: str) -> bool:
    """Tell whether a request with this header may change the thing."""
    check = known_by(asked("/", {"if-match": text}))
    try:
        check(THING)
    except PreconditionFailed:
        return False
    return True


def test_the_tag_is_that_of_the_answer() -> None:
    """Whoever has read the thing has it."""
    assert TAG == tagged_response(THING).headers["etag"]
    assert TAG != tag_of(Thing("b"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (TAG, True),
        (f" {TAG}\t", True),
        (f"{OTHER}, {TAG}", True),
        (f"{TAG},{OTHER}", True),
        (f", {OTHER} ,, {TAG},", True),
        (f'"with,comma", {TAG}', True),
        ("*", True),
        (" * ", True),
        (OTHER, False),
        (f"W/{TAG}", False),
        (f"W/{TAG}, {OTHER}", False),
        (f"W/{TAG}, {TAG}", True),
        ('""', False),
        (TAG.upper(), False),
        (f'"{TAG[1:-1]},"', False),
    ],
)
def test_one_of_the_tags_must_be_the_things_own(text: str, wanted: bool) -> None:  # noqa: FBT001
    """Letter by letter, and not a weak one: a change takes what its asker has really seen."""
    assert wanted is holds(text)


@pytest.mark.parametrize(
    "text", ["", " ", ",", "*, *", f"*, {TAG}", TAG[1:-1], f"w/{TAG}", f"{TAG} {TAG}", '"a', "'a'"]
)
def test_what_is_no_list_of_tags_is_refused(text: str) -> None:
    """It is a fault of the request, and no sign that the thing has changed."""
    with pytest.raises(InvalidRequest, match="If-Match is no list of tags"):
        holds(text)


def test_without_the_header_there_is_no_condition() -> None:
    """A change is then made whatever the thing is like."""
    known_by(asked())(THING)


def test_a_weak_tag_is_told_from_a_change() -> None:
    """Its asker would look for a change that nobody made: a proxy has marked the tag."""
    with pytest.raises(PreconditionFailed, match="the tag is weak"):
        known_by(asked("/", {"if-match": f"W/{TAG}"}))(THING)
