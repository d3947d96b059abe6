"""Help and completion: whole sentences, examples, and the words as they were typed."""

import inspect
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_EXAMPLES = "Examples:"
_KEY = "--key"
_SHOWN_MAX = 40
"""Letters of what was typed that a message repeats."""
_NO_INTEGER = "it takes a whole number, not {typed}"
_NO_NUMBER = "it takes a number, not {typed}"
_FAULTS = {
    "int_parsing": _NO_INTEGER,
    "int_parsing_size": _NO_INTEGER,
    "int_from_float": _NO_INTEGER,
    "int_type": _NO_INTEGER,
    "float_parsing": _NO_NUMBER,
    "float_type": _NO_NUMBER,
    "finite_number": _NO_NUMBER,
    "greater_than_equal": "it takes {ge} or more, not {typed}",
    "less_than_equal": "it takes {le} or less, not {typed}",
}
"""What is said of a value that was typed, by the parser's name for its fault."""


class _Typed:
    """The command line that runs now; a process runs one."""

    words: tuple[str, ...] = ("bazar",)
    """The program and the names of the command."""
    own: tuple[str, ...] = ()
    """What follows."""


class Command(TyperCommand):
    """A command that says what it does in a whole sentence, and remembers how it was called."""

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return its first sentence, however long: lists wrap it."""
        del limit
        return _sentence(self.help)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Read its arguments, and keep them as they were typed."""
        names: list[str] = []
        above: object = ctx
        while (parent := getattr(above, "parent", None)) is not None:
            names.insert(0, str(getattr(above, "info_name", "")))
            above = parent
        _Typed.words, _Typed.own = ("bazar", *names), tuple(args)
        for parameter in self.params:
            both = [first_of(one, args) for one in (parameter.opts, parameter.secondary_opts)]
            if all(both):
                message = f"{both[0]} and {both[1]} contradict each other"
                raise typer.BadParameter(message, ctx)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = in_words(error)
            raise


def first_of(names: Iterable[str], words: Sequence[str]) -> str:
    """Return which of an option's names was typed; nothing where none was."""
    options = words[: words.index("--")] if "--" in words else words
    return next((name for name in names if name in options), "")


def in_words(error: typer.BadParameter) -> str:
    """Return what is wrong with a value that was typed, as a person would say it."""
    faults: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if not faults:
        return error.message
    fault = faults[0]
    typed = f"{str(fault['input'])[:_SHOWN_MAX]!r}"
    known = _FAULTS.get(fault["type"])
    if known is not None:
        bounds = {name: f"{bound:,}" for name, bound in fault.get("ctx", {}).items()}
        bounds = {name: bound.removesuffix(".0") for name, bound in bounds.items()}
        return known.format(typed=typed, **bounds)
    said = str(fault.get("ctx", {}).get("error", ""))
    _value, there, choices = said.rstrip(".").partition(" is not one of ")
    return f"there is no {typed}, only {choices}" if there else f"{typed} is not what it takes"


class Group(TyperGroup):
    """A group whose list of commands cuts no sentence."""

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return its first sentence, however long."""
        del limit
        return _sentence(self.help)


def same_command(key: str | None = None, **options: str) -> str:
    """Return the command that runs, to be typed again, with this key and these options."""
    given = {_KEY: key, **{f"--{name}": value for name, value in options.items()}}
    own = list(_without(_Typed.own, {name for name, value in given.items() if value is not None}))
    more = [word for name, value in given.items() if value is not None for word in (name, value)]
    end = own.index("--") if "--" in own else len(own)
    return shlex.join([*_Typed.words, *own[:end], *more, *own[end:]])


def _without(words: tuple[str, ...], options: set[str]) -> Iterator[str]:
    """Yield words but for some options and their values."""
    left = iter(words)
    for word in left:
        if word == "--":
            yield word
            yield from left
        elif word in options:
            next(left, None)
        elif word.partition("=")[0] not in options:
            yield word


def finish(app: typer.Typer) -> None:
    """Give the commands of a command line their classes, and the examples of their docstrings.

    The paragraph of a docstring that begins with `Examples:` stands last in the help, as it is.
    """
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance is not None:
            finish(group.typer_instance)
    for command in app.registered_commands:
        text = inspect.cleandoc(command.help or inspect.getdoc(command.callback) or "")
        said, found, examples = text.partition(_EXAMPLES)
        command.cls = Command
        command.help = said.strip()
        command.epilog = f"\b\n{_EXAMPLES}{examples.rstrip()}" if found else None


def _sentence(text: str | None) -> str:
    paragraph = " ".join((text or "").split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".")
