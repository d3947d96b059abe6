"""Calls to the catalog: who shares a batch, and what each of those who wait hears."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.middleware import Next
from pyreqwest.request import Request
from pyreqwest.response import Response

from bazar.kit.errors import Unavailable
from bazar.kit.peers import batching
from bazar.kit.peers.client import Upstream
from bazar.order.upstream import (
    CALLS_MAX,
    REFUSALS_MAX,
    CatalogClient,
    Decision,
    NotTaken,
    Undecided,
)
from bazar.wire import budgets
from bazar.wire.limits import RESERVE_BATCH_MAX
from bazar.wire.orders import Line
from bazar.wire.stock import Outcome, Rejection, Reserve, SoldLine
from support.answering import SECRET, answering
from support.wires import nobody

LINES = [Line(1)]
SETTLE_S = 0.05


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send no batch while another is under way, however slow this machine is."""
    monkeypatch.setattr(batching, "PATIENCE_S", 60.0)


def sold(request: Reserve) -> Outcome:
    """Sell whatever is asked for, to each order with a title of its own."""
    lines = [SoldLine(line.book_id, line.quantity, request.order_id, 1, "USD", 2) for line in LINES]
    return Outcome(request.order_id, "reserved", lines)


class FakeCatalog:
    """A transport that is the catalog: it counts batches, holds them back, and may misbehave."""

    def __init__(self) -> None:
        """Answer everything at once."""
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.away = False
        self.status = 200
        self.refused: dict[str, int] = {}
        """Orders that spoil their batch, each with the status of the refusal."""
        self.answer: Callable[[list[Reserve]], list[Any]] = lambda batch: [*map(sold, batch)]

    async def __call__(self, request: Request, _following: Next) -> Response:
        """Answer one batch."""
        content = request.body.copy_bytes() if request.body is not None else None
        batch = msgspec.json.decode(content.to_bytes() if content else b"[]", type=list[Reserve])
        self.batches.append([one.order_id for one in batch])
        if self.away:
            raise nobody()
        await self.open.wait()
        answer = msgspec.json.encode(self.answer(batch))
        refusals = [self.refused[one.order_id] for one in batch if one.order_id in self.refused]
        status = refusals[0] if refusals else self.status
        return await answering(request, status, answer).build()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCatalog:
    """Return the other side, which has all the time that it needs on a busy machine."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", 60_000)
    monkeypatch.setattr(budgets, "RESERVE_MS", 60_000)
    return FakeCatalog()


@pytest.fixture
async def client(fake: FakeCatalog) -> AsyncIterator[Client]:
    """Return a client whose transport is the fake."""
    builder = ClientBuilder().timeout(timedelta(seconds=5)).with_middleware(fake)
    async with builder.build() as client:
        yield client


@pytest.fixture
async def catalog(client: Client) -> AsyncIterator[CatalogClient]:
    """Return the catalog as the order service sees it."""
    catalog = CatalogClient(Upstream("catalog", "http://catalog.test", client, SECRET))
    yield catalog
    await catalog.stop()


def asked(catalog: CatalogClient, order_id: str) -> asyncio.Task[Decision]:
    """Ask for an order in a task of its own."""

    async def ask() -> Decision:
        (decision,) = await catalog.reserve([Reserve(order_id, LINES)])
        assert isinstance(decision, Decision), decision
        return decision

    return asyncio.create_task(ask())


async def test_the_next_batch_gathers_while_one_is_in_flight(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """The first call goes alone; all that come while it is under way share the second."""
    fake.open.clear()
    tasks = [asked(catalog, "first")]
    await asyncio.sleep(SETTLE_S)
    tasks += [asked(catalog, f"next {n}") for n in range(10)]
    await asyncio.sleep(SETTLE_S)
    assert [["first"]] == fake.batches
    fake.open.set()
    await asyncio.gather(*tasks)
    assert [["first"], [f"next {n}" for n in range(10)]] == fake.batches


async def test_a_batch_has_a_limit(fake: FakeCatalog, catalog: CatalogClient) -> None:
    """What is over the limit goes with the batch after it; nothing is left out."""
    decisions = await asyncio.gather(
        *(asked(catalog, f"{n}") for n in range(RESERVE_BATCH_MAX + 10))
    )
    assert RESERVE_BATCH_MAX == max(len(batch) for batch in fake.batches)
    assert [f"{n}" for n in range(RESERVE_BATCH_MAX + 10)] == [
        decision.outcome.order_id for decision in decisions
    ]


async def test_each_hears_its_own_outcome(fake: FakeCatalog, catalog: CatalogClient) -> None:
    """One is sold, its neighbour in the same batch is rejected, and each hears only that."""

    def mixed(batch: list[Reserve]) -> list[Outcome]:
        rejection = Rejection("out-of-stock", "none left", 1, 1, 0)
        return [
            sold(one)
            if one.order_id.startswith("lucky")
            else Outcome(one.order_id, "rejected", rejection=rejection)
            for one in batch
        ]

    fake.answer = mixed
    names = ["lucky 1", "late 1", "lucky 2", "late 2"]
    decisions = await asyncio.gather(*(asked(catalog, name) for name in names))
    assert names == [decision.outcome.order_id for decision in decisions]
    assert ["reserved", "rejected"] * 2 == [decision.outcome.status for decision in decisions]
    assert "lucky 2" == decisions[2].outcome.lines[0].title


async def test_an_order_asked_for_twice_is_told_the_same_twice(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """Two who wait for one order both hear its outcome."""
    first, second = await asyncio.gather(asked(catalog, "a"), asked(catalog, "a"))
    assert first.outcome == second.outcome
    assert 1 == len(fake.batches)


async def test_when_the_transport_fails_all_who_wait_hear_it(
    fake: FakeCatalog, catalog: CatalogClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the batch gets an indefinite error; the next batch goes on as if nothing was."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", 200)
    fake.away = True
    failed = await asyncio.gather(*(asked(catalog, name) for name in "abc"), return_exceptions=True)
    assert [Unavailable] * 3 == [type(error) for error in failed]
    assert all(isinstance(error, Unavailable) and not error.definite for error in failed)
    fake.away = False
    assert "reserved" == (await asked(catalog, "a")).outcome.status


@pytest.mark.parametrize("status", [401, 403, 404, 429, 502, 503, 504])
async def test_a_refusal_of_the_caller_is_about_no_order(
    fake: FakeCatalog, catalog: CatalogClient, status: int
) -> None:
    """The secret is wrong, or the catalog has too much to do: nothing is asked again at once."""
    fake.status = status
    with pytest.raises(Unavailable, match=str(status)):
        await catalog.reserve(batch_of(8))
    assert 1 == len(fake.batches)


def batch_of(count: int) -> list[Reserve]:
    """Return so many reservations, with numbers for order ids."""
    return [Reserve(f"{n}", LINES) for n in range(count)]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the halves of a batch all the time that a busy machine needs."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", 30_000)
    monkeypatch.setattr(budgets, "RESERVE_MS", 60_000)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("status", [400, 413, 422, 500, 501])
@pytest.mark.parametrize("bad", [0, 255, 256, 300, 511])
async def test_one_bad_order_in_a_batch_is_found_and_the_others_are_decided(
    fake: FakeCatalog, catalog: CatalogClient, status: int, bad: int
) -> None:
    """The batch is halved until the bad one is alone; that takes a few calls, not hundreds."""
    fake.refused = {f"{bad}": status}
    answers = await catalog.reserve(batch_of(RESERVE_BATCH_MAX))
    undecided = {n: one for n, one in enumerate(answers) if isinstance(one, Undecided)}
    assert [bad] == list(undecided)
    assert undecided[bad].alone
    assert str(status) in undecided[bad].reason
    assert len(fake.batches) <= 20
    assert not catalog.away


@pytest.mark.usefixtures("unhurried")
async def test_several_bad_orders_are_found_together(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """Wherever they are, each is named alone, and everyone else hears a decision."""
    bad = {"3", "4", "200", "501"}
    fake.refused = dict.fromkeys(bad, 400)
    answers = await catalog.reserve(batch_of(RESERVE_BATCH_MAX))
    alone = {f"{n}" for n, one in enumerate(answers) if isinstance(one, Undecided) and one.alone}
    assert bad == alone
    assert len(bad) == sum(isinstance(one, Undecided) for one in answers)


async def test_a_catalog_that_refuses_everything_is_not_stormed(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """A handful of calls, of which the last few name an order; the others wait, unblamed."""
    fake.status = 500
    answers = await catalog.reserve(batch_of(RESERVE_BATCH_MAX))
    assert REFUSALS_MAX == len(fake.batches)
    assert all(isinstance(one, Undecided) for one in answers)
    assert 1 <= sum(isinstance(one, Undecided) and one.alone for one in answers) < REFUSALS_MAX


async def test_many_bad_orders_take_a_bounded_number_of_calls(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """Every second order is bad: some are named now, the rest the next time."""
    fake.refused = {f"{n}": 400 for n in range(0, RESERVE_BATCH_MAX, 2)}
    answers = await catalog.reserve(batch_of(RESERVE_BATCH_MAX))
    assert CALLS_MAX == len(fake.batches)
    named = [n for n, one in enumerate(answers) if isinstance(one, Undecided) and one.alone]
    assert named
    assert all(n % 2 == 0 for n in named)


@pytest.mark.parametrize(
    "strange",
    [
        {"order_id": "1", "status": "backordered", "lines": []},
        {"order_id": "1", "status": "rejected", "rejection": {"code": 7, "detail": "x"}},
        {"order_id": "1", "status": "reserved", "lines": [{"id": 1}]},
        {"order_id": 1},
        {},
        [],
        None,
        "what",
    ],
)
async def test_an_outcome_that_makes_no_sense_spoils_no_other(
    fake: FakeCatalog, catalog: CatalogClient, strange: object
) -> None:
    """Only the order that it is about, or that got none, is undecided; in one call."""

    def some(batch: list[Reserve]) -> list[Any]:
        return [strange if one.order_id == "1" else sold(one) for one in batch]

    fake.answer = some
    answers = await catalog.reserve(batch_of(8))
    undecided = {n: one for n, one in enumerate(answers) if isinstance(one, Undecided)}
    assert [1] == list(undecided)
    assert undecided[1].alone
    assert 1 == len(fake.batches)


async def test_members_and_reasons_of_a_newer_catalog_are_taken(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """What this release does not know is passed over, or told as it is."""

    def newer(batch: list[Reserve]) -> list[Any]:
        rejection = {"code": "only-for-schools", "detail": "why", "school": True}
        return [
            {"order_id": one.order_id, "status": "rejected", "rejection": rejection, "at": 1}
            for one in batch
        ]

    fake.answer = newer
    (answer,) = await catalog.reserve(batch_of(1))
    assert isinstance(answer, Decision)
    assert Rejection("only-for-schools", "why") == answer.outcome.rejection


async def test_an_answer_that_leaves_an_order_out_leaves_nobody_waiting(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """Fewer outcomes than orders: who got none hears that nothing is known."""
    fake.answer = lambda batch: [sold(batch[0])]
    async with asyncio.timeout(2):
        first, second = await catalog.reserve([Reserve("a", LINES), Reserve("b", LINES)])
    assert isinstance(first, Decision)
    assert isinstance(second, Undecided)
    fake.answer = lambda batch: [*map(sold, batch)]
    assert "b" == (await asked(catalog, "b")).outcome.order_id


@pytest.mark.parametrize("status", [400, 500, 200])
async def test_a_release_that_is_refused_is_told_from_no_answer(
    fake: FakeCatalog, catalog: CatalogClient, status: int
) -> None:
    """It is about this order alone; that the catalog is busy is not."""
    fake.status = status
    fake.answer = lambda _batch: []
    with pytest.raises(NotTaken):
        await catalog.release("a")
    fake.status = 503
    with pytest.raises(Unavailable):
        await catalog.release("a")


async def test_nobody_hears_the_outcome_of_another_order(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """Outcomes in a wrong order, or of an unknown order, are never given to whom they are not."""
    for answer in (
        lambda batch: [*map(sold, reversed(batch))],
        lambda batch: [sold(Reserve("stranger", LINES)) for _ in batch],
    ):
        fake.answer = answer
        async with asyncio.timeout(2):
            results = await asyncio.gather(
                *(asked(catalog, name) for name in "ab"), return_exceptions=True
            )
        for name, result in zip("ab", results, strict=True):
            if not isinstance(result, AssertionError):
                assert not isinstance(result, BaseException)
                assert name == result.outcome.order_id


async def test_a_caller_that_goes_away_disturbs_no_other(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """One of three gives up, before or after its batch was sent; the others are answered."""
    for wait_s in (0.0, SETTLE_S):
        fake.open.clear()
        tasks = [asked(catalog, name) for name in "abc"]
        await asyncio.sleep(wait_s)
        tasks[1].cancel()
        await asyncio.sleep(0)
        fake.open.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[1], asyncio.CancelledError)
        for name, result in (("a", results[0]), ("c", results[2])):
            assert not isinstance(result, BaseException)
            assert name == result.outcome.order_id


async def test_stopping_lets_nobody_wait(fake: FakeCatalog, catalog: CatalogClient) -> None:
    """Who is in flight and who is waiting both hear that nothing is known."""
    fake.open.clear()
    tasks = [asked(catalog, "in flight")]
    await asyncio.sleep(SETTLE_S)
    tasks.append(asked(catalog, "waiting"))
    await asyncio.sleep(0)
    await catalog.stop()
    async with asyncio.timeout(2):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [Unavailable, Unavailable] == [type(result) for result in results]
