"""Calls to the catalog: who shares a batch, and what each of those who wait hears."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import msgspec
import pytest
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.middleware import Next
from pyreqwest.request import Request
from pyreqwest.response import Response, ResponseBuilder

from bazar.kit.errors import Unavailable
from bazar.kit.peers import batching
from bazar.kit.peers.client import Upstream
from bazar.order.upstream import CatalogClient, Decision
from bazar.wire import budgets
from bazar.wire.limits import RESERVE_BATCH_MAX
from bazar.wire.orders import Line
from bazar.wire.stock import Outcome, Rejection, Reserve, SoldLine
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
        self.answer: Callable[[list[Reserve]], list[Outcome]] = lambda batch: [*map(sold, batch)]

    async def __call__(self, request: Request, _following: Next) -> Response:
        """Answer one batch."""
        assert request.body is not None
        content = request.body.copy_bytes()
        assert content is not None
        batch = msgspec.json.decode(content.to_bytes(), type=list[Reserve])
        self.batches.append([one.order_id for one in batch])
        if self.away:
            raise nobody()
        await self.open.wait()
        answer = msgspec.json.encode(self.answer(batch))
        return await ResponseBuilder().status(self.status).body_bytes(answer).build()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCatalog:
    """Return the other side; give up after 200 ms instead of 2 s."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", 200)
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
    catalog = CatalogClient(Upstream("catalog", "http://catalog.test", client, "secret"))
    yield catalog
    await catalog.stop()


def asked(catalog: CatalogClient, order_id: str) -> asyncio.Task[Decision]:
    """Ask for an order in a task of its own."""

    async def ask() -> Decision:
        (decision,) = await catalog.reserve([Reserve(order_id, LINES)])
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
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """Each of the batch gets an indefinite error; the next batch goes on as if nothing was."""
    fake.away = True
    failed = await asyncio.gather(*(asked(catalog, name) for name in "abc"), return_exceptions=True)
    assert [Unavailable] * 3 == [type(error) for error in failed]
    assert all(isinstance(error, Unavailable) and not error.definite for error in failed)
    fake.away = False
    assert "reserved" == (await asked(catalog, "a")).outcome.status


@pytest.mark.parametrize("status", [400, 401, 500, 503])
async def test_a_refused_batch_is_unavailable(
    fake: FakeCatalog, catalog: CatalogClient, status: int
) -> None:
    """Any status but 200 leaves the orders undecided, and is not asked again at once."""
    fake.status = status
    with pytest.raises(Unavailable, match=str(status)):
        await asked(catalog, "a")
    assert 1 == len(fake.batches)


async def test_an_answer_that_leaves_an_order_out_leaves_nobody_waiting(
    fake: FakeCatalog, catalog: CatalogClient
) -> None:
    """Fewer outcomes than orders: who got none hears that nothing is known."""
    fake.answer = lambda batch: [sold(batch[0])]
    async with asyncio.timeout(2):
        results = await asyncio.gather(
            *(asked(catalog, name) for name in "ab"), return_exceptions=True
        )
    assert Unavailable is type(results[1])
    fake.answer = lambda batch: [*map(sold, batch)]
    assert "b" == (await asked(catalog, "b")).outcome.order_id


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
            if not isinstance(result, Unavailable):
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
