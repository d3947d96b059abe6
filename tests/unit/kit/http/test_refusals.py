"""Refusals: ready-made, counted, and spread over the time to come."""

import asyncio
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bazar.kit.errors import Overloaded, Problem
from bazar.kit.http import refusals
from bazar.kit.http.refusals import PLACES, RETRY_AFTER_S_MAX, RETURNS_PER_S, Places, Refusals

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
    """Return refusals that write to the log every 20 ms instead of every second."""
    monkeypatch.setattr(refusals, "LOG_INTERVAL_S", INTERVAL_S)
    return Refusals("reading", [])


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


async def test_everyone_gets_a_turn_of_their_own(made: Refusals) -> None:
    """As many a second as there are turns, one second after the other."""
    told = await _refuse(made, 3 * RETURNS_PER_S)
    assert sorted(told) == told
    for second in (1, 2, 3):
        assert RETURNS_PER_S * 0.9 < told.count(second) <= RETURNS_PER_S * 1.1


async def test_when_all_turns_are_taken_nobody_waits_for_ever(made: Refusals) -> None:
    """Then the time is drawn, so that they do not return together."""
    told = await _refuse(made, RETURNS_PER_S * RETRY_AFTER_S_MAX + 2000)
    assert RETRY_AFTER_S_MAX == max(told)
    drawn = told[-1000:]
    assert RETRY_AFTER_S_MAX // 2 == min(drawn)
    assert RETRY_AFTER_S_MAX // 3 < len(set(drawn))


async def test_once_the_crowd_is_gone_the_wait_is_short_again(made: Refusals) -> None:
    """Turns that have passed are gone; nobody queues behind them."""
    assert {1, 2} == set(await _refuse(made, RETURNS_PER_S + RETURNS_PER_S // 2))
    await asyncio.sleep(1)
    assert {1} == set(await _refuse(made, 1))


async def test_the_log_tells_how_many_once_a_second_at_most(
    made: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for all of them, with the wait as it is then."""
    logged: list[dict[str, Any]] = []

    class Log:
        def warning(self, event: str, **values: int) -> None:
            logged.append({"event": event} | values)

    monkeypatch.setattr(refusals, "get_logger", Log)
    await _refuse(made, 40)
    await asyncio.sleep(3 * INTERVAL_S)
    await _refuse(made, 2)
    await asyncio.sleep(3 * INTERVAL_S)
    assert [40, 2] == [one["refused"] for one in logged]
    assert {("overloaded", 1)} == {(one["event"], one["retry_after_s"]) for one in logged}


def test_there_are_so_many_places_and_no_more() -> None:
    """Who finds none is refused and takes none; who leaves makes room."""
    places = Places(2, "guests are in the shop")
    for _ in range(2):
        places.take()
    with pytest.raises(Overloaded, match=r"^2 guests are in the shop already$"):
        places.take()
    assert 2 == places.taken
    places.taken -= 1
    places.take()
    assert 2 == places.taken


def test_the_settings_page_tells_the_places_of_every_kind() -> None:
    """As many as there are."""
    page = (Path(__file__).parents[4] / "docs" / "settings.md").read_text("utf-8")
    section = page.partition("## Places\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .* \| ([\d,]+)", section, re.MULTILINE)
    assert PLACES == {kind: int(places.replace(",", "")) for kind, places in rows}
