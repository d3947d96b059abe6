"""The checker on hand-made histories: a clean one passes, and each broken promise is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chaos import history
from chaos.checker import PROMISES, SHOWN_MAX, check
from chaos.freshness import STALE_S_MAX
from chaos.history import Act, Call, Ended, Final, History, KeptMovement, KeptOrder, Record, Started

Story = dict[str, Record]
CUT_SHORT = {"definite": True, "detail": "the connection closed in the middle of the body"}
Change = Callable[[Story], Story]


def call(act: Act, at_s: float, status: int, body: object = None, **more: Any) -> Call:  # noqa: ANN401
    """Return a call that took 0.1 s, through the first front unless it is said otherwise."""
    more = {"front": "" if act in {"add", "restock"} else "front"} | more
    text = msgspec.json.encode(body).decode() if body is not None else ""
    return Call(
        errand=1, act=act, started_s=at_s, ended_s=at_s + 0.1, status=status, body=text, **more
    )


def bought(key: str, order_id: str, at_s: float, act: Act = "buy", *, copies: int = 1) -> Call:
    """Return a purchase that was acknowledged."""
    return call(
        act,
        at_s,
        201,
        {"status": "confirmed", "order_id": order_id, "id": 1, "quantity": copies},
        key=key,
        lines=((1, copies),),
        location=f"/orders/{order_id}",
        sold_now=act == "buy",
    )


def refused(key: str, order_id: str, at_s: float, act: Act = "buy") -> Call:
    """Return a purchase that was refused, since there were too few copies."""
    problem = {"status": 409, "code": "out-of-stock", "definite": True, "order_id": order_id}
    return call(act, at_s, 409, problem, key=key, lines=((1, 900),))


def unanswered(key: str, at_s: float) -> Call:
    """Return a purchase whose client gave up."""
    return call("buy", at_s, 0, key=key, lines=((1, 1),))


def read(at_s: float, version: int, quantity: int, front: str = "front") -> Call:
    """Return a read of the book."""
    body = {"id": 1, "version": version, "quantity": quantity}
    return call("read", at_s, 200, body, lines=((1, 0),), front=front)


def look(order_id: str, at_s: float, status: str, front: str = "front") -> Call:
    """Return a look at an order."""
    body = {"order_id": order_id, "status": status}
    return call("look", at_s, 200, body, order_id=order_id, front=front)


def clean() -> Story:
    """Return a history without a fault: with clients who gave up, refusals, and a cancel."""
    accepted = {"status": "pending", "order_id": "o5"}
    return {
        "front": Started(service="front", at_s=0.0),
        "second front": Started(service="front-2", at_s=0.1),
        "catalog": Started(service="catalog-2", at_s=0.2),
        "add": call("add", 1, 201, lines=((1, 10),)),
        "buy": bought("k1", "o1", 2),
        "twin": bought("k1", "o1", 2.05),
        "given up": unanswered("k2", 3),
        "given up unheard": unanswered("k3", 3),
        "restock": call("restock", 4, 200, {"version": 5}, lines=((1, 3),)),
        "restock unanswered": call("restock", 5, 0, lines=((1, 5),)),
        "refused": refused("k4", "o4", 6),
        "accepted": call("buy", 7, 202, accepted, key="k5", lines=((1, 1),), location="/orders/o5"),
        "early look": look("o5", 8, "pending"),
        "cancel": call("cancel", 9, 200, accepted | {"status": "cancelled"}, order_id="o5"),
        "read": read(10, 8, 16),
        "read a little later elsewhere": read(10.3, 7, 15, "front-2"),
        "look": look("o5", 11, "cancelled"),
        "another front": Started(service="front", at_s=11.5),
        "read again": read(12, 8, 16),
        "final": Final(
            settled_after_s=0.5,
            bound_s=20.0,
            stock={1: 16},
            movements=(
                KeptMovement(1, "received", 10),
                KeptMovement(1, "sold", -1, "o1"),
                KeptMovement(1, "sold", -1, "o2"),
                KeptMovement(1, "received", 3),
                KeptMovement(1, "received", 5),
                KeptMovement(1, "sold", -1, "o5"),
                KeptMovement(1, "released", 1, "o5"),
            ),
            orders=(
                KeptOrder("o1", "confirmed", ((1, 1),)),
                KeptOrder("o2", "confirmed", ((1, 1),)),
                KeptOrder("o4", "rejected", ((1, 900),)),
                KeptOrder("o5", "cancelled", ((1, 1),)),
            ),
            differences=(),
        ),
        "read at rest": read(19, 8, 16),
        "read at rest elsewhere": read(19, 8, 16, "front-2"),
        "replay": bought("k1", "o1", 20, "replay"),
        "replay given up": bought("k2", "o2", 20, "replay"),
        "replay unheard": bought("k3", "o6", 20, "replay"),
        "replay refused": refused("k4", "o4", 20, "replay"),
        "replay cancelled": bought("k5", "o5", 20, "replay"),
        "look in the end": look("o6", 21, "confirmed"),
    }


def told(name: str, record: Record) -> Change:
    """Return what puts a record into a history, in place of another or in front."""
    return lambda story: {**({} if name in story else {name: record}), **story, name: record}


def ends(**changes: object) -> Change:
    """Return what changes how the shop ended."""
    return lambda story: story | {"final": replace(story["final"], **changes)}


def order_ends(order_id: str, **changes: object) -> Change:
    """Return what changes how an order ended."""

    def change(story: Story) -> Story:
        final = story["final"]
        assert isinstance(final, Final)
        orders = tuple(
            replace(order, **changes) if order.order_id == order_id else order
            for order in final.orders
        )
        return story | {"final": replace(final, orders=orders)}

    return change


def order_is_lost(order_id: str) -> Change:
    """Return what takes an order out of the end, and its rows from the ledger."""

    def change(story: Story) -> Story:
        final = story["final"]
        assert isinstance(final, Final)
        rows = tuple(row for row in final.movements if row.order_id != order_id)
        orders = tuple(order for order in final.orders if order.order_id != order_id)
        return story | {"final": replace(final, movements=rows, orders=orders)}

    return change


def moves(*more: KeptMovement, stock: int) -> Change:
    """Return what adds rows to the ledger."""

    def change(story: Story) -> Story:
        final = story["final"]
        assert isinstance(final, Final)
        rows = (*final.movements, *more)
        return story | {"final": replace(final, movements=rows, stock={1: stock})}

    return change


def both(*changes: Change) -> Change:
    """Return one change that makes several."""

    def change(story: Story) -> Story:
        for each in changes:
            story = each(story)
        return story

    return change


BROKEN: list[tuple[str, str, Change]] = [
    ("stock is never negative", "a read shows it", told("read", read(10, 8, -1))),
    ("stock is never negative", "in the end", ends(stock={1: -1})),
    (
        "stock is never negative",
        "for a while, in the ledger",
        both(
            moves(KeptMovement(1, "sold", -20, "o7"), stock=-4),
            moves(KeptMovement(1, "released", 20, "o7"), stock=16),
        ),
    ),
    ("copies add up", "a copy is missing", ends(stock={1: 15})),
    (
        "copies add up",
        "a restock was lost",
        told("lost", call("restock", 4, 200, {"id": 1}, lines=((1, 7),))),
    ),
    ("copies add up", "copies from nowhere", moves(KeptMovement(1, "received", 4), stock=20)),
    ("copies add up", "a restock twice", moves(KeptMovement(1, "received", 3), stock=19)),
    ("copies add up", "sold twice", moves(KeptMovement(1, "sold", -1, "o1"), stock=15)),
    ("copies add up", "released twice", moves(KeptMovement(1, "released", 1, "o5"), stock=17)),
    (
        "copies add up",
        "a refused order took some",
        moves(KeptMovement(1, "sold", -1, "o4"), stock=15),
    ),
    ("copies add up", "sold to nobody", moves(KeptMovement(1, "sold", -1, "ghost"), stock=15)),
    ("one key, at most one order", "two answers", told("twin", bought("k1", "o2", 2.05))),
    ("one key, at most one order", "two keys", told("replay unheard", bought("k3", "o2", 20))),
    (
        "one key, at most one order",
        "the second was not heard of",
        told("replay given up", bought("k2", "o8", 20, "replay")),
    ),
    (
        "one key, at most one order",
        "two different requests",
        told("other", bought("k1", "o1", 2.2, copies=2)),
    ),
    ("what was acknowledged stays", "an order is lost", order_is_lost("o1")),
    ("what was acknowledged stays", "an accepted order is lost", order_is_lost("o5")),
    ("what was acknowledged stays", "it ends rejected", order_ends("o1", status="rejected")),
    ("what was acknowledged stays", "another order", order_ends("o1", lines=((1, 2),))),
    (
        "what was acknowledged stays",
        "elsewhere",
        told("buy", replace(bought("k1", "o1", 2), location="/orders/o2")),
    ),
    (
        "what was acknowledged stays",
        "not found for a while",
        told("look", call("look", 8, 404, {"code": "order-not-found"}, order_id="o1")),
    ),
    (
        "what was acknowledged stays",
        "a cancel is taken back for a while",
        told("late look", look("o5", 13, "confirmed")),
    ),
    (
        "what was acknowledged stays",
        "a cancel is not known through another front",
        told("look elsewhere", look("o5", 10, "confirmed", "front-2")),
    ),
    (
        "a definite failure changed nothing",
        "a refused order was sold",
        order_ends("o4", status="confirmed"),
    ),
    (
        "a definite failure changed nothing",
        "a refused request was done",
        told(
            "given up",
            call("buy", 3, 503, {"status": 503, "definite": True}, key="k2", lines=((1, 1),)),
        ),
    ),
    ("every pending order ends", "one does not", order_ends("o2", status="pending")),
    ("every pending order ends", "too late", ends(settled_after_s=21.0)),
    (
        "every pending order ends",
        "never answered",
        told("replay", call("replay", 20, 202, {"order_id": "o1"}, key="k1", lines=((1, 1),))),
    ),
    (
        "a replay is equal to the byte",
        "another body",
        told("replay", replace(bought("k1", "o1", 20, "replay"), body='{"order_id":"o1"}')),
    ),
    (
        "a replay is equal to the byte",
        "refused, then sold",
        told("replay refused", bought("k4", "o4", 20, "replay", copies=900)),
    ),
    ("a cancel is kept", "it is confirmed", order_ends("o5", status="confirmed")),
    ("a cancel is kept", "nobody asked for it", order_ends("o1", status="cancelled")),
    ("a front never goes back in version", "a read", told("later", read(10.5, 7, 15))),
    (
        "a front never goes back in version",
        "a read of the second front",
        told("later", read(10.5, 3, 9, "front-2")),
    ),
    ("a front shows its sales", "at once", told("early", read(2.2, 2, 10))),
    (
        "a front shows its sales",
        "at once, at the second front",
        both(
            told("buy", replace(bought("k1", "o1", 2), front="front-2")),
            told("early", read(2.2, 2, 10, "front-2")),
        ),
    ),
    (
        "a read is not out of date for long",
        "a sale, another front",
        told("late", read(12 + STALE_S_MAX, 2, 10)),
    ),
    (
        "a read is not out of date for long",
        "a restock",
        told("late", read(4.2 + STALE_S_MAX, 4, 8)),
    ),
    (
        "a read is not out of date for long",
        "a sale, through another front",
        told("late", read(2.3 + STALE_S_MAX, 2, 10, "front-2")),
    ),
    (
        "a read is not out of date for long",
        "another front has shown more",
        told("late", read(10.2 + STALE_S_MAX, 7, 15, "front-2")),
    ),
    (
        "a front at rest shows what is there",
        "it is behind",
        told("read at rest", read(19, 7, 15)),
    ),
    (
        "a front at rest shows what is there",
        "the second one is behind",
        told("read at rest elsewhere", read(19, 7, 15, "front-2")),
    ),
    (
        "a front at rest shows what is there",
        "one was not asked",
        told("third front", Started(service="front-3", at_s=0.3)),
    ),
    ("a read is a state that was", "another stock", told("read", read(10, 8, 15))),
    ("a read is a state that was", "a version to come", told("read", read(10, 9, 16))),
    ("nothing breaks", "an audit", ends(differences=("book 1: stock is 2",))),
    ("nothing breaks", "a crash", told("crash", Ended(service="order", at_s=5, code=1))),
    (
        "nothing breaks",
        "a whole request is not understood",
        told("invalid", call("buy", 5, 400, {"detail": "what?"}, key="k1", lines=((1, 1),))),
    ),
    ("nothing breaks", "an error", told("error", call("read", 5, 500, {"status": 500}))),
]


def test_a_clean_history_breaks_no_promise() -> None:
    """Clients who gave up, an unanswered restock, a refusal and a cancel are all in order."""
    assert [] == check(list(clean().values()))


@pytest.mark.parametrize(
    ("promise", "change"),
    [pytest.param(promise, change, id=f"{promise}: {how}") for promise, how, change in BROKEN],
)
def test_a_broken_promise_is_found(promise: str, change: Change) -> None:
    """One change to the clean history is enough, and it is named by the promise that it breaks."""
    violations = check(list(change(clean()).values()))
    assert promise in {violation.partition(": ")[0] for violation in violations}, violations


def test_every_promise_is_seen_broken() -> None:
    """No promise is without a history that breaks it."""
    assert PROMISES.keys() == {promise for promise, _how, _change in BROKEN}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            told(
                "unsure",
                call(
                    "buy",
                    5,
                    202,
                    {"order_id": "o1"},
                    key="k1",
                    lines=((1, 1),),
                    location="/orders/o1",
                ),
            ),
            id="confirmed is not known again yet, after a crash",
        ),
        pytest.param(
            told("before", call("buy", 1, 503, {"definite": True}, key="k1", lines=((1, 1),))),
            id="refused, and bought with the same key later",
        ),
        pytest.param(
            told("cut", call("buy", 1, 400, CUT_SHORT, key="k1", lines=((1, 1),))),
            id="half a request, and bought with the same key later",
        ),
        pytest.param(told("at once", read(2.05, 2, 10)), id="a read while the sale is under way"),
        pytest.param(
            told("early", read(2.2, 2, 10, "front-2")),
            id="a read just after, through another front",
        ),
        pytest.param(
            both(
                told("buy", replace(bought("k1", "o1", 2), front="front-2", sold_now=False)),
                told("early", read(2.2, 2, 10, "front-2")),
            ),
            id="a sale that was only repeated here",
        ),
        pytest.param(
            told("look elsewhere", look("o5", 9.05, "pending", "front-2")),
            id="a look while the cancel is under way",
        ),
        pytest.param(
            told("other", call("buy", 3, 422, {"definite": True}, key="k1", lines=((1, 2),))),
            id="the key is refused to another request",
        ),
    ],
)
def test_what_is_allowed_is_no_violation(change: Change) -> None:
    """The checker does not cry wolf."""
    assert [] == check(list(change(clean()).values()))


def test_violations_of_one_promise_are_counted_where_they_are_many() -> None:
    """A report stays readable."""
    reads: Story = {str(number): read(10, 8, number) for number in range(SHOWN_MAX + 3)}
    story = reads | clean()
    violations = check(list(story.values()))
    assert SHOWN_MAX + 1 == len(violations)
    assert "a read is a state that was: and 3 more like these" == violations[-1]


def test_a_history_that_was_kept_can_be_read_again(tmp_path: Path) -> None:
    """Every kind of record comes back as it was."""
    with History(tmp_path / "history.jsonl") as kept:
        for record in clean().values():
            kept.add(record)
    assert list(clean().values()) == history.read(tmp_path / "history.jsonl")
