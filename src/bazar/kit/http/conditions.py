"""Changes on the condition that a thing is still as its asker knows it: the header If-Match.

Whoever reads a thing and sends it back changed must not undo what others did in between. They send
the `ETag` that they got along, and the use case compares it in the transaction that changes.

Source: RFC 9110, sections 8.8.3.2 (tags are compared strongly) and 13.1.1
"""

import re
from collections.abc import Callable
from typing import Any

from bazar.kit.errors import BazarError, InvalidRequest
from bazar.kit.http.answers import tag_of
from bazar.kit.http.coding import packed_tag
from bazar.kit.http.request import Request

IF_MATCH = "if-match"
SHOWN_LENGTH_MAX = 100
Known = Callable[[Any], None]
"""Raises where a thing, as it is answered, is not the one that the asker knows."""
_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_ONE = re.compile(_TAG)


class PreconditionFailed(BazarError):
    """What was to be changed is not what its asker knows any more."""

    code = "precondition-failed"
    status = 412
    title = "It has changed since you looked"
    hint = "Get it again, look at what is new, and send your change with the ETag that you get."
    definite = True


def anything(_thing: object) -> None:
    """Let a change be made whatever the thing is like: nobody asked for a condition."""


def known_by(request: Request) -> Known:
    """Return what holds a thing against the If-Match headers of a request.

    Raises:
        InvalidRequest: definite; the header is no list of tags.
    """
    given = request.header_list(IF_MATCH)
    if not given:
        return anything
    text = ",".join(given).strip(" \t")
    if text == "*":
        return anything  # a thing that is not there is a 404 before anybody looks at this
    if not _TAGS.fullmatch(text):
        message = (
            f"If-Match is no list of tags: {text[:SHOWN_LENGTH_MAX]!r}; "
            'send the ETag as you got it, quotes included, such as If-Match: "a4a388"'
        )
        raise InvalidRequest(message)
    tags = _ONE.findall(text)

    def check(thing: object) -> None:
        tag = tag_of(thing)
        forms = {tag, packed_tag(tag.encode()).decode()}
        if not forms.isdisjoint(tags):
            return
        if not {f"W/{form}" for form in forms}.isdisjoint(tags):
            message = (
                "the tag is weak: something on the way has changed the answer that it came with; "
                "a change needs the tag as the service gave it, without W/"
            )
        else:
            message = f"it is not the one that you know by {text[:SHOWN_LENGTH_MAX]}"
        raise PreconditionFailed(message)

    return check
