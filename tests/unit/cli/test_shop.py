"""What a command that asks a shop shares with the others."""

import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from bazar.cli.shop import Answer, asks
from bazar.cli.terminal import OrderId
from bazar.kit.errors import Unavailable
from bazar.kit.lock import hold
from bazar.tools.remote import Addresses, RemoteError, ServiceName
from bazar.tools.shop import Orders, Shop

SHARED: list[tuple[tuple[ServiceName, ...], list[str]]] = [
    (("front",), ["url", "shop_name", "interface", "data", "as_json"]),
    (("catalog",), ["catalog", "shop_name", "interface", "data", "secret_file", "tls", "as_json"]),
    (("order",), ["order", "shop_name", "interface", "data", "secret_file", "tls", "as_json"]),
    (
        ("catalog", "order"),
        ["catalog", "order", "shop_name", "interface", "data", "secret_file", "tls", "as_json"],
    ),
    (
        ("front", "catalog", "order"),
        [
            *[
                "url",
                "catalog",
                "order",
                "shop_name",
                "interface",
                "data",
                "secret_file",
                "tls",
                "as_json",
            ]
        ],
    ),
]


def run(function: object, *words: object) -> tuple[int, str, str]:
    """Run a command of this function; return its exit code and what it printed."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(function)  # type: ignore[type-var]
    done = CliRunner().invoke(app, list(map(str, words)))
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def _no_shop_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with no shop in the environment."""
    for name in ("DATA", "URL", "CATALOG", "ORDER", "SECRET", "SECRET_FILE"):
        monkeypatch.delenv(f"BAZAR_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("services", "shared"), SHARED)
def test_a_command_has_its_own_options_and_those_of_its_services(
    services: tuple[ServiceName, ...], shared: list[str]
) -> None:
    """Its own come first; the front alone is asked without a secret."""

    @asks(*services)
    def command(_shop: Shop, book_id: int) -> Answer[int]:
        """Do nothing."""
        return Answer(book_id, print)

    assert ["book_id", *shared] == list(inspect.signature(command).parameters)


def test_a_reference_is_looked_up_with_the_secret_where_the_orders_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id needs neither; and a front that somebody named may be that of another shop."""
    asked: list[tuple[str, str]] = []

    @asks("front")
    def command(_shop: Shop, order_id: OrderId) -> Answer[str]:
        """Note what it got."""
        return Answer(order_id, typer.echo)

    def listing(orders: Orders, *_asked: object) -> list[Named]:
        asked.append((orders.url, orders.remote.secret))
        return [Named("0" * 20 + "f7d4s8")]

    monkeypatch.setattr(Orders, "listing", listing)
    shared = [
        "order_id",
        "url",
        "order",
        "shop_name",
        "interface",
        "data",
        "secret_file",
        "tls",
        "as_json",
    ]
    assert shared == list(inspect.signature(command).parameters)
    assert (0, "0" * 20 + "f7d4s8\n", "") == run(command, "F7D-4S8")
    assert (0, "0" * 26 + "\n", "") == run(command, "0" * 26, "--url", "http://f")
    assert [(TRAP.order, OWN)] == asked
    code, _out, err = run(command, "F7D4S8", "--url", "http://f")
    assert 2 == code
    assert "'F7D4S8' is a reference, which only the order service knows: name its address" in err
    assert 0 == run(command, "F7D4S8", "--url", "http://f", "--order", "http://o")[0]
    assert [(TRAP.order, OWN), ("http://o", OWN)] == asked
    assert folder.exists()


@dataclass(frozen=True)
class Named:
    """An order, as far as its name goes."""

    order_id: str


def test_a_command_gets_the_shop_and_the_shared_options_that_it_names(tmp_path: Path) -> None:
    """The shop is the one that runs on the data folder, but for what an option says."""
    (tmp_path / "shop.json").write_bytes(msgspec.json.encode(Addresses("http://f", "http://c")))
    opened = hold(tmp_path / "up.lock", "the shop")
    asked: list[tuple[str, str, Path]] = []

    @asks("front", "catalog")
    def command(shop: Shop, data: Path) -> Answer[None]:
        """Note what it got."""
        asked.append((shop.front.url, shop.catalog.url, data))
        return Answer(None, lambda _nothing: None)

    assert (0, "", "") == run(command, "--data", tmp_path, "--catalog", "http://other")
    opened.close()
    assert [("http://f", "http://other", tmp_path)] == asked


def test_an_answer_is_shown_to_a_person_or_printed_as_json() -> None:
    """And what is not fine is exit code 1, either way."""

    @asks("front")
    def command(_shop: Shop, number: int) -> Answer[list[int]]:
        """Answer a list."""
        return Answer([number], lambda found: typer.echo(f"found {found[0]}"), fine=number > 0)

    assert (0, "found 7\n", "") == run(command, 7)
    assert (0, "[\n  7\n]\n", "") == run(command, 7, "--json")
    assert (1, "found 0\n", "") == run(command, 0)
    assert (1, "[\n  0\n]\n", "") == run(command, 0, "--json")


def test_a_refusal_is_one_line_and_exit_code_1() -> None:
    """Nothing else is printed."""

    @asks("front")
    def command(_shop: Shop) -> Answer[None]:
        """Be refused."""
        message = "no"
        raise RemoteError(message, Unavailable(message).problem())

    assert (1, "", "bazar: no\n") == run(command)


OWN = "the secret of this folder"
GIVEN = "the secret of another shop"
TRAP = Addresses("http://trap:1", "http://trap:2", "http://trap:3")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a data folder in which a shop seems to run, with its own secret."""
    data = tmp_path / "bazar-data"
    data.mkdir(mode=0o700)
    (data / "shop.json").write_bytes(msgspec.json.encode(TRAP))
    (data / "secret").write_text(OWN)
    for file in data.iterdir():
        file.chmod(0o600)
    with hold(data / "up.lock", "the shop"):
        yield data


def asked_with(services: tuple[ServiceName, ...], *words: object) -> tuple[str, str]:
    """Return the secret with which a command asks these services, or what it says instead."""
    asked: list[str] = []

    @asks(*services)
    def command(shop: Shop) -> Answer[None]:
        """Note the secret."""
        asked.append(shop.catalog.remote.secret)
        return Answer(None, lambda _nothing: None)

    code, _out, err = run(command, *words)
    assert (code == 0) == (err == "")
    return (asked[0] if asked else ""), err


@pytest.mark.parametrize("name", ["shop.json", "catalog.db", "order.db", "postgres", "started"])
def test_a_folder_whose_shop_is_closed_leads_to_no_other_shop(tmp_path: Path, name: str) -> None:
    """Another one may be at the addresses that it had, or at the usual ones; named ones count."""
    data = tmp_path / "bazar-data"
    data.mkdir()
    (data / name).write_bytes(msgspec.json.encode(TRAP))
    (data / "up.lock").write_text("123\n")
    for services in SHARED:
        secret, err = asked_with(services[0])
        assert ("", 1) == (secret, len(err.splitlines()))
        assert err.startswith("bazar: the shop of bazar-data is closed. Open it with 'bazar up';")
    assert ("", "") == asked_with(("front",), "--url", "http://f")
    assert ("", "") == asked_with(("catalog",), "--catalog", "http://c")
    with hold(data / f"{name}.lock", "a service"):
        there = asked_with(("front",))
    assert ("" if name != "shop.json" else there[1]) == there[1]


@pytest.mark.parametrize("content", [(), ("secret",), ("up.lock", "secret"), None])
def test_a_folder_that_was_named_and_has_no_shop_leads_to_no_other_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: tuple[str, ...] | None
) -> None:
    """Not even to the usual addresses; whoever names those too has them asked."""
    data = tmp_path / "x y"
    if content is not None:
        data.mkdir(mode=0o700)
    for name in content or ():
        (data / name).write_text(OWN)
        (data / name).chmod(0o600)
    told = f"there is no folder {data}." if content is None else f"no shop is open in {data}."
    for services, _shared in SHARED:
        secret, err = asked_with(services, "--data", data)
        assert "" == secret
        assert err.startswith(f"bazar: {told} Open one with 'bazar up --data '{data}''; a shop")
        assert 1 == len(err.splitlines())
    assert err.endswith("with --url and --catalog and --order\n")
    assert asked_with(("catalog", "order"), "--data", data, "--order", "http://o")[1].endswith(
        "named by its addresses, with --catalog\n"
    )
    kept = OWN if content and "secret" in content else ""
    assert (kept, "") == asked_with(("catalog",), "--data", data, "--catalog", "http://c")
    monkeypatch.setenv("BAZAR_DATA", str(data))
    assert told in asked_with(("front",))[1]


