"""Commands ask signed, believe what is proved, and say where nobody knows what was done."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.middleware import SyncNext
from pyreqwest.request import Request
from pyreqwest.response import ResponseBuilder, SyncResponse

from bazar.kit.signing import NOBODY, PROOF_HEADER, Claims, Moment, digest
from bazar.tools.asking import Asked, Asking, NotBelieved, Restarted
from bazar.tools.remote import Addresses, Remote, RemoteError
from support.answering import SECRET, proof

URL = "http://catalog.test"
OUTDATED = b'{"code":"call-outdated"}'
OTHER = "fedcba9876543210"


class Service:
    """A catalog that takes calls for one process, and can be told to lie."""

    def __init__(self) -> None:
        """Answer truly."""
        self.process = "0123456789abcdef"
        self.heard: list[dict[str, str]] = []
        self.done = 0
        self.lie: Callable[[dict[str, str]], dict[str, str]] = lambda told: told
        self.after: Callable[[], None] = lambda: None
        """Happens before each answer to a call that is done."""

    def __call__(self, request: Request, _following: SyncNext) -> SyncResponse:
        """Answer one call."""
        headers = dict(request.headers)
        self.heard.append(headers)
        claims = Claims.parsed(headers.get("authorization", ""))
        status, body = 200, b"[]"
        if claims is not None and request.method != "GET" and claims.process != self.process:
            status, body = 401, OUTDATED
        else:
            self.done += 1
        told: dict[str, str] = {}
        if claims is not None:
            moment = Moment(self.process, claims.time_ms).header()
            told = proof(
                headers["authorization"], "catalog", status, digest(body), {"bazar-moment": moment}
            )
        builder = ResponseBuilder().status(status).headers(self.lie(told))
        return builder.body_bytes(body).build_sync()


@pytest.fixture
def service() -> Service:
    """Return the other side."""
    return Service()


@pytest.fixture
def client(service: Service) -> Iterator[SyncClient]:
    """Return a client whose every request comes to it."""
    with SyncClientBuilder().with_middleware(service).build() as client:
        yield client


def asked(method: str = "PUT", **headers: str) -> Asked:
    """Return a request."""
    return Asked("catalog", method, "/x", headers, b"", timedelta(seconds=5))


def signed_for(service: Service) -> list[str]:
    """Return for whom each call was that the service heard."""
    claims = [Claims.parsed(headers["authorization"]) for headers in service.heard]
    return [one.process for one in claims if one is not None]


def test_the_first_change_costs_one_way_more(service: Service, client: SyncClient) -> None:
    """It is done once; the second one is done at once. The secret is in none of them."""
    asking = Asking()
    for _ in range(2):
        assert b"[]" == asking.ask(client, URL, asked(), SECRET).body
    assert [NOBODY, service.process, service.process] == signed_for(service)
    assert 2 == service.done
    assert not any(SECRET in value for headers in service.heard for value in headers.values())


def test_after_a_restart_nobody_knows_what_was_done(service: Service, client: SyncClient) -> None:
    """A change without a key is not sent again by itself; a read, or one with a key, is."""
    asking = Asking()
    asking.ask(client, URL, asked(), SECRET)
    service.process = OTHER
    with pytest.raises(Restarted, match="started anew"):
        asking.ask(client, URL, asked(), SECRET)
    assert 1 == service.done
    asking.ask(client, URL, asked(), SECRET)
    service.process = OTHER[::-1]
    keyed = asked()._replace(headers={"idempotency-key": '"k"'})
    assert 200 == asking.ask(client, URL, keyed, SECRET).status


@pytest.mark.parametrize(
    "lie",
    [
        lambda _told: {},
        lambda told: told | {"etag": '"1"'},
        lambda told: {k: v for k, v in told.items() if k != PROOF_HEADER},
    ],
)
def test_what_is_not_proved_is_not_believed(
    service: Service, client: SyncClient, lie: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    """Whatever it says, also that nothing was done."""
    service.lie = lie
    with pytest.raises(NotBelieved):
        Asking().ask(client, URL, asked("GET"), SECRET)


def test_without_a_secret_calls_are_plain(service: Service, client: SyncClient) -> None:
    """What everybody may read needs none, and is told as it comes."""
    assert b"[]" == Asking().ask(client, URL, asked("GET"), "").body
    assert "authorization" not in service.heard[0]


def test_a_person_is_told_that_somebody_else_answers(service: Service, client: SyncClient) -> None:
    """Of a call for nobody it is certain that nobody did it; of one for a process it is not."""
    remote = Remote(Addresses(catalog=URL), SECRET, _client=client)
    for known in (False, True):
        if known:
            service.lie = lambda told: told
            remote.call("catalog", "PUT", "/x", list[int])
        service.lie = lambda _told: {}
        with pytest.raises(RemoteError, match="is not believed") as refused:
            remote.call("catalog", "PUT", "/x", list[int])
        assert (not known) == refused.value.definite
