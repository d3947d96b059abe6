"""The service secret: made once, kept private, compared whole."""

import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bazar.kit.errors import StartupError, Unauthorized
from bazar.kit.secret import (
    check_bearer,
    check_secret,
    is_loopback,
    read_or_make_secret,
    read_secret,
)

SECRET = "0123456789abcdef"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_secret_is_accepted(scheme: str) -> None:
    """The name of the scheme may be in any case."""
    check_bearer(f"{scheme} {SECRET}", SECRET)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {SECRET} ",
        f"Bearer  {SECRET}",
        f"Bearer {SECRET}x",
        f"Bearer {SECRET[:-1]}",
        f"Bearer {SECRET.upper()}",
        f"Basic {SECRET}",
        SECRET,
        "Bearer \xe9\xff",
    ],
)
def test_anything_else_is_refused(header: str) -> None:
    """Missing, cut, longer, in other case, of another scheme, or not ASCII."""
    with pytest.raises(Unauthorized):
        check_bearer(header, SECRET)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer "])
def test_no_secret_opens_no_door(header: str) -> None:
    """Where no secret is set, the empty one is refused too."""
    with pytest.raises(Unauthorized):
        check_bearer(header, "")


def test_the_message_tells_missing_from_wrong_and_no_secret() -> None:
    """Neither the right nor the given secret is in it."""
    with pytest.raises(Unauthorized, match="missing"):
        check_bearer("", SECRET)
    with pytest.raises(Unauthorized, match="wrong") as caught:
        check_bearer("Bearer my-own-guess", SECRET)
    assert SECRET not in caught.value.detail
    assert "my-own-guess" not in caught.value.detail


IMPROPER = [
    *("", "x" * 15, "x" * 257, "é" * 16, " " * 20, f" {SECRET}", f"{SECRET} "),
    *(f"{SECRET}{odd}{SECRET}" for odd in ("\n", "\r\n", "\0", "\t", "\x1b", "\x7f", "\u2028")),
    *(f"{SECRET}{odd}" for odd in ("\n", "\r")),
]


@pytest.mark.parametrize("secret", IMPROPER)
def test_an_improper_secret_is_refused(secret: str) -> None:
    """Shorter than 16, longer than 256, or with what no header carries; in one line."""
    with pytest.raises(StartupError) as refused:
        check_secret(secret)
    assert 1 == len(str(refused.value).splitlines())
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("secret", [one for one in IMPROPER if one != one.strip() or SECRET in one])
def test_a_file_with_an_improper_secret_is_refused(tmp_path: Path, secret: str) -> None:
    """Line breaks and spaces around it are an editor's; within it they are a fault."""
    path = tmp_path / "secret"
    path.write_text(secret, "utf-8", newline="")
    if secret.strip() == SECRET:
        assert SECRET == read_secret(path)
    else:
        with pytest.raises(StartupError):
            read_secret(path)


@pytest.mark.parametrize("secret", ["x" * 16, "x" * 256, "a secret of words and ~!"])
def test_a_proper_secret_is_taken(secret: str) -> None:
    """16 to 256 visible ASCII characters, with spaces between them."""
    assert secret == check_secret(secret)


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """The file is readable by its owner only, in a folder likewise, and kept from then on."""
    path = tmp_path / "data" / "secret"
    made = read_or_make_secret(path)
    assert len(made) >= 32
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    assert made == read_or_make_secret(path)
    assert made == read_secret(path)
    assert made != read_or_make_secret(tmp_path / "other")


@pytest.fixture
def hurry() -> Iterator[None]:
    """Switch threads as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurry")
def test_services_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    """Whoever comes second gets the first one's secret whole, never half a file."""
    failures: list[object] = []

    def start(path: Path, barrier: threading.Barrier, found: list[str]) -> None:
        barrier.wait()
        try:
            found.append(read_or_make_secret(path))
        except StartupError as error:
            failures.append(error)

    for number in range(100):
        barrier = threading.Barrier(4)
        found: list[str] = []
        arguments = (tmp_path / str(number), barrier, found)
        threads = [threading.Thread(target=start, args=arguments) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [] == failures
        assert 1 == len(set(found))


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe" * 20])
def test_a_file_without_a_proper_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, too short, or no text at all: a StartupError, no traceback."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(StartupError):
        read_secret(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The message has its path and the reason."""
    with pytest.raises(StartupError, match="missing-file: No such file"):
        read_secret(tmp_path / "missing-file")
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"cannot (read|write)"):
        read_or_make_secret(tmp_path / "file" / "secret")


def test_a_line_break_around_the_secret_does_not_count(tmp_path: Path) -> None:
    """An editor may have put it there."""
    path = tmp_path / "secret"
    path.write_text(f"\n {SECRET}\r\n")
    assert SECRET == read_secret(path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "::1", "localhost"])
def test_a_loopback_address_is_known(host: str) -> None:
    """It is reached from this machine only."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", "", "127.1"])  # noqa: S104
def test_any_other_address_is_public(host: str) -> None:
    """What is not known to be loopback is taken for public."""
    assert not is_loopback(host)
