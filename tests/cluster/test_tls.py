"""A shop under TLS in processes of its own: it sells, and lets nobody in who is not of the shop."""

import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import RequestError

from bazar.kit.peers.answers import distrust, is_unsent
from bazar.kit.peers.connecting import secured, secured_url
from bazar.kit.peers.credentials import Credentials, read_credentials
from bazar.kit.peers.roles import Role, role_name
from bazar.kit.process.probing import PROBERS_MAX
from bazar.kit.process.server import HEADER_TIMEOUT_MS
from bazar.tools.certificates import certify
from bazar.tools.remote import RemoteError
from support.certificates import SecuredServices, host_of, in_days, shown_by
from support.processes import SECRET, Result, run_bazar, wait_for

BOOKS = 8


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredServices]:
    """Run one; each service has three files and no more."""
    with SecuredServices(tmp_path_factory.mktemp("shop")) as shop:
        shop.open()
        yield shop


@pytest.fixture(scope="module")
def book_id(shop: SecuredServices) -> int:
    """Return a book of it."""
    return shop.add_book(BOOKS)


def command(shop: SecuredServices, *words: object, tls: Path | None = None) -> Result:
    """Run a command that asks the order service."""
    named = ["--order", shop.addresses.order, *(["--tls", tls] if tls else [])]
    return run_bazar(*words, *named, env={"BAZAR_SECRET": SECRET})


def test_it_sells(shop: SecuredServices, book_id: int) -> None:
    """From the front, which buyers ask in the clear, through both services under TLS."""
    bought = run_bazar("buy", book_id, "--url", shop.addresses.front)
    assert 0 == bought.code, bought.err
    assert BOOKS - 1 == shop.stock(book_id)
    assert [] == shop.settled_audit().differences


def test_every_file_that_a_service_has_is_one_of_three(shop: SecuredServices) -> None:
    """The key that signs is on none of the hosts, and nobody missed it."""
    assert {"ca.pem", "order.key", "order.pem"} == {
        file.name for file in shop.hosts["order"].iterdir()
    }
    assert shop.ready("order")


def test_commands_ask_as_the_keeper(shop: SecuredServices) -> None:
    """With the folder as an option, or from the environment."""
    assert 0 == command(shop, "orders", tls=shop.keeper).code
    env = {"BAZAR_SECRET": SECRET, "BAZAR_TLS": str(shop.keeper)}
    named = run_bazar("orders", "--order", shop.addresses.order, env=env)
    assert 0 == named.code, named.err


def test_the_doctor_tells_until_when_certificates_hold(shop: SecuredServices) -> None:
    """Those in the folder, and those that services show."""
    words = ["--catalog", shop.addresses.catalog, "--url", shop.addresses.front, "--json"]
    found = {one["what"]: one for one in command(shop, "doctor", *words, tls=shop.keeper).json}
    names = {"certificate ca.pem", "certificate keeper.pem"}
    names |= {"the catalog's certificate", "the order's certificate"}
    assert names == {what for what in found if "certificate" in what}
    assert all(found[what]["ok"] and "until 2" in found[what]["found"] for what in names)


def test_without_certificates_nobody_gets_in(shop: SecuredServices) -> None:
    """And is told what is missing."""
    refused = command(shop, "orders")
    assert 1 == refused.code
    assert "both sides need the files of one 'bazar certificates', named with --tls" in refused.err


def test_nobody_of_another_shop_gets_in(shop: SecuredServices, tmp_path: Path) -> None:
    """Whatever its certificates say of a role, and though it knows our secret."""
    certify(tmp_path / "other")
    refused = command(shop, "orders", tls=tmp_path / "other")
    assert 1 == refused.code
    assert "nobody whom we trust has signed its certificate" in refused.err


def _mixed(shop: SecuredServices, tmp_path: Path) -> ssl.SSLContext:
    """Return the client of another shop that believes ours."""
    certify(tmp_path / "other")
    return _context(shop, read_credentials(tmp_path / "other", "keeper"))


def _context(shop: SecuredServices, shown: Credentials | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(shop.certificates / "ca.pem"))
    if shown:
        _authority, certificate, key = shown.files
        context.load_cert_chain(certificate, key)
    return context


