"""The folder of certificates: made as a whole, renewed, and nobody's files are overwritten."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import run

import pytest

from bazar.kit.errors import StartupError
from bazar.kit.peers.certificates import PAIR_DAYS, RENEW_DAYS, read_certificates
from bazar.kit.peers.credentials import AUTHORITY_FILE, read_credentials
from bazar.kit.peers.roles import ROLES
from bazar.tools.certificates import AUTHORITY_KEY_FILE, Certified, certify
from support.certificates import host_of, in_days, now

FILES = {"ca.key", "ca.pem", *(f"{role}.{end}" for role in ROLES for end in ("key", "pem"))}


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def done(found: list[Certified]) -> dict[str, str]:
    """Return what was done about each certificate."""
    return {one.role: one.done for one in found}


def test_a_folder_is_made_with_all_that_a_shop_needs(tmp_path: Path) -> None:
    """An authority and a pair of each role, all of them their owner's alone."""
    folder = tmp_path / "deep" / "tls"
    found = certify(folder)
    assert FILES == {file.name for file in folder.iterdir()}
    assert {0o600} == {file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert dict.fromkeys(("ca", *ROLES), "made") == done(found)
    assert {PAIR_DAYS} == {one.days_left for one in found if one.role != "ca"}
    assert [folder] == [*folder.parent.iterdir()]


def test_each_pair_is_one_that_its_service_takes(tmp_path: Path) -> None:
    """The three files of a role are all that a host needs; the key that signs is not among them."""
    certify(tmp_path / "tls")
    for role in ROLES:
        host = host_of(role, tmp_path / "tls", tmp_path / role)
        assert {"ca.pem", f"{role}.key", f"{role}.pem"} == {file.name for file in host.iterdir()}
        assert role == read_credentials(host, role).role


def test_other_programs_take_them_for_what_they_are(tmp_path: Path) -> None:
    """OpenSSL follows each certificate to the authority, in its strictest way."""
    certify(tmp_path / "tls")
    for role in ROLES:
        words = ["openssl", "verify", "-x509_strict", "-CAfile", AUTHORITY_FILE, f"{role}.pem"]
        assert 0 == run(words, cwd=tmp_path / "tls", check=False, capture_output=True).returncode


def test_run_again_it_changes_nothing(tmp_path: Path) -> None:
    """What holds for long enough is kept, to the byte."""
    certify(tmp_path)
    before = contents(tmp_path)
    assert dict.fromkeys(("ca", *ROLES), "kept") == done(certify(tmp_path))
    assert before == contents(tmp_path)


@pytest.mark.parametrize("left", [RENEW_DAYS - 1, 0, -30])
def test_what_is_near_its_end_is_renewed_by_the_same_authority(tmp_path: Path, left: int) -> None:
    """Or past it. The keys stay, so a renewal is one file that takes another's place."""
    certify(tmp_path, in_days(left - PAIR_DAYS))
    before = contents(tmp_path)
    found = certify(tmp_path)
    after = contents(tmp_path)
    assert {**dict.fromkeys(("ca", *ROLES), "renewed"), "ca": "kept"} == done(found)
    assert {f"{role}.pem" for role in ROLES} == {
        name for name in FILES if before[name] != after[name]
    }
    assert 0o600 == (tmp_path / "order.pem").stat().st_mode & 0o777
    assert all(read_credentials(tmp_path, role).ends_at > in_days(300) for role in ROLES)


def test_what_is_not_near_its_end_is_not_renewed(tmp_path: Path) -> None:
    """One day earlier all stays as it is."""
    certify(tmp_path, in_days(RENEW_DAYS + 1 - PAIR_DAYS))
    assert dict.fromkeys(("ca", *ROLES), "kept") == done(certify(tmp_path))


def test_a_certificate_ends_no_later_than_its_authority(tmp_path: Path) -> None:
    """It would be refused then; and it is not renewed again and again for nothing."""
    certify(tmp_path, in_days(-3650 + 20))
    found = certify(tmp_path)
    assert {19, 20} >= {one.days_left for one in found}
    assert dict.fromkeys(("ca", *ROLES), "kept") == done(certify(tmp_path))


def test_an_authority_that_has_ended_signs_no_more(tmp_path: Path) -> None:
    """And it is not replaced either: that is for people to decide."""
    certify(tmp_path, in_days(-4000))
    before = contents(tmp_path)
    with pytest.raises(StartupError, match=r"ca\.pem ended on \d{4}-\d\d-\d\d"):
        certify(tmp_path)
    assert before == contents(tmp_path)


@pytest.mark.parametrize(
    "left", [("ca.key",), ("ca.key", "ca.pem"), ("ca.key", "ca.pem", "front.key")]
)
def test_what_a_killed_run_left_is_finished_by_the_next(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    """With the keys that are there; files are written one after the other, each as a whole."""
    certify(tmp_path / "old")
    folder = tmp_path / "tls"
    folder.mkdir()
    for name in left:
        shutil.copy2(tmp_path / "old" / name, folder)
    before = contents(folder)
    certify(folder)
    assert before == {name: contents(folder)[name] for name in left}
    assert {*ROLES} == {read_credentials(folder, role).role for role in ROLES}


def test_an_authority_made_again_from_its_key_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """Certificates of before still hold under it, on every host."""
    certify(tmp_path / "tls")
    host_of("order", tmp_path / "tls", tmp_path / "host")
    (tmp_path / "tls" / AUTHORITY_FILE).unlink()
    certify(tmp_path / "tls")
    shutil.copy2(tmp_path / "tls" / AUTHORITY_FILE, tmp_path / "host")
    assert "order" == read_credentials(tmp_path / "host", "order").role


def test_a_lost_certificate_is_made_again(tmp_path: Path) -> None:
    """For the key that is there."""
    certify(tmp_path)
    key = (tmp_path / "order.key").read_bytes()
    (tmp_path / "order.pem").unlink()
    assert "made" == done(certify(tmp_path))["order"]
    assert key == (tmp_path / "order.key").read_bytes()


def _no_pem(folder: Path) -> None:
    (folder / "front.pem").write_text("my notes", "utf-8")


def _no_authority(folder: Path) -> None:
    shutil.copy2(folder / "front.pem", folder / AUTHORITY_FILE)


def _another_shop(folder: Path) -> None:
    certify(folder.parent / "another")
    for name in ("order.key", "order.pem"):
        shutil.copy2(folder.parent / "another" / name, folder)


def _another_key(folder: Path) -> None:
    shutil.copy2(folder / "front.key", folder / "order.key")


def _another_authority(folder: Path) -> None:
    certify(folder.parent / "another")
    shutil.copy2(folder.parent / "another" / AUTHORITY_FILE, folder)


def _another_role(folder: Path) -> None:
    for end in ("key", "pem"):
        shutil.copy2(folder / f"front.{end}", folder / f"order.{end}")


def _copy_of_a_host(folder: Path) -> None:
    (folder / AUTHORITY_KEY_FILE).unlink()


def _pair_alone(folder: Path) -> None:
    (folder / AUTHORITY_KEY_FILE).unlink()
    (folder / AUTHORITY_FILE).unlink()


def _no_key(folder: Path) -> None:
    (folder / "order.key").unlink()


def _open_key(folder: Path) -> None:
    (folder / "ca.key").chmod(0o640)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_no_pem, r"front\.pem holds no certificate"),
        (_no_authority, r"ca\.pem holds a certificate that is not that of an authority"),
        (_another_shop, r"order\.pem was signed by another authority than ca\.pem: move it away"),
        (_another_key, r"order\.key is not the key of .*order\.pem"),
        (_another_authority, r"ca\.key is not the key of .*ca\.pem"),
        (_another_role, r"order\.pem is not the certificate of the role order"),
        (_copy_of_a_host, r"holds ca\.pem and no ca\.key, so nothing can be signed there"),
        (_pair_alone, r"holds front\.pem and no ca\.key"),
        (_no_key, r"order\.pem is there without order\.key: move it away"),
        (_open_key, r"ca\.key may be read by others; if nobody has: chmod 600"),
    ],
)
def test_what_is_there_and_not_ours_is_named_and_nothing_is_written(
    tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    """Not even what could be: who reads the message decides."""
    folder = tmp_path / "tls"
    certify(folder, in_days(-PAIR_DAYS))
    harm(folder)
    before = contents(folder)
    with pytest.raises(StartupError, match=said):
        certify(folder)
    assert before == contents(folder)


def test_files_of_others_stay(tmp_path: Path) -> None:
    """A folder may hold more."""
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    certify(tmp_path)
    assert "mine" == (tmp_path / "notes.txt").read_text("utf-8")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """And it stays what it was."""
    file = tmp_path / "tls"
    file.write_text("mine", "utf-8")
    with pytest.raises(StartupError, match="is no folder"):
        certify(file)
    assert "mine" == file.read_text("utf-8")


def test_two_runs_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    """The second one is told so: each would else replace what the other makes."""
    opened = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        with pytest.raises(StartupError, match="another 'bazar certificates' is at work"):
            certify(tmp_path)
    finally:
        os.close(opened)
    assert [] == [*tmp_path.iterdir()]


def test_a_run_that_fails_on_its_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not there yet gets its name only when all is in it."""

    def fail(_descriptor: int) -> None:
        if len([*tmp_path.rglob("*.pem")]) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(StartupError, match="No space left on device"):
        certify(tmp_path / "tls")
    assert [] == [*tmp_path.iterdir()]


def test_authorities_of_two_shops_have_two_names(tmp_path: Path) -> None:
    """So that a person can tell their certificates apart."""
    for name in ("one", "other"):
        certify(tmp_path / name)
    names = {
        read_certificates((tmp_path / name / AUTHORITY_FILE).read_bytes())[0].subject
        for name in ("one", "other")
    }
    assert 2 == len(names)


def test_the_time_is_now_where_nobody_says_another(tmp_path: Path) -> None:
    """A certificate holds from a day before: clocks differ."""
    certify(tmp_path)
    (one,) = read_certificates((tmp_path / "front.pem").read_bytes())
    assert in_days(-1.1) < one.not_valid_before_utc < now()
