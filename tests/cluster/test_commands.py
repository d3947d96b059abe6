"""Every command, as a person types it, against a shop that runs.

Most run in this process, which saves each the half second that a start takes.
"""

import os
import re
import shlex
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path
from typing import Any

import apsw
import pytest
from typer.testing import CliRunner

from bazar.cli.main import app
from bazar.cli.terminal import visible
from bazar.wire.orders import Receipt
from support.processes import Result, free_ports, run_bazar
from support.running import RunningShop

NO_SETTINGS = {name: None for name in os.environ if name.startswith("BAZAR_") or name == "COLUMNS"}
FIELDS = {"id", "title", "author", "topic", "price", "currency", "quantity", "isbn", "version"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run one shop with the sample catalogue."""
    with RunningShop(tmp_path_factory.mktemp("commands") / "data") as running:
        yield running


def typed(shop: RunningShop, *words: object) -> Result:
    """Run a command on a shop's data folder, in this process."""
    done = CliRunner().invoke(
        app, [str(word) for word in words], env={**NO_SETTINGS, "BAZAR_DATA": str(shop.data)}
    )
    return Result(done.exit_code, done.stdout, done.stderr)


def out(shop: RunningShop, *words: object) -> str:
    """Return what a command printed; it ended well and complained of nothing."""
    done = typed(shop, *words)
    assert (0, "") == (done.code, done.err)
    return done.out


def as_json(shop: RunningShop, *words: object) -> Any:  # noqa: ANN401
    """Return what a command printed with --json, decoded."""
    done = typed(shop, *words, "--json")
    assert (0, "") == (done.code, done.err)
    return done.json


def refusal(shop: RunningShop, *words: object) -> str:
    """Return the one line with which a command was refused."""
    done = typed(shop, *words)
    assert (1, "") == (done.code, done.out)
    (line,) = done.err.splitlines()
    assert line.startswith("bazar: ")
    return line


def misuse(shop: RunningShop, *words: object) -> str:
    """Return the one line about a command line that makes no sense."""
    done = typed(shop, *words)
    assert (2, "") == (done.code, done.out)
    (line,) = done.err.splitlines()
    return line


def test_search_lists_the_books_of_a_topic(shop: RunningShop) -> None:
    """The lab's own search, for people and for programs; the topic in any case."""
    assert "RPCs for Noobs" in out(shop, "search", "distributed systems")
    found = as_json(shop, "search", "Distributed-Systems")
    assert {"id": 2, "title": "RPCs for Noobs"} in found
    assert "nothing found" in out(shop, "search", "no such topic")


def test_search_by_text_finds_the_best_match_first(shop: RunningShop) -> None:
    """Words of title, author, topic or description; whole books in JSON."""
    assert "RPCs for Noobs" in out(shop, "search", "--text", "rpcs noobs")
    found = as_json(shop, "search", "--text", "rpcs", "--limit", 3)
    assert 1 <= len(found) <= 3
    assert 2 == found[0]["id"]
    assert found[0].keys() >= FIELDS


def test_search_wants_a_topic_or_words(shop: RunningShop) -> None:
    """Neither, or both, is refused."""
    assert "--text" in misuse(shop, "search")
    assert "--text" in misuse(shop, "search", "topic", "--text", "words")


def test_info_shows_a_book_or_says_that_there_is_none(shop: RunningShop) -> None:
    """The price has exactly the decimals of its currency."""
    shown = out(shop, "info", 1)
    assert re.search(r"^price +24\.50$", shown, re.MULTILINE)
    assert as_json(shop, "info", 1).keys() >= FIELDS
    assert "book-not-found" in refusal(shop, "info", 999_999)


def test_buy_sells_and_says_what_and_for_how_much(shop: RunningShop) -> None:
    """Title, copies, total and order id, for people and for programs."""
    before = as_json(shop, "info", 2)["quantity"]
    said = out(shop, "buy", 2, "--quantity", 2)
    assert "bought book RPCs for Noobs" in said
    assert "39.98 USD" in said
    bought = as_json(shop, "buy", 2)
    assert ("confirmed", 1, "USD") == (bought["status"], bought["quantity"], bought["currency"])
    assert before - 3 == as_json(shop, "info", 2)["quantity"]


def test_buy_twice_with_one_key_buys_once(shop: RunningShop) -> None:
    """The second answer is the first one, whatever the key looks like; another wish is refused."""
    for key in ("once", 'with "quotes" and \\'):
        first = shop.bazar("buy", 5, "--key", key, "--json")
        second = shop.bazar("buy", 5, "--key", key, "--json")
        assert (0, first) == (first.code, second)
    assert 2 == len(shop.orders(5))
    assert "idempotency-key-reused" in refusal(shop, "buy", 6, "--key", "once")


def test_buy_says_why_nothing_was_sold(shop: RunningShop) -> None:
    """Out of stock, or no such book: one line each."""
    assert "out-of-stock" in refusal(shop, "buy", 7, "--quantity", 1000)
    assert "book-not-found" in refusal(shop, "buy", 999_999)


def test_a_book_is_named_by_its_isbn_wherever_it_is_named_by_its_id(shop: RunningShop) -> None:
    """In any form, by every command; one that no book has is told as it was typed."""
    dressed = "ISBN 978-1-59327-928-8"
    added = as_json(
        shop, "book", "add", "Python", "--topic", "snakes", "--price", 9, "--isbn", dressed
    )
    book_id = added["id"]
    assert book_id == as_json(shop, "book", "restock", dressed, 5)["id"]
    assert book_id == as_json(shop, "info", "1-59327-928-0")["id"]
    assert book_id == as_json(shop, "buy", "9781593279288")["id"]
    assert [{"id": book_id, "title": "Python"}] == as_json(shop, "search", dressed)
    assert book_id == as_json(shop, "book", "edit", dressed, "--shelf", "B4")["id"]
    assert 8.5 == as_json(shop, "book", "reprice", dressed, "8.50")["price"]
    assert 3 == as_json(shop, "stock", dressed, "--count", 3)["quantity"]
    assert 3 == len(as_json(shop, "ledger", dressed))
    picks = f"picks=2,{dressed}"
    assert [2, book_id] == as_json(shop, "shop", "set", picks)["picks"]
    out(shop, "book", "edit", dressed, "--retire")
    assert [book_id] == [book["id"] for book in as_json(shop, "books", "--retired")]
    assert not as_json(shop, "book", "edit", dressed, "--sell").get("retired", False)
    for words in (("info",), ("buy",), ("ledger",)):
        assert "no book has the ISBN 9780441172719" in refusal(shop, *words, "978-0-441-17271-9")


def test_lists_show_the_newest_first_and_say_what_they_leave_out(shop: RunningShop) -> None:
    """The line below a list is the command that goes on; the pages together are the whole."""
    ids = [
        as_json(shop, "book", "add", f"P{n}", "--topic", "paging", "--price", 1, "--quantity", n)[
            "id"
        ]
        for n in range(5)
    ]
    orders = [as_json(shop, "buy", ids[4])["order_id"] for _ in range(3)]
    for words, wanted in (
        (["books", "--topic", "paging", "--limit", "2"], ids[::-1]),
        (["books", "--topic", "paging", "--low", "4", "--limit", "2"], ids[::-1]),
        (["books", "--topic", "paging", "--low", "6", "--limit", "2"], ids[::-1]),
        (["search", "--text", "paging", "--limit", "2"], ids),
        (["ledger", str(ids[4]), "--limit", "2"], None),
        (["orders", "--limit", "2"], None),
    ):
        shown, more = [], " ".join(words)
        while more:
            *_head, told = out(shop, *shlex.split(more)).splitlines()
            paged = typed(shop, *shlex.split(more), "--json")
            shown += [item.get("order_id", item.get("id")) for item in paged.json]
            assert len(paged.json) <= 2
            assert re.search(r"shown; |the last$", told)
            assert told.split(": ")[0] in paged.err
            more = told.partition(": bazar ")[2] if len(shown) < 5 else ""
        assert len(shown) == len(set(shown))
        assert wanted is None or sorted(wanted) == sorted(shown)
        if words[0] == "books":
            assert wanted == shown
        if words[0] == "orders":
            assert orders[::-1] == shown[:3]
    assert [ids[0]] == [
        book["id"] for book in as_json(shop, "books", "--topic", "paging", "--sold-out")
    ]
    assert "5 of 5" not in out(shop, "books", "--topic", "paging")
    assert {"topic": "paging", "books": 5} in as_json(shop, "topics")
    assert "1 x P4" in out(shop, "orders", "--limit", "100")
    oldest = typed(shop, "orders", "--oldest", "--limit", 1, "--json").json
    assert oldest[0]["placed_at"] <= as_json(shop, "order", orders[0])["placed_at"]


def test_an_order_can_be_shown_listed_and_cancelled(shop: RunningShop) -> None:
    """Cancelling gives the copies back, once; a second cancel only says so."""
    before = shop.stock(8)
    order_id = as_json(shop, "buy", 8, "--quantity", 3)["order_id"]
    assert f"order {order_id}: confirmed" in out(shop, "order", order_id)
    assert "confirmed" == as_json(shop, "order", order_id)["status"]
    listed = as_json(shop, "orders", "--status", "confirmed", "--limit", 100)
    assert order_id in {order["order_id"] for order in listed}
    reference = order_id[-6:].upper()
    assert order_id == as_json(shop, "order", f"{reference[:3]}-{reference[3:]}")["order_id"]
    pages = [typed(shop, "orders", "--limit", 1, "--after", name) for name in (reference, order_id)]
    assert pages[0].out == pages[1].out
    assert 0 == pages[0].code
    assert f"order {order_id}: cancelled" in out(shop, "cancel", reference)
    assert "cancelled" == as_json(shop, "cancel", order_id)["status"]
    assert order_id in out(shop, "orders", "--status", "cancelled", "--limit", 100)
    assert before == shop.stock(8)
    assert "order-not-fulfillable" in refusal(shop, "fulfil", order_id)
    assert "order-not-found" in refusal(shop, "order", "0" * 26)


@pytest.mark.parametrize("command", ["order", "cancel", "fulfil", "search"])
def test_dots_name_nothing(shop: RunningShop, command: str) -> None:
    """In a path they would mean another route."""
    assert "nothing in the shop is called '.'" in refusal(shop, command, ".")


def test_the_steps_of_an_order_are_noted(shop: RunningShop) -> None:
    """Whoever keeps the shop sees for whom an order is; what is no step of it is refused."""
    buyer = {"name": "Lina Mansour", "email": "lina@example.org", "note": "Ring the bell"}
    order = {"lines": [{"id": 9}], "buyer": buyer}
    order_id = shop.remote().call("front", "POST", "/orders", Receipt, body=order).order_id
    told = out(shop, "progress", order_id[-6:].upper(), "ready")
    assert f"reference {order_id[-6:].upper()}, to collect, paid in the shop, step ready" in told
    assert "for Lina Mansour, lina@example.org" in told
    assert "note: Ring the bell" in told
    assert "progress-not-possible" in refusal(shop, "progress", order_id, "packed")
    assert f"order {order_id}: fulfilled" in out(shop, "progress", order_id, "collected")


def test_an_order_that_was_handed_over_cannot_be_cancelled(shop: RunningShop) -> None:
    """Fulfilling twice says the same; a cancel after it is refused and changes nothing."""
    order_id = as_json(shop, "buy", 9)["order_id"]
    assert f"order {order_id}: fulfilled" in out(shop, "fulfil", order_id[-6:])
    assert "fulfilled" == as_json(shop, "fulfil", order_id)["status"]
    assert "order-not-cancellable" in refusal(shop, "cancel", order_id)
    assert "order-not-found" in refusal(shop, "cancel", "0" * 26)


def test_books_can_be_added_edited_restocked_and_repriced(shop: RunningShop) -> None:
    """Each change shows in the answer; stock never goes below zero."""
    words = ["book", "add", "Made Here", "--topic", "tests", "--price", "12.5"]
    book_id = as_json(shop, *words, "--quantity", 4, "--isbn", "0-306-40615-2")["id"]
    assert "Made Here" in out(shop, "info", book_id)
    edited = as_json(shop, "book", "edit", book_id, "--title", "Made There", "--year", 2001)
    assert ("Made There", 2001) == (edited["title"], edited["year"])
    out(shop, "book", "edit", book_id, "--pages", 90)
    emptied = as_json(shop, "book", "edit", book_id, "--year", "", "--pages", "")
    assert (None, None) == (emptied["year"], emptied.get("pages"))
    assert 14 == as_json(shop, "book", "restock", book_id, 10)["quantity"]
    out(shop, "book", "restock", "--", book_id, -3)
    assert 11 == shop.stock(book_id)
    assert 9.99 == as_json(shop, "book", "reprice", book_id, "9.99")["price"]
    assert "stock-too-low" in refusal(shop, "book", "restock", "--", book_id, -100)
    assert "nothing to change" in misuse(shop, "book", "edit", book_id)
    assert "a price is a number" in misuse(shop, "book", "reprice", book_id, "9,95")
    assert "book-not-found" in refusal(shop, "book", "restock", 999_999, 1)
    assert "book-exists" in refusal(shop, *words, "--isbn", "9780306406157")
    assert "Made Here" in out(shop, *words)


def test_the_settings_of_the_shop_are_shown_and_changed(shop: RunningShop, tmp_path: Path) -> None:
    """A line each, as they are typed; --json has them whole. The first start filled them."""
    first = as_json(shop, "shop")
    assert ("Bazar Books", "USD", ["collect", "post"]) == tuple(
        first[name] for name in ("name", "currency", "deliveries")
    )
    assert "Sample text." in first["texts"]["imprint"]
    imprint = tmp_path / "imprint.txt"
    imprint.write_text("We.\n\nYou.\n")
    words = ("shop", "set", "hours=Mon 9-18\\nTue 9-18", "picks=2,1", f"texts.imprint=@{imprint}")
    changed = as_json(shop, *words, "--key", "hours")
    assert ("Mon 9-18\nTue 9-18", [2, 1]) == (changed["hours"], changed["picks"])
    assert first["texts"] | {"imprint": "We.\n\nYou."} == changed["texts"]
    assert changed == as_json(shop, *words, "--key", "hours")
    shown = out(shop, "shop")
    for line in (
        r"hours +Mon 9-18\\nTue 9-18",
        "picks +2,1",
        "post_price +4.50",
        r"texts.imprint +We.\\n\\nYou.",
        r"texts.privacy +Sample text.*\.\.\. \([0-9,]+ letters; --json shows all\)",
    ):
        assert re.search(rf"^{line}$", shown, re.MULTILINE), line
    assert "currency-fixed" in refusal(shop, "shop", "set", "currency=EUR")
    assert "bazar shop set KEY=VALUE" in misuse(shop, "shop", "name=X")
    assert "bazar shop set KEY=VALUE" in misuse(shop, "shop", "set")


def test_a_stock_is_corrected_with_a_reason_and_its_ledger_shown(shop: RunningShop) -> None:
    """What came, what went and why, who said so, and the stock after each; the newest first."""
    book_id = as_json(shop, "book", "add", "Dracula", "--topic", "night", "--price", "5")["id"]
    out(shop, "stock", book_id, "--change", 5, "--actor", "Lina")
    wet = ("stock", book_id, "--change", -2, "--reason", "damaged", "--note", "by rain")
    assert 3 == as_json(shop, *wet, "--key", "wet")["quantity"]
    assert 3 == as_json(shop, *wet, "--key", "wet")["quantity"]
    assert 9 == as_json(shop, "stock", book_id, "--count", 9, "--actor", "لينا")["quantity"]
    rows = as_json(shop, "ledger", book_id)
    wanted = [(6, 9, "counted", "لينا"), (-2, 3, "damaged", getuser()), (5, 5, None, "Lina")]
    assert wanted == [
        (row["copies"], row["stock_after"], row.get("reason"), row["actor"]) for row in rows
    ]
    shown = out(shop, "ledger", book_id, "--before", rows[0]["id"], "--limit", 1)
    head, row, more = shown.splitlines()
    older = f"bazar ledger {book_id} --limit 1 --before {rows[1]['id']}"
    assert f"1 row shown; older ones: {older}" == more
    assert ["id", "at", "what", "copies", "stock", "why", "who"] == head.split()
    assert re.search(r"adjusted +-2 +3 +damaged: by rain", row)
    for words in (("--change", 1, "--count", 1), ()):
        assert "give one of the two" in misuse(shop, "stock", book_id, *words)
    assert "stock-too-low" in refusal(shop, "stock", book_id, "--change", -10)
    assert "book-not-found" in refusal(shop, "ledger", 999_999)


def test_import_takes_in_a_file_once(shop: RunningShop, tmp_path: Path) -> None:
    """Good rows become books, bad ones are kept aside with a reason, a second run adds nothing."""
    file, rejects = tmp_path / "books.csv", tmp_path / "bad.csv"
    file.write_text(
        "title,topic,price,quantity\n"
        "Imported One,imports,5.00,3\n"
        "Imported Two,imports,6.50,4\n"
        "Imported Three,imports,dear,1\n"
    )
    words = ["import", file, "--rejects", rejects]
    assert "2 created" in out(shop, *words)
    report = as_json(shop, *words)
    assert (3, 0, 2, 1) == tuple(
        report[name] for name in ("rows", "created", "unchanged", "rejected")
    )
    assert "dear" in rejects.read_text()
    assert 2 == len(as_json(shop, "search", "imports"))
    assert str(tmp_path / "none.csv") in refusal(shop, "import", tmp_path / "none.csv")


def test_audit_says_that_everything_adds_up(shop: RunningShop) -> None:
    """On a running shop: counts, and no difference."""
    assert "clean: everything adds up" in out(shop, "audit")
    report = as_json(shop, "audit")
    assert ([], 0) == (report["differences"], report["pending"])
    assert report["books"] >= 110


def test_doctor_finds_the_shop_well(shop: RunningShop) -> None:
    """All three services are ready and take the secret."""
    said = out(shop, "doctor")
    assert "BAD" not in said
    checks = as_json(shop, "doctor")
    assert {"catalog", "order", "front", "secret"} <= {check["what"] for check in checks}
    assert all(check["ok"] for check in checks)


def test_what_would_steer_a_terminal_is_shown_instead(shop: RunningShop) -> None:
    """A title from somebody else's file can colour nothing and turn nothing around."""
    title = "Red \x1b[31m, loud \x07 and \u202edrawkcab"
    added = as_json(shop, "book", "add", title, "--topic", "odd", "--price", 1, "--quantity", 1)
    assert title.replace("\u202e", "") == added["title"]
    shown = (
        out(shop, "info", added["id"]),
        out(shop, "search", "odd"),
        out(shop, "buy", added["id"]),
    )
    for text in shown:
        assert r"Red \u001b[31m, loud \u0007 and drawkcab" in text
        assert not set("\x1b\x07\u202e") & set(text)
    assert r"\u202edrawkcab" == visible("\u202edrawkcab")


def test_without_a_shop_every_command_says_so_in_one_line(tmp_path: Path) -> None:
    """The line names the address and how to start a shop; a purchase keeps its key."""
    front, catalog, order = (f"http://127.0.0.1:{port}" for port in free_ports(3))
    for words in (
        ["info", 1, "--url", front],
        ["orders", "--order", order],
        ["ledger", 1, "--catalog", catalog],
        ["audit", "--catalog", catalog, "--order", order],
    ):
        refused = run_bazar(*words, "--data", tmp_path)
        assert (2 if words[0] == "audit" else 1, "") == (refused.code, refused.out)
        (line,) = refused.err.splitlines()
        assert "does not answer" in line
        assert "bazar up" in line
    refused = run_bazar("buy", 1, "--key", "mine", "--url", front, "--data", tmp_path)
    assert 1 == refused.code
    assert "--key mine" in refused.err
    assert "Traceback" not in refused.err
    examined = run_bazar(
        "doctor", "--url", front, "--catalog", catalog, "--order", order, "--data", tmp_path
    )
    assert 1 == examined.code
    assert "not ready" in examined.out


def test_a_wrong_secret_is_refused_in_one_line(shop: RunningShop, tmp_path: Path) -> None:
    """What changes the shop needs its secret; another one goes only where somebody said."""
    other = tmp_path / "secret"
    other.write_text("not the secret of this shop\n")
    for words, option in ((["book", "restock", 1, 1], "--catalog"), (["orders"], "--order")):
        assert "another secret" in refusal(shop, *words, "--secret-file", other)
        address = getattr(shop.addresses, option.removeprefix("--"))
        named = [*words, option, address, "--secret-file", other]
        assert "unauthorized" in refusal(shop, *named)


def test_audit_names_what_somebody_changed_behind_the_shop(tmp_path: Path) -> None:
    """A stock that was tampered with while the shop was closed: exit code 1, and which book."""
    with RunningShop(tmp_path / "data") as shop:
        assert 0 == shop.bazar("buy", 3, "--quantity", 2).code
        assert 0 == shop.stop()
        database = apsw.Connection(str(shop.data / "catalog.db"))
        database.execute("UPDATE books SET stock = stock + 5 WHERE book_id = 3")
        database.close()
        shop.start()
        audited = shop.bazar("audit")
        assert 1 == audited.code
        assert "book 3: stock is 78, the ledger sums to 73" in audited.out
        assert "1 difference" in audited.out
        report = shop.bazar("audit", "--json")
        assert (1, 1) == (report.code, len(report.json["differences"]))
