"""A purchase happens exactly once, through three real processes, whichever of them dies."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyreqwest.exceptions import RequestError

from support.customers import Customers
from support.processes import wait_for
from support.running import RunningShop, ThreeServices
from support.shops import Reply


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run one shop for all tests that leave it as they found it; each has books of its own."""
    with RunningShop(tmp_path_factory.mktemp("purchases") / "data", "--empty") as running:
        yield running


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[ThreeServices]:
    """Run three services by hand."""
    with ThreeServices(tmp_path) as running:
        running.open()
        yield running


async def test_of_a_thousand_buyers_exactly_a_hundred_get_the_hundred_copies(
    shop: RunningShop,
) -> None:
    """No copy is sold twice, none stays behind, and everyone else hears a clear no."""
    book_id = shop.add_book(100)
    async with shop.customers() as customers:
        answers = await asyncio.gather(
            *(customers.buy(book_id, f"crowd-{number}") for number in range(1000))
        )
    assert {(201, ""): 100, (409, "out-of-stock"): 900} == Counter(
        (answer.status, answer.code) for answer in answers
    )
    bought = {answer.json["order_id"] for answer in answers if answer.status == 201}
    assert 100 == len(bought)
    assert bought == shop.order_ids(book_id, "confirmed")
    assert 0 == shop.stock(book_id)
    assert 0 == sum(row.copies for row in shop.movements(book_id))
    assert bought == {row.order_id for row in shop.movements(book_id) if row.kind == "sold"}
    assert [] == shop.audit().differences


async def test_requests_that_share_a_key_place_one_order_and_hear_the_same_to_the_byte(
    shop: RunningShop,
) -> None:
    """Fifty keys, ten requests each, all at once and out of order: fifty orders."""
    book_id = shop.add_book(500)
    keys = [f"shared-{number % 50}" for number in range(500)]
    random.shuffle(keys)
    async with shop.customers() as customers:
        answers = await asyncio.gather(*(customers.buy(book_id, key) for key in keys))
    heard: dict[str, set[tuple[int, str, bytes]]] = {}
    for key, answer in zip(keys, answers, strict=True):
        same = (answer.status, answer.headers["location"], answer.content)
        heard.setdefault(key, set()).add(same)
    assert {1} == {len(different) for different in heard.values()}
    assert {201} == {answer.status for answer in answers}
    assert 50 == len({answer.json["order_id"] for answer in answers})
    assert 50 == len(shop.orders(book_id))
    assert 450 == shop.stock(book_id)
    assert [] == shop.audit().differences


@pytest.mark.parametrize("service", ["catalog", "order", "front"])
async def test_a_service_killed_amid_purchases_loses_and_doubles_nothing(
    shop: RunningShop, service: str
) -> None:
    """Every client that asks again ends with one answer, and every order it heard of is kept.

    One client in ten gives up at its first trouble: what became of its order must show too.
    """
    book_id = shop.add_book(1000)
    arrived = asyncio.Semaphore(24)
    answered = asyncio.Event()
    done = 0

    async def visit(customers: Customers, number: int) -> Reply | None:
        nonlocal done
        key = f"{service}-dies-{number}"
        async with arrived:
            if number % 10 == 0:
                answer = await customers.ask_once(book_id, key)
            else:
                answer = await customers.buy(book_id, key)
        done += 1
        if done == 60:
            answered.set()
        return answer

    async with shop.customers() as customers:
        visits = [asyncio.create_task(visit(customers, number)) for number in range(300)]
        await asyncio.wait_for(answered.wait(), 30)
        before = shop.kill(service)
        assert not all(visit.done() for visit in visits)
        answers = await asyncio.gather(*visits)
        shop.wait_for_another(service, before)
        report = shop.settled_audit()
        patient = [answer for number, answer in enumerate(answers) if number % 10]
        assert {201} == {answer.status for answer in patient if answer is not None}
        assert None not in patient
        heard = [answer for answer in answers if answer is not None and answer.status == 201]
        acknowledged = {answer.json["order_id"] for answer in heard}
        assert len(heard) == len(acknowledged)
        for answer in heard:
            found = await customers.call("GET", f"/orders/{answer.json['order_id']}")
            assert (200, "confirmed") == (found.status, found.json["status"])
        for number in range(1, 300, 25):
            again = await customers.buy(book_id, f"{service}-dies-{number}")
            assert (answers[number] or again).content == again.content
    sold = shop.order_ids(book_id, "confirmed")
    gave_up = len(answers) - len(heard)
    assert acknowledged <= sold
    assert len(sold) <= len(acknowledged) + gave_up
    assert gave_up <= 30
    assert 1000 - len(sold) == shop.stock(book_id)
    assert -len(sold) == sum(row.copies for row in shop.movements(book_id) if row.kind == "sold")
    assert [] == report.differences


