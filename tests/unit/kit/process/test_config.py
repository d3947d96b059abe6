"""Settings: what a process is told is checked once, with a message for the person who told it."""

from pathlib import Path

import pytest

from bazar.kit.errors import StartupError
from bazar.kit.process import config
from bazar.kit.process.config import (
    database_path,
    database_place,
    find_secret,
    proxy_networks,
    service_url,
    service_urls,
    without_password,
)

SECRET = "0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (None, "default.db"),
        ("", "default.db"),
        ("other.db", "other.db"),
        ("/var/lib/other.db", "/var/lib/other.db"),
        ("sqlite:///relative.db", "relative.db"),
        ("sqlite:///a/relative.db", "a/relative.db"),
        ("sqlite:////absolute.db", "/absolute.db"),
    ],
)
def test_a_database_is_a_file(url: str | None, path: str) -> None:
    """A plain path, or three slashes for a relative file and four for an absolute one."""
    assert Path(path) == database_path(url, Path("default.db"))


def test_proxies_are_network_addresses() -> None:
    """Single ones and whole networks; none is none, and what is neither is refused."""
    found = [str(one) for one in proxy_networks(" 10.0.0.2, 192.0.2.0/24,2001:db8::/32,")]
    assert ["10.0.0.2/32", "192.0.2.0/24", "2001:db8::/32"] == found
    assert () == proxy_networks("")
    with pytest.raises(StartupError, match=r"proxy\.example"):
        proxy_networks("proxy.example")


@pytest.mark.parametrize(
    "url",
    [
        "oracle://host/db",
        "sqlite://file.db",
        "sqlite:///",
        "mysql:///x",
        "SQLITE:///",
        "sqlite:/var/lib/catalog.db",
        "sqlite:catalog.db",
        "postgresql:books",
        "postgresql",
        "postgres",
        "sqlite",
    ],
)
def test_another_kind_of_database_is_refused(url: str) -> None:
    """The message repeats what was given."""
    with pytest.raises(StartupError) as caught:
        database_place(url, Path("default.db"), "catalog")
    assert url in str(caught.value)


@pytest.mark.parametrize(
    ("url", "place", "shown"),
    [
        ("postgresql://h/books", "postgresql://h/books", "postgresql://h/books"),
        ("postgresql://h", "postgresql://h/catalog", "postgresql://h/catalog"),
        ("postgres://u@h:5432/", "postgres://u@h:5432/catalog", "postgres://u@h:5432/catalog"),
        (
            "postgresql://u:p%40w@h1:1,h2:2/?target_session_attrs=read-write",
            "postgresql://u:p%40w@h1:1,h2:2/catalog?target_session_attrs=read-write",
            "postgresql://u@h1:1,h2:2/catalog",
        ),
        (
            "postgresql:///?host=/run/postgresql&password=x",
            "postgresql:///catalog?host=/run/postgresql&password=x",
            "postgresql:///catalog",
        ),
        ("postgresql://:p@h/b", "postgresql://:p@h/b", "postgresql://h/b"),
        ("postgresql://p/w@h/b", "postgresql://p/w@h/b", "postgresql://h/b"),
        ("postgresql://u:p/w@h/b", "postgresql://u:p/w@h/b", "postgresql://u@h/b"),
        ("postgresql://u:p:w@h/b", "postgresql://u:p:w@h/b", "postgresql://u@h/b"),
        ("postgresql://u:p?w@h/b", "postgresql://u:p/catalog?w@h/b", "postgresql://"),
    ],
)
def test_a_database_may_be_in_a_postgresql(url: str, place: str, shown: str) -> None:
    """What names none gets the service's own name; the user is shown, and never a password."""
    assert place == database_place(url, Path("default.db"), "catalog")
    assert shown == without_password(place)


def test_the_driver_of_postgresql_is_not_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to get it; whoever keeps to SQLite needs none."""
    monkeypatch.setattr(config, "find_spec", lambda _name: None)
    with pytest.raises(StartupError, match=r"asyncpg.*pip install 'bazar\[postgres\]'"):
        database_place("postgresql://h", Path("default.db"), "catalog")
    assert Path("default.db") == database_place(None, Path("default.db"), "catalog")


def test_replicas_have_an_address_each() -> None:
    """With commas between them, and spaces if somebody likes; the message names the wrong one."""
    assert "http://a,http://b:1" == service_urls(" http://a/, http://b:1,", "--catalog")
    for wrong in ("", ",", "http://a,ftp://b"):
        with pytest.raises(StartupError, match="--catalog must be an address"):
            service_urls(wrong, "--catalog")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:5001", "http://127.0.0.1:5001"),
        ("http://127.0.0.1:5001/", "http://127.0.0.1:5001"),
        ("https://catalog.example.org", "https://catalog.example.org"),
        ("http://[::1]:5001", "http://[::1]:5001"),
    ],
)
def test_a_service_has_an_http_address(url: str, expected: str) -> None:
    """It loses its last slash and nothing else."""
    assert expected == service_url(url, "--catalog")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:5001",
        "ftp://host",
        "http://",
        "http://:5001",
        "http://host:0",
        "http://host:99999",
        "http://host:x",
        "http://host?x=1",
        "http://host#x",
        "http://[::1",
        "http://[x]",
    ],
)
def test_anything_else_is_no_address(url: str) -> None:
    """The message names the option and shows what an address looks like."""
    with pytest.raises(StartupError, match="--catalog must be an address such as http://"):
        service_url(url, "--catalog")


def test_a_word_that_is_nearly_mdns_is_told_what_would_do() -> None:
    """Where a service may be looked for on the network."""
    with pytest.raises(StartupError, match=r"5001, or mdns:, not 'mdms:'"):
        service_urls("mdms:", "--catalog")


def test_a_given_secret_wins(tmp_path: Path) -> None:
    """Over the file, and over making one; but it has to be a proper one."""
    file = tmp_path / "given"
    file.write_text("another secret of some length")
    assert SECRET == find_secret(SECRET, file, tmp_path, "0.0.0.0")  # noqa: S104
    with pytest.raises(StartupError):
        find_secret("short", file, tmp_path, "127.0.0.1")


def test_a_secret_file_is_read_and_never_made(tmp_path: Path) -> None:
    """A file that was named but is missing is an error."""
    file = tmp_path / "given"
    with pytest.raises(StartupError, match="cannot read"):
        find_secret(None, file, tmp_path, "127.0.0.1")
    assert not file.exists()
    file.write_text(SECRET)
    assert SECRET == find_secret("", file, tmp_path, "0.0.0.0")  # noqa: S104


def test_on_loopback_a_secret_is_made_in_the_data_folder(tmp_path: Path) -> None:
    """And found again by the next service."""
    made = find_secret(None, None, tmp_path, "127.0.0.1")
    assert made == (tmp_path / "secret").read_text().strip()
    assert made == find_secret(None, None, tmp_path, "localhost")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "shop.example.org"])  # noqa: S104
def test_on_a_public_address_somebody_must_choose_the_secret(tmp_path: Path, host: str) -> None:
    """Not even one that was made before is used, and none is made."""
    with pytest.raises(StartupError, match="BAZAR_SECRET"):
        find_secret(None, None, tmp_path, host)
    assert [] == list(tmp_path.iterdir())
