"""What is made from the descriptions of the services by programs that know nothing of them.

Two linters find nothing to say, and clients that were generated for Python and for TypeScript buy
a book in a running shop. All of it is under way at once, since such programs are slow to start.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bazar.tools.shop import Shop
from bazar.wire.books import Book
from bazar.wire.teaching.examples import EXAMPLES
from browser.chromium import chromium, need_browser
from clients.tools import (
    MODULES,
    OPENAPI_TYPESCRIPT,
    PYTHON,
    REDOCLY,
    SPECTRAL,
    TSC,
    Running,
    need_tools,
    node,
    page_at,
)
from support.described import SERVICES, document
from support.processes import free_ports
from support.running import RunningShop

HERE = Path(__file__).parent
FILES = [f"{service}.json" for service in SERVICES]
GENERATE = (
    PYTHON,
    "-m",
    "openapi_python_client",
    "generate",
    *("--path", "front.json", "--output-path", "bazar_client", "--meta", "none"),
    *("--config", "generate.json"),
)
COMPILED = {
    "compilerOptions": {
        "module": "nodenext",
        "target": "es2022",
        "lib": ["es2022", "dom"],
        "types": [],
        "strict": True,
        "skipLibCheck": True,
    },
    "files": ["buy.mts"],
}
VISIT = {
    "titles": ["How to get a good grade in DOS in 40 minutes a day", "RPCs for Noobs"],
    "cheapest": 1,
    "price": 19.99,
    "bought": 2,
    "same": True,
    "order": "confirmed",
    "placed": True,
    "cancelled": "cancelled",
    "refused": ["out-of-stock", True, 1000],
    "unknown": [404, "book-not-found"],
}
"""What each customer tells of their visit; see `buy.py` and `buy.mts`."""
SCRIPT = """async (url) => {
  const headers = {"content-type": "application/json", "idempotency-key": "page"};
  const send = (path, options) => fetch(url + path, options).then(
    async (answer) => ({
      status: answer.status, body: await answer.json(), tag: answer.headers.get("etag"),
      order: answer.headers.get("location"), key: answer.headers.get("idempotency-key"),
    }),
    () => null,  // the browser tells a page nothing of an answer that it may not read
  );
  const book = await send("/info/2");
  const buy = {method: "POST", headers, body: '{"quantity": 1}'};
  const bought = await send("/purchase/2", buy);
  const blind = await send("/purchase/2", {method: "POST"});
  const cancelled = bought && await send(bought.order + "/cancel", {method: "POST"});
  return {book, bought, blind, cancelled};
}"""
"""What a page does with the shop."""
COPIES = 100
"""Of the book that they buy and give back, in the sample shop."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the three documents, and what the programs need beside them."""
    need_tools()
    made = tmp_path_factory.mktemp("described")
    for service in SERVICES:
        (made / f"{service}.json").write_bytes(msgspec.json.encode(document(service)))
    (made / ".spectral.json").write_text('{"extends": ["spectral:oas"]}', "utf-8")
    (made / "generate.json").write_text('{"post_hooks": []}', "utf-8")
    (made / "tsconfig.json").write_text(json.dumps(COMPILED), "utf-8")
    (made / "node_modules").symlink_to(MODULES)
    for name in ("buy.py", "buy.mts"):
        shutil.copy(HERE / name, made)
    return made


@pytest.fixture(scope="module")
def programs(folder: Path) -> Iterator[dict[str, Running]]:
    """Start the programs that need no shop; whoever wants to know what one said waits for it."""
    with ExitStack() as stack:
        started = {
            "typescript": node(folder, OPENAPI_TYPESCRIPT, "front.json", "-o", "front.d.ts"),
            "python": Running(folder, *GENERATE),
            "spectral": node(folder, SPECTRAL, "lint", "--fail-severity=hint", *FILES),
            "redocly": node(folder, REDOCLY, "lint", "--format=json", *FILES),
        }
        for running in started.values():
            stack.callback(running.end)
        yield started


@pytest.fixture(scope="module")
def pages() -> list[str]:
    """Return the origins of two pages, of which the shop invites the first."""
    return [f"http://localhost:{port}" for port in free_ports(2)]


