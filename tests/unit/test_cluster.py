"""What the services of one machine are started with."""

from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import asdict

from bazar.cluster import UpSettings, front_url
from bazar.kit.data.moved import MOVED_FILE, note_moved
from bazar.kit.errors import StartupError


def settings_of(data: Path, **given: object) -> UpSettings:
    """Return what `bazar up` was asked for."""
    usual: dict[str, object] = {
        "data": data,
        "host": "127.0.0.1",
        "public_hosts": "",
        "public_url": "",
        "proxies": "",
        "port": 1,
        "catalog_port": 2,
        "order_port": 3,
        "currency": None,
        "name": None,
        "open_api": "on",
        "log_format": "text",
        "metrics": "secret",
        "sample": None,
    }
    return UpSettings(**usual | given)  # type: ignore[arg-type]


def said(settings: UpSettings, option: str) -> dict[str, str]:
    """Return which service is told an option, and what."""
    return {
        child.name: child.command[child.command.index(option) + 1]
        for child in settings.children()
        if option in child.command
    }


@pytest.mark.parametrize(
    ("service", "option", "given"),
    [
        ("front", "--public-host", {"public_hosts": "shop.example,www.shop.example"}),
        ("front", "--public-url", {"public_url": "https://shop.example"}),
        ("front", "--proxies", {"proxies": "10.0.0.2,192.0.2.0/24"}),
        ("front", "--open-api", {"open_api": "off"}),
        ("catalog", "--currency", {"currency": "JOD"}),
        ("catalog", "--name", {"name": "Sea Books"}),
    ],
)
def test_a_service_is_told_what_it_alone_needs(
    tmp_path: Path, service: str, option: str, given: dict[str, str]
) -> None:
    """The public names are the front's; currency and name are of a new catalog."""
    (value,) = given.values()
    assert {service: value} == said(settings_of(tmp_path, **given), option)


def test_the_front_is_told_each_page_that_is_invited(tmp_path: Path) -> None:
    """Once for each origin; the other services have nothing for pages."""
    invited = ("http://localhost:3000", "https://lab.example")
    told = {
        child.name: [value for word, value in pairwise(child.command) if word == "--cors"]
        for child in settings_of(tmp_path, cors=invited).children()
    }
    assert {"catalog": [], "order": [], "front": list(invited)} == told


@pytest.mark.parametrize("option", ["--currency", "--name", "--cors"])
def test_what_was_not_said_is_not_told(tmp_path: Path, option: str) -> None:
    """So the shop keeps its own."""
    assert {} == said(settings_of(tmp_path), option)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000"),
        ("localhost", "http://localhost:5000"),
        ("::1", "http://[::1]:5000"),
        ("0.0.0.0", "http://127.0.0.1:5000"),  # noqa: S104
        ("::", "http://127.0.0.1:5000"),
        ("192.168.1.2", "http://192.168.1.2:5000"),
    ],
)
def test_the_front_is_named_as_it_can_be_asked(tmp_path: Path, host: str, url: str) -> None:
    """One that listens everywhere is asked on the loopback address; so are the other two."""
    assert url == front_url(host, 5000)
    addresses = settings_of(tmp_path, host=host, port=5000).addresses()
    assert {
        "front": url,
        "catalog": "http://127.0.0.1:2",
        "order": "http://127.0.0.1:3",
    } == asdict(addresses)


def test_replicas_have_the_next_free_ports_and_are_all_told(tmp_path: Path) -> None:
    """No two processes are at one port, and whoever asks a service knows every one of it."""
    settings = settings_of(tmp_path, port=5000, catalog_port=5001, order_port=5002, replicas=3)
    catalogs = "http://127.0.0.1:5001,http://127.0.0.1:5003,http://127.0.0.1:5005"
    orders = "http://127.0.0.1:5002,http://127.0.0.1:5004,http://127.0.0.1:5006"
    assert {
        "front": "http://127.0.0.1:5000",
        "catalog": catalogs,
        "order": orders,
    } == asdict(settings.addresses())
    assert {5001, 5003, 5005, 5002, 5004, 5006, 5000} == {
        port for _host, port in settings.listening()
    }
    assert {"order": catalogs, "front": catalogs} == said(settings, "--catalog")
    assert {"front": orders} == said(settings, "--order")
    names = [child.name for child in settings.children()]
    assert ["catalog"] * 3 + ["order"] * 3 + ["front"] == names


