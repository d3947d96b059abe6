"""The answer to a purchase on its way from the order service to the public."""

from starlette.responses import Response

from bazar.kit.errors import PROBLEM_MEDIA_TYPE
from bazar.kit.http import ReadyResponse
from bazar.kit.request import Request
from bazar.wire import CHANGED_HEADER, PlacementAnswer

RETRY_AFTER_S = 1
_RETRY_STATUSES = (202, 503)
_ERRORS_FROM = 400


def placing_response(request: Request, answer: PlacementAnswer, *, internal: bool) -> Response:
    """Return the answer to a purchase as HTTP.

    Args:
        request: takes the order id into its log line, and the time of the tiers behind.
        answer: as the order service gave it.
        internal: tell in a header which books have a new version.
    """
    headers = {}
    if answer.order_id:
        request.facts["order_id"] = answer.order_id
        headers["location"] = f"/orders/{answer.order_id}"
    if answer.status in _RETRY_STATUSES:
        headers["retry-after"] = str(RETRY_AFTER_S)
    if answer.timing:
        request.timings.append(answer.timing)
    if internal and answer.changed:
        headers[CHANGED_HEADER] = answer.changed
    if answer.status < _ERRORS_FROM:
        return ReadyResponse(bytes(answer.body), answer.status, headers, "application/json")
    return ReadyResponse(bytes(answer.body), answer.status, headers, PROBLEM_MEDIA_TYPE)
