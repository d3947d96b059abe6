"""Log lines: one event is one line, for people or for machines, whatever the values hold."""

import errno
import fcntl
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bazar.kit import log
from bazar.kit.log import Format

Configure = Callable[[str, Format], None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Set up logging for one test, and undo it."""
    yield log.configure
    structlog.reset_defaults()


def written(capfd: pytest.CaptureFixture[str]) -> str:
    """Return what was logged since the last look."""
    log.flush()
    return capfd.readouterr().out


def request_line(path: str, ms: float = 0.25, **facts: object) -> None:
    """Log a request for a path."""
    log.request_line("GET", path, 200, ms, "r-1", facts)


def parsed(line: str) -> dict[str, str]:
    """Read a logfmt line back."""
    values: dict[str, str] = {}
    rest = line.removesuffix("\n")
    while rest:
        name, _, rest = rest.partition("=")
        if rest.startswith('"'):
            value, end = json.JSONDecoder(strict=False).raw_decode(rest)
            rest = rest[end + 1 :]
        else:
            value, _, rest = rest.partition(" ")
        values[name] = value
    return values


def test_a_text_line_is_logfmt(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    """Time, level and event come first, then the values; plain ones stand without quotes."""
    configure("", "text")
    log.get_logger().info("listening", url="http://127.0.0.1:5001", pid=7)
    line = written(capfd)
    assert line.startswith("at=2")
    assert line.endswith("Z level=info event=listening url=http://127.0.0.1:5001 pid=7\n")


def test_a_json_line_is_an_object(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    """With the same names, and values of any kind."""
    configure("", "json")
    log.get_logger().warning("odd", count=7, what={1}, error=ValueError("x"))
    found = json.loads(written(capfd))
    assert ("warning", "odd", 7) == (found["level"], found["event"], found["count"])
    assert "x" in found["error"]
    assert found["at"].endswith("Z")


def test_a_request_line_has_the_form_of_any_other_line(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    """In both forms, values in their order."""
    configure("", "text")
    request_line(path="/x", ms=0.25)
    line = written(capfd)
    assert line.startswith("at=2")
    assert line.endswith(
        "Z level=info event=request method=GET path=/x status=200 ms=0.25 request_id=r-1\n"
    )
    configure("", "json")
    request_line(path="/x", ms=0.25)
    found = json.loads(written(capfd))
    assert found.pop("at").endswith("Z")
    wanted = {"level": "info", "event": "request", "method": "GET", "path": "/x", "status": 200}
    assert wanted | {"ms": 0.25, "request_id": "r-1"} == found


def test_every_text_line_starts_with_the_service(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    """The names are padded to one width; JSON lines have no prefix."""
    configure("front", "text")
    request_line(path="/x")
    log.get_logger().info("hello")
    lines = written(capfd).splitlines()
    assert ["front   | at=2", "front   | at=2"] == [line[:14] for line in lines]
    configure("front", "json")
    request_line(path="/x")
    assert "{" == written(capfd)[0]


@given(value=st.text())
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_request_line_is_always_one_line(
    configure: Configure, capfd: pytest.CaptureFixture[str], value: str
) -> None:
    """Line breaks, quotes, equals signs and lone surrogates change nothing about that."""
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        return  # cannot come in: HTTP carries bytes
    for style in ("text", "json"):
        configure("", style)
        request_line(path=value)
        text = written(capfd)
        assert text.endswith("\n")
        assert not {"\n", "\r"} & set(text[:-1])
        found = parsed(text) if style == "text" else json.loads(text)
        assert (value, "200") == (found["path"], str(found["status"]))


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\r\nb", "a\vb", "a\fb", "a\x1bb", "a\x85b", "a\x9b2Jb", "a\u2028b", "a\u2029b"],
)
def test_a_request_line_holds_nothing_that_a_terminal_obeys(
    configure: Configure, capfd: pytest.CaptureFixture[str], value: str
) -> None:
    """No control character of a caller reaches the terminal, and no reader sees two lines."""
    for style in ("text", "json"):
        configure("", style)
        request_line(path=value)
        text = written(capfd)
        assert 1 == len(text.splitlines())
        assert text[:-1].isprintable()


def test_an_exception_is_one_line_too(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    """The traceback is a value like any other, in both forms."""
    for style in ("text", "json"):
        configure("", style)
        try:
            int("on\npurpose\x1b[2J\x9b")
        except ValueError:
            log.get_logger().exception("fault", path="/a\nb")
        text = written(capfd)
        assert text[:-1].isprintable()
        assert 1 == text.count("\n")
        assert "ValueError" in text


@pytest.mark.parametrize("value", ["two words", 'a "quote"', "a=b", "é", "tab\t", ""])
def test_a_value_that_needs_it_is_quoted(
    configure: Configure, capfd: pytest.CaptureFixture[str], value: str
) -> None:
    """So that the line can be read back, value by value."""
    configure("", "text")
    request_line(path=value, after="x")
    found = parsed(written(capfd))
    assert (value, "x") == (found["path"], found["after"])


def test_a_warning_leaves_at_once_with_all_that_waits_before_it() -> None:
    """An information waits up to 50 ms for others; a warning wakes whoever writes."""
    read, write = os.pipe()
    lines = log.Lines(lambda: write)
    lines.start()
    lines.info("first\n")
    lines.warning("second\n")
    assert b"first\nsecond\n" == os.read(read, 100)


def test_the_short_way_writes_what_the_renderer_writes(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    """A request line is put together by hand, and says the same, in the same order."""
    configure("front", "text")
    for path in ("/info/2", "/a b", 'x"y', ""):
        request_line(path=path, order_id="o 1", copies=2)
        log.get_logger().info(
            "request",
            method="GET",
            path=path,
            status=200,
            ms=0.25,
            request_id="r-1",
            order_id="o 1",
            copies=2,
        )
        short, rendered = written(capfd).splitlines()
        assert rendered.partition(" level=")[2] == short.partition(" level=")[2]


def test_half_a_surrogate_pair_is_written_all_the_same(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file name that is no UTF-8 may stand in a message; the line is still one of its form."""
    for style in ("text", "json"):
        configure("", style)
        log.get_logger().info("odd", name="a\udc80b", count=1)
        text = written(capfd)
        found = parsed(text) if style == "text" else json.loads(text)
        assert ("a\\udc80b", "odd") == (found["name"], found["event"])


def test_debug_lines_are_left_out(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    """Only information and above is written."""
    configure("", "text")
    log.get_logger().debug("nobody needs this")
    assert "" == written(capfd)


class Pipe:
    """A pipe with room for a page, and lines that are written into it."""

    def __init__(self) -> None:
        """Open it; nobody reads."""
        self._read, self._write = os.pipe()
        fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, 4096)
        self.lines = log.Lines(lambda: self._write)
        self.lines.start()

    def read_to(self, end: str) -> str:
        """Return what comes out up to this."""
        text = ""
        while end not in text:
            text += os.read(self._read, 65536).decode()
        return text


@pytest.mark.timeout(20)
def test_who_does_not_read_holds_up_nobody_who_logs(configure: Configure) -> None:
    """Lines beyond the buffer are dropped, and once somebody reads, the log says how many."""
    configure("", "text")
    pipe = Pipe()
    started_s = monotonic()
    for number in range(3 * log.LINES_MAX):
        pipe.lines.put(f"{number:099}\n")
    pipe.lines.urgent("urgent\n")
    assert monotonic() - started_s < 1
    text, dropped = "", 0
    kept: list[str] = []
    while len(kept) + dropped < 3 * log.LINES_MAX + 1:  # a busy machine may tell it in two parts
        text += pipe.read_to("\n")
        whole = text[: text.rindex("\n") + 1]
        kept = [line for line in whole.splitlines() if line.isdigit() or line == "urgent"]
        dropped = sum(map(int, re.findall(r"event=lines-dropped count=(\d+)\n", whole)))
    assert 3 * log.LINES_MAX + 1 == len(kept) + dropped
    assert dropped > 0
    assert sorted(set(kept)) == kept
    pipe.lines.urgent("afterwards\n")
    assert "lines-dropped" not in pipe.read_to("afterwards\n")


def test_a_flush_waits_a_moment_and_once() -> None:
    """Who ends is not held up by who does not read, however often they flush."""
    pipe = Pipe()
    pipe.lines.urgent("x" * 100_000)
    started_s = monotonic()
    for _ in range(20):
        pipe.lines.flush(0.1)
    assert 0.1 <= monotonic() - started_s < 1


def test_lines_that_could_not_be_written_are_counted_too(configure: Configure) -> None:
    """A disk that is full, say, takes lines again when it has room again."""
    configure("", "text")
    read, write = os.pipe()
    full = threading.Event()
    full.set()

    def descriptor() -> int:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        return write

    lines = log.Lines(descriptor)
    lines.start()
    for number in range(3):
        lines.put(f"{number}\n")
    lines.flush()
    full.clear()
    lines.put("again\n")
    lines.flush()
    text = os.read(read, 65536).decode()
    assert text.startswith("again\n")
    assert "event=lines-dropped count=3\n" in text


def test_a_warning_that_repeats_itself_is_counted(
    configure: Configure, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ten of a kind within ten seconds are written, then one line says how many."""
    monkeypatch.setattr(log, "REPEATS_INTERVAL_S", 0.3)
    configure("", "text")
    for number in range(1000):
        log.get_logger().warning("away", number=number)
        log.get_logger().info("news")
    log.get_logger().error("other")
    lines = written(capfd).splitlines()
    assert 10 == sum("event=away" in line for line in lines)
    assert 1000 == sum("event=news" in line for line in lines)
    assert 1 == sum("event=other" in line for line in lines)
    sleep(0.4)
    assert written(capfd).endswith("level=warning event=repeated what=away left_out=990\n")
    log.get_logger().warning("away", number=1001)
    assert "number=1001" in written(capfd)


def test_no_value_makes_a_line_long(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    """A long list shows its first items, a long text its ends; in both forms."""
    for style in ("text", "json"):
        configure("", style)
        log.get_logger().warning("odd", ids=list(range(512)), text="a" * 50_000 + "z")
        line = written(capfd)
        assert len(line) < 5000
        assert "and 502 more" in line
        found = parsed(line) if style == "text" else json.loads(line)
        assert found["text"].startswith("aaa")
        assert found["text"].endswith("aaz")


def test_everything_leaves_at_the_end_of_the_process() -> None:
    """What still waits is written when the interpreter ends."""
    script = "from bazar.kit import log; log.configure('x'); log.get_logger().info('last-words')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 1 == done.stdout.count("event=last-words")


def test_a_reader_that_went_away_does_not_end_the_service() -> None:
    """Writing into a closed pipe is given up without an error."""
    script = (
        "import sys\nfrom bazar.kit import log\nlog.configure('x')\nsys.stdin.read()\n"
        "log.get_logger().error('nobody hears this')\nsys.exit(7)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert b"" == process.stderr.read()
    assert 7 == process.returncode
