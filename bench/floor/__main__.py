"""One process of the floor chain; the name says which of the three."""

import argparse
import json
import sys
from pathlib import Path

import uvloop

from bench.floor.chain import BOUGHT, SWITCH_INTERVAL_S, run


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor", description=__doc__)
    parser.add_argument("name", choices=["front", "middle", "last"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--next", default="", metavar="URL", help="the process behind it")
    parser.add_argument(
        "--answers", type=Path, help="JSON: the answer to each path, and to 'bought'"
    )
    given = parser.parse_args()
    answers: dict[str, str] = json.loads(given.answers.read_text()) if given.answers else {}
    ready = {path: body.encode() for path, body in answers.items()}
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    uvloop.run(run(given.name, given.port, given.next, ready.pop(BOUGHT, b"{}"), ready))


if __name__ == "__main__":
    main()
