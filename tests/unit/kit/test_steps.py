"""Steps: one line each where somebody watches, and no secret in any of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bazar.kit import log
from bazar.kit.identity import new_id
from bazar.kit.log_file import LogFile
from bazar.kit.steps import (
    Steps,
    lines_text,
    order_name,
    order_names,
    process_name,
    without_ids,
)

ORDER_ID = "01m8e045wbtxqz992v9jnxfdsx"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Log to a file for one test, as JSON."""
    path = tmp_path / "x.log"
    log.configure("order", "json", "debug", LogFile(path), "127.0.0.1:5002#ab12")
    yield path
    log.configure()
    structlog.reset_defaults()


def written(file: Path) -> list[dict[str, object]]:
    """Return the lines as objects."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_step_is_one_line_with_what_it_is_about(file: Path) -> None:
    """What is empty is left out; whose line it is stands in it."""
    steps = Steps()
    steps.watch("secret")
    steps.write("stored", request_id="r-1", order_id=ORDER_ID, lines="1x2", code="", progress=None)
    (line,) = written(file)
    del line["at"]
    assert {
        "service": "order",
        "level": "debug",
        "event": "step",
        "step": "stored",
        "request_id": "r-1",
        "order": "01m8e045wb-nxfdsx",
        "lines": "1x2",
        "process": "127.0.0.1:5002#ab12",
    } == line


def test_no_line_holds_the_id_of_an_order_or_a_key(file: Path) -> None:
    """Nor does a path or a reason in it: an id opens its page, and a key gets the id."""
    steps = Steps()
    steps.watch("secret")
    steps.write(
        "asked",
        order_id=ORDER_ID,
        key="order-17",
        path=f"/orders/{ORDER_ID}/cancel",
        reason=f"the catalog says nothing of {ORDER_ID}.",
    )
    text = file.read_text()
    assert ORDER_ID not in text
    assert ORDER_ID[10:20] not in text
    assert "order-17" not in text
    assert "/orders/01m8e045wb-nxfdsx/cancel" in text


def test_a_key_goes_by_the_same_digest_in_every_process_of_a_shop(file: Path) -> None:
    """And by another one in another shop, so that nobody can try short keys without the secret."""
    for secret in ("one", "one", "two"):
        steps = Steps()
        steps.watch(secret)
        steps.write("taken", key="order-17")
    first, second, other = (line["key"] for line in written(file))
    assert first == second
    assert other != first
    assert 12 == len(str(first))


def test_every_id_has_a_name_and_made_up_ones_keep_theirs() -> None:
    """A name is what the log tells anyway: when it was made, and its reference."""
    order_id = new_id()
    assert f"{order_id[:10]}-{order_id[-6:]}" == order_name(order_id)
    assert "by-hand-1" == order_name("by-hand-1")
    assert "" == order_name("")
    assert "by-hand-1,01m8e045wb-nxfdsx" == order_names(["by-hand-1", ORDER_ID])


def test_only_what_is_an_id_is_taken_out_of_a_text() -> None:
    """Longer words and other letters stay."""
    kept = ["/reservations", "0" * 27, "Connection refused (os error 111)", ORDER_ID.upper()]
    assert kept == [without_ids(text) for text in kept]


def test_many_lines_are_told_short() -> None:
    """The first ten, and how many more."""
    assert "2x17,1x3" == lines_text([(17, 2), (3, 1)])
    assert lines_text([(1, 1)] * 12).endswith("1x1,and-2-more")


@pytest.mark.parametrize(
    ("host", "start"), [("127.0.0.1", "127.0.0.1:5001#"), ("::1", "[::1]:5001#")]
)
def test_a_process_goes_by_where_it_listens(host: str, start: str) -> None:
    """And by a word of its own, which no other process at that place has."""
    assert process_name(host, 5001).startswith(start)
    assert len(start) + 8 == len(process_name(host, 5001))


def test_who_listens_everywhere_goes_by_its_host() -> None:
    """Else all containers would be one."""
    assert "0.0.0.0" not in process_name("0.0.0.0", 5001)  # noqa: S104
