"""The table of layouts. The author chooses one, so that an author's books look like a series."""

from collections.abc import Callable
from typing import NamedTuple

from bazar.front.storefront.cover import classic, modern
from bazar.front.storefront.cover.choices import Choices
from bazar.front.storefront.cover.setting import Drawn, Sheet
from bazar.front.storefront.cover.wording import initial

_SHORT_TITLE_LETTERS = 11


class Layout(NamedTuple):
    """How a cover is drawn, and which layout takes a title that this one has no room for."""

    draw: Callable[[Sheet], Drawn]
    instead: Callable[[Sheet], str | None] = lambda _: None


def _instead_of_initial(sheet: Sheet) -> str | None:
    return None if initial(sheet.title) and not sheet.leftwards else "frame"


def _instead_of_bands(sheet: Sheet) -> str | None:
    if not sheet.leftwards and modern.has_bands(sheet.title):
        return None
    short = len(sheet.title) <= _SHORT_TITLE_LETTERS
    return "initial" if short and not sheet.leftwards else "column"


LAYOUTS = {
    "plate": Layout(classic.plate),
    "swiss": Layout(modern.swiss),
    "horizon": Layout(classic.horizon),
    "initial": Layout(classic.initial, _instead_of_initial),
    "tiles": Layout(modern.tiles),
    "frame": Layout(classic.frame),
    "rings": Layout(modern.rings),
    "bands": Layout(modern.bands, _instead_of_bands),
    "column": Layout(classic.column),
    "arch": Layout(classic.arch),
}
_NAMES = tuple(LAYOUTS)


def of_author(author: Choices) -> str:
    """Return the name of an author's layout."""
    return author.one(_NAMES)


def suited(name: str, sheet: Sheet) -> str:
    """Return the layout that a title gets where its author has a certain one."""
    instead = LAYOUTS[name].instead(sheet)
    return suited(instead, sheet) if instead else name
