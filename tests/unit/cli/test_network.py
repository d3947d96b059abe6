"""Options of what is found on the network: names of shops, and interfaces."""

import pytest
import typer

from bazar.cli.network import found_by, looking, sought_there
from bazar.kit.peers.addresses import Looking


@pytest.mark.parametrize(
    ("host", "interfaces"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("127.0.0.3", ("127.0.0.3",)),
        ("::1", ("::1",)),
        ("10.0.0.2", ("10.0.0.2",)),
        ("0.0.0.0", ()),  # noqa: S104
        ("::", ()),
        ("no-such-name.invalid", ()),
        ("", ()),
    ],
)
def test_the_interface_follows_from_what_is_listened_on(
    host: str, interfaces: tuple[str, ...]
) -> None:
    """So who listens on loopback says nothing to any network."""
    assert Looking("bazar", interfaces) == looking("bazar", "", host)


def test_localhost_is_loopback() -> None:
    """By whichever of its addresses."""
    assert {*looking("bazar", "", "localhost").interfaces} <= {"127.0.0.1", "::1"}


def test_a_named_interface_goes_before() -> None:
    """Several stand with commas between them."""
    assert Looking("bazar", ("10.0.0.2", "eth1")) == looking("bazar", " 10.0.0.2, eth1,", "::1")


@pytest.mark.parametrize("name", ["a", "Café Ω 書店", "=;,@/+%", "x" * 200])
def test_a_shop_may_have_any_name_that_can_be_shown(name: str) -> None:
    """Letters that can be written in two ways are one name."""
    assert name == looking(f" {name} ", "").shop
    assert "é" == looking("é", "").shop


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 201, "é" * 101, "a\nb", "\x00", "\udcff", "a\u202e"]
)
def test_a_name_that_cannot_be_shown_or_sent_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a clear line, before anything starts."""
    with pytest.raises(typer.Exit) as ended:
        looking(name, "")
    assert 2 == ended.value.exit_code
    assert "--shop takes a name of 1 to 200 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("interface", ["10.0.0.0/24", "eth 0", "a+b", "a\tb"])
def test_what_can_be_no_interface_is_refused(
    interface: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as a whole network."""
    with pytest.raises(typer.Exit):
        looking("bazar", interface)
    assert "--interface takes addresses or names" in capsys.readouterr().err


def test_only_the_word_itself_is_looked_for() -> None:
    """Addresses beside it stay."""
    where = Looking("x", ("127.0.0.1",))
    assert f"http://10.0.0.2:5001,{where}" == found_by("http://10.0.0.2:5001,mdns:", where)
    given = {"front": None, "catalog": "http://10.0.0.2:5001, mdns:", "order": "http://a:1"}
    assert ["catalog"] == sought_there(given)  # type: ignore[arg-type]  # names of services
