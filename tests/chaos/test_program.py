"""The program `python -m chaos`: which parts run, what it prints, and how it ends."""

from pathlib import Path

import pytest

from chaos.__main__ import Given, main
from chaos.report import Report


def clean(given: Given) -> Report:
    """Find nothing wrong."""
    return Report(f"clean, seed {given.seed}")


def broken(given: Given) -> Report:
    """Find something wrong, and leave a history."""
    (given.folder / "history.jsonl").touch()
    return Report("broken", violations=["a copy was lost"])


PARTS = {"clean": clean, "broken": broken, "soak": broken}


def folder_in(printed: str) -> Path:
    """Return the folder that the first line names."""
    return Path(printed.splitlines()[0].rpartition(" ")[2])


def test_a_clean_run_ends_with_zero_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The seed is printed first, so that even a run that is broken off can be replayed."""
    assert 0 == main(["--only", "clean", "--seed", "7"], PARTS)
    printed = capsys.readouterr().out
    assert printed.startswith("seed 7, in ")
    assert "violations  none" in printed
    assert not folder_in(printed).exists()


def test_a_broken_promise_ends_with_one_and_keeps_the_history(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every part runs but the soak, which takes its time and has to be asked for."""
    assert 1 == main(["--folder", str(tmp_path / "kept")], PARTS)
    printed = capsys.readouterr().out
    assert "clean, seed" in printed
    assert "a copy was lost" in printed
    assert f"kept in {tmp_path / 'kept'}" in printed
    assert ["broken", "clean"] == sorted(part.name for part in (tmp_path / "kept").iterdir())
    assert (tmp_path / "kept" / "broken" / "history.jsonl").exists()


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name must not pass as a clean run of nothing."""
    with pytest.raises(SystemExit):
        main(["--only", "strom"], PARTS)
    assert "no part is called strom" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--replicas", "2"], "SQLite has one catalog and one order service"),
        (["--replicas", "0"], "at least 1"),
        (
            ["--engine", "postgresql", "--only", "clean"],
            "on PostgreSQL there are kills, storm alone",
        ),
    ],
    ids=["SQLite has no replicas", "none at all", "a part that needs SQLite"],
)
def test_what_cannot_be_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a run would say that it found nothing in a shop that was another."""
    with pytest.raises(SystemExit):
        main(words, PARTS)
    assert told in capsys.readouterr().err


def test_on_postgresql_there_are_replicas(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what can run there does, with two of each unless more are asked for."""
    given: list[tuple[str, int, int]] = []

    def noted(one: Given) -> Report:
        given.append((one.engine, one.replicas, one.fronts))
        return Report("noted")

    parts = {"storm": noted, "broken": broken}
    assert 0 == main(["--engine", "postgresql"], parts)
    assert 0 == main(["--engine", "postgresql", "--replicas", "4", "--fronts", "3"], parts)
    assert 0 == main(["--only", "storm"], parts)
    assert [("postgresql", 2, 2), ("postgresql", 4, 3), ("sqlite", 1, 1)] == given
    assert "a copy was lost" not in capsys.readouterr().out
