"""The documentation, held against the code: what it names exists, and what exists is named."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bazar.cli.main import app
from bazar.kit.errors import BazarError
from support.described import documented, endpoints, pages

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted(DOCS.rglob("*.md")),
]
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
DECISION_HEADINGS = ["Context", "Decision", "Consequences", "Alternatives"]
SECTIONS = {"front": "Front", "catalog": "Catalog", "order": "Order service"}
COMMON_SECTION = "Every service"
PAGES_SECTION = "The pages of the shop"
MERGE_MARK = re.compile(r"^(?:<{7}|={7}|>{7})(?: |$)", re.MULTILINE)
PORTS = {"5000": "front", "5001": "catalog", "5002": "order"}
PRIVATE_FOLDER = re.compile(r"/(?:home|Users|root|work)\b(?:/|$)", re.MULTILINE)

Route = tuple[str, str]


def _routes(service: str) -> set[Route]:
    return set(map(documented, endpoints(service)))


def _common_routes() -> set[Route]:
    return set.intersection(*map(_routes, SECTIONS))


def _commands() -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:  # noqa: ANN401
        below = getattr(command, "commands", None)
        if below is None:
            found[name] = command
        for part, one in (below or {}).items():
            walk(one, f"{name} {part}")

    walk(get_command(app), "bazar")
    return found


def _options(command: Any) -> set[str]:  # noqa: ANN401
    return {
        name
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in parameter.opts
    }


def _variables() -> set[str]:
    """Return every variable that an option takes or that the sources name as a whole text."""
    envvars = {
        str(parameter.envvar)
        for command in _commands().values()
        for parameter in command.params
        if parameter.envvar
    }
    named = {
        name
        for file in (ROOT / "src").rglob("*.py")
        for name in re.findall(r'"(BAZAR_[A-Z_]+)"', file.read_text("utf-8"))
    }
    return envvars | named


def _errors() -> list[type[BazarError]]:
    found: list[type[BazarError]] = []
    left = [BazarError]
    while left:
        kinds = [
            kind for kind in left.pop().__subclasses__() if kind.__module__.startswith("bazar")
        ]
        found += kinds
        left += kinds
    return found


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _without_code(text: str) -> str:
    """Return the prose of a page, its code blocks emptied."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _sections(text: str, level: int) -> dict[str, str]:
    """Return the text under each heading of a level, by the heading without its backticks."""
    parts = re.split(rf"^{'#' * level} (.+)$", text, flags=re.MULTILINE)
    return {
        heading.replace("`", "").strip(): body
        for heading, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each table row, without backticks; headings and rulers too."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    anchors: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", _without_code(text), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        number = 0
        while (numbered := f"{anchor}-{number}" if number else anchor) in anchors:
            number += 1
        anchors.add(numbered)
    return anchors


def _console_commands(text: str) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [
        line.removeprefix("$ ")
        for block in blocks
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def _matches(path: str, route: str) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route))
    return re.fullmatch(pattern, path) is not None


@pytest.mark.parametrize("service", SECTIONS)
def test_every_route_of_a_service_has_a_heading_and_every_heading_a_route(service: str) -> None:
    """The section of the service in docs/http-api.md names its routes, all of them, no others."""
    section = _sections(_text(DOCS / "http-api.md"), 2)[SECTIONS[service]]
    headings = {tuple(heading.split(" ")) for heading in _sections(section, 3)}
    assert _routes(service) - _common_routes() == headings


def test_the_routes_of_every_service_have_a_section_of_their_own() -> None:
    """What all three services answer is described once."""
    section = _sections(_text(DOCS / "http-api.md"), 2)[COMMON_SECTION]
    headings = {tuple(heading.split(" ")) for heading in _sections(section, 3)}
    assert _common_routes() == headings


def test_every_address_of_the_pages_is_in_their_table_and_no_other() -> None:
    """The table of the shop's pages in docs/http-api.md names what the storefront answers."""
    section = _sections(_text(DOCS / "http-api.md"), 2)[PAGES_SECTION]
    cells = [row[0] for row in _rows(section)]
    named = [tuple(part.split(" ")) for cell in cells for part in cell.split(", ") if "/" in part]
    assert sorted(map(documented, pages())) == sorted(named)


