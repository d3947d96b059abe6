"""What the services of one machine are started with."""

from pathlib import Path

import pytest
from msgspec.structs import asdict

from bazar.cluster import UpSettings, front_url


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


@pytest.mark.parametrize("option", ["--currency", "--name"])
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
