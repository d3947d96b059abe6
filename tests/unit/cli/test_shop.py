"""What a command that asks a shop shares with the others."""

import inspect
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from bazar.cli.shop import Answer, asks
from bazar.kit.errors import Unavailable
from bazar.tools.remote import Addresses, RemoteError, ServiceName
from bazar.tools.shop import Shop

SHARED: list[tuple[tuple[ServiceName, ...], list[str]]] = [
    (("front",), ["url", "data", "as_json"]),
    (("catalog",), ["catalog", "data", "secret_file", "as_json"]),
    (("order",), ["order", "data", "secret_file", "as_json"]),
    (("catalog", "order"), ["catalog", "order", "data", "secret_file", "as_json"]),
    (
        ("front", "catalog", "order"),
        ["url", "catalog", "order", "data", "secret_file", "as_json"],
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


def test_a_command_gets_the_shop_and_the_shared_options_that_it_names(tmp_path: Path) -> None:
    """The shop is the one that runs on the data folder, but for what an option says."""
    (tmp_path / "shop.json").write_bytes(msgspec.json.encode(Addresses("http://f", "http://c")))
    asked: list[tuple[str, str, Path]] = []

    @asks("front", "catalog")
    def command(shop: Shop, data: Path) -> Answer[None]:
        """Note what it got."""
        asked.append((shop.front.url, shop.catalog.url, data))
        return Answer(None, lambda _nothing: None)

    assert (0, "", "") == run(command, "--data", tmp_path, "--catalog", "http://other")
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
