"""Who changes something in a service, as the caller names them."""

from bazar.kit.errors import InvalidRequest
from bazar.kit.http.request import Request
from bazar.wire.stock import ACTOR_HEADER, ACTOR_LENGTH_MAX


def actor_of(request: Request) -> str:
    """Return who a request names; empty where it names nobody.

    Raises:
        InvalidRequest: definite; it is no name.
    """
    given = request.raw_headers.get(ACTOR_HEADER.encode(), b"")
    try:
        actor = given.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        message = f"{ACTOR_HEADER} is not in UTF-8"
        raise InvalidRequest(message, member=ACTOR_HEADER) from error
    if len(actor) > ACTOR_LENGTH_MAX or not actor.isprintable():
        message = f"{ACTOR_HEADER} takes a name of at most {ACTOR_LENGTH_MAX} characters"
        raise InvalidRequest(message, member=ACTOR_HEADER)
    return actor
