"""The short way through the front: it answers what the ordinary way answers, to the byte."""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from bazar.front.api import FrontApi
from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.orders import Orders
from bazar.kit import log
from bazar.kit.http.admission import Admission
from bazar.kit.http.app import HttpApp
from bazar.kit.http.cors import Cors
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.peers.client import Upstream
from bazar.wire.books import Place
from support.feeds import opened_cache
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Shop

PAGE = "http://localhost:3000"
PATHS = (
    "/info/1",
    "/info/01",
    "/info/1/",
    "/info/2",
    "/info/0",
    "/info/-1",
    "/info/٢",
    "/info/9007199254740993",
    "/info/99999999999999999999",
    "/info/",
    "/info",
    "//info/1",
    "/info/1/2",
    "/query/1",
)
HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"host": "localhost:5000"},
    {"host": "evil.example"},
    {"host": "a, b"},
    {"host": ""},
    {"Host": "localhost", "host": "localhost"},
    {"transfer-encoding": "chunked"},
    {"transfer-encoding": "gzip", "content-length": "3"},
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"origin": PAGE, "sec-fetch-site": "cross-site"},
    {"accept-encoding": "gzip"},
    {"user-agent": "a browser", "accept": "*/*", "cookie": "a=b"},
    {"cache-control": "no-cache"},
    {"cache-control": "max-age=0"},
    {"if-none-match": "*"},
    {"if-none-match": '"another"'},
    {"x-request-id": "mine-7"},
    {"x-request-id": "not one, by its form"},
    {"bazar-deadline-ms": "1"},
    {"authorization": "Bearer nothing"},
    {"idempotency-key": '"k"'},
    {"content-length": "0"},
)
OWN_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]+")
DURATION = re.compile(rb"dur=[0-9.]+|ms=[0-9.]+|at=[0-9T:.-]+Z")

Messages = list[MutableMapping[str, Any]]


def plain(value: object) -> object:
    """Return a message without what differs from one request to the next."""
    if isinstance(value, bytes):
        return OWN_ID.sub(b"ID", DURATION.sub(b"TIME", value))
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


async def said(
    app: HttpApp, method: str, target: str, headers: Mapping[str, str]
) -> tuple[object, int]:
    """Return what an application sends, and how often it was told that no body follows."""
    sent: Messages = []
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 5000),
        "client": ("127.0.0.1", 1),
    }
    asked = 0

    async def receive() -> MutableMapping[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return plain(sent), asked


@pytest.fixture
async def ways(shop: Shop) -> tuple[HttpApp, HttpApp]:
    """Return one front with the short way and one without, over one cache that holds book 1."""
    assert 1 == await shop.add_book(quantity=3)
    place = Place.parsed((await shop.catalog.get("/topics")).headers["bazar-seq"])
    assert place is not None
    cache = opened_cache(place)
    catalog = Catalog(Upstream("catalog", CATALOG_URL, shop.client, SECRET), cache)
    await catalog.book(1, fresh=False, request_id="r")
    orders = Orders(Upstream("order", ORDER_URL, shop.client, SECRET), cache)

    async def check() -> None:
        """Nothing can be missing."""

    short, ordinary = Metrics("front"), Metrics("front")
    endpoints = operations("front", short, check, endpoints_of(FrontApi(catalog, orders)))
    slow = [replace(endpoint, at_once=None) for endpoint in endpoints]
    apps = HttpApp("front", endpoints, short), HttpApp("front", slow, ordinary)
    for app in apps:
        app.admission = Admission(loopback=True)
    return apps


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("query", ["", "?", "?quantity=2"])
async def test_both_ways_send_the_same_bytes(
    ways: tuple[HttpApp, HttpApp], method: str, query: str
) -> None:
    """Whatever the path, the query string and the headers are, and whoever is invited."""
    short, ordinary = ways
    for cors in (None, Cors([PAGE])):
        short.cors = ordinary.cors = cors
        for path in PATHS:
            for headers in HEADERS:
                expected = await said(ordinary, method, path + query, headers)
                assert expected == await said(short, method, path + query, headers), (path, headers)


async def test_both_ways_write_the_same_line_and_count_the_same(
    ways: tuple[HttpApp, HttpApp], capfd: pytest.CaptureFixture[str]
) -> None:
    """The log and the metrics do not tell which way a request went."""
    log.configure("front", "text")
    lines = []
    for app in ways:
        for path in PATHS:
            await said(app, "GET", path, {})
        log.flush()
        lines.append(plain(capfd.readouterr().out.encode()))
    assert lines[1] == lines[0]
    assert b"path=/info/1 " in lines[0]  # type: ignore[operator]


async def test_the_short_way_is_taken(
    ways: tuple[HttpApp, HttpApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a request object, so the tests above compare two ways and not one with itself."""
    short, ordinary = ways
    monkeypatch.setattr("bazar.kit.http.app.Request", None)
    messages, asked = await said(short, "GET", "/info/1", {"user-agent": "x"})
    assert isinstance(messages, list)
    assert (200, 0) == (messages[0]["status"], asked)
    with pytest.raises(TypeError):
        await said(ordinary, "GET", "/info/1", {})


async def test_what_the_feed_took_away_goes_the_ordinary_way(
    ways: tuple[HttpApp, HttpApp], shop: Shop
) -> None:
    """A book that changed is asked of the catalog; nothing old is answered at once."""
    short, _ordinary = ways
    purchase = await shop.front.post("/purchase/1")
    assert 201 == purchase.status
    reply = await said(short, "GET", "/info/1", {"cache-control": "no-cache"})
    assert b'"quantity":2' in str(reply).encode()
    again = await said(short, "GET", "/info/1", {})
    assert b'"quantity":2' in str(again).encode()
