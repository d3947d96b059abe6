"""The lab's order service: asks the catalog, and when there is stock takes one copy.

It has the lab's famous race, and that is the point: between the question and the update another
purchase may take the last copy, so that more copies are sold than there were. A crash between the
update and the insert loses an order. Bazar is measured, and checked, beside it.
"""

import argparse
import sqlite3
from contextlib import closing

import requests
from flask import Flask
from flask.typing import ResponseReturnValue

TIMEOUT_S = 30

app = Flask(__name__)


def connect() -> sqlite3.Connection:
    """Open a connection of one request's own; the caller closes it."""
    return sqlite3.connect(app.config["DATABASE"])


def create_tables() -> None:
    """Create the table of orders, unless an earlier start did."""
    with closing(connect()) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, book_id INTEGER NOT NULL,"
            " price REAL NOT NULL, bought_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        )


@app.post("/purchase/<int:book_id>")
def purchase(book_id: int) -> ResponseReturnValue:
    """Buy one copy: 404 for an unknown book, 409 when the catalog says that none is left."""
    catalog = app.config["CATALOG"]
    answer = requests.get(f"{catalog}/query/{book_id}", timeout=TIMEOUT_S)
    if answer.status_code == requests.codes.not_found:
        return {"message": "book not found"}, 404
    answer.raise_for_status()
    book = answer.json()
    if book["quantity"] <= 0:
        return {"message": f"book {book['title']} is out of stock"}, 409

    requests.put(
        f"{catalog}/update/{book_id}/amount_of_items/-1", timeout=TIMEOUT_S
    ).raise_for_status()
    with closing(connect()) as connection, connection:
        connection.execute(
            "INSERT INTO orders (book_id, price) VALUES (?, ?)", (book_id, book["price"])
        )
    return {"message": f"bought book {book['title']}"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5002)
    parser.add_argument("--database", default="order.db")
    parser.add_argument("--catalog", default="http://127.0.0.1:5001", metavar="URL")
    options = parser.parse_args()
    app.config["DATABASE"] = options.database
    app.config["CATALOG"] = options.catalog
    create_tables()
    app.run(host="127.0.0.1", port=options.port, threaded=True)