def test_a_replica_without_a_port_is_told_at_the_start(tmp_path: Path) -> None:
    """Above the last port there is none; and each service needs its own."""
    high = settings_of(tmp_path, port=1, catalog_port=65_534, order_port=65_535, replicas=2)
    with pytest.raises(StartupError, match="there is none above 65535"):
        high.listening()
    with pytest.raises(StartupError, match="three different ports"):
        settings_of(tmp_path, port=2, catalog_port=2).listening()


def test_workers_of_the_front_share_its_port(tmp_path: Path) -> None:
    """They cannot be told apart by it, so they say by themselves that they live."""
    workers = settings_of(tmp_path, workers=3).children()[2:]
    assert [("front", "http://127.0.0.1:1", True)] * 3 == [
        (child.name, child.url, child.shares_port) for child in workers
    ]
    assert not any(child.shares_port for child in settings_of(tmp_path).children())


@pytest.mark.parametrize(
    ("kept", "given", "engine"),
    [
        ("", {}, "sqlite"),
        ("", {"database": "sqlite"}, "sqlite"),
        ("", {"replicas": 2}, "postgresql"),
        ("", {"database": "postgresql"}, "postgresql"),
        ("postgres/data", {}, "postgresql"),
        ("postgres/data", {"database": "postgresql", "replicas": 2}, "postgresql"),
        ("catalog.db", {}, "sqlite"),
        ("catalog.db", {"database": "postgres://h/", "replicas": 2}, "postgres://h/"),
        ("", {"database": "postgresql://u:p@h1,h2:5"}, "postgresql://u:p@h1,h2:5"),
    ],
)
def test_a_shop_stays_on_the_engine_that_it_has(
    tmp_path: Path, kept: str, given: dict[str, str], engine: str
) -> None:
    """Without a word it is found in the data folder; only replicas need PostgreSQL."""
    if kept:
        (tmp_path / kept).mkdir(parents=True)
    assert engine == settings_of(tmp_path, **given).engine()


@pytest.mark.parametrize(
    ("kept", "given", "message"),
    [
        ("", {"database": "sqlite", "replicas": 2}, "belongs to a single process"),
        ("", {"database": "books.db"}, "none of sqlite, postgresql"),
        (
            "",
            {"database": "postgresql://u:pass@h/books"},
            r"on postgresql://u@h/books: name",
        ),
        ("catalog.db", {"database": "postgresql"}, "a shop on SQLite is in this data folder"),
        ("catalog.db", {"replicas": 2}, "or move it with 'bazar move --to postgresql'"),
        ("postgres/data", {"database": "sqlite"}, "a shop on PostgreSQL is in this data folder"),
        (
            "postgres/data moved",
            {"database": "sqlite"},
            "moved to postgresql; start it with",
        ),
    ],
)
def test_an_engine_that_cannot_be_is_refused(
    tmp_path: Path, kept: str, given: dict[str, str], message: str
) -> None:
    """A shop is never opened empty beside the one that is there; no password is shown."""
    for name in kept.split():
        if name == MOVED_FILE:
            note_moved(tmp_path, "postgresql")
        else:
            (tmp_path / name).mkdir(parents=True)
    with pytest.raises(StartupError, match=message) as caught:
        settings_of(tmp_path, **given).engine()
    assert "pass@" not in str(caught.value)


def test_where_the_database_is_stands_in_no_option() -> None:
    """Anyone on the machine can read the options of a process, and there is a password."""
    url = "postgresql://u:pass@h1,h2/?target_session_attrs=read-write"
    children = settings_of(Path("data"), database=url, replicas=2).children()
    assert [url] * 4 + [None] == [child.environment.get("BAZAR_DATABASE") for child in children]
    assert not any("pass" in word for child in children for word in child.command)


def test_mail_is_told_to_the_order_service_alone_and_in_no_option() -> None:
    """Anyone on the machine can read the options of a process, and there is a password."""
    mail = {"smtp_url": "smtp://u:p@h", "mail_from": "shop@example.org", "public_url": "http://x"}
    told = {child.name: child for child in settings_of(Path("data"), **mail).children()}
    names = {"BAZAR_SMTP_URL", "BAZAR_MAIL_FROM", "BAZAR_PUBLIC_URL"}
    assert ["order"] == [name for name, one in told.items() if names <= one.environment.keys()]
    assert "smtp://u:p@h" == told["order"].environment["BAZAR_SMTP_URL"]
    assert not any("smtp" in word for child in told.values() for word in child.command)
    quiet = {child.name: child for child in settings_of(Path("data")).children()}
    assert not names & quiet["order"].environment.keys()
