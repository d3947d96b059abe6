"""`python -m mutants`: break the code on purpose, and see whether the checks notice.

A check is only worth what it catches. Each bug of the table (bugs.py) is put into a copy of the
package, and the copy is shown to its checks, the cheapest first, until one of them catches it.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten
from time import monotonic

from mutants.bug import Bug
from mutants.bugs import BUGS
from mutants.runner import MutantError, copy, examine, run

SENTENCE_MAX = 160
SENTENCES_MAX = 2
"""Of different promises, where it breaks several."""
NAME_WIDTH = max(len(bug.name) for bug in BUGS)
PART_WIDTH = max(len(part.name) for bug in BUGS for part in bug.parts)
NO_BUG = "(no bug)"


def main() -> int:
    """Try the bugs, print what caught each, and return 1 where one was not caught, else 0."""
    options = _parser().parse_args()
    bugs = [bug for bug in BUGS if bug.name in options.only]
    if options.list:
        for bug in bugs:
            print(f"{bug.name:<{NAME_WIDTH}}  {bug.wrong}")
        return 0
    started_s = monotonic()
    folder = Path(tempfile.mkdtemp(prefix="bazar-mutants-"))
    print(f"seed {options.seed}\n")
    _row("bug", "caught by", "after", "what is wrong, and what the check says")
    sound = _without_bug(bugs, folder, options.seed)
    caught = sum(_caught(bug, folder, options.seed) for bug in bugs) if sound else 0
    print(f"\n{caught} of {len(bugs)} bugs caught in {monotonic() - started_s:.0f} s")
    if caught == len(bugs):
        shutil.rmtree(folder)
        return 0
    print(f"copies, histories, databases and logs are in {folder}")
    return 1


def _without_bug(bugs: Iterable[Bug], folder: Path, seed: int) -> bool:
    """Tell whether every check that is used finds nothing in the package as it is."""
    sound = True
    sources = copy(folder / "no-bug")
    for part in dict.fromkeys(part for bug in bugs for part in bug.parts):
        try:
            done = run(part, sources, seed)
        except MutantError as error:
            sound = False
            _row(NO_BUG, part.name, "ERROR", str(error))
            continue
        if done.broken:
            sound = False
            _row(NO_BUG, part.name, "ERROR", "The check cries wolf.", done.broken)
        else:
            _row(NO_BUG, part.name, f"{done.took_s:.1f} s", "Finds nothing, as it should.")
    return sound


def _caught(bug: Bug, folder: Path, seed: int) -> bool:
    """Show a bug to its checks and print its row; tell whether one caught it."""
    started_s = monotonic()
    try:
        done = examine(bug, folder / bug.name, seed)
    except MutantError as error:
        _row(bug.name, "-", "ERROR", bug.wrong, [str(error)])
        return False
    if done is None:
        shown = ", ".join(part.name for part in bug.parts)
        _row(bug.name, "nothing", "SURVIVED", bug.wrong, [f"shown to: {shown}"])
        return False
    _row(bug.name, done.part.name, f"{monotonic() - started_s:.1f} s", bug.wrong, done.broken)
    return True


def _row(name: str, part: str, after: str, wrong: str, says: Sequence[str] = ()) -> None:
    columns = f"{name:<{NAME_WIDTH}}  {part:<{PART_WIDTH}}  {after:>8}  "
    print(f"{columns}{wrong}", flush=True)
    promises = {sentence.partition(":")[0]: sentence for sentence in reversed(says)}
    for sentence in list(reversed(promises.values()))[:SENTENCES_MAX]:
        print(f"{'':<{len(columns)}}-> {shorten(sentence, SENTENCE_MAX)}", flush=True)


def _listed(text: str) -> list[str]:
    """Return the names of bugs in a list such as `no-dedupe,no-recovery`."""
    names, known = text.split(","), [bug.name for bug in BUGS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        message = f"there is no bug {', '.join(unknown)}; there are {', '.join(known)}"
        raise argparse.ArgumentTypeError(message)
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say what the bugs are, and try none")
    parser.add_argument("--seed", type=int, default=2, help="of all that the checks draw")
    every = [bug.name for bug in BUGS]
    parser.add_argument("--only", type=_listed, default=every, metavar="NAME,NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main())
