"""The rules about the code itself: layers, sizes, docstrings, and what may be in the tree."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 500
LINE_LENGTH_MAX = 100
SKIPPED_FOLDERS = frozenset(
    {".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "__pycache__"}
)
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
    )
)
PRAGMA = re.compile(r"  # (?:noqa: |type: ignore).*")
MODULES = sorted([*SRC.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def name_of(path: Path) -> str:
    """Return a path as it reads in the tree."""
    return path.relative_to(ROOT).as_posix()


def written(line: str) -> str:
    """Return a line as the formatter measures it: without a note to the tools at its end."""
    return PRAGMA.sub("", line)


def tree_of(path: Path) -> ast.Module:
    """Return a module, parsed."""
    return ast.parse(path.read_text("utf-8"), name_of(path))


def tracked() -> list[Path]:
    """Return the files that git tracks; without git, every file that is not made by a tool."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True, text=True
        )
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [
            path
            for path in ROOT.rglob("*")
            if not SKIPPED_FOLDERS.intersection(path.relative_to(ROOT).parts)
        ]
    return [path for path in paths if path.is_file()]


def definitions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield classes, functions and methods with their dotted names; not those inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            yield prefix + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from definitions(child, f"{prefix}{child.name}.")
        elif not isinstance(child, ast.expr):
            yield from definitions(child, prefix)


def test_there_is_something_to_check() -> None:
    """A wrong path must not make every rule hold."""
    assert SRC / "bazar" / "order" / "domain.py" in MODULES
    assert Path(__file__) in MODULES
    assert len(tracked()) > 50


def test_the_layers_hold() -> None:
    """Every contract of import-linter in pyproject.toml is kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": str(SRC), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_keeps_its_limits(path: Path) -> None:
    """Lines of at most 100 characters, functions of at most 70 lines, modules of at most 500."""
    lines = path.read_text("utf-8").splitlines()
    long_lines = [n for n, line in enumerate(lines, 1) if len(written(line)) > LINE_LENGTH_MAX]
    assert [] == long_lines
    long_functions = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert [] == long_functions
    assert len(lines) <= MODULE_LINES_MAX


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=name_of)
def test_everything_public_says_what_it_is_for(path: Path) -> None:
    """Modules, and their public classes, functions and methods, have docstrings."""
    tree = tree_of(path)
    assert ast.get_docstring(tree), "the module"
    silent = [
        name
        for name, node in definitions(tree)
        if not any(part.startswith("_") for part in name.split(".")) and not ast.get_docstring(node)
    ]
    assert [] == silent


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=name_of)
def test_every_test_says_what_should_be_true(path: Path) -> None:
    """A test has a docstring."""
    silent = [
        name
        for name, node in definitions(tree_of(path))
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert [] == silent


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the business of who installs them."""
    naming = [
        name_of(path)
        for path in tracked()
        if any(host.encode() in path.read_bytes().lower() for host in REGISTRY_HOSTS)
    ]
    assert [] == naming


def test_no_database_and_no_log_is_in_the_tree() -> None:
    """Only what people wrote is kept."""
    endings = (".db", ".db-wal", ".db-shm", ".db.lock", ".log", ".pyc", ".sqlite", ".sqlite3")
    assert [] == [name_of(path) for path in tracked() if path.name.endswith(endings)]
