"""What comes back from another service: an answer, or the reason why there is none."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
    RequestError,
    RequestTimeoutError,
)

_AWAY = 503
_CONNECTING = "client error (Connect)"
"""The transport's own words for what happens before anything is sent."""
_COPIES = "both sides need the files of one 'bazar certificates', named with --tls"
_NOT_OURS = f"it does not take our certificate: {_COPIES}"
_AGAIN = "run 'bazar certificates', and copy the files again"
_ALERT = "received fatal alert: "
_ALERTS = {
    "BadCertificate": _NOT_OURS,
    "CertificateExpired": f"it says that our certificate has ended: {_AGAIN}, or set its clock",
    "CertificateRequired": _NOT_OURS,
    "DecryptError": _NOT_OURS,
    "UnknownCA": _NOT_OURS,
    "UnsupportedCertificate": "our certificate is that of a role that may not ask it",
}
_UNKNOWN = f"nobody whom we trust has signed its certificate: {_COPIES}"
_PEERS = {
    "BadSignature": _UNKNOWN,
    "UnknownIssuer": _UNKNOWN,
    "certificate expired": f"its certificate has ended: {_AGAIN} and restart it, or set our clock",
    "certificate not valid for name": "its certificate is that of another role, so it is another "
    "service",
    "certificate not valid yet": "its certificate holds later: set our clock",
}
_IN_WORDS = {
    **{f"{_ALERT}{alert}": words for alert, words in _ALERTS.items()},
    **{f"invalid peer certificate: {cause}": words for cause, words in _PEERS.items()},
    "received corrupt message of type InvalidContentType": "it speaks no TLS: start it with "
    "--tls, or leave --tls out here and name it with http://",
    "invalid HTTP version parsed": "what it says is no HTTP; where it was started with --tls, "
    "give --tls here too",
}
"""How what the transport says begins, and what that means for people."""
_REFUSALS = frozenset(f"{_ALERT}{alert}" for alert in _ALERTS)


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
    """Return why a request failed: in words, or the innermost cause as the system says it."""
    if isinstance(error, Stranger):
        return str(error)
    return distrust(error) or _cause(error)


def distrust(error: RequestError) -> str:
    """Return what keeps two sides from trusting each other, and what to do; empty: nothing does."""
    said = _cause(error)
    return next((words for begins, words in _IN_WORDS.items() if said.startswith(begins)), "")


def _cause(error: RequestError) -> str:
    """Return the innermost cause of a failed request."""
    message, details = (*error.args, {})[:2]
    causes = details.get("causes") or [{"message": message}]
    return str(causes[-1]["message"])


def is_unsent(error: BaseException) -> bool:
    """Tell whether it is certain that nobody has got a request that failed.

    The transport says that it could not connect also where a connection broke on which the
    request was sent already. Who refuses our certificate has read nothing of what came with it.
    """
    if isinstance(error, ConnectTimeoutError):
        return True
    if not isinstance(error, ConnectError):
        return False
    causes = {str(cause["message"]) for cause in error.details["causes"] or ()}
    return _CONNECTING in causes or not causes.isdisjoint(_REFUSALS)


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
