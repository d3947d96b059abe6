"""The command line without a shop: its help, and its errors."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bazar import __version__
from bazar.cli.main import app
from bazar.kit import log

NOWHERE = "http://127.0.0.1:1"


def leaves() -> Iterator[tuple[str, ...]]:
    """Yield every command, with its group in front."""
    root = typer.main.get_command(app)
    commands = getattr(root, "commands", {})
    for name, command in commands.items():
        subcommands = getattr(command, "commands", None)
        if subcommands is None:
            yield (name,)
        else:
            yield from ((name, subname) for subname in subcommands)


COMMANDS = sorted(leaves())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Return a runner in an empty folder, with no shop in the environment."""
    for name in ("DATA", "URL", "CATALOG", "ORDER", "SECRET", "SECRET_FILE", "PORT", "HOST"):
        monkeypatch.delenv(f"BAZAR_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(log, "configure", lambda *_arguments: None)  # it is for a whole process
    yield CliRunner()
    assert [] == list(tmp_path.iterdir()), "a failed command leaves nothing behind"


def one_line(text: str) -> str:
    """Return the only line of a message of ours."""
    lines = text.splitlines()
    assert 1 == len(lines), text
    assert lines[0].startswith("bazar: ")
    return lines[0]


def test_every_command_is_there() -> None:
    """The list of commands is the documented one."""
    assert {
        ("up",),
        ("serve",),
        ("search",),
        ("info",),
        ("buy",),
        ("order",),
        ("orders",),
        ("cancel",),
        ("fulfil",),
        ("progress",),
        ("audit",),
        ("doctor",),
        ("import",),
        ("ledger",),
        ("shop",),
        ("stock",),
        ("load",),
        ("mail", "test"),
        ("book", "add"),
        ("book", "edit"),
        ("book", "restock"),
        ("book", "reprice"),
        ("books",),
        ("topics",),
        ("completion",),
    } <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_names_every_option_and_says_what_it_does(
    run: CliRunner, command: tuple[str, ...]
) -> None:
    """Each parameter of a command is in its help, with a text of its own."""
    done = run.invoke(app, [*command, "--help"])
    assert 0 == done.exit_code
    shown = " ".join(done.output.split())
    parsed = typer.main.get_command(app)
    for name in command:
        parsed = getattr(parsed, "commands")[name]  # noqa: B009  groups alone have commands
    assert (parsed.help or "").split("\n")[0].rstrip(".") in shown
    for parameter in parsed.params:
        if getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "option":
            assert parameter.opts[0] in shown
        text = getattr(parameter, "help", None)
        assert text, f"{parameter.name} has no help"
        assert " ".join(text.split()).split(" [")[0] in shown


@pytest.mark.parametrize("command", [*COMMANDS, ("book",), ("mail",), ()], ids=" ".join)
@pytest.mark.parametrize("columns", [60, 80])
def test_help_cuts_nothing_at_any_width(command: tuple[str, ...], columns: int) -> None:
    """Its lines fit the terminal, and no sentence ends in dots."""
    parsed: Any = typer.main.get_command(app)
    settings: dict[str, Any] = {"resilient_parsing": True, "terminal_width": columns}
    context = parsed.make_context("bazar", [], **settings)
    for name in command:
        parsed = parsed.commands[name]
        context = parsed.make_context(name, [], parent=context, **settings)
    shown = parsed.get_help(context)
    assert [] == [line for line in shown.splitlines() if len(line) > columns]
    assert "..." not in shown.replace("]...", "").replace("VALUE ...", "")


@pytest.mark.parametrize("command", [("buy",), ("book",), ("mail", "test"), ()], ids=" ".join)
def test_h_is_help(run: CliRunner, command: tuple[str, ...]) -> None:
    """Everywhere: of a command, of a group, of the whole."""
    done = run.invoke(app, [*command, "-h"])
    assert (0, done.output) == (done.exit_code, run.invoke(app, [*command, "--help"]).output)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_ends_with_examples_that_the_command_understands(
    run: CliRunner, command: tuple[str, ...]
) -> None:
    """Each is one line, of this command, with options that it has and arguments that it takes."""
    _help, _, examples = run.invoke(app, [*command, "-h"]).output.partition("\n  Examples:\n")
    lines = [line.strip() for line in examples.splitlines()]
    assert lines, "no examples"
    parsed = typer.main.get_command(app)
    for name in command:
        parsed = getattr(parsed, "commands")[name]  # noqa: B009  groups alone have commands
    for line in lines:
        if command == ("completion",):
            assert "bazar completion" in line
            continue
        words = shlex.split(line)
        assert ["bazar", *command] == words[: 1 + len(command)]
        parsed.make_context("bazar", words[1 + len(command) :])


@pytest.mark.parametrize("group", [(), ("book",)])
def test_a_group_shows_its_commands(run: CliRunner, group: tuple[str, ...]) -> None:
    """The help of the whole, and of a group, names each command in it."""
    done = run.invoke(app, [*group, "--help"])
    assert 0 == done.exit_code
    for command in COMMANDS:
        if command[: len(group)] == group:
            assert re.search(rf"\b{command[len(group)]}\b", done.output)


def test_version_is_shown(run: CliRunner) -> None:
    """It is the version of the package."""
    done = run.invoke(app, ["--version"])
    assert (0, f"bazar {__version__}\n") == (done.exit_code, done.output)


def test_the_doctor_of_a_folder_without_a_shop_looks_at_the_machine_alone(run: CliRunner) -> None:
    """Another shop may be at the usual addresses."""
    done = run.invoke(app, ["doctor", "--data", "gone"])
    assert (1, "") == (done.exit_code, done.stderr)
    looked = [line.split(":")[0].split()[-1] for line in done.stdout.splitlines() if ": " in line]
    assert {"python", "sqlite", "shop"} <= set(looked)
    assert set() == {"catalog", "order", "front", "secret"} & set(looked)
    assert "there is no folder gone. Open one with 'bazar up --data gone'" in done.stdout
    assert "http://" not in done.stdout


def test_a_command_starts_without_what_only_services_need() -> None:
    """Whoever types one waits for every import; those of a server take longer than the command."""
    program = "import sys, bazar.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())
    assert set() == loaded & {"starlette", "granian", "apsw", "prometheus_client"}


def test_buying_from_nobody_is_one_line_and_how_to_ask_again(run: CliRunner) -> None:
    """It names the address and what to do; the same command again has the same key."""
    done = run.invoke(app, ["buy", "1", "--url", NOWHERE])
    assert (1, "") == (done.exit_code, done.stdout)
    message, again = done.stderr.splitlines()
    assert message.startswith(f"bazar: the front service at {NOWHERE} does not answer")
    assert "(Connection refused" in message
    assert "bazar up" in message
    assert "with --data or its address with --url" in message
    assert re.fullmatch(
        "Nothing was sent; the same command again is safe: "
        rf"bazar buy 1 --url {NOWHERE} --key \S{{22,}}",
        again,
    )
    done = run.invoke(app, ["buy", "1", "--url", NOWHERE, "--key", "mine"])
    assert done.stderr.endswith("--key mine\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "1", "--url", NOWHERE),
        ("search", "networks", "--url", NOWHERE),
        ("search", "--text", "noobs", "--url", NOWHERE),
        ("order", "x", "--url", NOWHERE),
        ("orders", "--order", NOWHERE),
        ("books", "--catalog", NOWHERE),
        ("books", "--low", "3", "--catalog", NOWHERE),
        ("topics", "--catalog", NOWHERE),
        ("buy", "978-0-441-17271-9", "--url", NOWHERE),
        ("book", "restock", "0-306-40615-2", "5", "--catalog", NOWHERE),
        ("audit", "--catalog", NOWHERE, "--order", NOWHERE),
        ("ledger", "1", "--catalog", NOWHERE),
        ("shop", "--catalog", NOWHERE),
        ("load", "--url", NOWHERE),
        ("load", "--flash-sale", "1", "--url", NOWHERE),
        ("load", "--flash-sale", "978-0-441-17271-9", "--url", NOWHERE),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_shop_that_does_not_run_is_one_line(run: CliRunner, arguments: tuple[str, ...]) -> None:
    """Every command says who does not answer, on standard error; the audit's 1 means another."""
    done = run.invoke(app, list(arguments))
    assert (2 if arguments[0] == "audit" else 1, "") == (done.exit_code, done.stdout)
    assert "does not answer" in one_line(done.stderr)


@pytest.mark.parametrize("key", [None, "mine", '"mine"'])
@pytest.mark.parametrize(
    "arguments",
    [
        ("buy", "1", "--url", NOWHERE),
        ("book", "restock", "1", "5", "--catalog", NOWHERE),
        ("book", "restock", "--catalog", NOWHERE, "1", "--", "-3"),
        ("book", "reprice", "1", "19.99", "--catalog", NOWHERE),
        ("book", "edit", "1", "--title", "it's", "--catalog", NOWHERE),
        ("book", "edit", "1", "--year", "", "--pages", "", "--catalog", NOWHERE),
        ("shop", "set", "name=X", "--catalog", NOWHERE),
        ("stock", "1", "--count", "5", "--catalog", NOWHERE),
        ("book", "add", "T", "--topic", "t", "--price", "1", "--catalog", NOWHERE),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_who_is_not_answered_is_told_the_key(
    run: CliRunner, arguments: tuple[str, ...], key: str | None
) -> None:
    """In the very command to type again, so that nothing is bought, counted or added twice."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    given = [*arguments[:place], *(("--key", key) if key else ()), *arguments[place:]]
    done = run.invoke(app, given)
    assert (1, "") == (done.exit_code, done.stdout)
    said, told = done.stderr.splitlines()
    assert "does not answer" in said
    begin = "Nothing was sent; the same command again is safe: "
    assert told.startswith(begin)
    words = shlex.split(told.removeprefix(begin))
    made = words[words.index("--key") + 1]
    assert "mine" == made if key else len(made) >= 22
    assert ["bazar", *arguments[:place], "--key", made, *arguments[place:]] == words
    again = run.invoke(app, words[1:])
    assert told == again.stderr.splitlines()[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("cancel", "x", "--url", NOWHERE),
        ("fulfil", "x", "--order", NOWHERE),
        ("progress", "x", "ready", "--order", NOWHERE),
        ("mail", "forget", "x@y", "--order", NOWHERE),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_what_needs_no_key_is_told_as_it_was_typed(
    run: CliRunner, arguments: tuple[str, ...]
) -> None:
    """The order's id is the key of what is done to it."""
    done = run.invoke(app, list(arguments))
    assert (1, "") == (done.exit_code, done.stdout)
    assert done.stderr.endswith(f"again is safe: {shlex.join(['bazar', *arguments])}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search",), "give a TOPIC or --text WORDS"),
        (("search", "topic", "--text", "words"), "give a TOPIC or --text WORDS"),
        (("order", "F7D4S8", "--url", NOWHERE), "which only the order service knows"),
        (("book", "edit", "1", "--year", "soon"), "--year takes a whole number, or '' for none"),
        (("book", "edit", "1", "--pages", "9" * 5000), "--pages takes a whole number"),
        (("buy", "1", "--key", '"'), "the key"),
        (("export", "books", "--json"), "--json tells what was written into a file"),
        (("import", "x.csv", "--map", "title"), "--map wants COLUMN=VALUE"),
        (("book", "add", "T", "--topic", "t", "--price", "dear"), "not 'dear'"),
        (("book", "reprice", "1", "1,99"), "not '1,99'"),
        (("book", "edit", "1"), "nothing to change"),
        (("up", "--empty", "--sample"), "contradict each other"),
        (("move",), "with --to or BAZAR_DATABASE"),
        (("move", "--from", "data", "--to", "postgresql"), "takes sqlite:FOLDER, not 'data'"),
        (("shop", "get"), "bazar shop set KEY=VALUE"),
        (("shop", "set", "fax=1", "--catalog", NOWHERE), "no setting 'fax'"),
        (("stock", "1"), "give one of the two: --change COPIES or --count COPIES"),
        (("up", "--public-url", "shop.example"), "--public-url must be an address"),
        (("serve", "front", "--public-url", "shop.example"), "--public-url must be an address"),
        (("up", "--currency", "dollars"), "ISO 4217"),
        (("up", "--currency", "ZZZ"), "ISO 4217"),
        (("serve", "front", "--currency", "12"), "ISO 4217"),
        (("buy", "1", "--url", "nonsense"), "not 'nonsense'"),
        (("load", "--url", "nonsense"), "not 'nonsense'"),
        (("load", "--mix", "steal=1"), "--mix takes shares such as browse=70,search=20,buy=10"),
        (("load", "--mix", "buy=0"), "--mix needs a share above zero"),
        (("load", "--rate", "10", "--think", "1"), "--rate and --think contradict each other"),
        (("load", "--plot", "load.png"), "--plot takes a file such as load.svg"),
        (("load", "--plot", "nowhere/load.svg"), "in a folder that is there, not nowhere/load.svg"),
        (("orders", "--order", "ftp://x"), "not 'ftp://x'"),
        (("orders", "--oldest", "--find", "a"), "it does not fit --oldest"),
        (("books", "--sold-out", "--retired"), "one of --low N, --sold-out and --retired"),
        (("books", "--low", "0", "--sold-out"), "one of --low N, --sold-out and --retired"),
        (("books", "--low", "3", "--after", "x"), "what the line below the last page says"),
        (("search", "topic", "--after", "x"), "--after goes with --text"),
        (("shop", "set", "picks=1,x"), "is neither a book's id, from 1 on, nor its ISBN"),
        (("audit", "--secret-file", "missing"), "cannot read the secret file missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_argument_is_one_line(
    run: CliRunner, arguments: tuple[str, ...], said: str
) -> None:
    """What was wrong is said in words, before anything is called or written."""
    done = run.invoke(app, list(arguments))
    assert (2, "") == (done.exit_code, done.stdout)
    assert said in one_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("move", "--to", "mysql://u:pass@x"), "that is neither"),
        (("move", "--to", "postgresql://h/books"), "name the server alone"),
        (("move", "--to", "postgresql"), "there is no folder"),
        (("serve", "front", "--host", "0.0.0.0"), "can be reached from other machines"),  # noqa: S104
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_started_is_one_line(
    run: CliRunner, arguments: tuple[str, ...], said: str
) -> None:
    """The command line makes sense, but not on this machine."""
    done = run.invoke(app, list(arguments))
    assert (1, "") == (done.exit_code, done.stdout)
    assert said in one_line(done.stderr)


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-1", "sNaN"])
def test_a_price_that_is_no_amount_is_one_line(run: CliRunner, price: str) -> None:
    """What is a number to the language but no price is refused like any other text."""
    for arguments in (
        ["book", "reprice", "--catalog", NOWHERE, "1", "--", price],
        ["book", "add", "T", "--topic", "t", "--catalog", NOWHERE, f"--price={price}"],
    ):
        done = run.invoke(app, arguments)
        assert (2, "") == (done.exit_code, done.stdout)
        assert "a price is a number such as 19.99" in one_line(done.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ("buy", "0"),
        ("buy", "x"),
        ("buy", "978-0-441-17271-8"),
        ("buy", "id:978-0-441-17271-9"),
        ("info", "-5"),
        ("stock", "9.78E+12", "--count", "1"),
        ("book", "restock", "1", "1000000001"),
        ("books", "--limit", "0"),
        ("books", "--low", "-1"),
        ("completion", "tcsh"),
        ("buy", "1", "--quantity", "0"),
        ("buy", "1", "--quantity", "1001"),
        ("search", "--text", "x", "--limit", "10001"),
        ("orders", "--status", "lost"),
        ("serve", "shop"),
        ("serve", "front", "--open-api", "ajar"),
        ("stock", "1", "--count", "-1"),
        ("stock", "1", "--change", "1", "--reason", "bored"),
        ("up", "--port", "70000"),
        ("load", "--duration", "0"),
        ("load", "--duration", "3601"),
        ("load", "--clients", "4097"),
        ("load", "--rate", "0"),
        ("load", "--think", "-1"),
        ("load", "--zipf", "6"),
        ("load", "--flash-sale", "0"),
        ("load", "--books", "0"),
        ("load", "--copies", "1000000001"),
        ("buy",),
        ("nothing",),
        ("buy", "1", "--nothing"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(run: CliRunner, arguments: tuple[str, ...]) -> None:
    """The parser says what is wrong and how the command is used."""
    done = run.invoke(app, list(arguments))
    assert 2 == done.exit_code
    assert "Usage:" in done.stderr
    assert "Traceback" not in done.output


PARSERS = re.compile("Value error|Input should|parse|integer|Literal|valid number|pydantic|type=")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_option_is_refused_in_the_words_of_a_parser(
    run: CliRunner, command: tuple[str, ...]
) -> None:
    """Whatever was typed: it is said what the option takes."""
    parsed: Any = typer.main.get_command(app)
    for name in command:
        parsed = parsed.commands[name]
    for parameter in parsed.params:
        for value in ("?!", "1.5", "-" + "9" * 30, "9" * 30):
            words = [parameter.opts[0], value] if parameter.opts[0].startswith("-") else [value]
            with pytest.raises(Exception) as refused:  # noqa: PT011  also that another is missing
                parsed.make_context("bazar", [*words, "--none-such"])
            assert None is PARSERS.search(getattr(refused.value, "message", ""))
    del run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("orders", "--status", "shipped"), "there is no 'shipped', only 'pending', 'confirmed'"),
        (("orders", "--limit", "x"), "it takes a whole number, not 'x'"),
        (("orders", "--limit", "10001"), "it takes 10,000 or less, not '10001'"),
        (("load", "--rate", "x"), "it takes a number, not 'x'"),
        (("load", "--duration", "0"), "it takes 1 or more, not '0'"),
        (("progress", "x", "lost"), "there is no 'lost', only 'to_pick'"),
        (("book", "edit", "1", "--retire", "--sell"), "--retire and --sell contradict each other"),
        (("orders", "--oldest", "--newest"), "--newest and --oldest contradict each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_an_option_takes_is_said_in_words(
    run: CliRunner, arguments: tuple[str, ...], said: str
) -> None:
    """With the value that was typed."""
    done = run.invoke(app, list(arguments))
    assert (2, "") == (done.exit_code, done.stdout)
    assert said in done.stderr


def test_the_words_behind_two_hyphens_are_no_options(run: CliRunner) -> None:
    """So one of a pair there contradicts nothing."""
    done = run.invoke(app, ["book", "edit", "--retire", "--catalog", NOWHERE, "--", "--sell"])
    assert "'--sell' is neither a book's id" in done.stderr
