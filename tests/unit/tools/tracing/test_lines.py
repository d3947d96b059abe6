"""Lines of logs, behind whatever is put before them, and whatever else there is."""

import json

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bazar.kit import log
from bazar.tools.tracing.lines import parse

TEXT = (
    "catalog | at=2026-11-27T12:00:01.250000Z level=debug event=step step=decided "
    "order=01m8e045wb-nxfdsx outcome=reserved process=127.0.0.1:5001#c1"
)
JSON = json.dumps(
    {
        "service": "catalog",
        "at": "2026-11-27T12:00:01.250000Z",
        "level": "debug",
        "event": "step",
        "step": "decided",
        "order": "01m8e045wb-nxfdsx",
        "outcome": "reserved",
        "process": "127.0.0.1:5001#c1",
    }
)
DRESSES = {
    "bare": "{}",
    "journalctl": "Nov 27 12:00:01 host bazar-catalog[123]: {}",
    "journalctl -o short-iso": "2026-11-27T12:00:01+0000 host bazar[1]: {}",
    "compose": "catalog-1  | {}",
    "compose in colours": "\x1b[36mcatalog-1  | \x1b[0m{}\x1b[0m",
    "kubectl": "[pod/catalog-0/catalog] {}",
    "with a time of the engine": "2026-11-27T12:00:01.260000000Z {}",
    "Windows line ends": "{}\r",
}


@pytest.mark.parametrize("written", [TEXT, JSON], ids=["text", "json"])
@pytest.mark.parametrize("dress", DRESSES)
def test_a_line_is_read_behind_what_is_put_before_it(dress: str, written: str) -> None:
    """In both forms; the time is its own."""
    if "colours" in dress and written == JSON:
        written += " "
    line = parse(DRESSES[dress].replace("{}", written).encode() + b"\n", 3, 77)
    assert line is not None
    assert (1795780801_250000, "catalog", "decided") == (line.at_us, line.service, line.step)
    assert ("reserved", "") == (line["outcome"], line["code"])
    assert ("127.0.0.1:5001#c1", "127.0.0.1:5001", "5001") == (line.process, line.place, line.port)
    assert (3, 77) == (line.source, line.offset)


@pytest.mark.parametrize("written", [TEXT, JSON], ids=["text", "json"])
@pytest.mark.parametrize("member", ["MESSAGE", "log"])
def test_a_line_is_read_out_of_json(member: str, written: str) -> None:
    """As journalctl -o json and a container engine's own files have it."""
    line = parse(json.dumps({"x": 1, member: written + "\n", "stream": "stdout"}).encode())
    assert line is not None
    assert ("catalog", "decided") == (line.service, line.step)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "Bazar is open at http://127.0.0.1:5000/",
        "catalog | at=yesterday level=info event=request",
        "catalog | at=2026-13-27T12:00:01.000000Z level=info event=request",
        "{",
        '{"a": 1}',
        "[" * 5000,
        '{"a":' * 5000,
        "\x00\xff at= level= event=",
        '{"at": 1, "level": 2, "event": 3}',
        '{"MESSAGE": "{\\"MESSAGE\\": \\"{}\\"}"}',
    ],
)
def test_what_is_no_line_of_ours_is_nothing(written: str) -> None:
    """Whatever else a log holds."""
    assert parse(written.encode("utf-8", "surrogateescape")) is None


def test_a_line_that_is_cut_says_what_is_left_of_it() -> None:
    """As where the disk was full."""
    line = parse(b'order   | at=2026-11-27T12:00:01.250000Z level=info event=odd reason="half of')
    assert line is not None
    assert '"half' == line["reason"]


def test_a_line_of_the_supervisor_says_which_service_it_means() -> None:
    """In both forms, and it is a line of `bazar` itself."""
    head = "at=2026-11-27T12:00:01.250000Z level=warning event=restarting"
    facts = {"service": "catalog", "port": 5001, "status": -9, "process": "bazar#b1"}
    said = " ".join(f"{name}={value}" for name, value in facts.items())
    at, level, event = (part.partition("=")[2] for part in head.split())
    as_json = {"service": "bazar", "at": at, "level": level, "event": event} | facts
    for written in (f"bazar   | {head} {said}", json.dumps(as_json)):
        line = parse(written.encode())
        assert line is not None
        assert ("bazar", "catalog", "-9") == (line.service, line["service"], line["status"])


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}x", fullmatch=True), st.text(max_size=60)))
def test_what_a_service_writes_is_read_back(facts: dict[str, str]) -> None:
    """In both forms, whatever the values hold: also what looks like another line."""
    for style in ("text", "json"):
        log.configure("order", style, "debug", process="[::1]:5002#ab")
        written = log._render("info", "odd", facts)  # noqa: SLF001  as it is written
        log.configure()
        structlog.reset_defaults()
        line = parse(written.encode("ascii"))
        assert line is not None
        assert facts == line.facts
        assert ("order", "odd", "[::1]:5002") == (line.service, line.event, line.place)