async def test_while_the_catalog_is_stopped_purchases_are_kept_and_end_confirmed(
    shop: RunningShop,
) -> None:
    """A catalog that hangs for 3 s costs a wait: each order is confirmed without another word."""
    book_id = shop.add_book(500)

    async def visit(customers: Customers, number: int) -> Reply:
        await asyncio.sleep(number * 0.02)
        return await customers.call("POST", f"/purchase/{book_id}", key=f"hung-{number}")

    async with shop.customers() as customers:
        visits = [asyncio.create_task(visit(customers, number)) for number in range(100)]
        await asyncio.sleep(0.4)
        stopped = shop.kill("catalog", signal.SIGSTOP)
        try:
            await asyncio.sleep(3)
        finally:
            shop.kill("catalog", signal.SIGCONT)
        answers = await asyncio.gather(*visits)
    assert {201, 202} == {answer.status for answer in answers}
    order_ids = {answer.json["order_id"] for answer in answers}
    assert 100 == len(order_ids)
    wait_for("all are confirmed", lambda: order_ids == shop.order_ids(book_id, "confirmed"))
    assert stopped == shop.services()["catalog"]
    assert 400 == shop.stock(book_id)
    assert [] == shop.settled_audit().differences


async def test_without_the_catalog_reads_say_so_and_purchases_are_kept_until_it_is_back(
    machines: ThreeServices,
) -> None:
    """Reads answer a clear 503; a purchase is accepted with an address, and confirmed later."""
    book_id = machines.add_book(10)
    assert 0 == machines.stop("catalog")
    async with machines.customers() as customers:
        info, *bought = await asyncio.gather(
            customers.call("GET", f"/info/{book_id}"),
            *(
                customers.call("POST", f"/purchase/{book_id}", key=f"away-{number}")
                for number in range(5)
            ),
        )
        assert (503, "unavailable") == (info.status, info.code)
        assert "catalog" in info.json["detail"]
        assert "1" == info.headers["retry-after"]
        assert {202} == {answer.status for answer in bought}
        places = {answer.headers["location"] for answer in bought}
        assert {f"/orders/{answer.json['order_id']}" for answer in bought} == places
        assert 5 == len(places)
        machines.open("catalog")
        order_ids = {answer.json["order_id"] for answer in bought}
        wait_for("all are confirmed", lambda: order_ids == machines.order_ids(book_id, "confirmed"))
        for place in places:
            assert "confirmed" == (await customers.call("GET", place)).json["status"]
    assert 5 == machines.stock(book_id)
    assert [] == machines.audit().differences


async def test_without_the_order_service_a_purchase_waits_and_its_key_buys_once_later(
    machines: ThreeServices,
) -> None:
    """After the deadline of 5 s it is 503, indefinite; the same key, minted or not, buys once."""
    book_id = machines.add_book(10)
    machines.stop("order")
    clock = asyncio.get_running_loop().time
    async with machines.customers() as customers:
        started_s = clock()
        keyed, keyless = await asyncio.gather(
            customers.call("POST", f"/purchase/{book_id}", key="patient"),
            customers.call("POST", f"/purchase/{book_id}"),
        )
        waited_s = clock() - started_s
        assert 4.5 <= waited_s <= 7
        for refused in (keyed, keyless):
            assert (503, "unavailable") == (refused.status, refused.code)
            assert "1" == refused.headers["retry-after"]
            assert refused.json["definite"] is False
        assert "patient" == keyed.json["idempotency_key"].strip('"')
        machines.open("order")
        for refused in (keyed, keyless):
            header = {"idempotency-key": refused.json["idempotency_key"]}
            first, second = [
                await customers.call("POST", f"/purchase/{book_id}", headers=header)
                for _ in range(2)
            ]
            assert (201, first.content) == (second.status, second.content)
    assert 2 == len(machines.orders(book_id))
    assert 8 == machines.stock(book_id)
    assert [] == machines.audit().differences


