"""Refusals: ready-made, counted, and spread over the time to come."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import msgspec
import pytest

from bazar.kit import refusals
from bazar.kit.errors import Problem
from bazar.kit.refusals import REFUSALS_WANTED, RETRY_AFTER_S_MAX, Refusals

INTERVAL_S = 0.02


class Refused:
    """Takes refusals, and keeps what they say."""

    def __init__(self) -> None:
        """Start with none."""
        self.messages: list[MutableMapping[str, Any]] = []

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """Take a part of an answer."""
        self.messages.append(message)

    def retry_after_s(self) -> list[int]:
        """Return when each was told to come back."""
        starts = [one for one in self.messages if one["type"] == "http.response.start"]
        return [int(dict(start["headers"])[b"retry-after"]) for start in starts]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    """Return refusals that look back every 20 ms instead of every second."""
    monkeypatch.setattr(refusals, "INTERVAL_S", INTERVAL_S)
    return Refusals(msgspec.json.encode)


async def _refuse(made: Refusals, count: int) -> list[int]:
    refused = Refused()
    for _ in range(count):
        await made.send(refused)
    return refused.retry_after_s()


async def test_a_refusal_is_a_definite_problem_with_a_time_to_come_back(made: Refusals) -> None:
    """Status, headers and body are those of any other error."""
    refused = Refused()
    await made.send(refused)
    start, body = refused.messages
    assert 503 == start["status"]
    headers = dict(start["headers"])
    assert b"application/problem+json" == headers[b"content-type"]
    assert len(body["body"]) == int(headers[b"content-length"])
    problem = msgspec.json.decode(body["body"], type=Problem)
    assert ("overloaded", 503, True) == (problem.code, problem.status, problem.definite)


async def test_the_more_are_refused_the_longer_they_stay_away(made: Refusals) -> None:
    """It doubles each interval until few enough come, and never passes its limit."""
    told = []
    async with asyncio.timeout(10):
        for _ in range(6):
            told.append(before := made.retry_after_s)
            await _refuse(made, 4 * REFUSALS_WANTED)
            while made.retry_after_s == before < RETRY_AFTER_S_MAX:  # noqa: ASYNC110
                await asyncio.sleep(0)
    assert [1, 2, 4, 8, 16, RETRY_AFTER_S_MAX] == told
    assert 2 * RETRY_AFTER_S_MAX == max(await _refuse(made, 500))


async def test_those_refused_together_do_not_return_together(made: Refusals) -> None:
    """Each is told a time of its own, from the least to twice as much."""
    made.retry_after_s = 5
    assert set(range(5, 11)) == set(await _refuse(made, 500))


async def test_when_nobody_is_refused_any_more_it_eases(made: Refusals) -> None:
    """Second by second, down to one."""
    made.retry_after_s = 3
    await _refuse(made, 1)
    async with asyncio.timeout(5):
        while made.retry_after_s > 1:  # noqa: ASYNC110  watched from outside
            await asyncio.sleep(INTERVAL_S)
    assert {1, 2} == set(await _refuse(made, 50))