def status(shop: SecuredServices, context: ssl.SSLContext, role: str = "order") -> int:
    """Return what a service answers to somebody else's program.

    Raises:
        OSError: it lets that one not in.
    """
    port = int(shop.urls[role].rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname=role_name(role)) as secure,
    ):
        secure.sendall(f"GET /readyz HTTP/1.1\r\nhost: {role_name(role)}\r\n\r\n".encode())
        return int(secure.recv(1024).split()[1])


def test_a_certificate_of_another_authority_is_refused(
    shop: SecuredServices, tmp_path: Path
) -> None:
    """By the service itself, whomever the caller believes."""
    with pytest.raises(OSError, match=r"(?i)unknown.ca"):
        status(shop, _mixed(shop, tmp_path))


def test_who_does_not_believe_us_has_done_nothing(shop: SecuredServices, tmp_path: Path) -> None:
    """The call may have gone out by then, and nobody has read it."""
    certify(tmp_path / "other")
    ours = (shop.certificates / "ca.pem").read_bytes()
    mixed = replace(read_credentials(tmp_path / "other", "keeper"), authority_pem=ours)
    url, ip, port = secured_url("order", shop.addresses.order)
    with (
        secured(SyncClientBuilder(), mixed, "order", ip, port).build() as client,
        pytest.raises(RequestError) as caught,
    ):
        client.get(f"{url}/readyz").build().send()
    assert "it does not take our certificate" in distrust(caught.value)
    assert is_unsent(caught.value)


def test_no_certificate_is_refused(shop: SecuredServices) -> None:
    """Also for what is otherwise open to everybody."""
    with pytest.raises(OSError, match=r"(?i)certificate.required"):
        status(shop, _context(shop))


def test_a_certificate_that_has_ended_is_refused(shop: SecuredServices, tmp_path: Path) -> None:
    """Of our own authority."""
    ended = tmp_path / "ended"
    ended.mkdir()
    shutil.copy2(shop.certificates / "ca.key", ended)
    certify(ended, in_days(-400))
    with pytest.raises(OSError, match=r"(?i)certificate.expired"):
        status(shop, _context(shop, shown_by("keeper", ended)))


@pytest.mark.parametrize(
    ("role", "asked", "may"),
    [
        ("front", "catalog", True),
        ("front", "order", True),
        ("order", "catalog", True),
        ("keeper", "catalog", True),
        ("keeper", "order", True),
        ("catalog", "order", False),
        ("catalog", "catalog", False),
    ],
)
def test_a_role_may_ask_whom_it_has_to_ask(
    shop: SecuredServices, role: Role, asked: str, *, may: bool
) -> None:
    """The catalog asks nobody, so nothing that it holds lets anybody in."""
    context = _context(shop, shown_by(role, shop.certificates))
    if may:
        assert 200 == status(shop, context, asked)
        return
    with pytest.raises(OSError, match=r"(?i)unsupported.certificate"):
        status(shop, context, asked)


def test_plain_http_to_a_port_of_tls_is_no_answer(shop: SecuredServices) -> None:
    """The person is told what it may be."""
    plain = shop.addresses.order.replace("https", "http")
    refused = run_bazar("orders", "--order", plain, env={"BAZAR_SECRET": SECRET})
    assert 1 == refused.code
    assert "where it was started with --tls, give --tls here too" in refused.err


def test_tls_to_a_port_of_plain_http_is_no_answer(shop: SecuredServices) -> None:
    """The front has such a port."""
    front = shop.addresses.front.replace("http", "https")
    refused = run_bazar(
        "orders", "--order", front, "--tls", shop.keeper, env={"BAZAR_SECRET": SECRET}
    )
    assert 1 == refused.code
    assert "it speaks no TLS: start it with --tls" in refused.err


def test_the_address_of_another_role_is_no_answer(shop: SecuredServices) -> None:
    """The catalog's, say, where an order service was."""
    words = ("orders", "--order", shop.addresses.catalog, "--tls", shop.keeper)
    refused = run_bazar(*words, env={"BAZAR_SECRET": SECRET})
    assert 1 == refused.code
    assert "its certificate is that of another role" in refused.err


