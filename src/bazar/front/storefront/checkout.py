"""Place an order from the form of the checkout, and tell what came of it.

Everything that may come of it is one of the structs below. Those that say that nothing was ordered
are definite: whatever was sent under that key before, and is still on its way, orders nothing
either. The others send the same form again, under the same key.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from bazar.front.storefront.basket import BasketLine, copies_of, lines_text
from bazar.front.storefront.buyers import buyer_of, filled
from bazar.front.storefront.pace import Pace, Repeats
from bazar.front.upstream.orders import Orders
from bazar.front.upstream.terms import post_minor
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, Overloaded, Unavailable
from bazar.kit.money import to_price
from bazar.kit.web.forms import Filled
from bazar.kit.web.texts import noted
from bazar.wire.orders import Buyer, Language, Line, Order
from bazar.wire.placing import PlacementAnswer
from bazar.wire.problems import PlacingProblem
from bazar.wire.shop import Shop

_PLACED = (201, 202)
_BY_SETTINGS = {"delivery", "payment", "country"}
"""Fields that are right or wrong by the settings of the shop, which change."""
_LOOK_MS = 1000
"""For a second look at an order that is there anyway."""
MANY_OF_ONE = noted("We sell at most %(n)s copies of one book here. For more, ring us.")
MANY_IN_ALL = noted("We sell at most %(n)s copies in one order here. For more, ring us.")
_order = msgspec.json.Decoder(Order).decode
_problem = msgspec.json.Decoder(PlacingProblem).decode


class Form(Struct, frozen=True):
    """What a browser sent from the checkout."""

    key: str
    lines: tuple[BasketLine, ...]
    """As they stood on the page that was sent, whatever the basket holds by now."""
    typed: dict[str, str]
    post_minor: int
    """What the post costs, as the page said."""
    again: bool = False
    """Order the same books once more: the question was answered."""
    language: Language = "en"
    wish: int = 0
    """The book whose return its buyer wants to hear of, once the order is there; 0: none."""

    @property
    def lines_text(self) -> str:
        """Return the lines as a form sends them."""
        return lines_text(self.lines)


class Asker(Struct, frozen=True):
    """Who sent it."""

    visitor: str
    """The network address."""
    request_id: str


class Placed(Struct, frozen=True):
    """The order is there, confirmed or not decided yet."""

    order_id: str


class Mend(Struct, frozen=True):
    """Nothing was ordered: something in the form is wrong."""

    wrong: dict[str, str]
    """What to say of each field, in the order of the form."""
    ended: bool = False
    """Whether nothing will be ordered with this key; else the same key serves."""


class TooMany(Struct, frozen=True):
    """Nothing was ordered, nor will it be with this key: more copies than are sold at once."""

    words: str
    most: int


class PostPrice(Struct, frozen=True):
    """Nothing was ordered, nor will it be with this key: the post costs something else now."""

    was_minor: int
    now_minor: int


class Question(Struct, frozen=True):
    """Nothing was ordered now: the same books were ordered a moment ago. Again?"""

    at_ms: int


class Wait(Struct, frozen=True):
    """It was not taken: too many orders came from this address. The same key serves later."""

    seconds: int


class OpenOrders(Struct, frozen=True):
    """It was not taken: too many orders of this e-mail address are not paid yet."""


class Busy(Struct, frozen=True):
    """It was not taken: too many orders wait. The same key serves in a moment."""


class Refused(Struct, frozen=True):
    """Nothing was ordered, and with this key nothing ever will be."""

    code: str
    book_id: int = 0
    """The book that it was refused for; 0 where it was for none."""


class Reused(Struct, frozen=True):
    """The key has placed an order before, which asks for something else."""

    order_id: str
    """Empty where nobody says which."""


class Unknown(Struct, frozen=True):
    """Nobody knows whether it was ordered. The same key tells."""


Outcome = (
    Placed
    | Mend
    | TooMany
    | PostPrice
    | Question
    | Wait
    | OpenOrders
    | Busy
    | Refused
    | Reused
    | Unknown
)


class Checkout:
    """The one way from a form to an order."""

    def __init__(self, orders: Orders, pace: Pace, repeats: Repeats) -> None:
        """Place orders there, at this pace."""
        self._orders = orders
        self._pace = pace
        self._repeats = repeats

    async def place(self, form: Form, shop: Shop, asker: Asker, deadline: Deadline) -> Outcome:
        """Place an order, exactly once a key.

        Args:
            form: with the key, and all that the buyer saw.
            shop: as it is now.
            asker: is counted, and asked before the same books are ordered again.
            deadline: by which an answer is wanted.
        """
        # Before all else, so that a stranger with a loop costs no more than this.
        if wait_s := self._pace.wait_s(asker.visitor, form.key, shop.orders_an_hour_max):
            return await self._unless_ordered(Wait(wait_s), form, asker, deadline)
        known = filled(shop, form.typed)
        refusal = self._refusal(known, form, shop, asker)
        if isinstance(refusal, Mend) and not _BY_SETTINGS & refusal.wrong.keys():
            return refusal  # it was never taken so
        if isinstance(refusal, Question):
            self._pace.forget(asker.visitor, form.key)
            return await self._unless_ordered(refusal, form, asker, deadline)
        if refusal is not None:
            return await self._refused(refusal, form, shop, asker, deadline)
        buyer = buyer_of(known, form.language)
        outcome = await self._place(form, buyer, shop, asker, deadline)
        if isinstance(outcome, Placed):
            self._repeats.note(asker.visitor, buyer.email, form.lines, form.key)
        elif isinstance(outcome, OpenOrders | Busy):  # nothing was stored, not even a refusal
            self._pace.forget(asker.visitor, form.key)
        return outcome

    def _refusal(
        self, known: Filled, form: Form, shop: Shop, asker: Asker
    ) -> Mend | TooMany | PostPrice | Question | None:
        """Return why this front does not send an order on, if there is a reason."""
        if (too_many := over_limits(form.lines, shop)) is not None:
            return too_many
        if known.wrong:
            return Mend(dict(known.wrong))
        buyer = buyer_of(known, form.language)
        if buyer.delivery == "post" and form.post_minor != (now_minor := post_minor(shop)):
            return PostPrice(form.post_minor, now_minor)
        before_ms = self._repeats.before_ms(asker.visitor, buyer.email, form.lines, form.key)
        if before_ms is not None and not form.again:
            return Question(before_ms)
        return None

    async def _refused(
        self,
        refusal: Mend | TooMany | PostPrice,
        form: Form,
        shop: Shop,
        asker: Asker,
        deadline: Deadline,
    ) -> Outcome:
        """Return a refusal once it is true: nothing was ordered with this key, nor will it be.

        The reason may be younger than the form: the settings changed. So the form may have been
        sent before, and its order may be there, or that request may still be on its way. That
        nothing was ordered would be a lie then, and whoever believes it orders again.
        """
        try:
            order_id = await self._orders.refuse(
                form.key, _lines(form, shop), deadline=deadline, request_id=asker.request_id
            )
        except Unavailable:
            return Unknown()
        if order_id:
            return Reused(order_id)
        return Mend(refusal.wrong, ended=True) if isinstance(refusal, Mend) else refusal

    async def _unless_ordered(
        self, refusal: Wait | Busy | Question, form: Form, asker: Asker, deadline: Deadline
    ) -> Outcome:
        """Return a refusal that passes, but for a form that was sent before: then its order.

        It says of this time alone that nothing was ordered: the same key serves, and may serve
        already.
        """
        try:
            order_id = await self._orders.used_by(
                form.key, deadline=deadline, request_id=asker.request_id
            )
        except Unavailable:
            return Unknown()
        if not order_id or await self._came_to_nothing(order_id, asker):
            return refusal
        return Reused(order_id)

    async def _place(
        self, form: Form, buyer: Buyer, shop: Shop, asker: Asker, deadline: Deadline
    ) -> Outcome:
        try:
            placed = await self._orders.place(
                "order",
                _lines(form, shop),
                form.key,
                deadline=deadline,
                request_id=asker.request_id,
                channel="web",
                buyer=buyer,
                delivery_minor=form.post_minor if buyer.delivery == "post" else 0,
                open_orders_max=shop.open_orders_max,
            )
        except Overloaded:
            return await self._unless_ordered(Busy(), form, asker, deadline)
        except Unavailable:
            return Unknown()
        outcome = outcome_of(placed.answer)
        if isinstance(outcome, Busy):  # this time nothing was ordered; perhaps the last time
            return await self._unless_ordered(outcome, form, asker, deadline)
        if isinstance(outcome, Reused) and await self._came_to_nothing(outcome.order_id, asker):
            return Refused("order-rejected")
        return outcome

    async def _came_to_nothing(self, order_id: str, asker: Asker) -> bool:
        """Tell whether an order was rejected, so that its buyer has nothing twice."""
        try:
            found = await self._orders.find(
                order_id, deadline=Deadline(_LOOK_MS), request_id=asker.request_id
            )
            return _order(found.body).status == "rejected"
        except (BazarError, msgspec.DecodeError):
            return False


def _lines(form: Form, shop: Shop) -> list[Line]:
    """Return the lines of a form as an order asks for them."""
    return [
        Line(line.book_id, line.copies, to_price(line.price_minor, shop.currency))
        for line in form.lines
    ]


def outcome_of(answer: PlacementAnswer) -> Outcome:
    """Return what the order service's answer means for a buyer."""
    if answer.status in _PLACED:
        return Placed(answer.order_id)
    try:
        problem = _problem(answer.body)
    except msgspec.DecodeError:
        return Unknown()
    match problem.code:
        case "idempotency-key-reused":
            return Reused(answer.order_id)
        case "too-many-open-orders":
            return OpenOrders()
        case Overloaded.code:
            return Busy()
    return Refused(problem.code, problem.book_id or 0) if problem.definite else Unknown()


def over_limits(lines: Sequence[BasketLine], shop: Shop) -> TooMany | None:
    """Return what is too much of the lines of one order, if anything is."""
    if any(line.copies > shop.copies_a_line_max for line in lines):
        return TooMany(MANY_OF_ONE, shop.copies_a_line_max)
    if copies_of(lines) > shop.copies_an_order_max:
        return TooMany(MANY_IN_ALL, shop.copies_an_order_max)
    return None
