"""A log file: whole lines, at once, never longer than it may be, whoever else writes to it."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from bazar.kit import log
from bazar.kit.errors import StartupError
from bazar.kit.log_file import LogFile

Opened = Callable[..., LogFile]
WRITER = """
import sys, threading
from pathlib import Path
from bazar.kit.log_file import LogFile

path, word, bytes_max = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
file = LogFile(path, bytes_max)
def write(number):
    for at in range(200):
        file.add(f"{word}-{number}-{at}{'.' * 40}\\n".encode())
threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from bazar.kit import log
from bazar.kit.log_file import LogFile
from bazar.kit.steps import steps

log.configure("catalog", "text", "debug", LogFile(Path(sys.argv[1])), "127.0.0.1:5001#ab")
steps.watch("secret")
for number in range(1000):
    steps.write("decided", order_id=f"order-{number}")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Open log files for one test."""
    files: list[LogFile] = []

    def opens(path: Path | None = None, bytes_max: int = 10**6) -> LogFile:
        files.append(LogFile(path or tmp_path / "x.log", bytes_max))
        return files[-1]

    yield opens
    for file in files:
        file.close()


@pytest.fixture
def undone() -> Iterator[None]:
    """Undo what a test configures."""
    yield
    log.configure()
    structlog.reset_defaults()


def test_a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_mode(
    tmp_path: Path, opened: Opened
) -> None:
    """Whatever the umask is; and what was logged before stays."""
    path, old = tmp_path / "x.log", tmp_path / "old.log"
    old.write_text("before\n")
    old.chmod(0o640)
    before = os.umask(0)
    try:
        opened(path).add(b"a\n")
        opened(old).add(b"b\n")
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o640 == stat.S_IMODE(old.stat().st_mode)
    assert "before\nb\n" == old.read_text()


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing", "null"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """At once, and a pipe without a reader is not waited for."""
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "missing":
        path = tmp_path / "nowhere" / "x.log"
    else:
        path = Path("/dev/null")
    with pytest.raises(StartupError, match="cannot write the log file"):
        LogFile(path)


def test_a_file_that_is_too_long_is_put_aside(tmp_path: Path, opened: Opened) -> None:
    """With its mode; the one that was put aside before goes, and nothing is lost in between."""
    file = opened(bytes_max=100)
    (tmp_path / "x.log").chmod(0o640)
    for number in range(30):
        file.add(f"{number:09}\n".encode())
    new, old = tmp_path / "x.log", tmp_path / "x.log.1"
    assert {new, old} == set(tmp_path.iterdir())
    numbers = [int(line) for line in (old.read_text() + new.read_text()).split()]
    assert [*range(numbers[0], 30)] == numbers
    assert numbers[0] <= 19
    assert 0o640 == stat.S_IMODE(new.stat().st_mode)


def test_many_writers_share_a_file_and_turn_it_over(tmp_path: Path) -> None:
    """Each line is there once and as a whole, in threads and processes, while files are begun."""
    path = tmp_path / "x.log"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, word, "40000"]) for word in ("a", "b")]
    assert [0, 0] == [writer.wait() for writer in writers]
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert all(line.endswith("." * 40) for line in lines)
    assert len(set(lines)) == len(lines)
    assert {f"{word}-{number}-199{'.' * 40}" for word in "ab" for number in (0, 1)} <= set(lines)


def test_what_was_logged_is_there_after_kill_9(tmp_path: Path) -> None:
    """To the last line: nobody has to read or wait for it to be so."""
    path = tmp_path / "x.log"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert -signal.SIGKILL == killed.returncode
    lines = path.read_text().splitlines()
    assert 1000 == len(lines)
    assert "step=decided order=order-999 process=127.0.0.1:5001#ab" in lines[-1]


@pytest.mark.usefixtures("undone")
def test_a_full_disk_drops_lines_and_says_so_when_there_is_room(tmp_path: Path) -> None:
    """The service goes on; half a line ends before the next one begins."""
    path = tmp_path / "x.log"
    log.configure("order", "text", "info", LogFile(path))
    log.request_line("GET", "/a", 200, 1.0, "r-1")
    size = path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, before[1]))
        for number in range(3):
            log.request_line("GET", f"/lost-{number}", 200, 1.0, "r-2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    log.request_line("GET", "/b", 200, 1.0, "r-3")
    lines = path.read_text().splitlines()
    assert 4 == len(lines)
    for line, said in zip(
        (lines[0], *lines[2:]), ("path=/a", "event=lines-dropped count=3", "path=/b"), strict=True
    ):
        assert said in line


@pytest.mark.usefixtures("undone")
def test_a_file_gets_all_lines_and_standard_output_what_is_wrong(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And what is shown to people is in the file at no level."""
    path = tmp_path / "x.log"
    log.configure("order", "text", "info", LogFile(path))
    log.request_line("GET", "/a", 200, 1.0, "r-1")
    log.get_logger().info("listening")
    log.get_logger().warning("odd")
    log.show("Bazar is open\n")
    log.flush()
    warning, shown = capfd.readouterr().out.splitlines()
    assert "event=odd" in warning
    assert "Bazar is open" == shown
    events = [line.split("event=")[1].split()[0] for line in path.read_text().splitlines()]
    assert ["request", "listening", "odd"] == events


def test_the_number_of_the_file_stays_the_same(opened: Opened) -> None:
    """So that a thread that writes meanwhile never writes to a file of something else."""
    file = opened(bytes_max=10)
    number = file._descriptor  # noqa: SLF001  which the kernel knows it by
    for _ in range(5):
        file.add(b"0123456789\n")
        assert number == file._descriptor  # noqa: SLF001
        os.fstat(number)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(number + 1000)
