"""Addresses of a service: fixed ones, and all that a name stands for, now and later."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from bazar.kit.peers import discovery
from bazar.kit.peers.addresses import Address, Addresses
from bazar.kit.peers.discovery import Discovery, look_up

BOUND_S = 5.0


class Names:
    """A name server that says what the test tells it to."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        """Give these answers, one a look-up; the last one from then on."""
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, name: str, port: int) -> Sequence[str]:
        """Answer one look-up."""
        self.asked.append((name, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look names up without long pauses."""
    monkeypatch.setattr(discovery, "HURRY_S", 0.001)
    monkeypatch.setattr(discovery, "LOOK_AGAIN_S", 0.002)


async def nobody(_address: Address) -> bool:
    """Believe nobody."""
    return False


async def told(found: Discovery, changes: int) -> list[Addresses]:
    """Return the first changes that are told."""
    heard: list[Addresses] = []
    enough = asyncio.Event()

    def changed(addresses: Addresses) -> None:
        heard.append(addresses)
        if len(heard) == changes:
            enough.set()

    following = asyncio.create_task(found.follow(changed, nobody))
    try:
        async with asyncio.timeout(BOUND_S):
            await enough.wait()
    finally:
        following.cancel()
    return heard


def of(*urls: str, host: str = "") -> Addresses:
    """Return addresses that are called by one name."""
    return frozenset(Address(url, host) for url in urls)


@pytest.mark.parametrize(
    ("urls", "known"),
    [
        ("http://127.0.0.1:5001", ["http://127.0.0.1:5001"]),
        (
            "http://10.0.0.2:5001/ , http://[::1]:5001,",
            ["http://10.0.0.2:5001", "http://[::1]:5001"],
        ),
        ("http://localhost:5001", ["http://localhost:5001"]),
        ("https://catalog.example", ["https://catalog.example"]),
    ],
)
def test_fixed_addresses_stay_as_they_are(urls: str, known: list[str]) -> None:
    """Numbers need no looking up; nor does this machine, nor a name that a certificate holds."""
    found = Discovery(urls)
    assert of(*known) == found.known
    assert not found.changes


def test_before_the_first_look_up_a_name_is_its_own_address() -> None:
    """So a call that comes at once is sent, as the system finds the name."""
    found = Discovery("http://catalog:5001,http://10.0.0.2:5001")
    assert of("http://catalog:5001", "http://10.0.0.2:5001") == found.known
    assert found.changes


async def test_a_name_stands_for_all_its_addresses_and_is_asked_again() -> None:
    """The port and the path stay, and so does the name, as the Host; the fixed ones stay too."""
    names = Names(["10.0.0.2", "10.0.0.3"], ["[2001:db8::1]"])
    found = Discovery("http://catalog:5001/shop,http://10.0.0.9:5001", names)
    fixed = of("http://10.0.0.9:5001")
    first = of("http://10.0.0.2:5001/shop", "http://10.0.0.3:5001/shop", host="catalog:5001")
    second = of("http://[2001:db8::1]:5001/shop", host="catalog:5001")
    assert [first | fixed, second | fixed] == await told(found, 2)
    assert second | fixed == found.known
    assert {("catalog", 5001)} == set(names.asked)


@pytest.mark.parametrize("nothing", [socket.gaierror(-3, "try again"), ()])
async def test_a_look_up_that_fails_says_nothing(nothing: Sequence[str] | OSError) -> None:
    """What was known last still holds; only another answer is a change."""
    names = Names(["10.0.0.2"], nothing, nothing, ["10.0.0.3"])
    found = Discovery("http://catalog", names)
    last = of("http://10.0.0.2", host="catalog")
    assert [last, of("http://10.0.0.3", host="catalog")] == await told(found, 2)


async def test_who_finds_nobody_there_has_the_name_looked_up_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And does not wait until it is time: a container may be back at another address."""
    monkeypatch.setattr(discovery, "LOOK_AGAIN_S", 3600.0)
    names = Names(["10.0.0.2"], ["10.0.0.3"])
    found = Discovery("http://catalog", names)

    async def hurry() -> None:
        while len(names.asked) < 2:
            found.hurry()
            await asyncio.sleep(0.001)

    hurrying = asyncio.create_task(hurry())
    assert 2 == len(await told(found, 2))
    await hurrying


async def test_the_system_looks_names_up() -> None:
    """Each address is ready to be put into a URL."""
    assert ["127.0.0.1"] == await look_up("127.0.0.1", 5001)