async def test_a_purchase_that_meets_a_restart_of_the_order_service_only_waits(
    machines: ThreeServices,
) -> None:
    """A restart is a pause, not an error: one request, no retry by the client, and it is sold."""
    book_id = machines.add_book(10)
    machines.stop("order", signal.SIGKILL)
    async with machines.customers() as customers:
        purchase = asyncio.create_task(
            customers.call(
                "POST", f"/purchase/{book_id}", key="during the restart".replace(" ", "-")
            )
        )
        await asyncio.sleep(0.2)
        machines.start("order")
        answer = await purchase
    assert 201 == answer.status
    assert 9 == machines.stock(book_id)


async def test_of_twenty_cancels_at_once_the_stock_comes_back_once(shop: RunningShop) -> None:
    """Each cancel says 'cancelled'; the copies return once, and a replayed purchase sells none."""
    book_id = shop.add_book(10)
    async with shop.customers() as customers:
        bought = await customers.call("POST", f"/purchase/{book_id}", {"quantity": 3}, key="regret")
        assert 7 == shop.stock(book_id)
        cancel = f"/orders/{bought.json['order_id']}/cancel"
        answers = await asyncio.gather(*(customers.call("POST", cancel) for _ in range(20)))
        assert {(200, "cancelled")} == {
            (answer.status, answer.json["status"]) for answer in answers
        }
        again = await customers.call("POST", f"/purchase/{book_id}", {"quantity": 3}, key="regret")
        assert (201, bought.content) == (again.status, again.content)
    assert 10 == shop.stock(book_id)
    assert [("received", 10), ("sold", -3), ("released", 3)] == [
        (row.kind, row.copies) for row in shop.movements(book_id)
    ]
    assert [] == shop.audit().differences


async def test_cancels_that_race_their_purchase_leave_either_a_sale_or_nothing(
    shop: RunningShop,
) -> None:
    """A cancel sent while its purchase is undecided never leaves stock and order disagreeing."""
    book_id = shop.add_book(100)
    stopped = shop.kill("catalog", signal.SIGSTOP)
    async with shop.customers() as customers:
        try:
            bought = await asyncio.gather(
                *(
                    customers.call("POST", f"/purchase/{book_id}", key=f"race-{number}")
                    for number in range(20)
                )
            )
            assert {202} == {answer.status for answer in bought}
            cancels = [
                asyncio.create_task(
                    customers.call("POST", f"/orders/{answer.json['order_id']}/cancel")
                )
                for answer in bought[:10]
            ]
            await asyncio.sleep(0.3)
        finally:
            shop.kill("catalog", signal.SIGCONT)
        assert {200} == {answer.status for answer in await asyncio.gather(*cancels)}
    assert [] == shop.settled_audit().differences
    wait_for("the release of what was cancelled", lambda: 90 == shop.stock(book_id))
    assert 10 == len(shop.order_ids(book_id, "confirmed"))
    assert 10 == len(shop.order_ids(book_id, "cancelled"))
    assert stopped == shop.services()["catalog"]


async def test_a_get_never_buys(shop: RunningShop) -> None:
    """GET on the purchase route is refused with the method to use, and the stock stays."""
    book_id = shop.add_book(5)
    async with shop.customers() as customers:
        refused = await customers.call("GET", f"/purchase/{book_id}", key="a-get")
    assert (405, "POST") == (refused.status, refused.headers["allow"])
    assert 5 == shop.stock(book_id)


async def test_a_shop_that_is_stopped_answers_nobody(tmp_path: Path) -> None:
    """The helper of these tests tells 'no answer' from an answer, so that a green test means it."""
    with ThreeServices(tmp_path) as closed:
        async with closed.customers() as customers:
            with pytest.raises(RequestError):
                await customers.call("GET", "/healthz")
            assert await customers.ask_once(1, "nobody") is None
