"""What is looked for on every page: barriers, one heading, no inline style, nothing too wide.

The rules of axe-core are those of WCAG 2.0 to 2.2, A and AA, and its best practice.
"""

from functools import cache
from typing import Any

from playwright.sync_api import Browser, Page, Route

from browser.chromium import (
    AXE,
    HEIGHT,
    WIDTH_NARROWEST,
    WIDTH_PHONE,
    WIDTH_TABLET,
    WIDTH_WIDE,
    window,
)
from browser.stage import Stage
from browser.states import Scene, State
from browser.visitor import NO_PAGE, Visitor

WIDTHS = (WIDTH_NARROWEST, WIDTH_PHONE, WIDTH_TABLET, WIDTH_WIDE)
DIRECTIONS = {"en": "ltr", "ar": "rtl"}
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_ALL = {"runOnly": {"type": "tag", "values": _TAGS}}
_SEEN = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size"]}}
"""The rules whose findings hang on colours and sizes."""
_LOOKS: dict[str, tuple[tuple[int, bool, dict[str, Any]], ...]] = {
    "en": ((WIDTH_PHONE, False, _ALL), (WIDTH_WIDE, True, _SEEN)),
    "ar": ((WIDTH_WIDE, False, _ALL), (WIDTH_PHONE, True, _SEEN)),
}
"""Width, dark or light, and which rules.

Two looks a language make all four: colours and sizes are the same in both, and so is what stands
where.
"""
_RUN = """async options => {
  const found = await axe.run(document, {...options, resultTypes: ["violations"], preload: false});
  return found.violations.map(
    one => one.id + ": " + one.nodes.map(node => node.target).join(" | "));
}"""
_LOADED = "document.readyState === 'complete'"
_TOO_WIDE = """() => {
  const root = document.documentElement;
  return root.scrollWidth - root.clientWidth;
}"""


@cache
def _axe() -> str:
    return AXE.read_text("utf-8")


def hold(page: Page) -> None:
    """Wait until a page is complete, and let it go nowhere else, not by itself either."""
    page.wait_for_function(_LOADED)
    page.route("**/*", _held)


def _held(route: Route) -> None:
    if route.request.is_navigation_request():
        route.fulfill(status=NO_PAGE)
    else:
        route.continue_()


def show_at(page: Page, width: int, *, dark: bool) -> None:
    """Give a page another width and other colours, without asking for it again."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")


def barriers(page: Page, language: str) -> list[str]:
    """Return what axe-core finds, in light and in dark, on a phone or on a wide screen."""
    page.evaluate(_axe())
    found = []
    for width, dark, options in _LOOKS[language]:
        show_at(page, width, dark=dark)
        scheme = "dark" if dark else "light"
        found += [f"{scheme}, {width}: {one}" for one in page.evaluate(_RUN, options)]
    return found


def widths_passed(page: Page) -> dict[int, int]:
    """Return the widths at which a page must be moved sideways, each with how far."""
    far = {}
    for width in WIDTHS:
        show_at(page, width, dark=False)
        far[width] = page.evaluate(_TOO_WIDE)
    return {width: pixels for width, pixels in far.items() if pixels}


def faults(browser: Browser, stage: Stage, state: State, language: str) -> list[str]:
    """Go to a page in a state, and return all that must not be there."""
    with window(browser, stage.url) as context:
        visitor = Visitor(context.new_page(), language)
        page = visitor.page
        with state.shown(Scene(stage, visitor)):
            hold(page)
            found = barriers(page, language)
            for width, far in widths_passed(page).items():
                found.append(f"{width}: it moves {far} px sideways")
            root = page.locator("html")
            told = {
                "status": (state.status, visitor.status),
                "h1": (1, page.locator("h1").count()),
                "style attributes": (0, page.locator("[style]").count()),
                "lang": (language, root.get_attribute("lang")),
                "dir": (DIRECTIONS[language], root.get_attribute("dir")),
            }
    return found + [
        f"{name}: {seen} instead of {expected}"
        for name, (expected, seen) in told.items()
        if seen != expected
    ]
