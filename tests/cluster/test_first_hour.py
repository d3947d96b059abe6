"""The first hour of a bookseller: lists of three programs go in, books are sold, all is kept.

Each step stands on the one before, as the hour does.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.processes import Result, run_bazar
from support.running import RunningShop
from support.workbooks import Rows, xlsx

WORKBOOK: Rows = [
    ["Title", "Author", "ISBN", "Price", "Quantity", "Year"],
    ["Emma", "Jane Austen", 9780141439587.0, 9.5, 4.0, 1815.0],
    ["الأيام", "طه حسين", "", 12.0, 2.0, 1929.0],
    ["吾輩は猫である", "夏目漱石", "978-4-00-310101-8", 8.25, 1.0, "c1905"],
]
TILL = """\
Titel;Autor;Preis;Bestand
Die Verwandlung;Kafka, Franz;9,50;3
Der Prozeß;Kafka, Franz;vergriffen;1
Atlas der Straßen;;1.299,00;1
"""
GOODREADS = '''\
Book Id,Title,Author,Author l-f,ISBN,ISBN13,My Rating,Publisher,Binding,Number of Pages,\
Year Published,Original Publication Year,Bookshelves
1001,Persuasion,Jane Austen,"Austen, Jane","=""0141439688""","=""9780141439686""",5,Penguin,\
Paperback,249,2003,1817,classics
1002,A Pamphlet,Ann Other,"Other, Ann","=""""","=""""",0,,Paperback,32,2020,,
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the bookseller's files are."""
    return tmp_path_factory.mktemp("hour")


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[RunningShop]:
    """Open an empty shop."""
    with RunningShop(folder / "data", "--empty", "--currency", "EUR") as shop:
        yield shop


def taken(result: Result) -> tuple[int, int, int, int]:
    """Return how many rows were created, updated, left alone and rejected."""
    report: dict[str, Any] = result.json
    return tuple(report[one] for one in ("created", "updated", "unchanged", "rejected"))


def found(shop: RunningShop, words: str) -> list[Any]:
    """Return the title, price and stock of what a search finds."""
    books = shop.bazar("search", "--text", words, "--json").json
    return [(book["title"], book["price"], book["quantity"]) for book in books]


def test_the_hour_of_a_bookseller(shop: RunningShop, folder: Path) -> None:
    """Nothing that she brings is lost or sold twice, and the copy of her shop is her shop."""
    (folder / "shelf.xlsx").write_bytes(xlsx({"Books": WORKBOOK}))
    (folder / "till.csv").write_text(TILL, encoding="cp1252")
    (folder / "goodreads_library_export.csv").write_text(GOODREADS, encoding="utf-8")
    rejects = folder / "till.rejects.csv"

    assert (3, 0, 0, 0) == taken(shop.bazar("import", folder / "shelf.xlsx", "--json"))
    till = shop.bazar("import", folder / "till.csv", "--rejects", rejects, "--json")
    assert (2, 0, 0, 1) == taken(till)
    friends = shop.bazar(
        "import", folder / "goodreads_library_export.csv", "--default", "price=4", "--json"
    )
    assert (2, 0, 0, 0) == taken(friends)
    assert [("Emma", 9.5, 4)] == found(shop, "0-14-143958-0")
    assert [("吾輩は猫である", 8.25, 1)] == found(shop, "猫")
    assert [("Atlas der Straßen", 1299.0, 1)] == found(shop, "strassen")

    mended = rejects.read_text("utf-8-sig").replace("vergriffen", "7,20", 1)
    (folder / "mended.csv").write_text(mended, encoding="utf-8-sig")
    assert (1, 0, 0, 0) == taken(shop.bazar("import", folder / "mended.csv", "--json"))
    assert [("Der Prozeß", 7.2, 1)] == found(shop, "prozess")

    assert 0 == shop.bazar("buy", "9780141439587").code
    assert [("Emma", 9.5, 3)] == found(shop, "emma")

    assert 0 == shop.bazar("export", "books", folder / "books.csv").code
    with (folder / "books.csv").open(encoding="utf-8-sig", newline="") as lines:
        assert 8 == len(list(csv.DictReader(lines)))
    again = shop.bazar("import", folder / "books.csv", "--update", "all", "--json")
    assert (0, 0, 8, 0) == taken(again)

    assert 0 == shop.bazar("backup", folder / "shop.bak").code
    assert 0 == run_bazar("restore", folder / "shop.bak", "--data", folder / "copy").code
    assert 0 == shop.stop()
    with RunningShop(folder / "copy") as copy:
        assert "clean" in copy.bazar("audit").out
        assert [("Emma", 9.5, 3)] == found(copy, "emma")
        assert 1 == len(copy.bazar("orders", "--json").json)