@pytest.fixture(scope="module")
def shop(
    programs: dict[str, Running], pages: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningShop]:
    """Run a shop with the sample catalogue, which the examples are from."""
    assert programs
    data = tmp_path_factory.mktemp("clients") / "data"
    with RunningShop(data, "--cors", pages[0]) as opened:
        yield opened
        assert [] == opened.settled_audit().differences


def test_spectral_finds_nothing(programs: dict[str, Running]) -> None:
    """By its own rules, of any severity, in all three documents."""
    assert "No results" in programs["spectral"].said()


def test_redocly_finds_nothing(programs: dict[str, Running]) -> None:
    """By its recommended rules: no error, and no warning either."""
    rest, found = programs["redocly"].said().strip(), []
    while rest:
        one, end = json.JSONDecoder().raw_decode(rest)
        found.append((one["totals"], one["problems"]))
        rest = rest[end:].strip()
    assert [({"errors": 0, "warnings": 0, "ignored": 0}, [])] * len(SERVICES) == found


def test_a_client_made_for_python_buys(
    folder: Path, programs: dict[str, Running], shop: RunningShop
) -> None:
    """Once for a key; it reads dates and errors as what they are, and nothing is left out."""
    assert "warning" not in programs["python"].said().lower()
    visit = Running(folder, PYTHON, "buy.py", shop.addresses.front)
    assert VISIT == json.loads(visit.said())


def test_a_client_made_for_typescript_buys(
    folder: Path, programs: dict[str, Running], shop: RunningShop
) -> None:
    """Its compiler is content with how the answers are used, errors too."""
    programs["typescript"].said()
    node(folder, TSC, "-p", ".").said()
    assert VISIT == json.loads(node(folder, "buy.mjs", shop.addresses.front).said())


def test_a_browser_lets_invited_pages_buy_and_no_others(
    shop: RunningShop, pages: list[str]
) -> None:
    """They see the headers that they need; a stranger is neither answered nor heard."""
    need_browser()
    told = []
    with chromium() as browsers:
        for origin in pages:
            page = browsers.open().new_page()
            with page_at(origin):
                page.goto(f"{origin}/")
            told.append(page.evaluate(SCRIPT, shop.addresses.front))
    invited, stranger = told
    assert (200, 2) == (invited["book"]["status"], invited["book"]["body"]["id"])
    assert invited["book"]["tag"].startswith('"')
    assert (201, '"page"') == (invited["bought"]["status"], invited["bought"]["key"])
    assert invited["bought"]["order"] == f"/orders/{invited['bought']['body']['order_id']}"
    assert "cancelled" == invited["cancelled"]["body"]["status"]
    assert 201 == invited["blind"]["status"]
    assert {"book": None, "bought": None, "blind": None, "cancelled": None} == stranger
    placed = [one.order_id for one in shop.orders(2) if one.status == "confirmed"]
    assert [invited["blind"]["body"]["order_id"]] == placed
    shop.remote().front.cancel(*placed)


def test_the_examples_are_those_of_the_sample_shop(shop: RunningShop) -> None:
    """Whoever reads them and asks gets them: the book, its topic, its title, an error."""
    asked: Shop = shop.remote()
    paths = document("front")["paths"]

    def example(path: str, status: str) -> Any:  # noqa: ANN401
        answer = paths[path]["get"]["responses"][status]
        (content,) = answer["content"].values()
        return content["example"]

    book: Book = EXAMPLES[Book]
    told = asked.call("front", "GET", f"/info/{book.id}", Book)
    assert book == msgspec.structs.replace(told, quantity=book.quantity, version=book.version)
    assert COPIES == book.quantity
    (topic,) = example("/topics", "200")
    assert topic in asked.call("front", "GET", "/topics", list[dict[str, Any]])
    (title,) = example("/search/{topic}", "200")
    sample = next(
        one for one in paths["/search/{topic}"]["get"]["parameters"] if one["name"] == "topic"
    )["example"]
    assert title in asked.call("front", "GET", f"/search/{sample}", list[dict[str, Any]])
