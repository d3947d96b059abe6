"""The lab's front: forwards each request with requests, on a new connection, and keeps nothing."""

import argparse
from urllib.parse import quote

import requests
from flask import Flask
from flask.typing import ResponseReturnValue

TIMEOUT_S = 30

app = Flask(__name__)


def forwarded(answer: requests.Response) -> ResponseReturnValue:
    """Answer the client with another service's JSON and status."""
    return answer.json(), answer.status_code


@app.get("/search/<topic>")
def search(topic: str) -> ResponseReturnValue:
    """List the books of a topic."""
    url = f"{app.config['CATALOG']}/search/{quote(topic)}"
    return forwarded(requests.get(url, timeout=TIMEOUT_S))


@app.get("/info/<int:book_id>")
def info(book_id: int) -> ResponseReturnValue:
    """Answer all that is known of a book."""
    return forwarded(requests.get(f"{app.config['CATALOG']}/info/{book_id}", timeout=TIMEOUT_S))


@app.post("/purchase/<int:book_id>")
def purchase(book_id: int) -> ResponseReturnValue:
    """Buy one copy of a book."""
    return forwarded(requests.post(f"{app.config['ORDER']}/purchase/{book_id}", timeout=TIMEOUT_S))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--catalog", default="http://127.0.0.1:5001", metavar="URL")
    parser.add_argument("--order", default="http://127.0.0.1:5002", metavar="URL")
    options = parser.parse_args()
    app.config["CATALOG"] = options.catalog
    app.config["ORDER"] = options.order
    app.run(host="127.0.0.1", port=options.port, threaded=True)
