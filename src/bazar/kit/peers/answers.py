"""What comes back from another service: an answer, or the reason why there is none."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from pyreqwest.exceptions import RequestError, RequestTimeoutError

_AWAY = 503


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other service said."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    again: bool = False
    """Whether the call was sent more than once. Then another one may have been done, or still be
    under way: that nothing was done is not known, whatever this answer says of itself."""


class Stranger(Exception):
    """Whoever answered is not the service of this shop that was asked."""


Failure = RequestError | Stranger
FAILURES = (RequestError, Stranger)
"""Ways to get no answer."""


class _Refusal(msgspec.Struct):
    """What matters here of a problem document."""

    definite: bool = True


_refusal = msgspec.json.Decoder(_Refusal).decode


def reason(error: Failure) -> str:
    """Return the innermost cause of a failed request, such as what the system said of it."""
    if isinstance(error, Stranger):
        return str(error)
    message, details = (*error.args, {})[:2]
    causes = details.get("causes") or [{"message": message}]
    return str(causes[-1]["message"])


def is_slow(error: Failure) -> bool:
    """Tell whether a request failed for want of time, so that somebody may be busy with it."""
    return isinstance(error, RequestTimeoutError)


def heed_cancel() -> None:
    """Go on with being cancelled, after a failed request.

    The transport may tell a cancel as a failure like any other; whoever then tries again would
    never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def is_away(answer: Answer) -> bool:
    """Tell whether a target says of itself that it cannot work now; another one may."""
    if answer.status != _AWAY:
        return False
    try:
        return not _refusal(answer.body).definite
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
