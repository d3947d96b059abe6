"""Puts a bug into a copy of the package, and shows the copy to the checks until one catches it.

The package itself is never touched. The copy comes first on the path of every process, and each
process that imports it signs a list: a check whose services ran anything else is an error.
"""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import bazar
from cluster.processes import Running, all_gone, children_of, environment_of_a_copy
from mutants.bug import Bug, Edit
from mutants.parts import Part

ROOT = Path(__file__).parents[2]
PACKAGE = Path(bazar.__file__).parent
SIGNED = "signed.txt"
SIGNATURE = """
import pathlib as _pathlib
import sys as _sys

with _pathlib.Path({list!r}).open("a", encoding="utf-8") as _signed:
    _signed.write(" ".join(_sys.orig_argv) + "\\n")
"""
"""Added to the copy's own `__init__.py`."""
END_PATIENCE_S = 30.0
BROKEN = 1
"""The exit code of a check that found something."""


class MutantError(Exception):
    """Something is wrong with the bug or the check, so that its verdict would say nothing."""


@dataclass(frozen=True)
class Run:
    """What one check said."""

    part: Part
    broken: list[str]
    """A sentence for each broken promise; none where it found nothing."""
    took_s: float


def mutated(edit: Edit, text: str) -> str:
    """Return a file's text with a bug in it.

    Raises:
        MutantError: the text that is to be replaced does not stand there exactly once.
    """
    count = text.count(edit.before)
    if count != 1:
        message = f"the text to replace stands in {edit.file} {count} times, not once"
        raise MutantError(message)
    return text.replace(edit.before, edit.after)


def copy(folder: Path, bug: Bug | None = None) -> Path:
    """Make a copy of the package, with a bug or without; return the folder that holds it.

    Raises:
        MutantError: the bug does not fit the package any more, or it does not even compile.
    """
    sources = folder / "src"
    copied = sources / PACKAGE.name
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in bug.edits if bug else ():
        changed = copied / edit.file
        text = mutated(edit, changed.read_text("utf-8"))
        changed.write_text(text, "utf-8")
        if changed.suffix == ".py":
            try:
                compile(text, edit.file, "exec")
            except SyntaxError as error:
                message = f"{edit.file} does not compile: {error}"
                raise MutantError(message) from error
    with (copied / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(SIGNATURE.format(list=str(folder / SIGNED)))
    return sources


def examine(bug: Bug, folder: Path, seed: int) -> Run | None:
    """Show a bug to its checks, one after the other; return the run that caught it, or None.

    Raises:
        MutantError: the bug does not fit the package, or a check could not judge it.
    """
    sources = copy(folder, bug)
    return next((done for part in bug.parts if (done := run(part, sources, seed)).broken), None)


def run(part: Part, sources: Path, seed: int) -> Run:
    """Show a copy of the package to a check.

    Args:
        part: the check.
        sources: the folder that holds the copy.
        seed: of everything that the check draws.

    Raises:
        MutantError: the check itself failed or did not end, or it was of another package.
    """
    started_s = monotonic()
    folder = sources.parent / part.name.replace(" ", "-")
    signed = sources.parent / SIGNED
    signed.unlink(missing_ok=True)
    code, printed = _ended(part.command(seed, folder), _environment(sources), part.limit_s)
    broken = list(dict.fromkeys(part.says.findall(printed))) if code == BROKEN else []
    if code is None:
        message = f"{part.name} had not ended after {part.limit_s:g} s, which proves nothing"
    elif code not in {0, BROKEN} or (code == BROKEN and not broken):
        message = f"{part.name} itself failed with {code}:\n{printed[-2000:]}"
    elif missing := _not_signed(part, signed):
        message = f"{part.name} was not of the copy: '{missing}' did not import it"
    else:
        return Run(part, broken, monotonic() - started_s)
    raise MutantError(message)


def _not_signed(part: Part, signed: Path) -> str:
    """Return which process should have imported the copy and did not; empty where all did."""
    signatures = signed.read_text("utf-8") if signed.exists() else ""
    return next((words for words in part.processes if words not in signatures), "")


def _environment(sources: Path) -> dict[str, str]:
    """Return the environment of a check of a copy."""
    return {
        **environment_of_a_copy([str(sources), str(ROOT / "tests")]),
        "COLUMNS": "240",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(sources.parent / "hypothesis"),
    }


def _ended(
    command: list[str], environment: dict[str, str], limit_s: float
) -> tuple[int | None, str]:
    """Run a command to its end; return its exit code and what it printed.

    One that takes too long is interrupted, so that it ends what it has started; what is left
    after that is killed, by pid. Its exit code is None.
    """
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            printed, _ = process.communicate(timeout=limit_s)
        except BaseException as error:
            started = descendants_of(process.pid)
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=END_PATIENCE_S)
            process.kill()
            _kill(started)
            if isinstance(error, subprocess.TimeoutExpired):
                return None, ""
            raise
        return process.returncode, printed


def descendants_of(pid: int) -> list[Running]:
    """Return the processes that a process started, and those that they did."""
    children = children_of(pid)
    return children + [far for child in children for far in descendants_of(child.pid)]


def _kill(processes: list[Running]) -> None:
    for process in processes:
        if process.alive():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    all_gone(processes, END_PATIENCE_S)
