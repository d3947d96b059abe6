"""What the files of `deploy/` are for has programs that read them; these have nothing to say.

Each of them is shown a spoilt copy as well, so that it is known to look.
"""

import shutil
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployment.files import (
    BACKUP,
    COMPOSE,
    CONTAINERFILE,
    DEPLOY,
    MANIFESTS,
    PATRONI,
    PROGRAM,
    TIMER,
    UNITS,
    documents,
)
from deployment.tools import said, tool
from support.processes import free_ports

WELL = (0, "")
RULES = "{extends: default, rules: {document-start: disable, line-length: {max: 100}}}"
"""Of yamllint."""
EXPOSED_TENTHS_MAX = 20
"""By systemd's own count, which calls less than 20 OK; without any protection it is 92."""


def _copies(folder: Path, paths: Sequence[Path]) -> list[Path]:
    return [Path(shutil.copy(path, folder)) for path in paths]


def _units(folder: Path) -> list[Path]:
    """Return copies of the units as they are installed, with a program that is there."""
    made = []
    for path in (*UNITS, BACKUP, TIMER):
        one = folder / path.name.replace("@", "@catalog")
        one.write_text(path.read_text("utf-8").replace(PROGRAM, sys.executable), "utf-8")
        made.append(one)
    return made


def _spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """It knows each setting, and has nothing against a value."""
    verify = (tool("systemd-analyze"), "verify", "--man=no")
    units = _units(tmp_path)
    assert WELL == said(tmp_path, *verify, *units)
    for unit in units:
        _spoil(unit, "\n[", "\nWants=no-type\nAftr=bazar.service\n[")
        _code, words = said(tmp_path, *verify, unit)
        assert (True, True) == ("no-type" in words, "Aftr'" in words)


@pytest.mark.parametrize("number", range(3))
def test_a_unit_may_do_little_beside_its_work(tmp_path: Path, number: int) -> None:
    """By systemd's count of what a service is exposed to and could expose."""
    look = (tool("systemd-analyze"), "security", "--offline=true", "--no-pager")
    unit = _units(tmp_path)[number]
    bound = f"--threshold={EXPOSED_TENTHS_MAX}"
    assert 0 == said(tmp_path, *look, bound, unit)[0]
    _spoil(unit, "ProtectSystem=strict\n", "")
    _spoil(unit, "SystemCallFilter=@system-service\n", "")
    _spoil(unit, "CapabilityBoundingSet=\n", "")
    assert 0 != said(tmp_path, *look, bound, unit)[0]


def test_systemd_makes_the_user(tmp_path: Path) -> None:
    """That of the units, with the folder that they keep its data in."""
    make = (tool("systemd-sysusers"), f"--root={tmp_path}", "--dry-run")
    code, words = said(tmp_path, *make, DEPLOY / "systemd/bazar.sysusers")
    assert (0, True) == (code, "Creating user 'bazar'" in words)


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    """No rule of it is switched off."""
    assert WELL == said(tmp_path, tool("hadolint"), CONTAINERFILE)
    [copy] = _copies(tmp_path, [CONTAINERFILE])
    _spoil(copy, "USER 10001:10001", "USER root")
    code, words = said(tmp_path, tool("hadolint"), copy)
    assert (1, True) == (code, "DL3002" in words)


def test_the_compose_files_are_of_their_form(tmp_path: Path) -> None:
    """By the schema of the compose specification."""
    check = (tool("check-jsonschema"), "--quiet", "--builtin-schema", "vendor.compose-spec")
    copies = _copies(tmp_path, COMPOSE)
    assert WELL == said(tmp_path, *check, *copies)
    _spoil(copies[0], "stop_grace_period", "stop_grace")
    assert 1 == said(tmp_path, *check, *copies)[0]


def test_kubernetes_knows_the_manifests(tmp_path: Path) -> None:
    """By its schemas, the newest that the checker has; what they do not name is refused."""
    check = (tool("kubernetes-validate"), "--strict")
    code, words = said(tmp_path, *check, *MANIFESTS)
    passed = [line for line in words.splitlines() if " passed for resource " in line]
    assert (0, words.splitlines()) == (code, passed)
    assert sum(len(documents(path)) for path in MANIFESTS) == len(passed)
    [copy] = _copies(tmp_path, MANIFESTS[1:2])
    _spoil(copy, "clusterIP:", "clusterAddress:")
    assert 0 != said(tmp_path, *check, copy)[0]


def test_yaml_is_written_as_it_should_be(tmp_path: Path) -> None:
    """No key twice, no tab, no number that would be read as another one."""
    lint = (tool("yamllint"), "--strict", "--config-data", RULES)
    files = [*COMPOSE, *MANIFESTS, PATRONI]
    assert WELL == said(tmp_path, *lint, *files)
    [copy] = _copies(tmp_path, [PATRONI])
    _spoil(copy, "name: db1", "name: db1\nname: db2")
    assert 1 == said(tmp_path, *lint, copy)[0]


def test_patroni_takes_its_settings(tmp_path: Path) -> None:
    """By its own check, which wants ports that are free, and an etcd that is there."""
    program = tool("patroni")
    rest, database, *etcd = free_ports(5)
    text = PATRONI.read_text("utf-8")
    for old, new in (
        ("listen: 10.0.0.11:8008", f"listen: 127.0.0.1:{rest}"),
        ("listen: 10.0.0.11:5432", f"listen: 127.0.0.1:{database}"),
        ("10.0.0.11:2379", f"127.0.0.1:{etcd[0]}"),
        ("10.0.0.12:2379", f"127.0.0.1:{etcd[1]}"),
        ("10.0.0.13:2379", f"127.0.0.1:{etcd[2]}"),
        ("/var/lib/postgresql/15/bazar", str(tmp_path / "data")),
    ):
        assert old in text
        text = text.replace(old, new)
    copy = tmp_path / "patroni.yml"
    copy.write_text(text, "utf-8")
    with ExitStack() as stack:
        for port in etcd:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        assert WELL == said(tmp_path, program, "--validate-config", copy)
        _spoil(copy, "ttl: 20", "ttl: 19")
        assert 1 == said(tmp_path, program, "--validate-config", copy)[0]
