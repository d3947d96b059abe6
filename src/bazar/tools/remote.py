"""Calls of a running shop: its three addresses, one secret, and requests with typed answers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from socket import SOCK_STREAM, getaddrinfo
from threading import Thread, current_thread, main_thread
from time import monotonic, sleep
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec
from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.exceptions import RequestError

from bazar.kit.errors import Problem
from bazar.kit.http.idempotency import KEY_HEADER, format_key
from bazar.kit.peers.answers import distrust, is_unsent, reason
from bazar.kit.peers.connecting import secured, secured_url, shown_until
from bazar.kit.peers.credentials import Credentials
from bazar.tools.advice import told
from bazar.tools.asking import Asked, Asking, NotBelieved, Restarted, Told
from bazar.wire.limits import PAGE_MAX
from bazar.wire.stock import ACTOR_HEADER

T = TypeVar("T")

SHOP_FILE = "shop.json"
"""Where `bazar up` leaves the addresses, in the data folder."""
LOCK_FILE = "up.lock"
"""In the data folder, held by `bazar up` from its start to its end."""
TIMEOUT = timedelta(seconds=10)
READ_TIMEOUT = timedelta(minutes=1)
"""For one of the keeper's reads, a part of something larger."""
PATIENCE_S = 60.0
"""How long a keeper's read waits for its turn in a busy shop."""
_IF_MATCH = "if-match"
_SUCCESS = range(200, 300)
_NEXT = re.compile('<([^>]*)>; *rel="?next"?')
_SECONDS = re.compile(r"[0-9]{1,4}")

ServiceName = Literal["catalog", "order", "front"]
DEFAULT_PORTS: dict[ServiceName, int] = {"front": 5000, "catalog": 5001, "order": 5002}


class Addresses(msgspec.Struct, frozen=True):
    """Where the three services of a shop are; by default where `bazar up` puts them.

    Those of replicas of a service stand together, with commas between them.
    """

    front: str = f"http://127.0.0.1:{DEFAULT_PORTS['front']}"
    catalog: str = f"http://127.0.0.1:{DEFAULT_PORTS['catalog']}"
    order: str = f"http://127.0.0.1:{DEFAULT_PORTS['order']}"


class Line(NamedTuple):
    """A way to one place of a service."""

    url: str
    client: SyncClient


class RemoteError(Exception):
    """The shop said no, or did not answer; the message is for the person at the terminal."""

    def __init__(
        self,
        message: str,
        problem: Problem | None = None,
        retry_after_s: float | None = None,
        *,
        sent: bool = True,
        certain: bool = False,
    ) -> None:
        """Keep the problem document, and when to ask again, where the answer told it.

        Args:
            message: for the person.
            problem: what the shop said; None where it said nothing that makes sense.
            retry_after_s: when to ask again.
            sent: whether the request may have reached the shop.
            certain: whether nothing was to be sent.
        """
        super().__init__(message)
        self.problem = problem
        self.retry_after_s = retry_after_s
        self.sent = sent
        self.certain = certain

    @property
    def definite(self) -> bool:
        """Whether it is certain that nothing was changed."""
        said = self.problem is not None and self.problem.definite
        return said or self.certain or not self.sent