def test_the_usual_folder_that_was_named_leads_to_no_other_shop() -> None:
    """It was named all the same."""
    assert "there is no folder bazar-data." in asked_with(("front",), "--data", "bazar-data")[1]


def test_a_folder_whose_services_were_started_by_hand_does_not_say_where_they_are(
    tmp_path: Path,
) -> None:
    """They may be anywhere, and another shop at the usual addresses."""
    (tmp_path / "catalog.db").touch()
    with hold(tmp_path / "catalog.db.lock", "a service"):
        secret, err = asked_with(("catalog", "front"), "--data", tmp_path)
    assert "" == secret
    assert f"{tmp_path} does not say where its shop is; name the addresses with --cat" in err


def test_a_command_may_answer_where_no_shop_is_open(tmp_path: Path) -> None:
    """As one that looks at the machine first."""

    def closed(data: Path, why: str) -> Answer[str]:
        return Answer(f"{data.name}: {why}", typer.echo, fine=False)

    @asks("front", closed=closed)
    def command(_shop: Shop) -> Answer[str]:
        """Find a shop."""
        return Answer("found", typer.echo)

    code, out, err = run(command, "--data", tmp_path / "gone")
    assert (1, "") == (code, err)
    assert out.startswith("gone: there is no folder")
    assert (0, "found\n", "") == run(command)


