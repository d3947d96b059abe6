"""`bazar load` against a shop that runs, as a person types it."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import sleep

import msgspec
import pytest

from bazar.load.check import audit_differences
from bazar.load.own import TOPIC
from bazar.load.purchases import Purchases
from bazar.wire.books import Book
from support.processes import (
    BAZAR,
    IMPATIENT,
    STOP_TIMEOUT_S,
    Result,
    environment,
    free_ports,
    run_bazar,
    wait_for,
)
from support.running import RunningShop

CLEAN = (
    r"checked ([\d,]+) purchases \(([\d,]+) sold(?:, [\d,]+ asked again)?\): "
    r"stock and orders add up"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run one shop with the sample catalogue."""
    with RunningShop(tmp_path_factory.mktemp("load") / "data") as running:
        yield running


def own_books(shop: RunningShop) -> list[Book]:
    """Return the books that loads brought."""
    books = shop.remote().catalog.every_book()
    return [book for book in books if book.topic == TOPIC]


def for_sale(shop: RunningShop) -> list[Book]:
    """Return those of them that customers see."""
    return [book for book in own_books(shop) if not book.retired]


def number(text: str) -> int:
    """Return the number that was printed."""
    return int(text.replace(",", ""))


class Started:
    """A load that runs beside the test, until it is interrupted."""

    def __init__(self, shop: RunningShop, *words: object, program: Sequence[str] = BAZAR) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [sys.executable, *program, "load", "--duration", "600", *map(str, words)],
            env=environment({"BAZAR_DATA": str(shop.data)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def ended(self) -> Result:
        """Interrupt it, and wait for its end."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=STOP_TIMEOUT_S + 60)
        return Result(self.process.returncode, out, err)


def test_a_load_ends_in_a_table_a_drawing_and_a_verdict(shop: RunningShop, tmp_path: Path) -> None:
    """The issue's own example, shorter: everything adds up, and nothing of the shop was sold."""
    before = {book_id: shop.stock(book_id) for book_id in range(1, 11)}
    plot = tmp_path / "out.svg"
    done = shop.bazar("load", "--duration", 1, "--plot", plot)
    assert (0, "") == (done.code, done.err)
    heading, *rows, verdict = done.out.splitlines()
    assert ["kind", "answers", "answers/s"] == heading.split()[:3]
    assert ["browse", "search", "buy", "all"] == [row.split()[0] for row in rows[:4]]
    found = re.fullmatch(CLEAN, verdict)
    assert found is not None, done.out
    assert 0 < number(found[2]) == number(found[1]) == number(rows[2].split()[1])
    assert plot.read_text("utf-8").startswith("<?xml")
    assert {0} == {book.quantity for book in own_books(shop)}
    assert [] == for_sale(shop)
    assert before == {book_id: shop.stock(book_id) for book_id in before}


def test_a_load_for_programs_has_every_figure(shop: RunningShop) -> None:
    """With a rate; the kinds that were not asked for are left out."""
    words = ["--duration", 1, "--rate", 50, "--mix", "browse=3,buy=1", "--books", 2, "--json"]
    done = shop.bazar("load", *words)
    assert 0 == done.code
    report = done.json
    assert ["browse", "buy", "all"] == [kind["kind"] for kind in report["kinds"]]
    everything = report["kinds"][-1]
    assert 0 < everything["p50_ms"] <= everything["p95_ms"] <= everything["p99_ms"]
    assert 20 <= sum(everything["outcomes"].values()) + report["unsent"] <= 100
    check = report["check"]
    assert (True, []) == (check["audited"], check["differences"])
    assert check["sold"] == check["purchases"] == sum(report["kinds"][1]["outcomes"].values())


def test_the_next_load_takes_the_same_books(shop: RunningShop) -> None:
    """However often the shop is loaded, it does not fill up with books of loads."""
    words = ["load", "--duration", 1, "--rate", 20, "--books", 3]
    assert 0 == shop.bazar(*words).code
    count = len(own_books(shop))
    assert 3 <= count
    assert 0 == shop.bazar(*words).code
    assert count == len(own_books(shop))


def test_a_flash_sale_sells_the_last_copy_and_no_more(shop: RunningShop) -> None:
    """Of one real book: an honest no for all who come too late."""
    copies = shop.stock(4)
    load = Started(shop, "--flash-sale", 4, "--mix", "buy=1")
    wait_for("those who come too late", lambda: shop.order_ids(4, "rejected"))
    done = load.ended()
    assert 0 == done.code, done.out
    assert "out-of-stock" in done.out
    assert f"({copies:,} sold" in done.out
    assert (0, copies) == (shop.stock(4), len(shop.order_ids(4, "confirmed")))


def named(shop: RunningShop) -> list[str]:
    """Return the options that say where a shop is, and nothing of its secret."""
    at = shop.addresses
    return ["--url", at.front, "--catalog", at.catalog, "--order", at.order]


def test_the_real_stock_can_be_bought_without_the_secret(shop: RunningShop, tmp_path: Path) -> None:
    """Then only the front is asked, and the verdict says what was not compared."""
    words = ["load", "--duration", 1, "--rate", 30, "--real-stock", "--mix", "buy=1"]
    done = run_bazar(*words, *named(shop), "--data", tmp_path)
    assert (0, "") == (done.code, done.err)
    assert "all is as the buyers were told; the stock needs the secret" in done.out


def test_looking_needs_no_secret_and_leaves_nothing_to_check(
    shop: RunningShop, tmp_path: Path
) -> None:
    """A load without buyers changes nothing."""
    words = ["load", "--duration", 1, "--rate", 30, "--mix", "browse=1"]
    done = run_bazar(*words, *named(shop), "--data", tmp_path)
    assert 0 == done.code
    assert "nothing was bought, so there is nothing to check" in done.out


def test_a_stock_that_changes_behind_its_back_is_named(shop: RunningShop) -> None:
    """Exit code 1, and which book lacks how many copies."""
    load = Started(shop, "--books", 1, "--mix", "buy=1", "--rate", 20)

    def on_sale() -> list[Book]:
        return [book for book in own_books(shop) if book.quantity]

    (book,) = wait_for("a book on sale", on_sale)
    assert 0 == shop.bazar("book", "restock", "--", book.id, -3).code
    done = load.ended()
    assert 1 == done.code
    found = re.search(rf"  book {book.id}: (\d+) copies left the stock, (\d+) were sold", done.out)
    assert found is not None, done.out
    assert 3 == int(found[1]) - int(found[2])
    assert re.search(r"purchases \(\d+ sold\): 1 difference$", done.out.strip())
    assert [] == on_sale()


def test_ctrl_c_ends_a_load_early_with_table_and_check(shop: RunningShop) -> None:
    """What was bought by then is checked all the same."""
    before = len(shop.orders())
    load = Started(shop, "--rate", 50, "--mix", "buy=1")
    wait_for("customers", lambda: len(shop.orders()) > before + 20)
    done = load.ended()
    assert 0 == done.code, done.out + done.err
    assert re.search(CLEAN, done.out)
    assert {0} == {book.quantity for book in own_books(shop)}
    assert [] == for_sale(shop)


def test_what_a_killed_load_leaves_goes_with_the_next(shop: RunningShop) -> None:
    """The shop is again as it was, and nobody had to tidy it up."""
    load = Started(shop, "--rate", 20, "--mix", "buy=1")
    wait_for("books for sale", lambda: for_sale(shop))
    load.process.kill()
    load.process.communicate(timeout=STOP_TIMEOUT_S)
    assert for_sale(shop)
    assert 0 == shop.bazar("load", "--duration", 1, "--rate", 20, "--books", 1).code
    assert [] == for_sale(shop)
    assert {0} == {book.quantity for book in own_books(shop)}


def test_a_shop_with_real_books_is_not_loaded_unasked(shop: RunningShop) -> None:
    """A script has to say so; nothing was touched."""
    book_id = shop.add_book(3, "The book of a real shop")
    before = len(own_books(shop))
    done = shop.bazar("load", "--duration", 1)
    assert (1, "") == (done.code, done.out)
    assert "such as 'The book of a real shop'" in done.err
    assert "--yes" in done.err
    assert before == len(own_books(shop))
    assert 0 == shop.bazar("load", "--duration", 1, "--rate", 20, "--yes").code
    assert 0 == shop.bazar("book", "retire", book_id).code
    assert 0 == shop.bazar("load", "--duration", 1, "--rate", 20).code


def test_a_service_that_dies_meanwhile_loses_nothing(shop: RunningShop) -> None:
    """The order service is killed under load: every purchase has one end, and all adds up."""
    before = len(shop.orders())
    load = Started(shop, "--rate", 100, "--mix", "browse=1,buy=1", "--json")
    wait_for("customers", lambda: len(shop.orders()) > before + 20)
    victim = shop.kill("order")
    shop.wait_for_another("order", victim)
    again = len(shop.orders())
    wait_for("customers again", lambda: len(shop.orders()) > again + 20)
    done = load.ended()
    assert 0 == done.code, done.out + done.err
    assert [] == done.json["check"]["differences"]
    assert done.json["check"]["sold"] > 20


def test_the_orders_of_another_shop_prove_nothing(shop: RunningShop) -> None:
    """Before it audits, the check makes sure that it asks the shop that was loaded."""
    (difference,) = audit_differences(shop.remote(), Purchases(acknowledged={"0" * 26: 1}))
    assert f"{shop.addresses.order} does not know order {'0' * 26}" in difference
    assert [] == audit_differences(shop.remote(), Purchases())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--flash-sale", 999_999], "book-not-found"),
        (["--secret-file", "{secret}"], "another secret than that folder"),
        (
            ["--secret-file", "{secret}", "--catalog", "{catalog}", "--order", "{order}"],
            "unauthorized",
        ),
        (["--url", "http://127.0.0.1:{port}"], "does not answer"),
    ],
)
def test_a_load_that_cannot_start_says_why_in_one_line(
    shop: RunningShop, tmp_path: Path, words: list[object], said: str
) -> None:
    """No table, no traceback."""
    secret = tmp_path / "secret"
    secret.write_text("not the secret of this shop\n")
    (port,) = free_ports(1)
    at = msgspec.structs.asdict(shop.addresses)
    given = [str(word).format(secret=secret, port=port, **at) for word in words]
    done = shop.bazar("load", "--duration", 1, *given)
    assert (1, "") == (done.code, done.out)
    (line,) = done.err.splitlines()
    assert said in line


def test_a_shop_that_stops_for_good_is_no_clean_verdict(tmp_path: Path) -> None:
    """The table is printed, the check cannot be made: one line says so, with exit code 1."""
    with RunningShop(tmp_path / "data") as shop:
        words = ["--rate", 30, "--mix", "browse=1,buy=1"]
        load = Started(shop, *words, program=IMPATIENT)
        wait_for("customers", shop.orders)
        shop.stop()
        sleep(1)
        done = load.ended()
    assert 1 == done.code
    assert "no-answer" in done.out
    assert "add up" not in done.out
    assert "does not answer" in done.err.splitlines()[-1]
