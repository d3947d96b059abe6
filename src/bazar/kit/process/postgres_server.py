"""A PostgreSQL of our own: its folder is made, it runs as a child, and it ends with its parent.

It listens on nothing but a socket file in a folder that only its owner may enter, so it asks
nobody for a password. It needs neither root nor a container.

Source: docs/decisions/0030-a-postgresql-of-our-own.md
"""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

from bazar.kit.errors import StartupError
from bazar.kit.process.postgres_programs import Programs, as_a_user, find_programs, locale

USER = "bazar"
PORT = 5432
"""Part of the socket's name alone: nothing listens on a port."""
STOP_SIGNAL = signal.SIGINT
"""Ends the connections and then the server. Its SIGTERM waits for every client instead.
Source: PostgreSQL, Shutting Down the Server"""
START_TIMEOUT_S = 300.0
"""After a crash it first does again what its log says."""
STOP_TIMEOUT_S = 60.0
"""Before it ends it writes what it holds in memory."""
SOCKET_PATH_BYTES_MAX = 103
"""That every system takes. Source: unix(7), sun_path; 107 on Linux, 103 on macOS"""
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "jit": "off",
    "max_wal_size": "1GB",
    "log_min_messages": "fatal",
}
"""Of every server of ours. With more of its log, each crash takes longer to recover from; and an
error is the asker's to tell."""
_DATA = "data"
_INIT_TIMEOUT_S = 120.0
_POLL_S = 0.02
_STATUS_LINE = 7
"""Of postmaster.pid, counted from 0. Source: PostgreSQL, src/include/utils/pidfile.h"""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server on a folder that `prepare` has made ready."""

    programs: Programs
    data: Path
    """What it keeps."""
    sockets: Path
    """Where its socket is."""

    def command(self, settings: Mapping[str, str] | None = None) -> list[str]:
        """Return the words that start it, in the process that they start.

        Where the system can, the kernel stops it when its parent ends, however that happens.

        Args:
            settings: of PostgreSQL, beyond or instead of those that every server of ours has.
        """
        words = [
            *as_a_user(),
            *_tied("INT"),
            str(self.programs.folder / "postgres"),
            "-D",
            str(self.data),
        ]
        said = {**SETTINGS, "unix_socket_directories": f'"{self.sockets}"', **(settings or {})}
        return [*words, "-p", str(PORT), *_options(said)]

    def is_ready(self, pid: int) -> bool:
        """Tell whether the server that runs as this process takes connections."""
        lines = _pid_file(self.data)
        ready = len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
        return ready and lines[0].strip() == str(pid)

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        where = f"host={quote(str(self.sockets))}&port={PORT}"
        return f"postgresql://{USER}@/{quote(database)}?{where}"


def is_prepared(folder: Path) -> bool:
    """Tell whether a folder has the data of a server."""
    return (folder / _DATA).exists()


def prepare(
    folder: Path,
    databases: Iterable[str],
    programs: Path | None = None,
    version: int | None = None,
) -> PostgresServer:
    """Make a folder ready for a server, with all its databases or not at all.

    A server that still runs on it, left behind by a parent that was killed, is stopped. Nobody
    else may use the folder meanwhile.

    Args:
        folder: where data and socket go; it may be new.
        databases: to make with it, when it is new.
        programs: the folder of PostgreSQL's programs; None: those of this machine.
        version: the major one to take; None: that of the data, or the newest.

    Raises:
        StartupError: there is no PostgreSQL that fits, or it cannot be set up.
    """
    data = folder.absolute() / _DATA
    found = find_programs(programs, _version(data) or version)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        end_orphan(data)
        if not data.exists():
            _make(found, data, databases)
        return PostgresServer(found, data, _socket_folder(folder.absolute()))
    except OSError as error:
        message = f"cannot set up PostgreSQL in {folder}: {error.strerror or error}"
        raise StartupError(message) from error


def end_orphan(data: Path) -> None:
    """Stop the server that runs on a folder, and wait for its end.

    Raises:
        StartupError: it does not end.
    """
    lines = _pid_file(data)
    pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
    give_up_s = monotonic() + STOP_TIMEOUT_S
    while pid and _serves(pid, data):
        with suppress(ProcessLookupError):
            os.kill(pid, STOP_SIGNAL)
        if monotonic() > give_up_s:
            message = f"PostgreSQL still runs in {data} (pid {pid}) and does not stop"
            raise StartupError(message)
        sleep(_POLL_S)


def _version(data: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int((data / "PG_VERSION").read_text("ascii").split(".")[0])
    return None


def _make(programs: Programs, data: Path, databases: Iterable[str]) -> None:
    """Make a folder of data beside its place, and move it there when it is whole."""
    unfinished = data.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    how = ["--auth=trust", "--encoding=UTF8", f"--locale={locale()}", "--no-instructions"]
    _run([str(programs.folder / "initdb"), "-D", str(unfinished), "-U", USER, *how])
    single = ["--single", "-D", str(unfinished), *_options({"log_checkpoints": "off"}), "postgres"]
    made = "".join(f'CREATE DATABASE "{name}";\n' for name in databases)
    _run([str(programs.folder / "postgres"), *single], made)
    unfinished.rename(data)
    opened = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _tied(signal_name: str) -> list[str]:
    """Return the words by which the kernel sends a command a signal when its parent is gone."""
    return ["setpriv", "--pdeathsig", signal_name] if shutil.which("setpriv") else []


def _options(settings: Mapping[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _run(command: list[str], said: str = "") -> None:
    """Run one of PostgreSQL's programs to its end.

    Raises:
        StartupError: it failed.
    """
    try:
        done = subprocess.run(  # noqa: S603  programs of this machine, no shell
            [*as_a_user(), *_tied("KILL"), *command],
            input=said,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INIT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"{command[0]} did not end within {_INIT_TIMEOUT_S:g} s"
        raise StartupError(message) from error
    # Alone, the server goes on after an error, and ends well.
    wrong = [line for line in done.stderr.splitlines() if "ERROR:" in line or "FATAL:" in line]
    if done.returncode or wrong:
        told = " ".join((wrong or done.stderr.split("\n"))[:3]) or f"status {done.returncode}"
        message = f"{command[0]} failed: {told}"
        raise StartupError(message)


def _pid_file(data: Path) -> list[str]:
    """Return the lines in which a server says that it runs here, and how far it is."""
    with suppress(OSError):
        return (data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
    return []


def _serves(pid: int, data: Path) -> bool:
    """Tell whether a process is the server of a folder, and not a later one with its number."""
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").samefile(data)
        except OSError:
            return False
    asked = ["ps", "-o", "command=", "-p", str(pid)]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    return str(data) in said.stdout


def _socket_folder(folder: Path) -> Path:
    """Return the folder of the socket, which only its owner may enter.

    The system bounds the length of a socket's path, so a long one is put elsewhere.

    Raises:
        StartupError: somebody else made that folder.
    """
    sockets = folder / "run"
    if len(os.fsencode(sockets / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES_MAX:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        sockets = Path(tempfile.gettempdir()) / f"bazar-{os.geteuid()}-{name}"
    sockets.mkdir(exist_ok=True, mode=0o700)
    found = sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        message = f"{sockets}, where PostgreSQL's socket should be, belongs to somebody else"
        raise StartupError(message)
    sockets.chmod(0o700)
    return sockets
