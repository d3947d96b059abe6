"""The order service's routes: HTTP in, use cases behind, HTTP out."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from starlette.responses import Response

from bazar.kit.errors import BazarError, InternalError, Unavailable
from bazar.kit.http.answers import encode, json_response, log_fault
from bazar.kit.http.endpoint import Link, route
from bazar.kit.http.idempotency import KEY_HEADER, given_or_new_key, key_header
from bazar.kit.http.request import Request
from bazar.kit.steps import steps
from bazar.order.buyers import checked_email
from bazar.order.checking import Checking
from bazar.order.domain import first_answer
from bazar.order.driving import Placed
from bazar.order.service import Orders
from bazar.order.watching import write_answers, write_received
from bazar.wire.actor import actor_of
from bazar.wire.audit import AuditMark, AuditOrdersQuery, Integrity, KeptOrder
from bazar.wire.budgets import PLACE_MS
from bazar.wire.limits import INTERNAL_BODY_BYTES_MAX, PAGE_MAX
from bazar.wire.orders import (
    Accepted,
    Buyer,
    Line,
    MailTest,
    Order,
    OrderCounts,
    OrderEvent,
    OrderQuery,
    OrderRequest,
    ProgressRequest,
    Purchase,
    PurchaseRequest,
    Receipt,
    StuckOrder,
)
from bazar.wire.placing import (
    CHANGED_HEADER,
    Kind,
    Placement,
    PlacementAnswer,
    PlacementBatch,
    RefusedForm,
    UsedBy,
    UsedKey,
    placing_response,
)
from bazar.wire.problems import (
    PLACING_ERRORS,
    KeyReused,
    MailNotSent,
    MailOff,
    OrderNotCancellable,
    OrderNotFound,
    OrderNotFulfillable,
    ProgressNotPossible,
)
from bazar.wire.stock import Outcome


def _order_links(*statuses: int, pointer: str = "/order_id") -> list[Link]:
    """Return what can be done with the order that an answer names."""
    return [
        Link(status, to, "order_id", pointer)
        for status in statuses
        for to in ("find", "cancel", "fulfil")
    ]


SendTrial = Callable[[str], Awaitable[None]]
"""Sends a mail to an address that only shows that mail arrives."""


class OrderApi:
    """The handlers of the order service."""

    def __init__(
        self, orders: Orders, checking: Checking, send_trial: SendTrial | None = None
    ) -> None:
        """Serve these use cases; `send_trial` is there where the shop sends mail."""
        self._orders = orders
        self._checking = checking
        self._send_trial = send_trial

    @route(
        "POST",
        "/purchase/{book_id:number}",
        answers={201: Purchase, 202: Accepted},
        errors=PLACING_ERRORS,
        secret=True,
        places="buying",
        idempotency_key=True,
        links=_order_links(201, 202),
    )
    async def purchase(self, request: Request, book_id: int, body: PurchaseRequest) -> Response:
        """Buy copies of one book, exactly once a key."""
        return await self._place_one(request, "purchase", [Line(book_id, body.quantity)])

    @route(
        "POST",
        "/orders",
        answers={201: Receipt, 202: Accepted},
        errors=PLACING_ERRORS,
        secret=True,
        places="buying",
        idempotency_key=True,
        links=_order_links(201, 202),
    )
    async def order(self, request: Request, body: OrderRequest) -> Response:
        """Buy several books, all or nothing, exactly once a key."""
        return await self._place_one(request, "order", body.lines, body.buyer)

    async def _place_one(
        self, request: Request, kind: Kind, lines: list[Line], buyer: Buyer | None = None
    ) -> Response:
        key = given_or_new_key(request.header_list(KEY_HEADER))
        left_ms = request.deadline(PLACE_MS).left_ms()
        placement = Placement(kind, lines, key, request.id, left_ms, buyer=buyer)
        write_received([placement], request.id)
        (answer,) = await self._place([placement])
        write_answers([placement], [answer], request.id)
        response = placing_response(request, answer, internal=True)
        response.raw_headers.append(key_header(key))
        return response

    @route(
        "POST",
        "/placements",
        answers={200: list[PlacementAnswer]},
        secret=True,
        places="buying",
        body_bytes_max=INTERNAL_BODY_BYTES_MAX,
    )
    async def placements(self, request: Request, body: PlacementBatch) -> Response:
        """Place a batch of orders, each on its own; what the front uses."""
        write_received(body, request.id)
        answers = await self._place(body)
        write_answers(body, answers, request.id)
        request.facts["request_ids"] = ",".join([one.request_id for one in body])
        request.facts["statuses"] = ",".join([str(answer.status) for answer in answers])
        return json_response(answers)

    @route("POST", "/placements/used", answers={200: UsedBy}, secret=True, places="looking")
    async def used(self, _request: Request, body: UsedKey) -> Response:
        """Tell which order a key has placed; it places none."""
        return json_response(UsedBy(await self._orders.used_by(body.key)))

    @route("POST", "/placements/refuse", answers={200: UsedBy}, secret=True, places="looking")
    async def refuse(self, _request: Request, body: RefusedForm) -> Response:
        """Have a key place nothing any more, or tell which order it has placed already."""
        return json_response(UsedBy(await self._orders.refuse(body.key, body.lines)))

    async def _place(self, placements: Sequence[Placement]) -> list[PlacementAnswer]:
        """Place orders and say what their clients are told, errors too."""
        try:
            return [_told(one) for one in await self._orders.place(placements)]
        except BazarError as error:
            return [_refused(error)] * len(placements)
        except Exception as error:  # noqa: BLE001  told to the caller as our fault, and logged
            if len(placements) > 1:  # the others of its batch still get their answers
                return [(await self._place([placement]))[0] for placement in placements]
            return [_refused(InternalError(log_fault(error, placements[0].request_id)))]

    @route("GET", "/orders/counts", answers={200: OrderCounts}, secret=True)
    async def counts(self, _request: Request, query: OrderQuery) -> Response:
        """Count the orders that a question for the newest finds, at most 10,000."""
        return json_response(await self._checking.count(query))

    @route(
        "GET",
        "/orders/{order_id}",
        hidden=True,
        answers={200: Order},
        errors=(OrderNotFound,),
        secret=True,
        places="looking",
    )
    async def find(self, request: Request) -> Response:
        """Show an order as it stands."""
        return json_response(await self._orders.find(request.path_params["order_id"]))

    @route(
        "GET",
        "/orders",
        answers={200: list[Order]},
        secret=True,
        links=_order_links(200, pointer="/0/order_id"),
    )
    async def page(self, _request: Request, query: OrderQuery) -> Response:
        """List orders, oldest first, a page at a time."""
        return json_response(await self._orders.page(query))

    @route("GET", "/stuck-orders", answers={200: list[StuckOrder]}, secret=True)
    async def stuck(self, _request: Request) -> Response:
        """List the orders that the catalog does not take although it answers, at most 100."""
        return json_response(list(islice(self._orders.stuck(), PAGE_MAX)))

    @route(
        "POST",
        "/orders/{order_id}/cancel",
        hidden=True,
        answers={200: Order},
        errors=(OrderNotFound, OrderNotCancellable, Unavailable),
        secret=True,
        places="cancelling",
        links=_order_links(200),
    )
    async def cancel(self, request: Request) -> Response:
        """Cancel an order and give its copies back, once."""
        order_id = request.path_params["order_id"]
        if steps.on:
            steps.write("cancel-taken", request_id=request.id, order_id=order_id)
        order, released = await self._orders.cancel(order_id, actor_of(request))
        return json_response(
            order, headers={CHANGED_HEADER: _changed(released)} if released else None
        )

    @route(
        "POST",
        "/orders/{order_id}/fulfil",
        hidden=True,
        answers={200: Order},
        errors=(OrderNotFound, OrderNotFulfillable, Unavailable),
        secret=True,
        links=_order_links(200),
    )
    async def fulfil(self, request: Request) -> Response:
        """Note that a confirmed order was handed over."""
        return json_response(
            await self._orders.fulfil(request.path_params["order_id"], actor_of(request))
        )

    @route(
        "POST",
        "/orders/{order_id}/progress",
        hidden=True,
        answers={200: Order},
        errors=(OrderNotFound, ProgressNotPossible, Unavailable),
        secret=True,
        links=_order_links(200),
    )
    async def progress(self, request: Request, body: ProgressRequest) -> Response:
        """Note how far the shop is with a confirmed order; the last step fulfils it."""
        return json_response(
            await self._orders.progress(request.path_params["order_id"], body, actor_of(request))
        )

    @route(
        "GET",
        "/orders/{order_id}/events",
        hidden=True,
        answers={200: list[OrderEvent]},
        errors=(OrderNotFound,),
        secret=True,
        places="looking",
    )
    async def events(self, request: Request) -> Response:
        """List what people did to an order, the last 100 of it, the oldest first."""
        return json_response(await self._orders.events(request.path_params["order_id"]))

    @route(
        "POST", "/mail/test", answers={200: MailTest}, errors=(MailOff, MailNotSent), secret=True
    )
    async def mail_test(self, _request: Request, body: MailTest) -> Response:
        """Send a mail that only shows that mail of the shop arrives."""
        if self._send_trial is None:
            message = "the order service was started without a mail server"
            raise MailOff(message)
        tried = MailTest(checked_email(body.to, "to"))
        await self._send_trial(tried.to)
        return json_response(tried)

    @route("GET", "/audit", answers={200: AuditMark}, secret=True)
    async def audit(self, _request: Request) -> Response:
        """Tell where the orders end now."""
        return json_response(AuditMark(await self._checking.last_order_id()))

    @route(
        "GET",
        "/audit/orders",
        answers={200: list[KeptOrder]},
        secret=True,
        links=(Link(200, "audit_order", "order_id", "/0/order_id"),),
    )
    async def audit_orders(self, request: Request, query: AuditOrdersQuery) -> Response:
        """List orders as they are kept, a page at a time; only the end is empty."""
        return json_response(await request.while_there(self._checking.orders(query)))

    @route(
        "GET",
        "/audit/orders/{order_id}",
        hidden=True,
        answers={200: KeptOrder},
        errors=(OrderNotFound,),
        secret=True,
    )
    async def audit_order(self, request: Request) -> Response:
        """Show an order as it is kept; it is not driven."""
        return json_response(await self._checking.order(request.path_params["order_id"]))

    @route("GET", "/audit/integrity", answers={200: Integrity}, secret=True)
    async def audit_integrity(self, request: Request) -> Response:
        """Have the database look for faults in itself; it reads all of it."""
        return json_response(Integrity(await request.while_there(self._checking.faults())))


def _refused(error: BazarError) -> PlacementAnswer:
    order_id = error.order_id if isinstance(error, KeyReused) else ""
    return PlacementAnswer(error.status, encode(error.problem()), order_id)


def _told(placed: Placed | BazarError) -> PlacementAnswer:
    """Return what the client of one placement is told."""
    if isinstance(placed, BazarError):
        return _refused(placed)
    order, decision = placed.order, placed.decision
    try:
        answer = first_answer(order)
    except BazarError as error:
        return _refused(error)
    return PlacementAnswer(
        202 if isinstance(answer, Accepted) else 201,
        encode(answer),
        order.order_id,
        _changed(decision.outcome) if decision else "",
        decision.timing if decision else "",
    )


def _changed(outcome: Outcome) -> str:
    """Tell the front which books have a new version."""
    return ",".join(f"{line.book_id}={line.version}" for line in outcome.lines)
