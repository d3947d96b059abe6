"""Who may call what: every cell of the table in docs/security.md, called on real processes."""

import http.client
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from cluster.processes import command_line
from cluster.running import RunningShop, TestedShop, ThreeServices
from fuzz.raw import place_of
from fuzz.standing import standing
from support.described import SERVICES, documented, endpoints

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(r"^\| (\w+) \| `([A-Z]+) (/\S*)` \| (yes|no) \| (yes|no) \|$", re.MULTILINE)
EVERY = "every"
WRONG = "a secret that was never anybody's"
VALUES = {"book_id": "1", "field": "price", "value": "1", "name": "start.js"}
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Cell:
    """A route of a service, and who may call it."""

    service: str
    method: str
    path: str
    anyone: bool
    with_secret: bool


def table() -> list[Cell]:
    """Return the rows of the page, those of every service once for each."""
    return [
        Cell(one, method, path, anyone == "yes", with_secret == "yes")
        for service, method, path, anyone, with_secret in ROW.findall(PAGE.read_text("utf-8"))
        for one in (SERVICES if service == EVERY else (service,))
    ]


def call(shop: TestedShop, cell: Cell, authorization: str | None) -> tuple[int, bytes]:
    """Send the route a request; return status and body, for an endless answer nothing of it."""
    path = re.sub(r"{(\w+)}", lambda found: VALUES.get(found[1], "none"), cell.path)
    host, port = place_of(getattr(shop.addresses, cell.service))
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    headers = {} if authorization is None else {"Authorization": authorization}
    try:
        connection.request(cell.method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, b"" if cell.path == "/changes" else answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run a shop with one book, which logs for machines."""
    folder = tmp_path_factory.mktemp("security") / "data"
    with RunningShop(folder, "--empty", "--log-format", "json") as running:
        running.add_book(10)
        yield running


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_has_a_row_and_every_row_a_route(service: str) -> None:
    """A new route needs a decision about who may call it."""
    listed = sorted((cell.method, cell.path) for cell in table() if cell.service == service)
    routes = [documented(one) for one in endpoints(service)]
    assert sorted(routes) == listed


@pytest.mark.parametrize("service", SERVICES)
def test_the_rows_say_what_the_openapi_document_says(service: str) -> None:
    """A route that wants the secret is marked, and no other."""
    marked = {documented(one) for one in endpoints(service) if one.route.secret}
    closed = {
        (one.method, one.path) for one in table() if one.service == service and not one.anyone
    }
    assert marked == closed


@pytest.mark.parametrize(
    "cell", table(), ids=lambda cell: f"{cell.service}-{cell.method}{cell.path}"
)
def test_a_route_is_open_to_those_of_its_row_and_to_nobody_else(
    shop: RunningShop, cell: Cell
) -> None:
    """Without a secret, with wrong ones, and with the right one; from this very machine."""
    before = standing(shop)
    strangers = [None, f"Bearer {WRONG}", f"Bearer {shop.secret[:-1]}", f"Basic {shop.secret}"]
    for authorization in strangers:
        status, body = call(shop, cell, authorization)
        assert cell.anyone == (status != 401), (authorization, status)
        assert 403 != status
        if status == 401:
            assert "unauthorized" == msgspec.json.decode(body)["code"]
    if not cell.anyone:
        assert before == standing(shop)
    assert cell.with_secret
    status, _body = call(shop, cell, f"Bearer {shop.secret}")
    assert status not in {401, 403}


def test_a_secret_that_was_changed_opens_nothing_any_more(tmp_path: Path) -> None:
    """After all services got another one, the old one is refused everywhere."""
    closed = [cell for cell in table() if not cell.anyone]
    with ThreeServices(tmp_path) as shop:
        shop.open()
        shop.add_book(10)
        old, shop.secret = shop.secret, "another secret, chosen after a leak"
        for service in SERVICES:
            shop.stop(service)
        shop.open()
        for cell in closed:
            assert 401 == call(shop, cell, f"Bearer {old}")[0], cell
        assert 10 == shop.stock(1)


def test_no_secret_is_in_a_log_an_answer_or_a_command_line(shop: RunningShop) -> None:
    """Not the right one and not one that somebody tried."""
    tried = [shop.secret, WRONG, shop.secret[:-1]]
    heard = []
    for cell in table():
        for secret in tried:
            heard.append(call(shop, cell, f"Bearer {secret}")[1])
            heard.append(call(shop, cell, secret)[1])
    commands = [
        " ".join(command_line(process.pid))
        for process in (shop.supervisor(), *shop.services().values())
    ]
    told = "\n".join([shop.log(), *commands, *(body.decode("utf-8", "replace") for body in heard)])
    assert '"status":401' in shop.log()
    assert [] == [secret for secret in tried if secret in told]


def test_every_file_is_its_owners_alone(shop: RunningShop) -> None:
    """Databases, their logs, locks, the secret: 0600 in a folder 0700; so are rejected rows."""
    source = shop.data.with_name("books.csv")
    source.write_text("title,topic,price\n,tests,1\n", "utf-8")
    rejects = shop.data.with_name("rejects.csv")
    shop.bazar("import", source, "--rejects", rejects)
    files = [path for path in [*shop.data.rglob("*"), rejects] if path.is_file()]
    names = {path.name for path in files}
    assert {"secret", "catalog.db", "catalog.db-wal", "order.db-shm", "rejects.csv"} <= names
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in files}
    assert dict.fromkeys(modes, "0o600") == modes
    assert 0o700 == stat.S_IMODE(shop.data.stat().st_mode)