@pytest.mark.parametrize("service", [*SECTIONS.values(), COMMON_SECTION])
def test_every_route_has_an_example(service: str) -> None:
    """Under each route stands a request that can be sent."""
    section = _sections(_text(DOCS / "http-api.md"), 2)[service]
    lacking = [
        heading
        for heading, body in _sections(section, 3).items()
        if not any(line.startswith("curl ") for line in _console_commands(body))
    ]
    assert [] == lacking


@pytest.mark.parametrize("service", SECTIONS)
def test_a_route_that_wants_the_secret_says_so(service: str) -> None:
    """In the sections of the catalog and of all services such routes are marked, no others are."""
    if service == "order":
        common = _common_routes()
        assert all(one.route.secret for one in endpoints("order") if documented(one) not in common)
        return
    page = _sections(_text(DOCS / "http-api.md"), 2)
    marked = {
        tuple(heading.split(" "))
        for section in (page[SECTIONS[service]], page[COMMON_SECTION])
        for heading, body in _sections(section, 3).items()
        if body.strip().startswith("*Secret.*")
    }
    wanting = {documented(one) for one in endpoints(service) if one.route.secret}
    assert wanting == marked


def test_every_environment_variable_is_in_the_settings_and_no_other() -> None:
    """docs/settings.md has one row for each variable that the sources read."""
    names = [row[0] for row in _rows(_text(DOCS / "settings.md"))]
    documented = [name for name in names if name.startswith("BAZAR_")]
    assert sorted(_variables()) == sorted(documented)


def test_every_variable_stands_beside_its_option_and_default() -> None:
    """The row of a variable names the option that it belongs to, and that option's default."""
    rows = {row[0]: row for row in _rows(_text(DOCS / "settings.md"))}
    wrong = []
    for name, command in _commands().items():
        for parameter in command.params:
            if not parameter.envvar:
                continue
            _, option, default, *_ = rows[parameter.envvar]
            if option != parameter.opts[0]:
                wrong.append(f"{name}: {parameter.envvar} stands beside {option}")
            if parameter.default is not None and str(parameter.default) not in default:
                wrong.append(f"{name}: {option} has the default {parameter.default}, not {default}")
    assert [] == wrong


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    """docs/command-line.md has one section for each command."""
    assert _commands().keys() == _sections(_text(DOCS / "command-line.md"), 2).keys()


@pytest.mark.parametrize("name", _commands())
def test_the_section_of_a_command_lists_its_options_and_shows_an_example(name: str) -> None:
    """Every option has a row, no row is of an option that is gone, and the command is shown."""
    section = _sections(_text(DOCS / "command-line.md"), 2)[name]
    rows = {row[0] for row in _rows(section) if row[0].startswith("--") and row[0].strip("-")}
    assert _options(_commands()[name]) == rows
    assert any(f"{line} ".startswith(f"{name} ") for line in _console_commands(section))


