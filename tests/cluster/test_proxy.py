"""An ordinary cache before the shop, with its own defaults: nobody sees through it what is over."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.customers import Customers
from support.processes import STOP_TIMEOUT_S, free_ports, wait_for
from support.running import RunningShop

VARNISH = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin")


def need_varnish() -> str:
    """Return where Varnish is; skip where it is missing, in CI fail."""
    if VARNISH is None:
        reason = "varnishd is missing: apt-get install varnish"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return VARNISH


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run a shop with one book."""
    need_varnish()
    with RunningShop(tmp_path_factory.mktemp("proxy") / "data", "--empty") as running:
        running.add_book(50)
        yield running


@pytest.fixture(scope="module")
def proxy(shop: RunningShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the cache before it, and return its address."""
    folder, (port,) = tmp_path_factory.mktemp("varnish"), free_ports(1)
    listens, backend = f"127.0.0.1:{port}", shop.addresses.front.removeprefix("http://")
    words = [need_varnish(), "-F", "-n", str(folder / "work"), "-a", listens, "-b", backend]
    log = Path(folder / "varnish.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*words, "-s", "malloc,16m"],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        wait_for("Varnish", lambda: "Child launched OK" in log.read_text("utf-8", "replace"))
        yield f"http://{listens}"
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


async def test_the_stock_is_the_shops_own(proxy: str) -> None:
    """After each sale through the proxy the next read through it shows what is left."""
    async with Customers(proxy) as customers:
        there = (await customers.call("GET", "/info/1")).json["quantity"]
        for left in (there, there - 1, there - 2):
            for _ in range(2):
                shown = await customers.call("GET", "/info/1")
                assert left == shown.json["quantity"], shown.headers
                assert "varnish" in shown.headers["via"].lower()
            assert 201 == (await customers.call("POST", "/purchase/1")).status


async def test_an_order_is_as_it_stands(proxy: str) -> None:
    """Cancelled through the proxy, it is cancelled there too; what was unknown becomes known."""
    async with Customers(proxy) as customers:
        bought = await customers.call("POST", "/purchase/1")
        path = bought.headers["location"]
        assert "confirmed" == (await customers.call("GET", path)).json["status"]
        assert "cancelled" == (await customers.call("POST", f"{path}/cancel")).json["status"]
        assert "cancelled" == (await customers.call("GET", path)).json["status"]


async def test_lists_and_errors_end_with_what_they_tell_of(shop: RunningShop, proxy: str) -> None:
    """A topic without books, and a book that is not there yet, do not outlive its arrival."""
    async with Customers(proxy) as customers:
        lists = ("/search/tests", "/topics", "/books", "/books?q=noobs")
        before = {path: (await customers.call("GET", path)).content for path in lists}
        assert 404 == (await customers.call("GET", "/info/2")).status
        assert 2 == shop.add_book(1, "More RPCs for Noobs")
        assert 200 == (await customers.call("GET", "/info/2")).status
        for path in lists:
            assert before[path] != (await customers.call("GET", path)).content, path


async def test_who_holds_a_book_is_told_so_through_the_proxy(proxy: str) -> None:
    """As long as it is the same, and no longer."""
    async with Customers(proxy) as customers:
        held = {"if-none-match": (await customers.call("GET", "/info/1")).headers["etag"]}
        same = await customers.call("GET", "/info/1", headers=held)
        assert (304, b"") == (same.status, same.content)
        assert 201 == (await customers.call("POST", "/purchase/1")).status
        assert 200 == (await customers.call("GET", "/info/1", headers=held)).status
