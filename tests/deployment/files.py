"""The files of `deploy/`, read: units of systemd, YAML, and what they start."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from bazar.cli.main import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = [DEPLOY / "systemd" / name for name in ("bazar.service", "bazar@.service")]
"""Of what runs for ever."""
BACKUP = DEPLOY / "systemd" / "bazar-backup.service"
TIMER = BACKUP.with_suffix(".timer")
SETTINGS = sorted((DEPLOY / "systemd").glob("*.env"))
CONTAINERFILE = DEPLOY / "container" / "Containerfile"
COMPOSE = sorted((DEPLOY / "container").glob("compose*.yaml"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
PATRONI = DEPLOY / "patroni" / "patroni.yml"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
PROGRAM = "/opt/bazar/bin/bazar"
"""Where the units expect it."""
SERVICES = ("catalog", "order", "front")
UNTOLD = frozenset({"BAZAR_SECRET", "BAZAR_SMTP_URL"})
"""Variables that are read and have no option, since a secret is in them."""
Unit = Mapping[str, Sequence[str]]
"""Of each setting of a unit, its values in order."""
_TEMPLATE = re.compile(r"\$\{(\w+):([-?])([^}]*)\}")


@dataclass(frozen=True)
class Started:
    """A process that a file of `deploy/` starts."""

    where: str
    words: Sequence[str]
    """Behind `bazar`."""
    variables: Mapping[str, str]

    @property
    def service(self) -> str:
        """Which service it is; empty: all of them."""
        return self.words[1] if self.words[0] == "serve" else ""

    def options(self) -> Mapping[str, Any]:
        """Return what the command line makes of its words and variables.

        Raises:
            Exception: it does not take them.
        """
        with pytest.MonkeyPatch.context() as environment:
            for name, text in self.variables.items():
                environment.setenv(name, text)
            return dict(self._command().make_context("bazar", [*self.words[1:]]).params)

    def known(self) -> set[str]:
        """Return the variables that its command reads."""
        told = {str(one.envvar) for one in self._command().params if one.envvar}
        return told | UNTOLD

    def _command(self) -> Any:  # noqa: ANN401  of a library without types
        group: Any = get_command(app)
        return group.commands[self.words[0]]


def unit(path: Path) -> Unit:
    """Return the settings of a unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def settings(path: Path) -> dict[str, str]:
    """Return the variables of a file that a unit reads; those that are commented out as well."""
    named = re.findall(r"^#?(BAZAR_\w+)=(.*)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return dict(named)


@cache
def documents(path: Path) -> Sequence[Any]:
    """Return the documents of a YAML file; nobody changes them."""
    return tuple(yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader))


def filled(text: str, given: Mapping[str, str]) -> str:
    """Return a value of a compose file, with what stands for its variables put in."""

    def fill(found: re.Match[str]) -> str:
        name, sign, otherwise = found.groups()
        return given[name] if sign == "?" else otherwise

    return _TEMPLATE.sub(fill, text)


def of_units() -> Iterator[Started]:
    """Yield what units start, with each file of settings that is made for them."""
    for path in SETTINGS:
        whole = path.name.startswith("one-machine")
        services = ("",) if whole else SERVICES
        for service in services:
            named = "bazar@.service" if service else "bazar.service"
            [start] = unit(DEPLOY / "systemd" / named)["ExecStart"]
            program, *words = start.replace("%i", service).split()
            assert program == PROGRAM
            yield Started(f"{named} {service} with {path.name}", words, settings(path))


def of_compose() -> Iterator[Started]:
    """Yield what compose files start, in the environment of the image."""
    image = image_environment()
    given = {"BAZAR_HOST": "127.0.0.2", "BAZAR_DATABASE": "postgresql://bazar@db1,db2,db3"}
    for path in COMPOSE:
        [document] = documents(path)
        for name, one in document["services"].items():
            told = {key: filled(value, given) for key, value in one["environment"].items()}
            yield Started(f"{path.name} {name}", one["command"], image | told)


def of_kubernetes() -> Iterator[Started]:
    """Yield what pods start, in the environment of the image."""
    kinds = [one for path in MANIFESTS for one in documents(path)]
    [shared] = [one["data"] for one in kinds if one["kind"] == "ConfigMap"]
    for one in kinds:
        if one["kind"] == "Deployment":
            [container] = one["spec"]["template"]["spec"]["containers"]
            told = {
                entry["name"]: entry.get("value", "postgresql://bazar@db1")
                for entry in container["env"]
            }
            yield Started(
                f"kubernetes {one['metadata']['name']}",
                container["args"],
                image_environment() | shared | told,
            )


def image_environment() -> dict[str, str]:
    """Return the variables of ours that the image sets."""
    return dict(re.findall(r"\b(BAZAR_\w+)=(\S+)", CONTAINERFILE.read_text("utf-8")))


STARTED = [*of_units(), *of_compose(), *of_kubernetes()]
