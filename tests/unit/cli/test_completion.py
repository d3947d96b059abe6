"""What a shell offers when somebody presses Tab."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import bazar

SOURCES = Path(bazar.__file__).parents[1]


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """Return an environment in which `bazar` is a program, in a folder with one file."""
    program = tmp_path / "bin" / "bazar"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bazar "$@"\n')
    program.chmod(0o700)
    (tmp_path / "books.csv").touch()
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "PYTHONPATH": str(SOURCES), "HOME": str(tmp_path)}


def printed(shell: str, script: str, environment: Mapping[str, str], folder: Path) -> list[str]:
    """Run a script in a shell, and return the words that it printed."""
    done = subprocess.run(
        [shell, "-c", script], env=environment, cwd=folder, capture_output=True, check=True
    )
    return done.stdout.decode().split()


def test_bash_completes_commands_options_and_values(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """With the function that `bazar completion bash` prints; files where nothing else fits."""
    script = """
    eval "$(bazar completion bash)"
    for words in 'bazar bo' 'bazar book rep' 'bazar orders --st' 'bazar orders --status conf'; do
        COMP_WORDS=($words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _bazar_completion bazar; echo "${COMPREPLY[@]}"
    done
    complete -p bazar"""
    shown = printed("bash", script, environment, tmp_path)
    assert {"book", "books", "reprice", "--status", "confirmed"} == set(shown[:5])
    assert ["complete", "-o", "default", "-F", "_bazar_completion", "bazar"] == shown[5:]


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish_completes_commands(environment: Mapping[str, str], tmp_path: Path) -> None:
    """Each with what it does, as a whole sentence."""
    script = "bazar completion fish | source; complete -C 'bazar book re'"
    shown = " ".join(printed("fish", script, environment, tmp_path))
    assert "restock Add copies to the stock, or take some away, once" in shown


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script_of_theirs(
    environment: Mapping[str, str], tmp_path: Path, shell: str
) -> None:
    """It asks the command itself what there is."""
    shown = printed("sh", f"bazar completion {shell}", environment, tmp_path)
    assert any(f"_BAZAR_COMPLETE=complete_{shell}" in word for word in shown)
