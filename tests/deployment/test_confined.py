"""What a unit starts works with what the unit leaves it."""

import ctypes
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from deployment.confined import LIBRARY
from deployment.files import DEPLOY, PROGRAM, Unit, settings, unit
from deployment.tools import missing, said, tool
from support.running import ThreeServices, role_of

CONFINED = Path(__file__).with_name("confined.py")
UNIT = unit(DEPLOY / "systemd/bazar@.service")
SETTINGS = settings(DEPLOY / "systemd/three-machines.env")


class Units(ThreeServices):
    """Three services, each started by the line of its unit."""

    def command(self, service: str) -> list[str]:
        """Return the words that start a process, in the environment that its unit gives it."""
        role, at = role_of(service), self.everywhere()
        told = SETTINGS | {
            "BAZAR_HOST": "127.0.0.1",
            "BAZAR_PORT": self.urls[service].rpartition(":")[2],
            "BAZAR_CATALOG": at.catalog,
            "BAZAR_ORDER": at.order,
        }
        [line] = UNIT["ExecStart"]
        line = line.replace("%i", role).replace("${STATE_DIRECTORY}", str(self.folder / role))
        line = line.replace("${CREDENTIALS_DIRECTORY}", str(self.folder))
        line = line.replace(PROGRAM, f"{sys.executable} -m bazar")
        return ["/usr/bin/env", *(f"{name}={text}" for name, text in told.items()), *line.split()]


def _calls(lists: str, filters: Iterable[str]) -> set[str]:
    """Return the system calls that the filters of a unit allow; `~` takes some away."""
    members: dict[str, list[str]] = {}
    for line in lists.splitlines():
        word = line.strip()
        if line.startswith("@"):
            members[word] = []
        elif word and not word.startswith("#"):
            members[next(reversed(members))].append(word)

    def named(words: Iterable[str]) -> Iterator[str]:
        for word in words:
            yield from named(members[word]) if word in members else [word]

    allowed = {*named(["@default"])}
    for one in filters:
        words = {*named(one.removeprefix("~").split())}
        allowed = allowed - words if one.startswith("~") else allowed | words
    return allowed


def _before(folder: Path, settings: Unit) -> list[str]:
    """Return what confines a command that follows it as a unit does."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        missing(f"{LIBRARY} is missing: apt-get install libseccomp2")
    _code, lists = said(folder, tool("systemd-analyze"), "syscall-filter", "--no-pager")
    [families] = settings["RestrictAddressFamilies"]
    plan = {
        "files": int(settings["LimitNOFILE"][0]),
        "calls": sorted(_calls(lists, settings["SystemCallFilter"])),
        "families": [int(getattr(socket, name)) for name in families.split()],
    }
    file = folder / "plan.json"
    file.write_text(json.dumps(plan), "utf-8")
    return [sys.executable, str(CONFINED), str(file)]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("import os; os.setpriority(os.PRIO_PROCESS, 0, 5)", "PermissionError"),
        ("import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "PermissionError"),
        ("import os; os.chroot('/')", "PermissionError"),
        ("import socket; socket.socket()", ""),
    ],
)
def test_a_unit_keeps_things_from_what_it_starts(tmp_path: Path, words: str, error: str) -> None:
    """Else the next tests would show nothing."""
    done = subprocess.run(
        [*_before(tmp_path, UNIT), sys.executable, "-c", words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (error != "", True) == (done.returncode != 0, error in done.stderr)


def test_a_postgresql_of_its_own_can_be_bound_to_the_whole_shop(tmp_path: Path) -> None:
    """The program that ends it with the shop sets capabilities, if only those that it has."""
    tied = ("/usr/bin/env", "setpriv", "--pdeathsig", "INT", "true")
    shop = unit(DEPLOY / "systemd/bazar.service")
    ended = [
        subprocess.run([*_before(tmp_path, one), *tied], capture_output=True, check=False)
        for one in (shop, UNIT)
    ]
    assert [True, False] == [done.returncode == 0 for done in ended]


async def test_the_services_of_units_sell(tmp_path: Path) -> None:
    """They need nothing that their unit keeps from them, and end in good order when told to."""
    with Units(tmp_path) as shop:
        (tmp_path / "secret").write_text(shop.secret, "utf-8")
        shop.start(before=_before(tmp_path, UNIT))
        shop.wait_until_ready()
        book = shop.add_book(2)
        async with shop.customers() as customers:
            assert 201 == (await customers.buy(book, "a key")).status
        assert [] == shop.settled_audit().differences
        for process in shop.processes.values():
            process.send_signal(signal.SIGTERM)
        patience_s = float(UNIT["TimeoutStopSec"][0])
        assert {0} == {process.wait(patience_s) for process in shop.processes.values()}
        assert "few-files" not in shop.log()
