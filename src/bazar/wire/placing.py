"""A purchase on its way from the front to the order service, and its answer on the way back."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from bazar.kit.deadline import DEADLINE_MS_MAX
from bazar.kit.errors import PROBLEM_MEDIA_TYPE
from bazar.kit.http.answers import NO_STORE, ReadyResponse
from bazar.kit.http.idempotency import KEY_LENGTH_MAX
from bazar.kit.http.request import Request
from bazar.kit.identity import REQUEST_ID_LENGTH_MAX
from bazar.kit.money import PRICE_MINOR_MAX
from bazar.wire.budgets import PLACE_MS
from bazar.wire.limits import PLACEMENT_BATCH_MAX
from bazar.wire.orders import Buyer, Channel, Lines, reference_of

CHANGED_HEADER = "bazar-changed"
"""Books and their new versions after a purchase or a cancel, such as `2=17,3=5`."""
RETRY_AFTER_S = 1
_RETRY_STATUSES = (202, 503)
_ERRORS_FROM = 400
_CHANGED = CHANGED_HEADER.encode()
_RETRY_AFTER = (b"retry-after", b"%d" % RETRY_AFTER_S)
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", PROBLEM_MEDIA_TYPE.encode())

Kind = Literal["purchase", "order"]
"""Of what places an order: its route, which decides the form of the answer."""


Key = Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH_MAX)]


class Placement(Struct, frozen=True, omit_defaults=True):
    """One purchase, from front to order service."""

    kind: Kind
    lines: Lines
    key: Key
    request_id: Annotated[str, Meta(max_length=REQUEST_ID_LENGTH_MAX)] = ""
    deadline_ms: Annotated[int, Meta(ge=0, le=DEADLINE_MS_MAX)] = PLACE_MS
    """After which the client does not wait any more."""
    channel: Channel = "api"
    buyer: Buyer | None = None
    delivery_minor: Annotated[int, Meta(ge=0, le=PRICE_MINOR_MAX)] = 0
    """What delivery costs, in the shop's currency, as the buyer was told."""
    open_orders_max: Annotated[int, Meta(ge=0)] = 0
    """Of one e-mail address, not yet paid; 0: any number."""


PlacementBatch = Annotated[list[Placement], Meta(min_length=1, max_length=PLACEMENT_BATCH_MAX)]


class PlacementAnswer(Struct, frozen=True, omit_defaults=True):
    """What its client is told: status and body as they are, and what headers are made of."""

    status: int
    body: msgspec.Raw
    order_id: str = ""
    """Of the order that was placed, confirmed or pending; or that the key has placed before, where
    it was the shop's pages that placed both."""
    changed: str = ""
    """Books and their new versions, as in the header `bazar-changed`."""
    timing: str = ""
    """Of the catalog, as in a Server-Timing header."""


class UsedKey(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask whether a key has placed an order."""

    key: Key


class RefusedForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a key place no order any more: a page refuses the form that it came with."""

    key: Key
    lines: Lines
    """That the form asked for."""


class UsedBy(Struct, frozen=True):
    """Which order a key has placed; empty for none."""

    order_id: str


def placing_response(request: Request, answer: PlacementAnswer, *, internal: bool) -> Response:
    """Return the answer to a purchase as HTTP.

    Args:
        request: takes the order's reference into its log line, and the time of the tiers behind.
        answer: as the order service gave it.
        internal: tell in a header which books have a new version.
    """
    body = bytes(answer.body)
    headers = [
        (b"content-length", b"%d" % len(body)),
        _JSON if answer.status < _ERRORS_FROM else _PROBLEM,
        NO_STORE,
    ]
    if answer.order_id and answer.status < _ERRORS_FROM:
        request.facts["reference"] = reference_of(answer.order_id)
        headers.append((b"location", f"/orders/{answer.order_id}".encode("latin-1")))
    if answer.status in _RETRY_STATUSES:
        headers.append(_RETRY_AFTER)
    if answer.timing:
        request.timings.append(answer.timing)
    if internal and answer.changed:
        headers.append((_CHANGED, answer.changed.encode("latin-1")))
    return ReadyResponse(body, answer.status, headers)