@dataclass(slots=True)
class Remote:
    """Calls any of the three services of a shop."""

    addresses: Addresses
    secret: str = ""
    _client: SyncClient | None = None
    found_in: Mapping[str, Path] = field(default_factory=dict)
    """The data folders that say where services are, of those that nobody named."""
    actor: str = ""
    """Who asks, for what is noted about a change; the front is not told."""
    tls: Credentials | None = None
    """What we show to catalogs and order services; None: they are asked in the clear."""
    _asking: Asking = field(default_factory=Asking)
    _lines: dict[tuple[str, str], list[Line]] = field(default_factory=dict)

    def url(self, service: str) -> str:
        """Return the address of a service; those of its replicas, with commas between them."""
        return str(getattr(self.addresses, service))

    def urls(self, service: str) -> list[str]:
        """Return the addresses of a service's replicas."""
        return self.url(service).split(",")

    def call(  # noqa: PLR0913  the parts of a request
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: Any = None,  # noqa: ANN401
        key: str | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> T:
        """Call a service and return its answer as a struct.

        Of several replicas the first one is asked that takes connections.

        Args:
            service: front, catalog or order; calls of the last two are signed.
            method: of the request.
            path: with its query string, percent-encoded.
            kind: of the answer.
            body: encoded as JSON.
            key: the idempotency key.
            timeout: for the whole answer; 10 s where nothing else is said.

        Raises:
            RemoteError: the service refused, or did not answer in time.
        """
        headers = {} if key is None else {KEY_HEADER: format_key(key)}
        content, _told = self._call(
            service, method, path, body=body, headers=headers, timeout=timeout
        )
        return _decoded(service, content, kind)

    def tagged(self, service: str, path: str, kind: type[T]) -> tuple[T, str]:
        """Return a thing, and the tag by which a change of it tells that it is still the same.

        Raises:
            RemoteError: the service refused, or did not answer in time.
        """
        content, told = self._call(service, "GET", path)
        return _decoded(service, content, kind), told.get("etag", "")

    def change_tagged(  # noqa: PLR0913  the parts of a request
        self, service: str, path: str, kind: type[T], *, body: object, key: str, tag: str
    ) -> T:
        """Change a thing only where it is still the one that had this tag; see `tagged`.

        Raises:
            RemoteError: it is another one by now, the service refused, or did not answer in time.
        """
        headers = {KEY_HEADER: format_key(key), _IF_MATCH: tag}
        content, _told = self._call(service, "PATCH", path, body=body, headers=headers)
        return _decoded(service, content, kind)

    def page(self, service: str, path: str, kind: type[T]) -> tuple[T, str | None]:
        """Return a page of a list of the keeper's, and the cursor of the next one, if there is one.

        Raises:
            RemoteError: the service refused, or did not answer in time.
        """
        content, told = self.in_turn(lambda: self._call(service, "GET", path, timeout=READ_TIMEOUT))
        found = _NEXT.search(told.get("link", ""))
        after = parse_qs(urlsplit(found[1]).query).get("after") if found else None
        return _decoded(service, content, kind), after[0] if after else None

    def _call(  # noqa: PLR0913  the parts of a request
        self,
        service: str,
        method: str,
        path: str,
        *,
        body: Any = None,  # noqa: ANN401
        headers: Mapping[str, str] | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> tuple[bytes, Mapping[str, str]]:
        """Return the bytes of an answer, and its headers."""
        content = b"" if body is None else msgspec.json.encode(body)
        sent = dict(headers or {})
        if body is not None:
            sent["content-type"] = "application/json"
        if service != "front" and self.actor:
            sent[ACTOR_HEADER] = self.actor
        asked = Asked(service, method, path, sent, content, timeout)
        secret = "" if service == "front" else self.secret

        def ask(line: Line) -> Told:
            return self._asking.ask(line.client, line.url, asked, secret)

        try:
            answer = _interruptible(lambda: _first(self._lines_to(service), ask))
        except NotBelieved as error:
            message = (
                f"what answers at {self.url(service)} is not believed: {error}; name the data "
                "folder of this shop with --data, or the file of its secret with --secret-file"
            )
            raise RemoteError(message, certain=error.undone) from error
        except Restarted as error:
            message = f"{error}, so nobody knows whether this was done; look, and ask again"
            raise RemoteError(message) from error
        except RequestError as error:
            distrusted = distrust(error)
            message = f"the {service} service at {self.url(service)} does not answer" + (
                f": {distrusted}"
                if distrusted
                else f" ({reason(error)}); {self._where_else(service)}"
            )
            raise RemoteError(message, sent=not is_unsent(error)) from error
        if answer.status not in _SUCCESS:
            after = answer.headers.get("retry-after", "")
            raise _refusal(service, answer.status, answer.body, after)
        return answer.body, answer.headers

    def _lines_to(self, service: str) -> list[Line]:
        """Return by which ways a service is asked, the first one first.

        Raises:
            RemoteError: an address is a name that is not known.
        """
        if self.tls is None or service == "front":
            client = self._client = self._client or SyncClientBuilder().no_proxy().build()
            return [Line(url, client) for url in self.urls(service)]
        lines: list[Line] = []
        for url in self.urls(service):
            if (service, url) not in self._lines:
                self._lines[service, url] = _secured_lines(service, url, self.tls)
            lines += self._lines[service, url]
        return lines

    def ends_at(self, service: str) -> datetime:
        """Return when the certificate ends that a service shows now, asked under TLS.

        Raises:
            RemoteError: it does not show one that we believe.
        """
        assert self.tls is not None
        _url, host, port = secured_url(service, self.url(service))
        try:
            return shown_until(self.tls, service, host, port)
        except OSError as error:
            message = f"the {service} service shows no certificate: {error}"
            raise RemoteError(message) from error

    def _where_else(self, service: str) -> str:
        """Return what somebody does about a service that does not answer."""
        folder = self.found_in.get(service)
        if folder is not None:
            return f"'bazar up' runs on {folder}, so it may be back in a moment; else see its log"
        option = "--url" if service == "front" else f"--{service}"
        return (
            "is the shop running? Start it with 'bazar up', or name its data folder with --data or "
            f"its address with {option}"
        )

    def piece(self, service: str, path: str) -> bytes:
        """Return bytes that a service has for its keeper, and wait for a turn where it is busy.

        Raises:
            RemoteError: the service refused, did not answer in time, or was busy for a minute.
        """
        content, _told = self.in_turn(
            lambda: self._call(service, "GET", path, timeout=READ_TIMEOUT)
        )
        return content

    def read(self, service: str, path: str, kind: type[T], timeout: timedelta = READ_TIMEOUT) -> T:
        """Ask a service for something of the keeper's, and wait for a turn where it is busy.

        Raises:
            RemoteError: the service refused, did not answer in time, or was busy for a minute.
        """
        return self.in_turn(lambda: self.call(service, "GET", path, kind, timeout=timeout))

    @staticmethod
    def in_turn(ask: Callable[[], T]) -> T:
        """Ask, and ask again when the service says so, for a minute.

        Only for what may be asked twice.

        Raises:
            RemoteError: as the question does.
        """
        ends_at_s = monotonic() + PATIENCE_S
        while True:
            try:
                return ask()
            except RemoteError as error:
                after_s = error.retry_after_s
                if after_s is None or monotonic() + after_s > ends_at_s:
                    raise
            sleep(after_s)

    def pages(  # noqa: PLR0913  the parts of a list's address
        self,
        service: str,
        path: str,
        kind: type[T],
        cursor: str,
        query: Mapping[str, str] | None = None,
        *,
        limit: int = PAGE_MAX,
    ) -> Iterator[T]:
        """Yield every item of a list whose next page comes after the last item's `cursor`.

        Only an empty page is the end: a short one is not.
        """
        after: Any = None
        while True:
            arguments: dict[str, Any] = {"limit": limit, **(query or {})}
            if after is not None:
                arguments["after"] = after
            page = self.read(service, f"{path}?{urlencode(arguments)}", list[kind])  # type: ignore[valid-type]
            if not page:
                return
            yield from page
            after = getattr(page[-1], cursor)


def _interruptible(ask: Callable[[], T]) -> T:
    """Ask in a thread, so that Ctrl-C ends the waiting: in native code nobody hears of it.

    What was asked may still be done. Only the main thread hears of Ctrl-C at all.
    """
    if current_thread() is not main_thread():
        return ask()
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # noqa: BLE001  raised again, where somebody waits for it
            errors.append(error)

    asking = Thread(target=run, name="asking", daemon=True)
    asking.start()
    asking.join()
    for error in errors:
        raise error
    return answers[0]


def _secured_lines(service: str, url: str, tls: Credentials) -> list[Line]:
    """Return a way to each place that an address under TLS stands for."""
    asked, host, port = secured_url(service, url)
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM)
    except OSError as error:
        message = f"the {service} service at {url} cannot be found: {error.strerror}"
        raise RemoteError(message, sent=False) from error
    return [
        Line(asked, secured(SyncClientBuilder().no_proxy(), tls, service, ip, port).build())
        for ip in dict.fromkeys(str(place[0]) for *_kind, place in found)
    ]


def _first(lines: Sequence[Line], ask: Callable[[Line], T]) -> T:
    """Return what the first of several places answers that takes connections.

    To one that takes none nothing was sent, so nothing was done there.
    """
    for line in lines[:-1]:
        try:
            return ask(line)
        except RequestError as error:
            if not is_unsent(error):
                raise
    return ask(lines[-1])


def _refusal(service: str, status: int, content: bytes, retry_after: str) -> RemoteError:
    retry_after_s = float(retry_after) if _SECONDS.fullmatch(retry_after) else None
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except msgspec.DecodeError:
        message = f"the {service} service answered {status}: {content[:200]!r}"
        return RemoteError(message, None, retry_after_s)
    return RemoteError(told(problem), problem, retry_after_s)


def _decoded(service: str, content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        message = f"the answer of the {service} service makes no sense to this release: {error}"
        raise RemoteError(message) from error


def segment(text: str) -> str:
    """Return a text as one segment of a path.

    Raises:
        RemoteError: it is empty, or `.` or `..`, which in a path mean something else.
    """
    if text in {"", ".", ".."}:
        message = f"nothing in the shop is called {text!r}"
        raise RemoteError(message, certain=True)
    return quote(text, safe="")
