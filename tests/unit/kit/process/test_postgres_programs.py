"""Which PostgreSQL is taken on a machine that has some, one, or none."""

import os
from pathlib import Path

import pytest

from bazar.kit.errors import StartupError
from bazar.kit.process import postgres_programs
from bazar.kit.process.postgres_programs import AS_NOBODY, as_a_user, find_programs


def installed(folder: Path, version: str) -> Path:
    """Put programs into a folder that say which version they are; return the folder."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Some System)'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where this machine's own packages put programs; there are none yet, and no wheel."""
    monkeypatch.setattr(postgres_programs, "_DISTRIBUTION", tmp_path)
    monkeypatch.setattr(postgres_programs, "_WHEEL", "no_such_package")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_where_there_is_none_the_message_says_how_to_get_one(machine: Path) -> None:
    """One line names the command; a release that is too old is none."""
    with pytest.raises(StartupError, match=r"pip install 'bazar\[postgres\]'"):
        find_programs()
    installed(machine / "14" / "bin", "14.9")
    with pytest.raises(StartupError, match=r"PostgreSQL 15 or newer .* pip install"):
        find_programs()


def test_the_newest_of_the_machine_is_taken(machine: Path) -> None:
    """Versions are compared as numbers, and one that is only a beta counts too."""
    for version in ("9.6.24", "15.18", "17beta1", "16.2"):
        installed(machine / version / "bin", version)
    assert (machine / "17beta1" / "bin", 17) == find_programs()


def test_what_pg_config_names_is_found(machine: Path) -> None:
    """It stands on the path of whoever built PostgreSQL alone."""
    own = installed(machine / "own" / "programs", "16.4")
    config = machine / "pg_config"
    config.write_text(f"#!/bin/sh\necho {own}\n")
    config.chmod(0o755)
    assert (own, 16) == find_programs()


def test_a_wheel_comes_before_the_machine(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installed it wants it; it is found without running any of its Python."""
    installed(machine / "19" / "bin", "19.1")
    wheel = machine / "wheel_of_programs"
    installed(wheel / "pginstall" / "bin", "18.6")
    (wheel / "__init__.py").write_text("raise AssertionError('it ran')")
    monkeypatch.setattr(postgres_programs, "_WHEEL", "wheel_of_programs")
    monkeypatch.syspath_prepend(str(machine))
    assert (wheel / "pginstall" / "bin", 18) == find_programs()


def test_a_folder_that_was_named_is_the_only_one(machine: Path) -> None:
    """What it lacks is not taken from elsewhere."""
    installed(machine / "17" / "bin", "17.1")
    old = installed(machine / "old", "12.2")
    assert (machine / "17" / "bin", 17) == find_programs(machine / "17" / "bin")
    with pytest.raises(StartupError, match=r"15 or newer is needed, but in .* PostgreSQL 12$"):
        find_programs(old)
    with pytest.raises(StartupError, match=r"15 or newer is needed, but in .* there is none$"):
        find_programs(machine / "nowhere")


def test_data_is_served_by_the_release_that_made_it(machine: Path) -> None:
    """A newer one cannot read it, so it is not even tried."""
    installed(machine / "15" / "bin", "15.3")
    installed(machine / "17" / "bin", "17.1")
    assert (machine / "15" / "bin", 15) == find_programs(version=15)
    with pytest.raises(StartupError, match=r"made by PostgreSQL 16, which is not on this machine"):
        find_programs(version=16)


def test_programs_that_do_not_run_are_none(machine: Path) -> None:
    """A file of another machine's kind, or one that may not be run, is passed over."""
    broken = installed(machine / "16" / "bin", "16.1")
    (broken / "postgres").chmod(0o644)
    with pytest.raises(StartupError, match="there is no PostgreSQL"):
        find_programs()


def test_root_runs_it_as_nobody_or_is_told_why_not(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody else runs it as who they are."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert () == as_a_user()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(StartupError, match=r"not run as root.*start the shop as another user"):
        as_a_user()
    for status in (1, 0):
        unshare = machine / "unshare"
        unshare.write_text(f"#!/bin/sh\nexit {status}\n")
        unshare.chmod(0o755)
        if status:
            with pytest.raises(StartupError, match="allows root no user namespace"):
                as_a_user()
    assert AS_NOBODY == as_a_user()
