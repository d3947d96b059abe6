"""What a process shows: three files, each refused with its name and with what to do about it."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bazar.kit import log
from bazar.kit.errors import StartupError
from bazar.kit.peers.credentials import (
    WARN_DAYS,
    authority_fault,
    key_fault,
    read_credentials,
    watch,
)
from bazar.tools.certificates import certify
from support.certificates import host_of, in_days, shown_by


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Return the folder of a host of the catalog."""
    certify(tmp_path / "tls")
    return host_of("catalog", tmp_path / "tls", tmp_path / "host")


def _missing(name: str) -> Callable[[Path], None]:
    return lambda host: (host / name).unlink()


def _filled(name: str, text: str) -> Callable[[Path], None]:
    def fill(host: Path) -> None:
        (host / name).write_text(text, "utf-8")

    return fill


def _open_to(name: str, mode: int) -> Callable[[Path], None]:
    return lambda host: (host / name).chmod(mode)


def _gone(host: Path) -> None:
    shutil.rmtree(host)


def _a_folder(host: Path) -> None:
    (host / "catalog.key").unlink()
    (host / "catalog.key").mkdir()


def _other_shop(name: str) -> Callable[[Path], None]:
    def mix(host: Path) -> None:
        certify(host.parent / "other")
        shutil.copy2(host.parent / "other" / name, host)

    return mix


def _other_role(host: Path) -> None:
    for end in ("key", "pem"):
        shutil.copy2(host.parent / "tls" / f"order.{end}", host / f"catalog.{end}")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_gone, r"there is no folder .*host of certificates; make one with 'bazar certificates"),
        (_missing("ca.pem"), r"there is no .*ca\.pem: copy it"),
        (_missing("catalog.pem"), r"there is no .*catalog\.pem: copy it"),
        (_missing("catalog.key"), r"there is no .*catalog\.key: copy it"),
        (_a_folder, r"cannot read .*catalog\.key: Is a directory"),
        (_filled("ca.pem", ""), r"ca\.pem holds no certificate in PEM"),
        (_filled("catalog.pem", "x"), r"catalog\.pem holds no certificate in PEM"),
        (_filled("catalog.key", "x"), r"catalog\.key holds no key in PEM"),
        (_open_to("catalog.key", 0o640), r"catalog\.key may be read by others.*chmod 600"),
        (_open_to("catalog.key", 0o604), r"catalog\.key may be read by others.*chmod 600"),
        (_open_to("ca.pem", 0o620), r"ca\.pem may be changed by others.*chmod go-w"),
        (_other_shop("catalog.key"), r"catalog\.key is not the key of .*catalog\.pem"),
        (_other_shop("ca.pem"), r"catalog\.pem was not signed by the authority in .*ca\.pem"),
        (_other_role, r"catalog\.pem is not the certificate of the role catalog"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_at_the_start(
    host: Path, harm: Callable[[Path], None], said: str
) -> None:
    """In one line."""
    harm(host)
    with pytest.raises(StartupError, match=said) as caught:
        read_credentials(host, "catalog")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("owner", "mode", "fine"),
    [
        (1000, 0o600, True),
        (1000, 0o400, True),
        (1000, 0o640, False),
        (1000, 0o604, False),
        (0, 0o640, True),
        (0, 0o644, False),
        (0, 0o660, False),
        (1001, 0o600, False),
    ],
)
def test_a_key_is_for_its_user_alone(owner: int, mode: int, *, fine: bool) -> None:
    """One of root may be given out through a group, as secrets of a cluster are."""
    assert fine == (not key_fault(owner, mode, 1000))


@pytest.mark.parametrize(
    ("owner", "mode", "fine"),
    [(1000, 0o644, True), (0, 0o444, True), (1001, 0o644, False), (1000, 0o664, False)],
)
def test_only_we_and_root_say_whom_we_believe(owner: int, mode: int, *, fine: bool) -> None:
    """Anybody may read it."""
    assert fine == (not authority_fault(owner, mode, 1000))


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (366, r"catalog\.pem ended on .*bazar certificates"),
        (-2, r"holds from .* on: set the clock"),
    ],
)
def test_a_certificate_is_refused_outside_its_time(host: Path, days: float, said: str) -> None:
    """Others would refuse it later, and say less."""
    with pytest.raises(StartupError, match=said):
        read_credentials(host, "catalog", in_days(days))


def test_who_may_read_what_is_not_secret_does_not_matter(host: Path) -> None:
    """Certificates are shown to everybody who asks."""
    (host / "ca.pem").chmod(0o644)
    (host / "catalog.pem").chmod(0o644)
    assert "catalog" == read_credentials(host, "catalog").role


def test_an_authority_may_stand_beside_another(host: Path) -> None:
    """So that a shop can change its authority while it runs."""
    certify(host.parent / "other")
    both = (host.parent / "other" / "ca.pem").read_bytes() + (host / "ca.pem").read_bytes()
    (host / "ca.pem").write_bytes(both)
    assert both == read_credentials(host, "catalog").authority_pem


def test_without_the_package_it_says_how_to_get_it(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(StartupError, match=r"pip install 'bazar\[tls\]'"):
        read_credentials(host, "catalog")


@pytest.mark.parametrize(
    ("left", "told"),
    [(WARN_DAYS + 1, ()), (WARN_DAYS - 1, ("catalog.pem",)), (0, ("catalog.pem",))],
)
def test_what_ends_soon_is_told_and_nothing_else(
    tmp_path: Path, left: int, told: tuple[str, ...]
) -> None:
    """In fewer than 30 days."""
    certify(tmp_path, in_days(left - 365 + 0.5))
    shown = shown_by("catalog", tmp_path)
    assert told == tuple(file.name for file in shown.ending(in_days(0)))


def test_an_authority_that_ends_soon_is_told_too(tmp_path: Path) -> None:
    """It takes all certificates with it."""
    certify(tmp_path, in_days(10 - 3650))
    certify(tmp_path)
    names = {file.name for file in shown_by("catalog", tmp_path).ending(in_days(0))}
    assert {"catalog.pem", "ca.pem"} == names


async def test_the_log_says_it_every_day(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """From the first day on which it is so, in a process that runs for a year."""
    log.configure("catalog")
    certify(tmp_path)
    shown = shown_by("catalog", tmp_path)
    ends_ms = int(shown.ends_at.timestamp() * 1000)
    days_before = [40, 30, 29, 0]
    ended = asyncio.Event()

    def clock() -> int:
        if not days_before:
            ended.set()
            return 0
        return ends_ms - days_before.pop(0) * 24 * 3600 * 1000

    watching = asyncio.create_task(watch(shown, clock, pause_s=0))
    async with asyncio.timeout(10):
        await ended.wait()
    watching.cancel()
    log.flush()
    told = [line for line in capfd.readouterr().out.splitlines() if "certificate-ends" in line]
    assert [True, True] == [
        f"days_left={left}" in line and "catalog.pem" in line
        for line, left in zip(told, (29, 0), strict=True)
    ]
