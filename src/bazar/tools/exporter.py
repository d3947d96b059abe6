"""Write what a shop keeps as CSV files for spreadsheets, a page of the shop at a time."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from bazar.formats.exports import BOM, TABLES, Exported, csv_row
from bazar.tools.shop import Shop


def write_csv(shop: Shop, what: Exported, file: BinaryIO, progress: Callable[[int], None]) -> int:
    """Write all books, orders, lines of orders, or rows of the ledger; return how many.

    Each is read by a cursor that stands still whatever the shop does meanwhile: what is there
    from the beginning to the end is written once. What changes meanwhile may be written as it was
    or as it is.

    Args:
        shop: may be open and busy.
        what: to write.
        file: is written to a row at a time.
        progress: is told of each row.

    Raises:
        RemoteError: the shop refused, or did not answer.
        OSError: the file cannot be written.
    """
    table = TABLES[what]
    file.write((BOM + csv_row(table.columns)).encode())
    number = 0
    for item in _items(shop, what):
        for row in table.rows(item):
            file.write(csv_row(row).encode())
            number += 1
            progress(1)
    return number


def _items(shop: Shop, what: Exported) -> Iterator[Any]:
    match what:
        case "books":
            return shop.catalog.every_book()
        case "ledger":
            return shop.catalog.movements()
        case "orders" | "order-lines":
            return shop.order.orders()
