"""The lab's catalog: a Flask development server over sqlite3, one connection per request."""

import argparse
import sqlite3
from contextlib import closing
from typing import Any

from flask import Flask, abort, request
from flask.typing import ResponseReturnValue

from bench.lab.titles import BOOKS

app = Flask(__name__)


def connect() -> sqlite3.Connection:
    """Open a connection of one request's own; the caller closes it."""
    connection = sqlite3.connect(app.config["DATABASE"])
    connection.row_factory = sqlite3.Row
    return connection


def create_tables(quantity: int) -> None:
    """Create and fill the table of books, unless an earlier start did."""
    with closing(connect()) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS books (id INTEGER PRIMARY KEY, title TEXT NOT NULL,"
            " topic TEXT NOT NULL, price REAL NOT NULL, quantity INTEGER NOT NULL)"
        )
        rows = [(*book, quantity) for book in BOOKS]
        connection.executemany("INSERT OR IGNORE INTO books VALUES (?, ?, ?, ?, ?)", rows)


@app.get("/info/<int:book_id>")
def info(book_id: int) -> dict[str, Any]:
    """Answer all that is known of a book, or 404."""
    with closing(connect()) as connection:
        row = connection.execute("SELECT * FROM books WHERE id = ?", (book_id,)).fetchone()
    return dict(row) if row else abort(404)


@app.get("/query/<int:book_id>")
def query(book_id: int) -> dict[str, Any]:
    """Answer what the order service needs of a book, or 404."""
    return {name: value for name, value in info(book_id).items() if name != "topic"}


@app.get("/query")
@app.get("/search/<topic>")
def search(topic: str = "") -> list[dict[str, Any]]:
    """List the books of a topic, which is in the path or in the query string."""
    wanted = topic or request.args.get("topic", "")
    with closing(connect()) as connection:
        rows = connection.execute("SELECT id, title FROM books WHERE topic = ?", (wanted,))
        return [dict(row) for row in rows]


@app.put("/update/<int:book_id>/amount_of_items/<int(signed=True):delta>")
def update(book_id: int, delta: int) -> dict[str, str]:
    """Add to a book's quantity, or take from it: it may go below zero, as in the lab."""
    statement = "UPDATE books SET quantity = quantity + ? WHERE id = ?"
    with closing(connect()) as connection, connection:
        updated = connection.execute(statement, (delta, book_id)).rowcount
    return {"message": "updated"} if updated else abort(404)


@app.errorhandler(404)
def not_found(_error: Exception) -> ResponseReturnValue:
    """Say in JSON, as everything else here, that there is no such book."""
    return {"message": "book not found"}, 404


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--database", default="catalog.db")
    parser.add_argument("--quantity", type=int, default=100, help="copies of each book")
    options = parser.parse_args()
    app.config["DATABASE"] = options.database
    create_tables(options.quantity)
    app.run(host="127.0.0.1", port=options.port, threaded=True)
