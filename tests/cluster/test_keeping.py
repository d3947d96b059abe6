"""What a keeper takes out of a shop that runs, and brings back: exports and backups.

The commands run in this process, which saves each the half second that a start takes.
"""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bazar.cli.main import app
from bazar.wire.books import Book, BookEdit, NewBook
from support.processes import BAZAR, Result, environment, wait_for
from support.running import RunningShop

TITLES = [
    "=1+1",
    '=HYPERLINK("http://evil";"x")',
    "+49 30 1234",
    "-",
    "@SUM(A1)",
    "'Tis Pity She's a Whore",
    "'=x",
    "''=x",
    '"=x"',
    "a;=b",
    "a;'=b",
    "＝x",  # noqa: RUF001  full width runs too
    'x"y, z',
    "1984",
    "007",
    "1/2",
    "N/A",
    "NULL",
    "9780441172719",
    "מכתב 1",
]
YES = ["--yes"]
NO_SETTINGS = {name: None for name in os.environ if name.startswith("BAZAR_")}
NOTES = "one\n- item\n=2\tthree;@x\n\n'=y"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run one shop with the sample catalogue and odd books, some of them retired."""
    with RunningShop(tmp_path_factory.mktemp("keeping") / "data") as running:
        catalog = running.remote().catalog
        for number, title in enumerate(TITLES):
            new = NewBook(
                title=title,
                topic=f"=t;{number}",
                price=Decimal(number) / 4,
                author=title,
                year=-400 + number,
                quantity=number,
                description=NOTES,
                subtitle=title,
                publisher=title,
                format="audio",
                pages=number + 1,
                language="pt-BR",
                condition="fair",
                shelf="'-4",
                low_at=number,
            )
            book = catalog.add(new)
            if number % 4 == 0:
                catalog.edit(book.id, BookEdit(retired=True))
        isbn = NewBook(title="Dune", topic="x", price=Decimal(1), isbn="9780441172719")
        catalog.add(isbn)
        running.remote().front.buy(1, 2, "a purchase")
        yield running


def typed(*words: object, data: Path | None = None) -> Result:
    """Run a command, on a data folder where one is named."""
    named = {} if data is None else {"BAZAR_DATA": str(data)}
    done = CliRunner().invoke(app, [str(word) for word in words], env={**NO_SETTINGS, **named})
    return Result(done.exit_code, done.stdout, done.stderr)


def names(folder: Path) -> set[str]:
    """Return what is in a folder, but for locks."""
    return {one.name for one in folder.iterdir() if one.suffix != ".lock"}


def books(shop: RunningShop) -> list[Book]:
    """Return every book, the retired ones too."""
    return list(shop.remote().catalog.every_book())


@pytest.mark.parametrize("update", ["none", "stock", "all"])
def test_an_export_of_books_comes_back_and_changes_nothing(
    shop: RunningShop, tmp_path: Path, update: str
) -> None:
    """Not a character of any column of any book, and no version: nobody has to be told of it."""
    before, file = books(shop), tmp_path / "books.csv"
    assert 0 == typed("export", "books", file, data=shop.data).code
    taken = typed("import", file, "--update", update, "--json", data=shop.data)
    assert 0 == taken.code, taken.err
    counts = {name: taken.json[name] for name in ("rows", "created", "updated", "rejected")}
    assert {"rows": len(before), "created": 0, "updated": 0, "rejected": 0} == counts
    assert before == books(shop)


def test_an_export_has_each_kind_and_goes_where_it_is_told(
    shop: RunningShop, tmp_path: Path
) -> None:
    """To a file that is the keeper's alone, or to standard output."""
    orders = tmp_path / "orders.csv"
    done = typed("export", "orders", orders, "--json", data=shop.data)
    assert (0, len(shop.orders())) == (done.code, done.json["rows"])
    assert 0o600 == stat.S_IMODE(orders.stat().st_mode)
    for what, begins in (("orders", "order_id"), ("order-lines", "order_id"), ("ledger", "move")):
        printed = typed("export", what, data=shop.data)
        assert 0 == printed.code
        assert printed.out.startswith(f"\ufeff{begins}")
        assert " of " in printed.err
    assert [orders] == list(tmp_path.iterdir())


def test_an_export_leaves_a_file_that_is_there_alone(shop: RunningShop, tmp_path: Path) -> None:
    """Somebody may have worked in it for hours; --replace says that nobody has."""
    file = tmp_path / "books.csv"
    file.write_text("mine")
    refused = typed("export", "books", file, data=shop.data)
    assert (1, "mine") == (refused.code, file.read_text())
    assert "--replace" in refused.err
    assert 0 == typed("export", "books", file, "--replace", data=shop.data).code
    assert file.read_text("utf-8-sig").startswith("bazar_id,")


