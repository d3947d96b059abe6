"""What a keeper takes out of a shop that runs, and brings back: exports and backups.

The commands run in this process, which saves each the half second that a start takes.
"""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import cast

import apsw
import msgspec
import pytest
from typer.testing import CliRunner

from bazar.cli.main import app
from bazar.mover.archive import digest_of, opened_archive, unpack, write_archive
from bazar.mover.backup import FILES
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


def repacked(backup: Path, folder: Path, change: Callable[[Path], None]) -> Path:
    """Return a backup that is whole, of a shop that was changed."""
    part, file = folder / "part", folder / "changed.bak"
    part.mkdir()
    with opened_archive(backup) as opened:
        about = unpack(opened, FILES, part)
    change(part)
    about = msgspec.structs.replace(about, digests={name: digest_of(part / name) for name in FILES})
    with file.open("wb") as written:
        write_archive(written, about, part)
    shutil.rmtree(part)
    return file


def spoil_page(name: str, table: str) -> Callable[[Path], None]:
    """Return what spoils the first page of a table, as a disk does."""

    def spoil(folder: Path) -> None:
        with closing(apsw.Connection(str(folder / name))) as connection:
            sql = "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = ?1"
            found = connection.execute(sql, (table,)).fetchall()
            ((root, page_bytes),) = cast("list[tuple[int, int]]", found)
        with (folder / name).open("r+b") as file:
            file.seek((root - 1) * page_bytes)
            file.write(b"\xa5" * page_bytes)

    return spoil


def spoil_all(folder: Path) -> None:
    """Leave nothing of a database but its length."""
    size_bytes = (folder / "catalog.db").stat().st_size
    (folder / "catalog.db").write_bytes(b"\xa5" * size_bytes)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_page("catalog.db", "movements"),
        spoil_page("catalog.db", "books"),
        spoil_page("catalog.db", "schema_history"),
        spoil_page("order.db", "orders"),
        spoil_all,
    ],
)
def test_a_shop_with_a_damaged_page_is_restored_only_as_it_is(
    backup: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """It may be all that the keeper has; what is wrong is told, and no traceback."""
    file, data = repacked(backup, tmp_path, spoil), tmp_path / "data"
    refused = typed("restore", file, "--data", data)
    assert (1, 1) == (refused.code, len(refused.err.splitlines())), refused.err
    assert "cannot be read" in refused.err or "malformed" in refused.err
    assert "--as-it-is" in refused.err
    assert [file] == list(tmp_path.iterdir())
    done = typed("restore", file, "--data", data, "--as-it-is")
    assert 0 == done.code, done.err
    assert "difference" in done.out
    assert {"catalog.db", "order.db", "secret", "started"} == names(data)


def test_a_restore_fills_an_empty_folder_from_inside(backup: Path, tmp_path: Path) -> None:
    """It may be the root of a disk, or a link to a folder, whose name cannot be given away."""
    data, link = tmp_path / "data", tmp_path / "link"
    (data / "lost+found").mkdir(parents=True)
    link.symlink_to(data)
    number = data.stat().st_ino
    done = typed("restore", backup, "--data", link)
    assert 0 == done.code, done.err
    assert (True, number) == (link.is_symlink(), data.stat().st_ino)
    assert {"lost+found", "catalog.db", "order.db", "secret", "started"} == names(data)
    assert {data, link} == set(tmp_path.iterdir())


def test_a_folder_is_the_same_by_whatever_name(backup: Path, tmp_path: Path) -> None:
    """By a link to it that leads nowhere yet, or by one of its folders."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "data")
    assert 0 == typed("restore", backup, "--data", link).code
    (tmp_path / "data" / "e").mkdir()
    again = typed("restore", backup, "--data", tmp_path / "data" / "e" / "..", "--replace")
    assert 0 == again.code, again.err
    whole = {"catalog.db", "order.db", "secret", "started"}
    assert whole == names(tmp_path / "data")
    (aside,) = set(tmp_path.iterdir()) - {link, tmp_path / "data"}
    assert {*whole, "e"} == names(aside)


def test_half_a_shop_is_not_opened(backup: Path, tmp_path: Path) -> None:
    """It says what to do, and then it is whole."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("restoring", "catalog.db"):
        (data / name).touch()
    refused = typed("up", "--data", data)
    assert (1, 1) == (refused.code, len(refused.err.splitlines()))
    assert f"bazar restore FILE --data {data}" in refused.err
    assert 0 == typed("restore", backup, "--data", data).code
    assert {"catalog.db", "order.db", "secret", "started"} == names(data)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("words", [["backup", "shop.bak"], ["export", "orders", "orders.csv"]])
def test_a_command_that_is_ended_leaves_nobodys_data_about(
    tmp_path: Path, words: list[str], number: signal.Signals
) -> None:
    """By whatever signal; after a kill the next one cleans up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        def begun() -> subprocess.Popen[bytes]:
            known = set(tmp_path.iterdir())
            process = subprocess.Popen(
                [sys.executable, *BAZAR, *words, "--catalog", url, "--order", url],
                env=environment({"BAZAR_SECRET": "s" * 20}),
                cwd=tmp_path,
                stderr=subprocess.DEVNULL,
            )
            wait_for("a part", lambda: set(tmp_path.iterdir()) - known)
            return process

        process = begun()
        process.send_signal(number)
        assert 0 != process.wait()
        if number == signal.SIGKILL:
            assert [] != list(tmp_path.iterdir())
            process = begun()
            process.terminate()
            assert 128 + signal.SIGTERM == process.wait()
    assert [] == list(tmp_path.iterdir())


def test_a_backup_goes_into_a_pipe(shop: RunningShop, tmp_path: Path) -> None:
    """And nothing beside it: what it says stands on standard error."""
    pipe, file = tmp_path / "pipe", tmp_path / "shop.bak"
    os.mkfifo(pipe)
    with file.open("wb") as written, subprocess.Popen(["cat", pipe], stdout=written) as reader:
        done = typed("backup", pipe, data=shop.data)
        reader.wait()
    assert (0, "") == (done.code, done.out), done.err
    assert "clean: everything adds up" in done.err
    with opened_archive(file) as opened:
        assert file.stat().st_size == opened.seek(0, os.SEEK_END)


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
