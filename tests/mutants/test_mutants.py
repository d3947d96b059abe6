"""The table of seeded bugs fits the code of today, and what judges them can be trusted itself."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mutants.bug import Bug, Edit
from mutants.bugs import BUGS
from mutants.parts import CACHE_MODEL
from mutants.runner import MutantError, copy, examine, run

SEED = 1
BY_NAME = {bug.name: bug for bug in BUGS}
QUICK = replace(CACHE_MODEL, words=(*CACHE_MODEL.words, "-k", "break_of_the_feed"))
PROCESS_PARTS = frozenset({"storm", "power-cuts", "crash-points"})


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_fits_the_code_of_today(bug: Bug, tmp_path: Path) -> None:
    """Each text that it replaces stands there exactly once, and what comes out compiles."""
    changed = copy(tmp_path, bug) / "bazar"
    for edit in bug.edits:
        assert edit.after in (changed / edit.file).read_text("utf-8")


def test_the_table_is_what_the_project_promises() -> None:
    """Each with a name of its own, and twelve or more of them for real processes."""
    assert {1} == set(Counter(bug.name for bug in BUGS).values())
    by_processes = [bug for bug in BUGS if bug.parts[0].name in PROCESS_PARTS]
    assert 12 <= len(by_processes)


def test_a_bug_that_fits_no_more_is_named(tmp_path: Path) -> None:
    """A text that is gone, or that stands there twice, is an error and no survivor."""
    for text, count in {"no such text": 0, "self._lists.clear()": 2}.items():
        bug = Bug("lost", "Nothing.", (Edit("front/upstream/cache.py", text, "pass"),), ())
        with pytest.raises(MutantError, match=rf"front/upstream/cache\.py {count} times"):
            copy(tmp_path / str(count), bug)


def test_a_bug_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    """Else every check would "catch" it."""
    edit = Edit("front/upstream/cache.py", "self._books.clear()", "self._books.clear(")
    with pytest.raises(MutantError, match=r"front/upstream/cache\.py does not compile"):
        copy(tmp_path, Bug("broken", "Everything.", (edit,), ()))


def test_a_bug_is_caught_in_a_copy(tmp_path: Path) -> None:
    """One bug from the table, from its patch to the check that names it."""
    bug = BY_NAME["cache-outlives-feed"]
    caught = examine(replace(bug, parts=(QUICK,)), tmp_path, SEED)
    assert caught is not None
    assert "cache model" == caught.part.name
    assert "test_a_break_of_the_feed_empties_the_cache" in "\n".join(caught.broken)


def test_a_change_that_breaks_nothing_survives(tmp_path: Path) -> None:
    """The copy as such, its signature and its place on the path make no check fail."""
    edit = Edit("front/upstream/cache.py", "BOOKS_MAX = 20_000", "BOOKS_MAX = 20 * 1000")
    assert None is examine(Bug("harmless", "Nothing.", (edit,), (QUICK,)), tmp_path, SEED)


def test_a_check_of_another_package_is_an_error(tmp_path: Path) -> None:
    """Where the copy was not imported, the verdict is about something else."""
    elsewhere = replace(CACHE_MODEL, words=("this",), processes=("-m this",))
    with pytest.raises(MutantError, match="'-m this' did not import it"):
        run(elsewhere, copy(tmp_path), SEED)


def test_a_check_that_fails_itself_is_an_error(tmp_path: Path) -> None:
    """An exit code of 1 without a sentence is a fault of the check, and catches nothing."""
    failing = replace(CACHE_MODEL, words=("json.tool", "no such file"))
    with pytest.raises(MutantError, match="cache model itself failed"):
        run(failing, copy(tmp_path), SEED)


def test_a_check_that_does_not_end_is_ended_and_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hang is no catch: the checks have bounds of their own, and say which one passed.

    It may even be deaf to an interrupt, as every process is that a script starts with `&`.
    """
    monkeypatch.setattr("mutants.runner.END_PATIENCE_S", 2.0)
    endless = replace(CACHE_MODEL, words=("http.server", "0"), limit_s=1.0)
    with pytest.raises(MutantError, match="had not ended after 1 s"):
        run(endless, copy(tmp_path), SEED)


def test_the_program_names_its_bugs() -> None:
    """`--list` says what each one is."""
    done = subprocess.run(
        [sys.executable, "-m", "mutants", "--list"],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [bug.name for bug in BUGS] == [line.split()[0] for line in done.stdout.splitlines()]
