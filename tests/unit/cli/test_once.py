"""What somebody is told whose change may have happened, and with which exit code."""

import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bazar.cli.helping import finish
from bazar.cli.main import app
from bazar.cli.shop import Answer, Key, asks, once, with_key
from bazar.kit.errors import BazarError, InternalError, Overloaded, Unavailable
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop
from bazar.wire.problems import OutOfStock
from support.one_answer import answering
from support.processes import BAZAR, STOP_TIMEOUT_S, environment

AGAIN = "the same command again is safe: "
Ask = Callable[[str], str]


def refused(error: BazarError) -> RemoteError:
    """Return an error of the shop as a command meets it."""
    return RemoteError(error.detail, error.problem())


def run(ask: Ask, *words: str) -> tuple[int, str, list[str]]:
    """Run a command that asks so, with a key; return exit code, output, and lines of errors."""

    @asks("front")
    def trade(_shop: Shop, copies: int, *, key: Key = None) -> Answer[str]:
        """Trade."""
        del copies
        return Answer(with_key(key, ask), typer.echo)

    return _run(trade, *words)


def _run(function: object, *words: str) -> tuple[int, str, list[str]]:
    trading = typer.Typer(add_completion=False, rich_markup_mode=None)
    trading.callback()(lambda: None)
    trading.command("trade")(function)  # type: ignore[type-var]
    finish(trading)
    done = CliRunner().invoke(trading, ["trade", *words])
    return done.exit_code, done.stdout, done.stderr.splitlines()


def failing(error: BaseException, keys: list[str] | None = None) -> Ask:
    """Return a question that fails, and notes the keys that it is asked with."""

    def ask(key: str) -> str:
        if keys is not None:
            keys.append(key)
        raise error

    return ask


@pytest.mark.parametrize(
    "error",
    [
        RemoteError("no answer within 10 s"),
        refused(Unavailable("away")),
        refused(InternalError("broken")),
    ],
)
def test_where_nobody_knows_the_same_command_is_told_with_its_key(error: RemoteError) -> None:
    """With an exit code of its own; typed again it has the same key, so it counts once."""
    keys: list[str] = []
    code, said, (first, second) = run(failing(error, keys), "--json", "--", "-3")
    assert (4, "") == (code, said)
    assert f"bazar: {error}" == first
    begin = f"It may have happened; {AGAIN}"
    assert second.startswith(begin)
    words = shlex.split(second.removeprefix(begin))
    assert ["bazar", "trade", "--json", "--key", keys[0], "--", "-3"] == words
    run(failing(error, keys), *words[2:])
    assert keys[0] == keys[1]


def test_each_command_has_a_key_of_its_own() -> None:
    """Two deliveries of three copies are six."""
    keys: list[str] = []
    for _time in range(2):
        run(failing(RemoteError("x"), keys), "3")
    assert 2 == len(set(keys))


@pytest.mark.parametrize("given", [("--key", "mine"), ("--key=mine",), ("--key", '"mine"')])
def test_a_key_that_was_given_is_told_once(given: tuple[str, ...]) -> None:
    """In the place of the one that was typed."""
    _code, _said, (_first, second) = run(failing(RemoteError("x")), *given, "3")
    assert second.endswith("safe: bazar trade 3 --key mine")


@pytest.mark.parametrize("error", [refused(Overloaded("full")), refused(OutOfStock("none"))])
def test_what_certainly_did_not_happen_needs_no_second_line(error: RemoteError) -> None:
    """It is a refusal like any other."""
    assert (1, "", [f"bazar: {error}"]) == run(failing(error), "3")


def test_what_was_not_sent_may_be_typed_again() -> None:
    """And is an ordinary failure: nothing was changed."""
    code, said, (_first, second) = run(failing(RemoteError("refused", sent=False)), "3")
    assert (1, "") == (code, said)
    assert second.startswith(f"Nothing was sent; {AGAIN}bazar trade 3 --key ")


def test_who_interrupts_a_change_is_told_how_to_find_out() -> None:
    """Ctrl-C ends the waiting, not the work."""
    code, said, (first, second) = run(failing(KeyboardInterrupt()), "3")
    assert (130, "") == (code, said)
    assert "bazar: interrupted" == first
    assert second.startswith(f"It may have happened; {AGAIN}bazar trade 3 --key ")


def test_what_has_a_key_by_nature_is_told_without_one() -> None:
    """As a cancel, whose order is its key."""

    @asks("front")
    def trade(_shop: Shop) -> Answer[str]:
        """Trade."""
        return Answer(once(lambda: failing(RemoteError("x"))("")), typer.echo)

    assert (4, "", ["bazar: x", f"It may have happened; {AGAIN}bazar trade"]) == _run(trade)


def test_a_mail_that_may_be_sent_is_told_to_be_sent_again() -> None:
    """It only shows that mail arrives; but two of them are two."""
    with answering(503, b"busy") as shop:
        words = ["mail", "test", "me@example.org", "--order", shop.order.url]
        done = CliRunner().invoke(app, words)
    assert (4, "") == (done.exit_code, done.stdout)
    said = done.stderr.splitlines()[1]
    begin = "It may have happened; the same command again sends another mail: "
    assert f"{begin}bazar {shlex.join(words)}" == said


@pytest.mark.parametrize("words", [("search", "nosuch"), ("books", "--topic", "nosuch")])
def test_a_topic_that_no_book_has_is_told_how_to_look_for_words(words: tuple[str, ...]) -> None:
    """Somebody may have meant words of a title."""
    with answering(200, b"[]") as shop:
        url = ("--url" if words[0] == "search" else "--catalog", shop.front.url)
        done = CliRunner().invoke(app, [*words, *url])
    assert (0, "") == (done.exit_code, done.stderr)
    assert "no book on sale has the topic 'nosuch'" in done.stdout
    assert done.stdout.endswith("bazar search --text nosuch\n")


def test_an_answer_may_have_an_exit_code_of_its_own() -> None:
    """As a purchase that is not decided yet; its note does not get among the JSON."""

    @asks("front")
    def trade(_shop: Shop) -> Answer[str]:
        """Trade."""
        return Answer("x", typer.echo, fine=False, code=3, note="1 of 2 shown")

    assert (3, "x\n1 of 2 shown\n", []) == _run(trade)
    assert (3, '"x"\n', ["1 of 2 shown"]) == _run(trade, "--json")


def test_a_purchase_that_is_not_decided_yet_has_an_exit_code_of_its_own() -> None:
    """It is no failure and no sale: the order is stored, and the line says how to look at it."""
    with answering(202, b'{"status":"pending","order_id":"01m8","message":"wait"}') as shop:
        done = CliRunner().invoke(app, ["buy", "2", "--url", shop.front.url])
    assert (3, "") == (done.exit_code, done.stderr)
    assert "order 01m8 is accepted but not decided yet" in done.stdout
    assert done.stdout.endswith("bazar order 01m8\n")


@pytest.mark.parametrize(
    ("words", "told"), [(("topics",), ""), (("book", "restock", "2", "5"), "bazar: interrupted")]
)
def test_an_interrupt_is_heard_while_a_service_says_nothing(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """At once, and not when the command would have given up: a list waits a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = subprocess.Popen(
            [sys.executable, *BAZAR, *words, "--catalog", url, "--data", tmp_path],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        with silent.accept()[0] as asked:
            assert asked.recv(1)
            command.send_signal(signal.SIGINT)
            _out, said = command.communicate(timeout=STOP_TIMEOUT_S)
    assert 130 == command.returncode
    assert said.startswith(told)
