"""`make screenshots`: every page in every state, on a phone and on a wide screen.

Each in both languages, light and dark, as one file: `STATE-LANGUAGE-WIDTH-SCHEME.png`.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page

from browser.chromium import CHROMIUM, WIDTH_PHONE, WIDTH_WIDE, chromium, window
from browser.looking import DIRECTIONS, hold, show_at
from browser.stage import Stage, staged
from browser.states import STATES, Scene, State
from browser.visitor import Visitor

WIDTHS = (WIDTH_PHONE, WIDTH_WIDE)
PATIENCE_MS = 60_000
"""For one picture, on a machine that does something else too."""
SCHEMES = {"light": False, "dark": True}
_ALL_COVERS = """async () => {
  const covers = [...document.images];
  for (const cover of covers) cover.loading = "eager";
  await Promise.all(covers.map(cover => cover.decode().catch(() => null)));
  scrollTo(0, 0);
}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pictures; 0: all are there, 2: there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m browser", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("screenshots"))
    parser.add_argument("--only", metavar="STATES", help="such as home,basket-changed [all]")
    parser.add_argument("--language", choices=sorted(DIRECTIONS), action="append")
    given = parser.parse_args(arguments)
    if CHROMIUM is None:
        print("chromium is not installed (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    wanted = set(given.only.split(",")) if given.only else {state.name for state in STATES}
    states = [state for state in STATES if state.name in wanted]
    given.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as data, staged(Path(data)) as stage, chromium() as browsers:
        for language, state in product(given.language or DIRECTIONS, states):
            for picture in pictures(browsers.open(), stage, state, language, given.folder):
                print(picture)
    return 0


def pictures(
    browser: Browser, stage: Stage, state: State, language: str, folder: Path
) -> list[Path]:
    """Write the pictures of a page in one language, and return where they are."""
    files = []
    with window(browser, stage.url) as context:
        visitor = Visitor(context.new_page(), language)
        with state.shown(Scene(stage, visitor)):
            hold(visitor.page)
            for width, scheme in product(WIDTHS, SCHEMES):
                file = folder / f"{state.name}-{language}-{width}-{scheme}.png"
                take(visitor.page, width, file, dark=SCHEMES[scheme])
                files.append(file)
    return files


def take(page: Page, width: int, file: Path, *, dark: bool) -> None:
    """Write one picture of a whole page, with every cover."""
    show_at(page, width, dark=dark)
    page.evaluate(_ALL_COVERS)
    page.screenshot(path=file, full_page=True, timeout=PATIENCE_MS)


if __name__ == "__main__":
    sys.exit(main())