def test_every_error_code_is_documented_with_its_status_and_whether_it_is_definite() -> None:
    """docs/errors.md has one row for each code, and it says what the code says."""
    section = _sections(_text(DOCS / "errors.md"), 2)["Every code"]
    documented = {row[0]: (row[1], row[2]) for row in list(_rows(section))[2:]}
    codes = {
        error.code: (str(error.status), "yes" if error.definite else "no") for error in _errors()
    }
    assert codes == documented


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Each relative link names a file that exists, and a heading that is in it."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", _without_code(_text(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in _anchors(_text(file))):
            broken.append(target)
    assert [] == broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    """What follows `make` in a code span or a command is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", _text(ROOT / "Makefile"), flags=re.MULTILINE))
    text = _text(page)
    code = [*re.findall(r"`([^`\n]+)`", _without_code(text)), *_console_commands(text)]
    named = {
        name for part in code for name in re.findall(r"(?:^|&& |; )make ([a-z-]+)", part.strip())
    }
    assert set() == named - targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_bazar_command_that_is_shown_exists_with_its_options(page: Path) -> None:
    """In code spans and console blocks, `bazar ...` names a command and options that it has."""
    commands = _commands()
    text = _text(page)
    code = [*re.findall(r"`([^`\n]+)`", _without_code(text)), *_console_commands(text)]
    unknown = []
    for part in code:
        for call in re.findall(r"(?:^|(?:&&|;|\|) |=\S+ )(bazar [^;|&>]+)", part):
            words = call.split()
            if words[1].startswith("--") or words[1].isupper():
                continue
            name = " ".join(words[:3]) if " ".join(words[:3]) in commands else " ".join(words[:2])
            given = {word.partition("=")[0] for word in words if re.match(r"--\w", word)}
            group = any(one.startswith(f"{name} ") for one in commands)
            if not group and (name not in commands or given - _options(commands[name])):
                unknown.append(call)
    assert [] == unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_request_that_is_shown_has_a_route(page: Path) -> None:
    """In console blocks, each `curl` names a method and a path that its service answers."""
    unknown = []
    for line in _console_commands(_text(page)):
        for call in re.findall(r"curl [^;|&]*(?:&[^;|&]*)*", line):
            address = re.search(r"http://(?:127|10)\.0\.0\.\d+:(\d+)(/[^\s'\"?]*)", call)
            assert address is not None, call
            port, path = address.groups()
            method = re.search(r"-X (\w+)", call)
            wanted = method[1] if method else "GET"
            if not any(wanted == verb and _matches(path, at) for verb, at in _routes(PORTS[port])):
                unknown.append(call)
    assert [] == unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_folder_of_somebody_s_machine(page: Path) -> None:
    """Paths are relative: another machine has other folders."""
    assert [] == PRIVATE_FOLDER.findall(_text(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_holds_the_marks_of_a_merge(page: Path) -> None:
    """Where two hands wrote the same lines, somebody chose."""
    assert [] == MERGE_MARK.findall(_text(page))


def test_every_page_is_in_the_index() -> None:
    """From docs/README.md every page of the documentation is one link away."""
    index = DOCS / "README.md"
    linked = {
        (DOCS / target.partition("#")[0]).resolve()
        for target in re.findall(r"\]\(([^)\s]+)\)", _text(index))
    }
    assert set() == {page.resolve() for page in DOCS.rglob("*.md")} - {index.resolve()} - linked


def test_decision_records_are_numbered_without_gaps() -> None:
    """Their files and their titles count from 1."""
    expected = [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert expected == [page.name[:4] for page in DECISIONS]
    assert expected == [_text(page)[len("# ") :][:4] for page in DECISIONS]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_record_has_its_four_headings(page: Path) -> None:
    """Context, decision, consequences, alternatives; in this order, and each says something."""
    sections = _sections(_text(page), 2)
    assert DECISION_HEADINGS == list(sections)
    assert all(body.strip() for body in sections.values())


def test_sources_name_only_pages_that_exist() -> None:
    """A docstring that points into docs/ points at a page that is there."""
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"docs/[\w./-]+\.md", file.read_text("utf-8"))
        if not (ROOT / name).exists()
    }
    assert set() == missing


def test_the_picture_of_the_rooms_is_that_of_the_code() -> None:
    """`make rooms` would draw docs/rooms.svg just as it is."""
    done = subprocess.run(
        [sys.executable, "docs/rooms.py", "--check"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_the_architecture_names_only_files_that_exist() -> None:
    """What stands as a path of the package in the page is a file or a folder of it."""
    named = set(re.findall(r"`((?:\w+/)+\w*(?:\.py)?)`", _text(DOCS / "architecture.md")))
    package = ROOT / "src" / "bazar"
    missing = [
        name
        for name in named
        if not any((base / name).exists() for base in (package, ROOT))
        and not (package / f"{name}.py").exists()
    ]
    assert len(named) > 20
    assert [] == missing
