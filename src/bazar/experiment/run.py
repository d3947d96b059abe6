"""The experiments, and running them one after the other, each with its files once it ends."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EACCES, ENOTDIR
from pathlib import Path
from typing import Any

from bazar.experiment import cache, clients, consistency, crash, replicas
from bazar.experiment.lab import ExperimentError, Lab, opened_lab
from bazar.experiment.machine import Watch, facts
from bazar.experiment.pressing import noise
from bazar.experiment.result import Experiment, Report, Run
from bazar.experiment.settings import NAMES, Name, Settings
from bazar.experiment.writing import chart_name, taken, text_name, write
from bazar.kit.errors import StartupError
from bazar.kit.process.config import check_driver
from bazar.kit.process.connections import raise_file_limit
from bazar.kit.process.postgres_programs import as_a_user, find_programs
from bazar.tools.remote import RemoteError

EXPERIMENTS: Mapping[Name, Experiment] = {
    one.name: one
    for one in (
        cache.EXPERIMENT,
        consistency.EXPERIMENT,
        crash.EXPERIMENT,
        replicas.EXPERIMENT,
        clients.EXPERIMENT,
    )
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    names: Sequence[Name]
    folder: Path
    given: Mapping[str, Any]
    """Settings that somebody named, by their names in `Settings`."""
    quick: bool = False
    replace: bool = False
    programs: Path | None = None


def settled(experiment: Experiment, given: Mapping[str, Any], *, quick: bool) -> dict[str, Any]:
    """Return the settings of one run that have an effect on an experiment."""
    said = {**experiment.usual, **(experiment.quick if quick else {}), **given}
    return {name: said[name] for name in experiment.usual}


def without_effect(names: Sequence[Name], given: Mapping[str, Any]) -> list[str]:
    """Return the settings that somebody named and none of these experiments heeds."""
    heeded = {name for one in names for name in EXPERIMENTS[one].usual}
    return [name for name in given if name not in heeded]


def run(asked: Asked, say: Callable[[str], None], show: Callable[[Report], None]) -> Run:
    """Run experiments.

    Args:
        asked: which, and how.
        say: is told how far it is.
        show: is given what each found, as soon as its files are written.

    Raises:
        ExperimentError: one cannot be made; those before it have their files.
        FileExistsError: a file of one is there already; nothing was run.
        OSError: the folder is none, or cannot be written.
    """
    assert set(EXPERIMENTS) == set(NAMES)
    if not asked.replace and (there := taken(asked.folder, list(asked.names))):
        raise FileExistsError(there[0])
    raise_file_limit()
    machine, found = facts(), []
    with _folder(asked.folder), opened_lab(say, asked.programs) as lab:
        for name in asked.names:
            found.append(_report(lab, EXPERIMENTS[name], asked, machine))
            show(found[-1])
    return Run(machine=machine, experiments=found)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make a folder that can be written to; one that was made, and stays empty, goes again.

    Raises:
        OSError: it is none, or cannot be written.
    """
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
        yield
    finally:
        with suppress(OSError):  # something is in it
            for one in new:
                one.rmdir()


def _report(lab: Lab, experiment: Experiment, asked: Asked, machine: Mapping[str, str]) -> Report:
    said = settled(experiment, asked.given, quick=asked.quick)
    report = Report(
        name=experiment.name, question=experiment.question, does=experiment.does, settings=said
    )
    if experiment.needs_postgres and (why := _no_postgres(asked.programs)):
        report.skipped = why
        return report
    watch = Watch()
    named = Lab(
        lab.folder, lambda text: lab.say(f"{experiment.name}: {text}"), lab.tie_fd, lab.programs
    )
    try:
        outcome = experiment.run(named, Settings(**said))
    except RemoteError as error:
        message = f"{experiment.name}: {error}"
        raise ExperimentError(message) from error
    report.tables, report.meaning = list(outcome.tables), list(outcome.meaning)
    report.remarks = [*outcome.remarks, *noise(outcome.rounds, watch.foreign_share())]
    report.vary = list(experiment.vary)
    report.chart, report.text = chart_name(experiment.name), text_name(experiment.name)
    write(asked.folder, report, list(outcome.charts), machine, replace=asked.replace)
    return report


def _no_postgres(programs: Path | None) -> str:
    """Return why no shop can be on PostgreSQL here; empty where it can."""
    try:
        check_driver()
        find_programs(programs)
        as_a_user()
    except StartupError as error:
        return str(error)
    return ""
