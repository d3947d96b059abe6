"""A page of another origin that was invited: it reads, asks first, buys; nobody else does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyreqwest.client import ClientBuilder

from bazar.kit.http.app import HttpApp
from bazar.kit.http.cors import Cors
from bazar.services import Public, ServiceSettings, running
from support.problem_documents import check_problem
from support.shops import CATALOG_URL, FRONT_URL, ORDER_URL, SECRET, Caller, InProcess, Shop

PAGE = "http://localhost:3000"
FROM_PAGE = {"origin": PAGE, "sec-fetch-site": "cross-site"}
STRANGERS: tuple[dict[str, str], ...] = (
    {"origin": "http://localhost:3001", "sec-fetch-site": "same-site"},
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
)
READ = ("location", "etag", "retry-after", "cache-status", "link", "idempotency-key")
"""What a page has to be able to read of an answer."""
SENT = ("content-type", "idempotency-key", "if-none-match")
"""What it has to be able to send."""


@pytest.fixture
def front(shop: Shop) -> HttpApp:
    """Return the shop's front, which invites one page."""
    app = shop.network.bare[FRONT_URL]
    app.cors = Cors([PAGE])
    return app


def listed(text: str) -> set[str]:
    """Return the names of a list in a header."""
    return {name.strip().lower() for name in text.split(",")}


@pytest.mark.usefixtures("front")
async def test_an_invited_page_may_ask_and_read(shop: Shop) -> None:
    """Books, lists, errors, 304 and refusals say whose they may be, and which headers are shown."""
    await shop.add_book(quantity=5)
    tag = (await shop.front.get("/info/1")).headers["etag"]
    held = FROM_PAGE | {"if-none-match": tag}
    for path, headers, status in (
        ("/info/1", FROM_PAGE, 200),
        ("/info/1", FROM_PAGE, 200),
        ("/info/1", held, 304),
        ("/books", FROM_PAGE, 200),
        ("/info/99", FROM_PAGE, 404),
        ("/nowhere", FROM_PAGE, 404),
        ("/openapi.json", FROM_PAGE, 200),
    ):
        reply = await shop.front.get(path, headers)
        assert (status, PAGE) == (reply.status, reply.headers["access-control-allow-origin"]), path
        assert set(READ) <= listed(reply.headers["access-control-expose-headers"])
        assert "Origin" in reply.headers["vary"]
        assert "access-control-allow-credentials" not in reply.headers


async def test_an_invited_page_hears_that_there_is_no_place(shop: Shop, front: HttpApp) -> None:
    """A refusal that nothing was read for is an answer too: its page must see when to come back."""
    front.rooms["reading"].in_flight.most = 0
    reply = await shop.front.get("/info/1", FROM_PAGE)
    check_problem(reply, 503, "overloaded")
    assert PAGE == reply.headers["access-control-allow-origin"]
    stranger = await shop.front.get("/info/1")
    assert "access-control-allow-origin" not in stranger.headers


@pytest.mark.usefixtures("front")
async def test_an_invited_page_buys_and_cancels(shop: Shop) -> None:
    """After it asked; what it may send and read is all that a purchase needs."""
    await shop.add_book(quantity=5)
    asking = FROM_PAGE | {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,idempotency-key",
    }
    asked = await shop.front.call("OPTIONS", "/purchase/1", headers=asking)
    assert (204, PAGE) == (asked.status, asked.headers["access-control-allow-origin"])
    assert {"post"} == listed(asked.headers["access-control-allow-methods"])
    assert set(SENT) <= listed(asked.headers["access-control-allow-headers"])
    assert "authorization" not in listed(asked.headers["access-control-allow-headers"])
    assert "Origin" in asked.headers["vary"]
    bought = await shop.front.post(
        "/purchase/1",
        {"quantity": 2},
        FROM_PAGE | {"idempotency-key": "k", "content-type": "application/json"},
    )
    assert (201, PAGE) == (bought.status, bought.headers["access-control-allow-origin"])
    cancelled = await shop.front.post(f"{bought.headers['location']}/cancel", None, FROM_PAGE)
    assert (200, PAGE) == (cancelled.status, cancelled.headers["access-control-allow-origin"])
    assert 5 == await shop.stock(1)


@pytest.mark.usefixtures("front")
@pytest.mark.parametrize("headers", STRANGERS)
async def test_any_other_page_is_refused_as_before(shop: Shop, headers: dict[str, str]) -> None:
    """It may neither read nor write, and its question gets no permission."""
    await shop.add_book(quantity=5)
    read = await shop.front.get("/info/1", headers)
    wrote = await shop.front.post("/purchase/1", None, headers)
    asked = await shop.front.call(
        "OPTIONS", "/purchase/1", headers=headers | {"access-control-request-method": "POST"}
    )
    check_problem(wrote, 403, "cross-site")
    for reply in (read, wrote, asked):
        assert not any(name.startswith("access-control-") for name in reply.headers)
        assert "Origin" in reply.headers["vary"]
    assert 5 == await shop.stock(1)


@pytest.mark.usefixtures("front")
async def test_the_pages_of_the_shop_are_for_itself_alone(shop: Shop) -> None:
    """An invited page reads no basket, and sends no form: those belong to who has the cookies."""
    await shop.add_book(quantity=5)
    for path in ("/", "/basket", "/checkout"):
        reply = await shop.front.get(path, FROM_PAGE)
        assert not any(name.startswith("access-control-") for name in reply.headers), path
    form = FROM_PAGE | {"content-type": "application/x-www-form-urlencoded"}
    sent = await shop.front.call("POST", "/basket", headers=form, content=b"id=1")
    assert 403 == sent.status
    assert "access-control-allow-origin" not in sent.headers


async def test_without_the_option_nobody_hears_of_origins(shop: Shop) -> None:
    """No answer says a word of it, whoever asks."""
    await shop.add_book(quantity=5)
    asking = FROM_PAGE | {"access-control-request-method": "POST"}
    for reply in (
        await shop.front.get("/info/1", FROM_PAGE),
        await shop.front.call("OPTIONS", "/purchase/1", headers=asking),
        await shop.front.post("/purchase/1", None, FROM_PAGE),
    ):
        assert not any(name.startswith("access-control-") for name in reply.headers)
        assert "Origin" not in reply.headers.get("vary", "")


@asynccontextmanager
async def started(service: str) -> AsyncIterator[Caller]:
    """Start a service with the option."""
    settings = ServiceSettings(
        service=service,  # type: ignore[arg-type]
        host="127.0.0.1",
        database=Path("nowhere"),
        catalog_url=CATALOG_URL,
        order_url=ORDER_URL,
        secret=SECRET,
        currency="USD",
        name=None,
        metrics="secret",
        public=Public(cors=(PAGE,)),
    )
    network = InProcess()
    async with running(settings) as app, ClientBuilder().with_middleware(network).build() as client:
        network.host("http://odd.test", app)
        yield Caller("http://odd.test", client)


async def test_the_option_invites_to_the_front() -> None:
    """As its process is started with it."""
    async with started("front") as front:
        reply = await front.get("/healthz", FROM_PAGE)
        assert PAGE == reply.headers["access-control-allow-origin"]