def test_an_export_that_fails_leaves_no_file(shop: RunningShop, tmp_path: Path) -> None:
    """Neither half of one nor its beginnings; where nothing can be written, one line says so."""
    nobody = ("--catalog", "http://127.0.0.1:1", "--order", "http://127.0.0.1:1")
    assert 1 == typed("export", "books", tmp_path / "books.csv", *nobody, data=shop.data).code
    assert [] == list(tmp_path.iterdir())
    nowhere = typed("export", "books", tmp_path / "no folder" / "books.csv", data=shop.data)
    assert (1, 1) == (nowhere.code, len(nowhere.err.splitlines()))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, *BAZAR, "export", "books"],
            env=environment({"BAZAR_DATA": str(shop.data)}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (1, 1) == (done.returncode, len(done.stderr.splitlines()))


def test_a_backup_of_an_open_shop_is_a_shop(shop: RunningShop, tmp_path: Path) -> None:
    """With its books, orders, secret and settings, while a load presses it; and it opens."""
    file, data = tmp_path / "shop.bak", tmp_path / "restored"
    load = subprocess.Popen(
        [sys.executable, *BAZAR, "load", "--duration", "3", "--rate", "50", "--mix", "buy=1", *YES],
        env=environment({"BAZAR_DATA": str(shop.data)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = len(shop.orders())
    wait_for("customers", lambda: len(shop.orders()) > before + 10)
    made = typed("backup", file, data=shop.data)
    assert (0, 0o600) == (made.code, stat.S_IMODE(file.stat().st_mode)), made.err
    assert "clean: everything adds up" in made.out
    load.wait()
    restored = typed("restore", file, "--data", data)
    assert 0 == restored.code, restored.err
    assert {"catalog.db", "order.db", "secret", "started"} == names(data)
    assert {0o600} == {stat.S_IMODE(one.stat().st_mode) for one in data.iterdir()}
    with RunningShop(data) as again:
        report = again.settled_audit()
        assert ([], len(books(shop))) == (report.differences, report.books)
        assert before < report.orders <= len(shop.orders())
        assert shop.secret == again.secret
        assert {"=1+1", "Dune"} <= {book.title for book in books(again)}


@pytest.fixture(scope="module")
def backup(shop: RunningShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Back the shop up."""
    file = tmp_path_factory.mktemp("backup") / "shop.bak"
    assert 0 == typed("backup", file, data=shop.data).code
    return file


def test_a_backup_writes_over_nothing_unasked(shop: RunningShop, tmp_path: Path) -> None:
    """The last good one may be there."""
    file = tmp_path / "shop.bak"
    file.write_text("mine")
    refused = typed("backup", file, data=shop.data)
    assert (1, "mine") == (refused.code, file.read_text())
    assert "--replace" in refused.err
    assert 0 == typed("backup", file, "--replace", data=shop.data).code
    assert [file] == list(tmp_path.iterdir())


def test_a_restore_puts_a_folder_aside_only_when_told(backup: Path, tmp_path: Path) -> None:
    """Nothing of it is deleted."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "mine").write_text("mine")
    refused = typed("restore", backup, "--data", data)
    assert (1, {"mine"}) == (refused.code, names(data))
    assert "--replace" in refused.err
    assert 0 == typed("restore", backup, "--data", data, "--replace").code
    (aside,) = [one for one in tmp_path.iterdir() if one != data]
    assert {"mine"} == names(aside)
    assert {"catalog.db", "order.db", "secret", "started"} == names(data)


def test_a_restore_leaves_a_shop_alone_that_is_open(shop: RunningShop, backup: Path) -> None:
    """It is refused, and goes on."""
    refused = typed("restore", backup, "--data", shop.data, "--replace")
    assert 1 == refused.code
    assert "in use" in refused.err
    assert shop.ready("front")
    assert [] == [one for one in shop.data.parent.iterdir() if one.name.startswith(".data")]


def test_a_damaged_backup_makes_no_folder(backup: Path, tmp_path: Path) -> None:
    """One byte of a book, and the whole is refused."""
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.bak"
    damaged.write_bytes(content)
    refused = typed("restore", damaged, "--data", tmp_path / "data")
    assert (1, 1) == (refused.code, len(refused.err.splitlines()))
    assert "damaged" in refused.err
    assert [damaged] == list(tmp_path.iterdir())


def test_a_retired_book_is_hidden_and_comes_back(shop: RunningShop) -> None:
    """Its page and its orders stay."""
    book_id = 5
    assert 0 == typed("book", "retire", book_id, data=shop.data).code
    listed = {book.id for book in shop.remote().catalog.books()}
    assert book_id not in listed
    assert "book-retired" in typed("buy", book_id, data=shop.data).err
    assert shop.remote().catalog.book(book_id).retired
    assert 0 == typed("book", "unretire", book_id, data=shop.data).code
    assert book_id in {book.id for book in shop.remote().catalog.books()}
    assert 0 == typed("buy", book_id, data=shop.data).code
