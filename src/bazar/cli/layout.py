"""Tables and facts as lines of text: pure, for any width, and for letters of any width.

What does not fit is folded between words and never cut. Where not even that helps, each row
becomes a few lines, a fact each. Without a width nothing is folded: a row is one line, so that
other programs can take it apart.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.cells import cell_len, chop_cells

GAP = "  "
INDENT = "    "
"""Of what stands below a row."""
FOLDED_WIDTH_MIN = 12
"""Letters that a column which is folded has at least; below, nobody reads it."""
WHOLE_WORD_MAX = 30
"""Letters of a word that is not broken in a table, such as an order's id."""
_WORD = re.compile("[!-~]+")
_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""Letters that are written from right to left. Source: Unicode, Bidirectional Character Types"""
_LEFT_TO_RIGHT_MARK = "\u200e"


def table_lines(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    fixed: Collection[str] = (),
    below: Sequence[Sequence[str]] = (),
) -> list[str]:
    """Return a table, its headings first; numbers stand to the right.

    Args:
        columns: their headings.
        rows: their cells, each one line.
        width: of the terminal, in letters; None: whatever it takes.
        fixed: columns that are never folded, such as ids, which are copied. Numbers are not
            either.
        below: for each row the lines of text below it, where there are any.
    """
    numeric = [
        bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(len(columns))
    ]
    widths = [
        max(cell_len(text) for text in (column, *(row[index] for row in rows)))
        for index, column in enumerate(columns)
    ]
    foldable = [
        index for index, column in enumerate(columns) if not numeric[index] and column not in fixed
    ]
    least = {index: _least([row[index] for row in rows], widths[index]) for index in foldable}
    if width is not None and not _narrow(widths, least, width):
        return _records(columns, rows, width, below)
    lines = list(_row_lines(columns, widths, numeric, fold=width is not None))
    room = None if width is None else max(FOLDED_WIDTH_MIN, width - len(INDENT))
    for index, row in enumerate(rows):
        lines += _row_lines(row, widths, numeric, fold=width is not None)
        texts = below[index] if below else ()
        lines += [f"{INDENT}{part}" for text in texts for part in wrapped(text, room)]
    return lines


def fact_lines(facts: Sequence[tuple[str, str]], width: int | None, indent: int = 0) -> list[str]:
    """Return names and values, a line each; a long value goes on below its beginning.

    Args:
        facts: their values may have several lines.
        width: of the terminal; None: whatever it takes.
        indent: letters up to the values; 0: what the longest name takes.
    """
    indent = indent or max((cell_len(name) for name, _ in facts), default=0) + len(GAP)
    room = None if width is None else max(FOLDED_WIDTH_MIN, width - indent)
    lines = []
    for name, value in facts:
        parts = [part for line in value.split("\n") for part in wrapped(line, room)]
        for number, part in enumerate(parts):
            lines.append(f"{_padded(name if number == 0 else '', indent)}{part}".rstrip())
    return lines


def wrapped(text: str, width: int | None) -> list[str]:
    """Return a line in parts of at most this width; a word is broken where it has to be."""
    if width is None or cell_len(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = chop_cells(word, width) or [""]
        lines += whole
    return [*lines, line] if line else lines


def steady(line: str) -> str:
    """Return a line for a terminal that turns letters around: its columns stay in their order.

    Source: Unicode Standard Annex 9, section 2.6
    """
    if not _TO_LEFT.search(line):
        return line
    cells = [
        f"{cell}{_LEFT_TO_RIGHT_MARK}" if _TO_LEFT.search(cell) else cell
        for cell in re.split("( {2,})", line)
    ]
    return _LEFT_TO_RIGHT_MARK + "".join(cells)


def _least(cells: Sequence[str], width: int) -> int:
    """Return to how many letters a column may be folded: its words are not broken but long ones."""
    words = [len(word) for cell in cells for word in _WORD.findall(cell)]
    whole = [length for length in words if length <= WHOLE_WORD_MAX]
    return min(width, max(FOLDED_WIDTH_MIN, *whole, 0))


def _narrow(widths: list[int], least: Mapping[int, int], width: int) -> bool:
    """Take letters away from the widest columns until all fit; tell whether they do.

    Args:
        widths: of all columns; they are changed.
        least: of those that may be folded, the smallest that they may have.
        width: of the terminal.
    """
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while over > 0:
        wide = [index for index in least if widths[index] > least[index]]
        if not wide:
            return False
        widths[max(wide, key=lambda index: widths[index])] -= 1
        over -= 1
    return True


def _row_lines(
    row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool], *, fold: bool
) -> Iterator[str]:
    cells = [
        wrapped(cell, width if fold else None) for cell, width in zip(row, widths, strict=True)
    ]
    for number in range(max(map(len, cells), default=0)):
        parts = [cell[number] if number < len(cell) else "" for cell in cells]
        yield GAP.join(
            _padded(part, width, right=right)
            for part, width, right in zip(parts, widths, numeric, strict=True)
        ).rstrip()


def _records(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    below: Sequence[Sequence[str]],
) -> list[str]:
    lines: list[str] = []
    for index, row in enumerate(rows):
        lines += [""] if lines else []
        facts = [(name, cell) for name, cell in zip(columns, row, strict=True) if cell]
        facts += [("", text) for text in (below[index] if below else ())]
        lines += fact_lines(facts, width, max(map(cell_len, columns)) + len(GAP))
    return lines


def _padded(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - cell_len(text))
    return f"{space}{text}" if right else f"{text}{space}"


def _is_number(cell: str) -> bool:
    return not cell or cell.lstrip("-").replace(",", "").replace(".", "", 1).isdecimal()
