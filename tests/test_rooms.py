"""The rules of who may import whom, tried: forbidden imports are seeded into a copy.

A contract that lets a breach through is worse than none, since everybody trusts it.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LINTER = Path(sys.executable).with_name("lint-imports")


class Breach(NamedTuple):
    """A line that nobody may write, and the module that it is written into."""

    module: str
    imported: str
    """Module and name, as `kit.data.database:Database`."""


BREACHES = (
    # A domain that does I/O, through our own kit.
    Breach("order/domain", "kit.data.database:Database"),
    Breach("order/domain", "kit.peers.client:Upstream"),
    Breach("catalog/domain", "kit.http.app:HttpApp"),
    Breach("catalog/domain", "kit.log:get_logger"),
    # HTTP below the api, an engine below the app.
    Breach("catalog/store/shared", "kit.http.answers:encode"),
    Breach("catalog/shelf", "kit.http.answers:encode"),
    Breach("order/driving", "kit.data.sqlite:SqliteDatabase"),
    Breach("order/api", "kit.data.sqlite:SqliteDatabase"),
    # A tool, a command or a load that reads tables past the API.
    Breach("tools/importing/sending", "catalog.store:Store"),
    Breach("tools/audit", "order.store:Store"),
    Breach("cli/keeper", "order.domain:StoredOrder"),
    Breach("load/check", "catalog.domain:StoredBook"),
    # A service, a tool or a deployment that knows how both engines keep everything.
    Breach("cluster", "mover.plan:SERVICES"),
    Breach("tools/doctor", "mover.run:move"),
    Breach("mover/plan", "mover.run:move"),
    # Services that meet elsewhere than over HTTP.
    Breach("front/api", "order.domain:StoredOrder"),
    Breach("order/service", "catalog.domain:decide"),
    Breach("catalog/api", "front.upstream.cache:Cache"),
    # Circles.
    Breach("front/upstream/cache", "front.upstream.catalog:Catalog"),
    Breach("front/upstream/passing", "front.upstream.cache:Cache"),
    Breach("kit/errors", "kit.http.answers:encode"),
    Breach("kit/http/endpoint", "kit.http.app:HttpApp"),
    Breach("kit/http/idempotency", "kit.http.openapi:document"),
    Breach("tools/remote", "tools.audit:audit"),
    Breach("front/storefront/cover/palettes", "front.storefront.cover.layouts:LAYOUTS"),
    # A cover that asks for more than its words.
    Breach("front/storefront/cover/shapes", "random"),
    # Floors of the kit, and arrows upwards.
    Breach("kit/money", "kit.http.operations:Health"),
    Breach("kit/data/database", "kit.peers.client:Upstream"),
    Breach("kit/http/request", "wire.limits:PAGE_MAX"),
    Breach("kit/peers/client", "kit.process.server:serve"),
    Breach("wire/books", "kit.peers.client:Upstream"),
    Breach("wire/limits", "wire.orders:Line"),
    Breach("formats/isbn", "tools.shop:Shop"),
    Breach("formats/isbn", "kit.data.database:Database"),
    Breach("cli/terminal", "catalog.stock:Stock"),
    Breach("tools/doctor", "cluster:up"),
    Breach("load/run", "cli.show:counted"),
    Breach("front/api", "kit.data.database:Database"),
    Breach("front/upstream/cache", "front.storefront.cover:draw"),
    # Use cases that reach around a seam.
    Breach("order/service", "order.store.sqlite:SqliteStore"),
    Breach("catalog/stock", "catalog.store.sqlite:SqliteStore"),
    Breach("catalog/shelf", "catalog.stock:Stock"),
    Breach("order/service", "asyncio"),
    Breach("front/upstream/orders", "kit.http.answers:json_response"),
    # Drivers and servers outside their room.
    Breach("load/run", "apsw"),
    Breach("mover/copying", "apsw"),
    Breach("catalog/store/sqlite", "apsw"),
    Breach("kit/http/app", "granian"),
    Breach("order/service", "uvloop"),
    # Pages: their libraries, and the room that knows no books.
    Breach("front/api", "jinja2"),
    Breach("front/storefront/book_page", "jinja2"),
    Breach("order/domain", "babel"),
    Breach("kit/http/app", "kit.web.site:Site"),
    Breach("kit/web/forms", "wire.books:Book"),
    Breach("front/upstream/cache", "front.storefront.frame:Frame"),
    Breach("front/storefront/frame", "front.storefront.book_page:BookPage"),
)
NEW_MODULES = (
    "order/pages",
    "catalog/utils",
    "front/helpers",
    "front/storefront/cover/utils",
    "kit/helpers",
    "helpers",
)
"""A module that stands in no layer."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the package and the contracts."""
    folder = tmp_path_factory.mktemp("rooms")
    shutil.copytree(
        ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def linted(folder: Path) -> str:
    """Run the linter over a copy, and return what it printed as one line."""
    done = subprocess.run(
        [LINTER, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    text = " ".join(done.stdout.split())
    assert re.search(r"Contracts: \d+ kept, \d+ broken", text), done.stdout + done.stderr
    return text


def path_of(folder: Path, module: str) -> Path:
    """Return the file of a module of the copy: a package's own file where it is a package."""
    path = folder / "src" / "bazar" / module
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.fixture
def breached(copy: Path, breach: Breach) -> Iterator[Path]:
    """Write a breach into the copy, and take it out again."""
    path = path_of(copy, breach.module)
    before = path.read_text("utf-8")
    module, _, name = breach.imported.partition(":")
    line = f"from bazar.{module} import {name}" if name else f"import {module}"
    path.write_text(f"{before}\n{line}\n", "utf-8")
    yield copy
    path.write_text(before, "utf-8")


def test_the_copy_keeps_every_contract(copy: Path) -> None:
    """Before anything is seeded, nothing is broken; so what breaks later is the seed's doing."""
    assert " 0 broken" in linted(copy)


@pytest.mark.parametrize("breach", BREACHES, ids="->".join)
def test_a_forbidden_import_is_caught(breached: Path, breach: Breach) -> None:
    """A contract names both modules; and the name that is imported exists, so the seed is real."""
    module, _, name = breach.imported.partition(":")
    if name:
        source = path_of(breached, module.replace(".", "/")).read_text("utf-8")
        assert re.search(rf"^(class|def|async def) {name}\b|^{name}\b.* = ", source, re.MULTILINE)
    text = linted(breached)
    _, _, report = text.partition("Broken contracts")
    assert f".{Path(breach.module).name} " in f"{report} "


@pytest.mark.parametrize("module", NEW_MODULES)
def test_a_module_without_a_room_is_caught(copy: Path, module: str) -> None:
    """Whoever adds a module has to say in which layer it stands."""
    path = copy / "src" / "bazar" / f"{module}.py"
    path.write_text('"""Stand nowhere."""\n', "utf-8")
    try:
        text = linted(copy)
    finally:
        path.unlink()
    _, _, report = text.partition("Broken contracts")
    assert Path(module).name in report
