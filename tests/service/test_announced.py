"""Services that were announced: what they have to say of themselves before anybody asks them more.

Whoever announces itself may only pass on what it is asked, to a service of the shop or of another
shop with the same secret. Its answers are proved then, but not that it is one itself.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from bazar.kit.deadline import Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.peers.addresses import Address, Looking, announced_as
from bazar.kit.peers.client import Upstream
from support.impostors import Impostor
from support.shops import CATALOG_URL, SECRET, InProcess, Shop, catalog_open

NAME = "our shop, and more"
RELAY_URL = "http://relay.test"
SILENCE_S = 1.0


@pytest.fixture
async def upstream(shop: Shop) -> AsyncIterator[Upstream]:
    """Return a catalog that is looked for, as a service that asks it sees it; it was found."""
    looking = Looking(NAME, ("127.0.0.1",))
    upstream = Upstream("catalog", str(looking), shop.client, SECRET)
    upstream.targets.set(frozenset({Address(CATALOG_URL)}))
    shop.network.bare[CATALOG_URL].announced = said(CATALOG_URL)
    yield upstream
    await upstream.stop()


def said(url: str, name: str = NAME) -> str:
    """Return what a service says that is announced at an address."""
    return f"{quote(name, safe='')} {url}"


async def ask(upstream: Upstream, method: str = "GET", path: str = "/shop") -> int:
    """Ask the catalog for something; return the status of the answer."""
    return (await upstream.call(method, path, deadline=Deadline(400), body=b"[]")).status


def test_what_is_said_names_shop_and_addresses() -> None:
    """In the spelling in which others hear them."""
    told = announced_as(NAME, ["10.0.0.5", "fd00::1"], 5001)
    assert "our%20shop%2C%20and%20more http://10.0.0.5:5001 http://[fd00::1]:5001" == told


async def test_who_says_that_it_is_announced_there_is_believed(upstream: Upstream) -> None:
    """And asked."""
    assert await upstream.proves(Address(CATALOG_URL))
    assert 200 == await ask(upstream)


@pytest.mark.parametrize(
    "told",
    ["", said(CATALOG_URL, "our shop"), said(f"{CATALOG_URL}:1"), NAME, said("")],
    ids=["nothing", "other-shop", "other-address", "odd", "no-address"],
)
async def test_who_does_not_say_so_is_not(shop: Shop, upstream: Upstream, told: str) -> None:
    """It announces nothing, or another address, or is of another shop with the same secret."""
    shop.network.bare[CATALOG_URL].announced = told
    assert not await upstream.proves(Address(CATALOG_URL))


async def test_who_passes_on_what_it_is_asked_proves_nothing(
    shop: Shop, upstream: Upstream
) -> None:
    """The answer is proved, and says the address of the service that gave it."""
    relay = Impostor("catalog", shop.network.apps[CATALOG_URL])
    shop.network.apps[RELAY_URL] = relay
    assert not await upstream.proves(Address(RELAY_URL))
    assert relay.heard
    assert all(f"{RELAY_URL}/readyz" in one for one in relay.heard)


async def test_another_shop_that_takes_an_address_over_is_not_asked(
    shop: Shop, upstream: Upstream, tmp_path: Path
) -> None:
    """Neither for a change, nor for a read, nor for news; though it has the same secret."""
    assert 200 == await ask(upstream)
    others = InProcess()
    folder = tmp_path / "other"
    folder.mkdir()
    async with catalog_open(folder, others):
        others.bare[CATALOG_URL].announced = said(CATALOG_URL, "their shop")
        relay = Impostor("catalog", others.apps[CATALOG_URL])
        shop.network.apps[CATALOG_URL] = relay
        for method, path in (("POST", "/reservations"), ("GET", "/shop")):
            with pytest.raises(Unavailable):
                await ask(upstream, method, path)
        with pytest.raises(Unavailable):
            await anext(upstream.stream("/changes", SILENCE_S))
        assert not any("/changes" in one for one in relay.heard)
        others.bare[CATALOG_URL].announced = said(CATALOG_URL)
        assert 200 == await ask(upstream)


async def test_a_service_that_nobody_announced_need_not_say_anything(
    shop: Shop,
) -> None:
    """A person named its address."""
    named = Upstream("catalog", f"{CATALOG_URL},{upstream_of(NAME)}", shop.client, SECRET)
    assert await named.proves(Address(CATALOG_URL))
    await named.stop()


def upstream_of(name: str) -> str:
    """Return what stands for whoever announces itself as one of a shop."""
    return str(Looking(name, ("127.0.0.1",)))