def test_an_address_in_the_clear_is_refused_beside_certificates(shop: SecuredServices) -> None:
    """Neither a command nor a service sends anything there."""
    plain = shop.addresses.order.replace("https", "http")
    words = ("orders", "--order", plain, "--tls", shop.keeper)
    refused = run_bazar(*words, env={"BAZAR_SECRET": SECRET})
    assert 2 == refused.code
    assert f"--order takes no {plain}: name {shop.addresses.order}" in refused.err
    data = shop.folder / "unused"
    serve = ("serve", "front", "--data", data, "--order", plain, "--tls", shop.hosts["front"])
    refused = run_bazar(*serve, env={"BAZAR_SECRET": SECRET})
    assert 1 == refused.code
    assert f"--order takes no {plain}" in refused.out + refused.err


def test_a_service_refuses_to_start_with_files_that_are_not_its_own(
    shop: SecuredServices, tmp_path: Path
) -> None:
    """In one line that names the file."""
    started = run_bazar(
        "serve", "catalog", "--data", tmp_path / "data", "--tls", shop.hosts["order"],
        env={"BAZAR_SECRET": SECRET},
    )  # fmt: skip
    assert 1 == started.code
    assert "catalog.pem: copy it from the folder" in started.out + started.err
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/readyz", 200),
        ("/healthz", 200),
        ("/info/1", 404),
        ("/metrics", 404),
        ("/openapi.json", 404),
    ],
)
def test_who_watches_from_outside_is_told_whether_it_is_well(
    shop: SecuredServices, path: str, expected: int
) -> None:
    """In the clear, without a certificate, and nothing else."""
    connection = HTTPConnection("127.0.0.1", shop.probe_port, timeout=10)
    with closing(connection):
        connection.request("GET", path)
        assert expected == connection.getresponse().status


def test_who_says_nothing_keeps_no_watcher_out(shop: SecuredServices) -> None:
    """Though all places of that port are taken: he waits for less than they may say nothing."""
    with ExitStack() as open_ones:
        for _ in range(PROBERS_MAX + 1):
            silent = socket.create_connection(("127.0.0.1", shop.probe_port), timeout=10)
            open_ones.enter_context(closing(silent))
        patience_s = HEADER_TIMEOUT_MS / 1000 - 2
        connection = HTTPConnection("127.0.0.1", shop.probe_port, timeout=patience_s)
        with closing(connection):
            connection.request("GET", "/readyz")
            assert 200 == connection.getresponse().status


def test_who_watches_from_outside_changes_nothing(shop: SecuredServices) -> None:
    """Whatever the method."""
    connection = HTTPConnection("127.0.0.1", shop.probe_port, timeout=10)
    with closing(connection):
        connection.request("POST", "/readyz", body=b"{}")
        assert 404 == connection.getresponse().status


def test_services_with_old_and_new_certificates_work_together(tmp_path: Path) -> None:
    """So that after a renewal each is restarted in its turn."""
    with SecuredServices(tmp_path) as shop:
        for file in shop.certificates.iterdir():
            file.unlink()
        certify(shop.certificates, in_days(-340))
        for role in shop.hosts:
            shop.renew(role)
        shop.tls = read_credentials(shop.keeper, "keeper")
        shop.open()
        book_id = shop.add_book(BOOKS)
        assert "certificate-ends" in shop.log()
        certify(shop.certificates)
        sold = 0
        for role in shop.names:
            shop.renew(role)
            shop.stop(role)
            shop.open(role)
            bought = run_bazar("buy", book_id, "--url", shop.addresses.front)
            assert 0 == bought.code, bought.err
            sold += 1
        assert BOOKS - sold == shop.stock(book_id)
        assert "certificate-ends" not in shop.last_log()


def test_a_service_that_is_not_believed_is_told_in_the_log(tmp_path: Path) -> None:
    """Where a host got the files of another shop, its callers say so."""
    with SecuredServices(tmp_path) as shop:
        certify(tmp_path / "other")
        host_of("catalog", tmp_path / "other", shop.hosts["catalog"])
        shop.start()
        shop.wait_until_ready("order", "front")
        assert not shop.ready("catalog")
        with pytest.raises(RemoteError):
            shop.remote().front.book(1)
        said = "nobody whom we trust has signed its certificate"
        assert wait_for("the line of its caller", lambda: said in shop.log())
