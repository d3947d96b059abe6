"""The errors that a caller may see, each with a stable code.

    BazarError
    |-- InvalidRequest          400  the request breaks a rule; nothing was done
    |   |-- BodyTooLarge        413
    |   `-- BodyTimeout         408
    |-- Unauthorized            401
    |-- RouteNotFound           404
    |-- MethodNotAllowed        405
    |-- Overloaded              503  refused before it started
    |-- Unavailable             503  indefinite: it may or may not have been done
    `-- InternalError           500  indefinite

Every error is either definite (the request changed nothing) or indefinite (ask again with the
same idempotency key). Source: RFC 9457; docs/errors.md.
"""

from typing import Any, ClassVar

import msgspec

PROBLEM_MEDIA_TYPE = "application/problem+json"

Headers = tuple[tuple[bytes, bytes], ...]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str
    definite: bool
    """True: nothing was changed. False: unknown; ask again with the same Idempotency-Key."""
    member: str | None = None
    """Which part of the request is wrong, such as `lines[0].quantity`, where it is one."""


class BazarError(Exception):
    """A failure with a stable code that can be shown to the caller as a problem document."""

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something broke on our side"
    hint: ClassVar[str] = "Ask again with the same Idempotency-Key."
    definite: ClassVar[bool] = False
    problem_type: ClassVar[type[Problem]] = Problem
    """Of its document; a subclass that tells more brings members of its own."""
    headers: Headers = ()
    """Of the answer, beside those that every answer has; an error may have its own."""

    def __init__(self, detail: str, *, member: str | None = None, **members: Any) -> None:  # noqa: ANN401
        """Describe one failure.

        Args:
            detail: what was wrong.
            member: which part of the request was, where it is one.
            members: of its problem type, beyond those that every problem has.
        """
        super().__init__(detail)
        self.detail = detail
        self.member = member
        self.members = members

    def problem(self) -> Problem:
        """Return the problem document."""
        return self.problem_type(
            type=f"urn:bazar:error:{self.code}",
            title=self.title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            hint=self.hint,
            definite=self.definite,
            member=self.member,
            **self.members,
        )


class InvalidRequest(BazarError):
    """The request breaks a rule of the interface."""

    code = "invalid-request"
    status = 400
    title = "The request is not valid"
    hint = "Correct the request; /docs lists what each route takes."
    definite = True


class BodyTooLarge(InvalidRequest):
    """The body is longer than the route takes."""

    code = "body-too-large"
    status = 413
    title = "The body is too large"
    hint = "Send less at once."


class BodyTimeout(InvalidRequest):
    """The body did not arrive in time."""

    code = "body-timeout"
    status = 408
    title = "The body did not arrive in time"
    hint = "Send the whole body within 10 seconds."


class Unauthorized(BazarError):
    """The service secret is missing or wrong."""

    code = "unauthorized"
    status = 401
    title = "The service secret is missing or wrong"
    hint = "Send 'Authorization: Bearer SECRET'; 'bazar up' prints the file that holds it."
    definite = True
    headers: Headers = ((b"www-authenticate", b'Bearer realm="bazar"'),)


class RouteNotFound(BazarError):
    """No route has this path."""

    code = "route-not-found"
    status = 404
    title = "There is no such page"
    hint = "/docs lists every route."
    definite = True


class MethodNotAllowed(BazarError):
    """The path exists, but not with this method."""

    code = "method-not-allowed"
    status = 405
    title = "This method is not allowed here"
    hint = "The Allow header lists the methods of this path."
    definite = True

    def __init__(self, detail: str, *, allow: str) -> None:
        """Describe one failure; `allow` lists the methods that the path takes."""
        super().__init__(detail)
        self.headers = ((b"allow", allow.encode("ascii")),)


class Overloaded(BazarError):
    """The request was refused before it started, since too much waits already."""

    code = "overloaded"
    status = 503
    title = "Too much to do right now"
    hint = "Wait for Retry-After seconds and ask again."
    definite = True

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        """Describe one refusal; after `retry_after_s` whole seconds the caller may come back."""
        super().__init__(detail)
        self.headers = ((b"retry-after", b"%d" % retry_after_s),)


class Unavailable(BazarError):
    """Another service, or the database, did not answer in time."""

    code = "unavailable"
    status = 503
    title = "A part of the shop is away"
    hint = "Ask again; a purchase with the same Idempotency-Key is not done twice."
    definite = False
    headers: Headers = ((b"retry-after", b"1"),)


class InternalError(BazarError):
    """A fault of ours that no other error describes."""


class StartupError(Exception):
    """A service cannot start; the message is one line for the person who started it."""
