"""Finding lines: all that belong to an order or a request, and none of another."""

import io
import sys
from pathlib import Path

import pytest

from bazar.tools.tracing import Found, NoLogs, Sources, TooMany, find
from bazar.tools.tracing.sources import BLOCK_BYTES
from support.logs import CATALOG, FRONT, ORDER, ORDER_ID, ORDERS, Logs

PURCHASE = 19
"""Lines of a whole purchase."""


def found(logs: Logs, asked: str) -> Found:
    """Look for something in the logs of a test."""
    with Sources((), logs.folder) as sources:
        return find(sources, asked)


def others(logs: Logs, count: int = 3) -> None:
    """Write purchases of others, in batches with ours."""
    for number in range(count):
        of = f"request_id=r-2000{number} key=key-2{number}"
        order = f"order=01m8e045w{number}-aaaaaa"
        logs.step(FRONT, "taken", f"{of} lines=1x3")
        logs.step(FRONT, "sent", f"{of} call=call-1 batch=4 upstream=order")
        logs.step(ORDERS, "received", f"{of} call=call-1 batch=4")
        logs.step(ORDERS, "stored", f"{of} {order}")
        logs.step(ORDERS, "sent", f"{of} {order} call=call-2 batch=4 upstream=catalog")
        logs.step(CATALOG, "decided", f"{order} outcome=reserved")
        logs.step(ORDERS, "answer", f"{of} call=call-1 status=201 {order}")


@pytest.mark.parametrize("asked", [ORDER_ID, ORDER_ID.upper(), ORDER, "NXFDSX", "r-100001"])
def test_a_purchase_is_found_by_any_of_its_names(logs: Logs, asked: str) -> None:
    """All its lines, and none of those that travelled with it."""
    others(logs)
    logs.purchase()
    others(logs)
    lines = found(logs, asked).lines
    assert PURCHASE == len(lines)
    assert {"", ORDER} == {line["order"] for line in lines}
    assert {"", "r-100001"} == {line["request_id"] for line in lines if line.event == "step"}


def test_all_requests_with_one_key_belong_to_its_order(logs: Logs) -> None:
    """Also one that was never answered, so that nobody told its order."""
    logs.taken("r-100002", call="call-9")
    logs.purchase()
    for asked in (ORDER_ID, "r-100002", "r-100001"):
        requests = {line["request_id"] for line in found(logs, asked).lines}
        assert {"r-100001", "r-100002"} <= requests


def test_a_request_id_that_a_client_uses_for_two_purchases_finds_both(logs: Logs) -> None:
    """But each order finds its own lines alone."""
    logs.purchase()
    of = "request_id=r-100001 key=key-other"
    logs.step(FRONT, "taken", f"{of} lines=1x9")
    logs.step(ORDERS, "stored", f"{of} order=01m8e045wc-bbbbbb")
    assert [ORDER, "01m8e045wc-bbbbbb"] == sorted(found(logs, "r-100001").orders)
    assert PURCHASE + 2 == len(found(logs, "r-100001").lines)
    assert [ORDER] == found(logs, ORDER_ID).orders
    assert PURCHASE == len(found(logs, ORDER_ID).lines)


def test_a_short_request_id_finds_only_itself(logs: Logs) -> None:
    """Though it stands in most lines."""
    logs.purchase()
    logs.step(FRONT, "taken", "request_id=1 key=key-7 lines=1x1")
    assert [("taken", "1")] == [(line.step, line["request_id"]) for line in found(logs, "1").lines]


def test_a_request_id_with_too_many_orders_is_told(logs: Logs) -> None:
    """With the names of some of them, by which to ask."""
    for number in range(30):
        logs.step(
            ORDERS, "stored", f"request_id=loop-1 key=k{number} order=01m8e045{number:02}-cccccc"
        )
    with pytest.raises(
        TooMany, match="more than 20 orders belong to loop-1; name one, such as 01m"
    ):
        found(logs, "loop-1")


def test_logs_without_steps_tell_of_the_request(logs: Logs) -> None:
    """By its id, or by the reference that the line of the request has."""
    logs.request(FRONT, "r-100001", "/purchase/2", 201, " reference=NXFDSX")
    logs.request(ORDERS, "r-100001", "/placements")
    for asked in ("r-100001", ORDER_ID, "nxfdsx"):
        assert 2 == len(found(logs, asked).lines)
        assert not found(logs, asked).steps


def test_what_nobody_names_is_not_found(logs: Logs) -> None:
    """Whatever it is made of."""
    logs.purchase()
    for asked in ("r-10000", "r-1000011", "", " ", "()", "é", "\udcff", "x" * 10_000, "0" * 26):
        assert [] == found(logs, asked).lines


def test_a_line_that_stands_in_two_logs_is_one(logs: Logs) -> None:
    """As where standard output is kept beside the file."""
    logs.purchase()
    whole = "".join(path.read_text() for path in sorted(logs.folder.iterdir()))
    (logs.folder / "journal.log").write_text(
        "".join(f"Nov 27 12:00:00 host bazar[1]: {line}\n" for line in whole.splitlines())
    )
    assert PURCHASE == len(found(logs, ORDER_ID).lines)


def test_a_file_that_was_put_aside_comes_before_what_follows_it(logs: Logs) -> None:
    """So that a process keeps the order in which it wrote."""
    logs.purchase()
    path = logs.folder / "order-5002.log"
    lines = path.read_text().splitlines(keepends=True)
    for number, some in ((2, lines[:3]), (1, lines[3:6]), (0, lines[6:])):
        ending = f".{number}" if number else ""
        (logs.folder / f"order-5002.log{ending}").write_text("".join(some))
    written = [line.split("step=")[1].split()[0] for line in lines if "step=" in line]
    names = [
        logs.folder / "order-5002.log",
        logs.folder / "order-5002.log.1",
        logs.folder / "order-5002.log.2",
    ]
    with Sources(names, logs.folder) as sources:
        steps = [line.step for line in find(sources, ORDER_ID).lines if line.step]
    assert written == steps


def test_standard_input_is_read_once_and_looked_through_often(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside files, too."""
    logs.purchase()
    front = logs.folder / "front-5000.log"

    class Standard:
        buffer = io.BytesIO(front.read_bytes())

    monkeypatch.setattr(sys, "stdin", Standard)
    front.unlink()
    with Sources([Path("-"), logs.folder], logs.folder) as sources:
        assert PURCHASE == len(find(sources, ORDER_ID).lines)


@pytest.mark.parametrize("names", [[], ["nowhere"], ["nowhere.log"], ["empty"]])
def test_no_logs_are_told(tmp_path: Path, names: list[str]) -> None:
    """A folder without one, and a file that is not there."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoLogs, match=r"there (are no logs in|is no file) .*"):
        Sources([tmp_path / name for name in names], tmp_path / "logs")


def test_lines_are_found_wherever_a_block_ends(logs: Logs) -> None:
    """Also those behind a line without an end, and the last one without a newline."""
    noise = b"x" * 997 + b"\n"
    path = logs.folder / "front-5000.log"
    logs.step(FRONT, "taken", "request_id=r-100001 key=k lines=1x1")
    line = path.read_bytes()
    blocks = [noise * 1060, line, b"y" * (3 * BLOCK_BYTES), b"\n", line.replace(b"1x1", b"1x2")]
    path.write_bytes(b"".join([*blocks, noise * 3000, line.replace(b"1x1", b"1x3").rstrip()]))
    assert ["1x1", "1x2", "1x3"] == [one["lines"] for one in found(logs, "r-100001").lines]
