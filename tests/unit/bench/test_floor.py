"""The floor chain gathers as the shop does."""

import asyncio

from bench.floor.chain import Gatherer, Wish


async def test_while_one_batch_is_under_way_the_next_one_gathers() -> None:
    """Whoever comes meanwhile leaves together, and each hears its own answer."""
    batches: list[list[int]] = []
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def send(wishes: list[Wish]) -> list[bytes]:
        batches.append([wish.book_id for wish in wishes])
        under_way.set()
        await go_on.wait()
        return [b"%d" % wish.book_id for wish in wishes]

    gatherer = Gatherer(send)
    first = asyncio.create_task(gatherer.ask(Wish(1)))
    await under_way.wait()
    others = [asyncio.create_task(gatherer.ask(Wish(number))) for number in (2, 3)]
    await asyncio.sleep(0)
    go_on.set()
    assert [b"1", b"2", b"3"] == await asyncio.gather(first, *others)
    assert [[1], [2, 3]] == batches


async def test_a_batch_that_fails_tells_its_askers_and_the_next_one_leaves() -> None:
    """Nobody waits for ever, so a run of the benchmark ends."""

    async def send(wishes: list[Wish]) -> list[bytes]:
        if wishes[0].book_id == 1:
            message = "nobody is there"
            raise ConnectionError(message)
        return [b"{}" for _wish in wishes]

    gatherer = Gatherer(send)
    failed = await asyncio.gather(gatherer.ask(Wish(1)), return_exceptions=True)
    assert ["nobody is there"] == list(map(str, failed))
    assert b"{}" == await gatherer.ask(Wish(2))
