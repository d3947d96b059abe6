"""`make rooms`: draw the rooms of the package and who imports whom, from the code itself."""

import argparse
import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
PICTURE = Path(__file__).with_name("rooms.svg")
PACKAGE = "bazar"
WIDTH, MARGIN, FLOOR_HEIGHT, BOX_HEIGHT, GAP = 960, 20, 92, 46, 16
BETWEEN_CONTAINERS = 70
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>The rooms of the package, and who imports whom</title>
<style>
text {{ font: 14px system-ui, sans-serif; fill: #1c1917; }}
.head {{ font-weight: 600; font-size: 16px; }}
.room {{ fill: #fef3c7; fill-opacity: 0.8; stroke: #b45309; }}
.arrow {{ stroke: #78716c; fill: none; marker-end: url(#tip); opacity: 0.7; }}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#78716c"/></marker></defs>
<rect width="{width}" height="{height}" fill="#fff"/>
{body}
</svg>
"""

Place = tuple[float, float, float]
"""Left, top and width of a box."""


def floors(container: str) -> list[list[str]]:
    """Return the rooms of a container from the top floor down, as its contract orders them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract.get("containers") == [container]:
            return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]
    message = f"no contract orders the rooms of {container}"
    raise LookupError(message)


def arrows(graph: grimp.ImportGraph, container: str, rooms: Sequence[str]) -> set[tuple[str, str]]:
    """Return who imports whom among the rooms of a container, what is in a room included."""
    inside = {}
    for room in rooms:
        module = f"{container}.{room}"
        inside[room] = {module, *graph.find_descendants(module)}
    return {
        (one, other)
        for one in rooms
        for other in rooms
        if one != other
        and any(graph.find_modules_directly_imported_by(m) & inside[other] for m in inside[one])
    }


def sentence(container: str, room: str) -> str:
    """Return the first sentence of a room's docstring."""
    path = ROOT / "src" / f"{container}.{room}".replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0]


def placed(layers: Sequence[Sequence[str]], top: float) -> dict[str, Place]:
    """Return where the box of each room goes: one floor a line."""
    places = {}
    for floor, rooms in enumerate(layers):
        width = min(190.0, (WIDTH - 2 * MARGIN - GAP * (len(rooms) - 1)) / len(rooms))
        left = (WIDTH - width * len(rooms) - GAP * (len(rooms) - 1)) / 2
        for number, room in enumerate(rooms):
            places[room] = left + number * (width + GAP), top + floor * FLOOR_HEIGHT, width
    return places


def drawn(
    container: str, places: Mapping[str, Place], lines: set[tuple[str, str]]
) -> Iterator[str]:
    """Yield the arrows and boxes of one container."""
    for one, other in sorted(lines):
        (from_x, from_y, from_width), (to_x, to_y, to_width) = places[one], places[other]
        start, end = from_x + from_width / 2, to_x + to_width / 2
        shift = (end - start) * 0.12
        down = from_y + BOX_HEIGHT
        middle = (down + to_y) / 2
        yield (
            f'<path class="arrow" d="M{start + shift:.0f},{down:.0f} C{start + shift:.0f},'
            f'{middle:.0f} {end - shift:.0f},{middle:.0f} {end - shift:.0f},{to_y - 2:.0f}"/>'
        )
    for room, (left, top, width) in places.items():
        about = escape(sentence(container, room))
        yield (
            f'<g><title>{about}</title><rect class="room" x="{left:.0f}" y="{top:.0f}" '
            f'width="{width:.0f}" height="{BOX_HEIGHT}" rx="6"/>'
            f'<text x="{left + width / 2:.0f}" y="{top + 28:.0f}" text-anchor="middle">'
            f"{escape(room)}</text></g>"
        )


def picture() -> str:
    """Return the drawing of the package and of its kit."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    parts: list[str] = []
    top = float(MARGIN)
    for container in (PACKAGE, f"{PACKAGE}.kit"):
        layers = floors(container)
        places = placed(layers, top + 36)
        lines = arrows(graph, container, list(places))
        head = f"{container}: {len(places)} rooms, {len(lines)} arrows, none upwards"
        parts.append(f'<text class="head" x="{MARGIN}" y="{top + 16:.0f}">{head}</text>')
        parts += drawn(container, places, lines)
        top += 36 + len(layers) * FLOOR_HEIGHT - (FLOOR_HEIGHT - BOX_HEIGHT) + BETWEEN_CONTAINERS
    height = top - BETWEEN_CONTAINERS + MARGIN
    return PAGE.format(width=WIDTH, height=round(height), body="\n".join(parts))


def main() -> int:
    """Draw; or with --check, tell whether the picture is that of the code."""
    parser = argparse.ArgumentParser(prog="python docs/rooms.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail where it is old")
    if not parser.parse_args().check:
        PICTURE.write_text(picture(), "utf-8")
        return 0
    if PICTURE.read_text("utf-8") == picture():
        return 0
    sys.stderr.write("docs/rooms.svg is not of this code: run 'make rooms'\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
