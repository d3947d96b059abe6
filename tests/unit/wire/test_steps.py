"""The table of steps: what is written is in it, and what is in it is written and documented."""

import re
from pathlib import Path

from bazar.wire.steps import STEPS

ROOT = Path(__file__).parents[3]
_WRITES = re.compile(r'(?:steps\.write|write_of|_write_step|_write_decided)\(\s*"([a-z-]+)"')


def test_what_is_written_is_the_table() -> None:
    """No service writes a step that has no words, and no words are for nobody."""
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert set(STEPS) == set(_WRITES.findall(sources))


def test_the_page_has_every_step_in_its_order() -> None:
    """One row each, and no other."""
    page = (ROOT / "docs" / "tracing.md").read_text("utf-8")
    rows = page.partition("## The steps")[2].partition("\n## ")[0]
    assert [*STEPS] == re.findall(r"^\| `([a-z-]+)` \|", rows, re.MULTILINE)