def test_who_is_not_answered_is_not_told_to_name_the_folder_that_they_named(
    folder: Path,
) -> None:
    """The shop of the folder is open, so it says what is wrong."""
    nowhere = "http://127.0.0.1:1"
    (folder / "shop.json").write_bytes(msgspec.json.encode(Addresses(nowhere, nowhere, nowhere)))

    @asks("front")
    def command(shop: Shop) -> Answer[object]:
        """Ask."""
        return Answer(shop.front.first(1), typer.echo)

    for words, told in (((), "'bazar up' runs on bazar-data"), (("--url", nowhere), "--url")):
        code, _out, err = run(command, *words)
        assert 1 == code
        assert told in err
        assert ("or name its data folder" in err) is bool(words)


def test_a_folder_whose_shop_is_just_opening_leads_to_no_other_shop(tmp_path: Path) -> None:
    """Its addresses are not there yet."""
    with hold(tmp_path / "bazar-data" / "up.lock", "the shop"):
        secret, err = asked_with(("front",))
    assert "" == secret
    assert "just opening" in err


def test_a_file_that_says_nothing_leads_to_no_other_shop(folder: Path) -> None:
    """As one that somebody has edited."""
    (folder / "shop.json").write_text("{")
    secret, err = asked_with(("front",))
    assert "" == secret
    assert "does not say where the shop is" in err


def test_without_a_shop_in_the_folder_the_usual_addresses_are_asked() -> None:
    """As from the machine beside."""
    assert ("", "") == asked_with(("front", "catalog"))


def test_an_address_that_only_a_file_names_gets_the_secret_of_its_folder_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder may have come with an archive: BAZAR_SECRET stays at home."""
    monkeypatch.setenv("BAZAR_SECRET", GIVEN)
    assert (OWN, "") == asked_with(("catalog",))
    assert (OWN, "") == asked_with(("catalog", "order"), "--catalog", "http://c")
    (folder / "secret").unlink()
    for words in ([], ["--order", "http://o"]):
        secret, err = asked_with(("catalog", "order"), *words)
        assert "" == secret
        assert err.startswith("bazar: only bazar-data/shop.json says where the shop is")
        assert "--catalog" in err
        assert 1 == len(err.splitlines())
    monkeypatch.delenv("BAZAR_SECRET")
    assert ("", "") == asked_with(("catalog",))


def test_an_address_that_only_a_file_names_does_not_get_the_secret_of_a_file(
    folder: Path, tmp_path: Path
) -> None:
    """But for the one of its own folder, which it has anyway."""
    other = tmp_path / "other"
    other.write_text(GIVEN)
    secret, err = asked_with(("order",), "--secret-file", other)
    assert "" == secret
    assert "leave --secret-file out" in err
    assert (OWN, "") == asked_with(("order",), "--secret-file", folder / "secret")


def test_an_address_that_somebody_named_gets_the_secret_that_they_gave(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever shop runs here."""
    monkeypatch.setenv("BAZAR_SECRET", GIVEN)
    assert (GIVEN, "") == asked_with(("catalog",), "--catalog", "http://c")
    monkeypatch.setenv("BAZAR_CATALOG", "http://c")
    assert (GIVEN, "") == asked_with(("catalog",))
    monkeypatch.delenv("BAZAR_SECRET")
    assert (OWN, "") == asked_with(("catalog",))
    assert folder.exists()


@pytest.mark.parametrize("name", [".", "shop.json", "secret"])
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o622])
def test_what_others_may_write_is_not_taken_for_ones_own(
    folder: Path, name: str, mode: int
) -> None:
    """A folder or file that somebody else could have changed; the line says what to do."""
    (folder / name).chmod(mode | (0o100 if name == "." else 0))
    secret, err = asked_with(("catalog", "front"))
    assert "" == secret
    assert "chmod go-w" in err
    assert 1 == len(err.splitlines())
    assert (OWN, "") == asked_with(("catalog",), "--catalog", "http://c")


@pytest.mark.usefixtures("folder")
def test_what_belongs_to_another_user_is_not_taken_for_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody may have put a folder where others work, such as /tmp."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    secret, err = asked_with(("catalog", "front"))
    assert "" == secret
    assert "belongs to another user" in err
    assert 1 == len(err.splitlines())


@pytest.mark.parametrize("secret", [f"{GIVEN}\n{GIVEN}", f"{GIVEN}\n", "\x1b" * 20])
def test_an_improper_secret_is_one_line(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, and nothing of the secret."""
    monkeypatch.setenv("BAZAR_SECRET", secret)
    sent, err = asked_with(("catalog",))
    assert "" == sent
    assert 1 == len(err.splitlines())
    assert GIVEN not in err
