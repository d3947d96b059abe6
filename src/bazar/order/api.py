"""The order service's routes: HTTP in, use cases behind, HTTP out."""

from starlette.responses import Response

from bazar.kit.errors import Unavailable
from bazar.kit.http import Endpoint, json_response
from bazar.kit.request import Request
from bazar.order.domain import (
    Kind,
    first_answer,
    parse_key,
)
from bazar.order.service import Orders
from bazar.problems import (
    PLACING_ERRORS,
    OrderNotCancellable,
    OrderNotFound,
    OrderNotFulfillable,
)
from bazar.wire import (
    CHANGED_HEADER,
    Accepted,
    Line,
    Order,
    OrderQuery,
    OrderRequest,
    Outcome,
    Purchase,
    PurchaseRequest,
    Receipt,
)

DEADLINE_MS = 5000
RETRY_AFTER_S = 1
_KEY_HEADER = "idempotency-key"


class OrderApi:
    """The handlers of the order service."""

    def __init__(self, orders: Orders) -> None:
        """Serve these use cases."""
        self._orders = orders

    async def purchase(self, request: Request) -> Response:
        """Buy one book."""
        book_id = request.number("book_id")
        body = await request.struct(PurchaseRequest)
        return await self._place(request, "purchase", [Line(book_id, body.quantity)])

    async def order(self, request: Request) -> Response:
        """Buy several books, all or nothing."""
        body = await request.struct(OrderRequest)
        return await self._place(request, "order", body.lines)

    async def _place(self, request: Request, kind: Kind, lines: list[Line]) -> Response:
        key = parse_key(request.headers.getlist(_KEY_HEADER))
        deadline = request.deadline(DEADLINE_MS)
        order, decision = await self._orders.place(kind, lines, key, deadline, request.id)
        request.facts["order_id"] = order.order_id
        answer = first_answer(order)
        headers = {"location": f"/orders/{order.order_id}"}
        if decision is not None:
            request.timings.append(decision.timing)
            headers |= _changed(decision.outcome)
        if isinstance(answer, Accepted):
            return json_response(answer, 202, headers | {"retry-after": str(RETRY_AFTER_S)})
        return json_response(answer, 201, headers)

    async def find(self, request: Request) -> Response:
        """Answer an order as it stands."""
        return json_response(await self._orders.find(request.path_params["order_id"]))

    async def page(self, request: Request) -> Response:
        """Answer a page of orders."""
        return json_response(await self._orders.page(request.arguments(OrderQuery)))

    async def cancel(self, request: Request) -> Response:
        """Cancel an order."""
        order, released = await self._orders.cancel(request.path_params["order_id"])
        return json_response(order, headers=_changed(released) if released else None)

    async def fulfil(self, request: Request) -> Response:
        """Note that an order was handed over."""
        return json_response(await self._orders.fulfil(request.path_params["order_id"]))


def _changed(outcome: Outcome) -> dict[str, str]:
    """Return the header that tells the front which books have a new version."""
    return {CHANGED_HEADER: ",".join(f"{line.id}={line.version}" for line in outcome.lines)}


def order_endpoints(orders: Orders) -> list[Endpoint]:
    """Return the order service's own endpoints; the busiest first."""
    api = OrderApi(orders)
    return [
        Endpoint(
            method="POST",
            path="/purchase/{book_id}",
            handler=api.purchase,
            summary="Buy copies of one book, exactly once a key",
            body=PurchaseRequest,
            answers={201: Purchase, 202: Accepted},
            errors=PLACING_ERRORS,
            secret=True,
            idempotency_key=True,
        ),
        Endpoint(
            method="POST",
            path="/orders",
            handler=api.order,
            summary="Buy several books, all or nothing, exactly once a key",
            body=OrderRequest,
            answers={201: Receipt, 202: Accepted},
            errors=PLACING_ERRORS,
            secret=True,
            idempotency_key=True,
        ),
        Endpoint(
            method="GET",
            path="/orders/{order_id}",
            handler=api.find,
            summary="Show an order as it stands",
            answers={200: Order},
            errors=(OrderNotFound,),
            secret=True,
        ),
        Endpoint(
            method="GET",
            path="/orders",
            handler=api.page,
            summary="List orders, oldest first, a page at a time",
            arguments=OrderQuery,
            answers={200: list[Order]},
            secret=True,
        ),
        Endpoint(
            method="POST",
            path="/orders/{order_id}/cancel",
            handler=api.cancel,
            summary="Cancel an order and give its copies back, once",
            answers={200: Order},
            errors=(OrderNotFound, OrderNotCancellable, Unavailable),
            secret=True,
        ),
        Endpoint(
            method="POST",
            path="/orders/{order_id}/fulfil",
            handler=api.fulfil,
            summary="Note that a confirmed order was handed over",
            answers={200: Order},
            errors=(OrderNotFound, OrderNotFulfillable, Unavailable),
            secret=True,
        ),
    ]
