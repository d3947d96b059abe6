"""Whom we believe under TLS, and whom not: servers of every kind at the same address."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import BuilderError, RequestError

from bazar.kit import log
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.peers.answers import distrust, is_unsent
from bazar.kit.peers.client import Upstream, service_client
from bazar.kit.peers.connecting import secured, secured_url, shown_until
from bazar.kit.peers.credentials import Credentials, read_credentials
from bazar.kit.peers.roles import Role
from bazar.tools.certificates import certify
from support.certificates import in_days, shown_by

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsaid"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return certificates of a shop that have ended; their authority holds."""
    folder = tmp_path_factory.mktemp("shop") / "old"
    certify(folder, in_days(-366))
    return folder


@pytest.fixture(scope="module")
def shop(old: Path) -> Path:
    """Return the same, renewed."""
    folder = shutil.copytree(old, old.parent / "tls")
    certify(folder)
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return those of another shop."""
    folder = tmp_path_factory.mktemp("other") / "tls"
    certify(folder)
    return folder


@asynccontextmanager
async def serving(shows: Credentials | None, believes: Credentials) -> AsyncIterator[int]:
    """Serve one answer to everybody who is let in; return the port."""
    context = None
    if shows is not None:
        _authority, certificate, key = shows.files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(believes.files[0])
        context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await (reader.read(9) if shows is None else reader.readuntil(b"\r\n\r\n"))
            writer.write(ANSWER)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, ours: Credentials, role: Role = "catalog") -> bytes:
    """Ask a role at a port, and return the answer."""
    url, ip, at = secured_url(role, f"https://127.0.0.1:{port}")
    async with secured(service_client(), ours, role, ip, at).build() as client:
        return (await (await client.get(f"{url}/x").build().send()).bytes()).to_bytes()


async def test_who_shows_its_role_is_believed(shop: Path) -> None:
    """Whatever its address."""
    ours, theirs = read_credentials(shop, "front"), read_credentials(shop, "catalog")
    async with serving(theirs, ours) as port:
        assert b"said" == await ask(port, ours)


@pytest.mark.parametrize(
    ("shows", "said"),
    [
        ("other", "nobody whom we trust has signed its certificate"),
        ("order", "its certificate is that of another role"),
        ("old", "its certificate has ended"),
        ("nothing", "it speaks no TLS"),
    ],
)
async def test_who_shows_something_else_is_not(
    shop: Path, other: Path, old: Path, shows: str, said: str
) -> None:
    """And it is certain that nothing was sent to it: neither a secret nor an order."""
    theirs = {
        "other": read_credentials(other, "catalog"),
        "order": read_credentials(shop, "order"),
        "old": shown_by("catalog", old),
        "nothing": None,
    }
    ours = read_credentials(shop, "front")
    async with serving(theirs[shows], ours) as port:
        with pytest.raises(RequestError) as caught:
            await ask(port, ours)
    assert said in distrust(caught.value)
    assert is_unsent(caught.value)


async def test_who_speaks_plain_http_to_tls_is_told_so(shop: Path) -> None:
    """What comes back is no HTTP."""
    ours = read_credentials(shop, "front")
    async with (
        serving(read_credentials(shop, "catalog"), ours) as port,
        service_client().build() as client,
    ):
        with pytest.raises(RequestError) as caught:
            await client.get(f"http://127.0.0.1:{port}/x").build().send()
    assert distrust(caught.value) or "closed" in str(caught.value.args)


async def test_the_end_of_what_a_service_shows_is_seen_from_outside(shop: Path) -> None:
    """So the doctor knows of one that was not restarted after a renewal."""
    ours, theirs = read_credentials(shop, "keeper"), read_credentials(shop, "order")
    async with serving(theirs, ours) as port:
        ends_at = await asyncio.to_thread(shown_until, ours, "order", "127.0.0.1", port)
    assert theirs.ends_at == ends_at


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://10.0.0.1:5001", ("https://order.bazar.internal:5001", "10.0.0.1", 5001)),
        ("http://10.0.0.1:5001", ("https://order.bazar.internal:5001", "10.0.0.1", 5001)),
        ("https://[fd00::1]:5001", ("https://order.bazar.internal:5001", "fd00::1", 5001)),
        ("https://books.example", ("https://order.bazar.internal:443", "books.example", 443)),
        ("https://10.0.0.1:1/below", ("https://order.bazar.internal:1/below", "10.0.0.1", 1)),
    ],
)
def test_a_role_is_asked_by_its_name(url: str, asked: tuple[str, str, int]) -> None:
    """At the place of the address, under TLS whatever the address says."""
    assert asked == secured_url("order", url)


def test_nothing_goes_out_in_the_clear(shop: Path) -> None:
    """Not even where somebody names such an address; neither of services nor of commands."""
    ours = read_credentials(shop, "keeper")
    with (
        secured(SyncClientBuilder(), ours, "order", "::1", 1).build() as client,
        pytest.raises(BuilderError, match="builder error"),
    ):
        client.get("http://127.0.0.1:1/").build().send()


async def test_a_call_tells_why_it_was_not_answered_though_its_time_ended_with_a_wait(
    shop: Path, other: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last try has so little time that it may end before it hears who is there."""
    log.configure("front")
    ours, theirs = read_credentials(shop, "front"), read_credentials(other, "catalog")
    async with serving(theirs, ours) as port, service_client().build() as client:
        url = f"https://127.0.0.1:{port}"
        upstream = Upstream("catalog", url, client, "a secret of a test", tls=ours)
        tried = upstream.targets.only
        assert tried is not None
        assert tried.client is not None
        with pytest.raises(Unavailable):
            await upstream.call("GET", "/info/1", deadline=Deadline(600))
        await upstream.stop()
    log.flush()
    assert "nobody whom we trust has signed its certificate" in capfd.readouterr().out


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_name_is_looked_up_and_then_asked_under_tls(shop: Path, host: str) -> None:
    """Certificates hold no names of hosts, so what a name stands for is asked."""
    ours = read_credentials(shop, "front")
    theirs = read_credentials(shop, "catalog")
    async with serving(theirs, ours) as port, service_client().build() as client:
        url = f"https://{host}:{port}"
        upstream = Upstream("catalog", url, client, "a secret of a test", tls=ours)
        upstream.start()
        assert await upstream.targets.until_some_in(10)
        found = {target.url for target in upstream.targets}
        await upstream.stop()
    assert {f"https://catalog.bazar.internal:{port}"} == found
