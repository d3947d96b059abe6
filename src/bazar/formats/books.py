"""How a row of a file becomes a book: all that is wrong with it, and what it is taken without."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bazar.formats import numbers
from bazar.formats.cells import shown
from bazar.formats.columns import (
    BUILT_IN_DEFAULTS,
    COLUMNS,
    IDENTITY,
    MEMBERS,
    NEEDED,
    NUMBERS,
    Ambiguous,
    BadCell,
    CutOff,
    DestroyedCell,
    LeftOut,
    Reading,
    Value,
    parse_cell,
)
from bazar.formats.csv import Record
from bazar.formats.exports import QUANTITY_EXPORTED
from bazar.formats.header import CURRENCY, Layout
from bazar.formats.presets import Product
from bazar.wire.books import Condition, NewBook
from bazar.wire.imports import KnownBook

_BUILT_IN = {column: parse_cell(column, text) for column, text in BUILT_IN_DEFAULTS.items()}
_REPEATED = set(COLUMNS) - {*IDENTITY, "title", "description"}
"""Columns of which many rows say the same."""
NEW: Condition = "new"
"""What a book is in of which nobody says otherwise."""
_PICTURE = re.compile(r"(?i)https?://\S+|\S.*\.(?:jpe?g|png|gif|webp|bmp|tiff?)")
"""In a column called `Cover`."""
_BEGINS_ISBN = re.compile(r"\W*97[89]")
_AN_ISBN = re.compile(r"'?97[89](?:[- ]?[0-9]){10}")
"""Nothing else that a shop would number its things with."""
_KNOWN_MAX = 5000
"""Texts of each of them that are kept with their values."""
_COUNTS = ("quantity", "price")
"""What a row without a title is about."""
_CARRIED = ("title", "author", "publisher", "description", "topic", "language", "year")
"""Columns in which the first row of a product speaks for the others."""


class Fault(NamedTuple):
    """What is wrong with a row, or what it was taken without."""

    column: str
    """One of ours; empty where the row as a whole is meant."""
    value: str
    reason: str


class Row(NamedTuple):
    """A row as it was read."""

    line: int
    cells: list[str]
    """As they stand in the file."""
    faults: list[Fault]
    """Why it is not taken; without any it says one of the two."""
    warnings: list[Fault]
    """What it is taken without."""
    given: list[str]
    """Our columns about which it says something."""
    texts: dict[str, str]
    """What it shows in each."""
    book: NewBook | None = None
    known: KnownBook | None = None
    as_exported: bool = False
    """Its copies are those that we exported, so that it counts none."""


class _Row:
    """A row while it is read."""

    def __init__(self) -> None:
        self.found: dict[str, Value] = {}
        self.texts: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.as_exported = False


class Marks:
    """Finds out from all rows whether a comma or a point begins the decimals of a column."""

    def __init__(self, layout: Layout) -> None:
        """Look at the columns of numbers."""
        self._places = [(column, at) for column in NUMBERS for at in layout.places.get(column, [])]
        self._said: dict[str, Counter[str]] = {column: Counter() for column in NUMBERS}
        self._thousandths: set[str] = set()

    def add(self, cells: Sequence[str]) -> None:
        """Look at a row."""
        for column, at in self._places:
            if at < len(cells) and not cells[at].isdecimal():
                text = shown(cells[at])
                self._said[column][numbers.says(text)] += 1
                if numbers.shows_thousandths(text):
                    self._thousandths.add(column)

    @property
    def thousandths(self) -> frozenset[str]:
        """The columns in which a number has three decimals that cannot be thousands."""
        return frozenset(self._thousandths)

    def found(self) -> dict[str, numbers.Mark]:
        """Return what each column shows, and where it shows nothing, what the others do."""
        total: Counter[str] = sum(self._said.values(), Counter())
        usual = _mark(total)
        return {
            column: usual if column != "year" and not (said[","] or said["."]) else _mark(said)
            for column, said in self._said.items()
        }


def _mark(said: Counter[str]) -> numbers.Mark:
    """Return a comma where nothing speaks against it."""
    if said[","] and not said["."]:
        return ","
    return "." if said["."] else ""


class Reader:
    """Reads the rows of a file, one after the other."""

    def __init__(
        self, layout: Layout, reading: Reading, *, strict: bool = False, totals_from: int = 0
    ) -> None:
        """Read as the file is to be read.

        Args:
            layout: where it has our columns.
            reading: how its cells are read.
            strict: whether a row is not taken that would be taken without some of its cells.
            totals_from: the row from which on all only add up those above; 0 where there is none.
        """
        self._layout = layout
        preset = layout.preset
        verbatim = bool(preset and preset.verbatim)
        self._reading = reading._replace(
            barcodes=layout.barcodes, verbatim=verbatim, escaped=bool(preset and preset.escaped)
        )
        self._strict = strict
        self._totals_from = totals_from
        self._words = preset.words if preset else {}
        self._taken = preset.taken if preset else {}
        self._is_feed = layout.is_feed
        self._defaults = layout.defaults
        self._width = len(layout.header)
        self._groups = _Products(layout, preset.product) if preset and preset.product else None
        self._sought = [
            (column, layout.places.get(column, []), _TAKERS.get(self._taken.get(column, "")))
            for column in COLUMNS
            if layout.places.get(column) or column in self._defaults or column in NEEDED
        ]
        self._known: dict[str, dict[str, Value]] = {column: {} for column in _REPEATED}
        self._skipped = [
            (at, {word.casefold() for word in words}, name)
            for name, words in (preset.passed_over if preset else {}).items()
            if (at := layout.place(name)) is not None
        ]
        self._unsold = [
            (at, words, name)
            for name, words in (preset.off_sale if preset else {}).items()
            if (at := layout.place(name)) is not None
        ]
        self.isbns_in: Counter[str] = Counter()
        """Columns of a shop's own numbers in which ISBNs were, with how many."""
        self.passed_over: Counter[str] = Counter()
        """Why rows were none, with how many."""
        self.changed: Counter[str] = Counter()
        """Of our columns, how many texts were in the letters of web pages."""

    @property
    def variants(self) -> int:
        """How many rows are variants of the product above them."""
        return self._groups.variants if self._groups else 0

    def read(self, record: Record) -> Row | None:
        """Return what a record says; None where it is about no book."""
        line, cells, problem = record
        if problem:
            return Row(line, [], [Fault("", cells[0], problem)], [], [], {})
        if len(cells) > self._width:
            if any(map(str.strip, cells[self._width :])):
                reason = f"the row has {len(cells)} cells, the header {self._width}"
                return Row(line, cells, [Fault("", ",".join(cells), reason)], [], [], {})
            cells = cells[: self._width]
        if self._totals_from and line >= self._totals_from:
            self.passed_over["they add up those above"] += 1
            return None
        for at, words, name in self._skipped:
            if at < len(cells) and cells[at].strip().casefold() in words:
                self.passed_over[f"{name} is {cells[at].strip()[:40]}"] += 1
                return None
        said = self._groups.completed(cells) if self._groups else cells
        if said is None:
            self.passed_over["a picture of the product above"] += 1
            return None
        return self._read(line, cells, said)

    def _read(self, line: int, cells: list[str], said: Sequence[str]) -> Row:
        row = _Row()
        self._check_currency(said, row)
        self._check_sold(said, row)
        for column, places, taker in self._sought:
            if column == "isbn" and len(places) > 1:
                self._take_best_isbn(places, said, row)
                continue
            if column == "author" and self._layout.people:
                text = _joined(self._layout.people, said)
            else:
                text = _shown_at(places, said)
            text = taker(text) if text and taker else text
            if column in self._words:
                text = self._words[column].get(text, text)
            text = text or self._defaults.get(column, "")
            if text or (column in NEEDED and not self._is_feed):
                row.texts[column] = text
                self._take(column, text, row)
        if self._layout.stock_numbers and "isbn" not in row.found:
            self._look_elsewhere(said, row)
        row.as_exported = self._is_as_exported(said, row)
        faults, warnings = row.faults, row.warnings
        if self._is_feed and not faults:
            faults = _feed_faults(row.found)
        if self._strict:
            faults, warnings = [*faults, *warnings], []
        if faults:
            return Row(line, cells, faults, warnings, list(row.found), row.texts)
        return self._row(line, cells, row)

    def _take_best_isbn(self, places: Sequence[int], cells: Sequence[str], row: "_Row") -> None:
        """Take the first ISBN of several that can be read.

        Where none can, the row is not taken: mended later, it would be another book. It goes
        without an ISBN where a spreadsheet has destroyed that of another than the best column, as
        it does beside an ISBN-10 that is right, or where only a column of barcodes holds something.
        """
        faults: list[Fault] = []
        for at in places:
            text = shown(cells[at]) if at < len(cells) else ""
            if not text:
                continue
            row.texts.setdefault("isbn", text)
            try:
                row.found["isbn"] = self._value("isbn", text)
            except LeftOut as error:
                fault = Fault("isbn", text, str(error))
                if fault not in row.warnings:
                    row.warnings.append(fault)
            except BadCell as error:
                idle = isinstance(error, DestroyedCell) or (
                    self._layout.is_barcode(at) and not _BEGINS_ISBN.match(text)
                )
                is_fault = at == places[0] or not idle
                (faults if is_fault else row.warnings).append(Fault("isbn", text, str(error)))
            else:
                row.warnings += faults
                return
        row.faults += faults

    def _look_elsewhere(self, cells: Sequence[str], row: "_Row") -> None:
        """Take the ISBN that a bookseller has made the number of a thing in the shop."""
        if any(fault.column == "isbn" for fault in row.faults):
            return
        for at in self._layout.stock_numbers:
            text = shown(cells[at]) if at < len(cells) else ""
            if _AN_ISBN.fullmatch(text):
                row.texts["isbn"] = text
                self._take("isbn", text, row)
                self.isbns_in[self._layout.header[at]] += 1
                return

    def _take(self, column: str, text: str, row: "_Row") -> None:
        """Take what a cell says, or note what is wrong with it."""
        must = column in (_COUNTS if self._is_feed else NEEDED)
        try:
            value = row.found[column] = self._value(column, text)
            if column == "price" and not value and not self._reading.verbatim:
                self._note_gift(text, row)
        except CutOff as error:
            row.found[column] = error.kept
            row.warnings.append(Fault(column, text, str(error)))
        except LeftOut as error:
            fault = Fault(column, text, str(error))
            if self._use_default(column, text, row) or not must or self._is_feed:
                row.warnings.append(fault)
            else:
                reason = f"{column} must be {COLUMNS[column].wanted}"
                row.faults.append(fault._replace(reason=reason))
        except BadCell as error:
            fault = Fault(column, text, str(error))
            ambiguous = column == "quantity" and isinstance(error, Ambiguous)
            if must or column in IDENTITY or ambiguous:
                row.faults.append(fault)
                return
            if column == "format" and _PICTURE.fullmatch(text):
                return
            if not self._use_default(column, text, row) and column == "condition":
                fault = fault._replace(reason=f"{error}; a new book goes in as {NEW}")
            row.warnings.append(fault)

    def _note_gift(self, text: str, row: "_Row") -> None:
        """Warn of a book that anybody gets for nothing, unless a person has said so."""
        if text != self._defaults.get("price"):
            row.warnings.append(Fault("price", text, "is nothing: it goes on sale for nothing"))

    def _row(self, line: int, cells: list[str], row: "_Row") -> Row:
        given = [one for one in row.found if one != "quantity" or not row.as_exported]
        fields: dict[str, Any] = {MEMBERS.get(one, one): value for one, value in row.found.items()}
        read = Row(line, cells, [], row.warnings, given, row.texts, as_exported=row.as_exported)
        if self._is_feed:
            if row.as_exported:
                del fields["quantity"]
            return read._replace(known=KnownBook(**fields))
        for column, value in _BUILT_IN.items():
            fields.setdefault(column, value)
        return read._replace(book=NewBook(**fields))

    def _value(self, column: str, text: str) -> Value:
        known = self._known.get(column)
        value = known.get(text) if known is not None and type(text) is str else None
        if value is None:
            value = parse_cell(column, text, self._reading)
            if known is not None and type(text) is str and len(known) < _KNOWN_MAX:
                known[text] = value
        if value != text and COLUMNS[column].is_text and not self._reading.verbatim:
            self.changed[column] += 1
        return value

    def _is_as_exported(self, cells: Sequence[str], row: "_Row") -> bool:
        """Tell whether the copies of a row are those that stood there when it was exported."""
        text = _shown_at(self._layout.places.get(QUANTITY_EXPORTED, ()), cells)
        if not text or "quantity" not in row.found:
            return False
        try:
            return parse_cell("quantity", text, self._reading) == row.found["quantity"]
        except BadCell:
            return False

    def _use_default(self, column: str, text: str, row: "_Row") -> bool:
        """Take the default in place of a cell that says nothing; tell whether there is one."""
        default = self._defaults.get(column, "")
        if not default or default == text:
            return False
        row.found[column] = parse_cell(column, default)
        return True

    def _check_sold(self, cells: Sequence[str], row: "_Row") -> None:
        """Do not put on sale what the program that wrote the file does not sell."""
        for at, words, name in self._unsold:
            text = shown(cells[at]) if at < len(cells) else ""
            if text.casefold() in words:
                row.faults.append(
                    Fault("", text, f"{name} is {text[:40]}: it is not on sale there")
                )

    def _check_currency(self, cells: Sequence[str], row: "_Row") -> None:
        for at in self._layout.places.get(CURRENCY, ()):
            text = shown(cells[at]) if at < len(cells) else ""
            try:
                numbers.check_currency(text, self._reading.currency)
            except ValueError as error:
                reason = str(error) or "is not the code of a currency"
                row.faults.append(Fault(CURRENCY, text, f"{CURRENCY} {reason}"))


def _feed_faults(found: Mapping[str, Value]) -> list[Fault]:
    """Return why a row without a title says nothing."""
    if not found.keys() & set(IDENTITY):
        return [Fault("isbn", "", "a row without a title needs an ISBN or a bazar_id")]
    if not found.keys() & set(_COUNTS):
        return [Fault("quantity", "", "a row without a title needs a quantity or a price")]
    return []


class _Products:
    """Things of which a file has several rows: the first speaks for the others."""

    def __init__(self, layout: Layout, product: Product) -> None:
        self._key = layout.place(product.key)
        self._told_by = [at for name in product.told_by if (at := layout.place(name)) is not None]
        self._variant = layout.place(product.variant)
        self._title = layout.places.get("title", [])[:1]
        self._carried = [at for column in _CARRIED for at in layout.places.get(column, [])]
        unsold = layout.preset.off_sale if layout.preset else {}
        self._carried += [at for name in unsold if (at := layout.place(name)) is not None]
        self._first: Sequence[str] = ()
        self.variants = 0

    def completed(self, cells: list[str]) -> Sequence[str] | None:
        """Return a row with what the first of its product says; None where it is a picture's."""
        key = self._cell(cells, self._key)
        if not self._title or not key:
            return cells
        title = self._title[0]
        if self._cell(cells, title) or self._cell(self._first, self._key) != key:
            self._first = cells
            return cells
        if not any(self._cell(cells, at) for at in self._told_by):
            return None
        self.variants += 1
        whole = [*cells, *[""] * (len(self._first) - len(cells))]
        for at in self._carried:
            if at < len(self._first) and not whole[at].strip():
                whole[at] = self._first[at]
        if variant := self._cell(cells, self._variant):
            whole[title] = f"{whole[title]} ({variant})"
        return whole

    @staticmethod
    def _cell(cells: Sequence[str], at: int | None) -> str:
        return cells[at].strip() if at is not None and at < len(cells) else ""


def _shown_at(places: Sequence[int], cells: Sequence[str]) -> str:
    """Return what the best of some cells shows that shows anything."""
    for at in places:
        if at < len(cells) and (text := shown(cells[at])):
            return text
    return ""


def _joined(places: Sequence[int], cells: Sequence[str]) -> str:
    """Return what several cells show one behind the other, each thing once."""
    texts = [text for at in places if at < len(cells) and (text := shown(cells[at]))]
    first, last = texts[0] if texts else "", texts[-1] if texts else ""
    return last if first.casefold() in last.casefold() else " ".join(texts)


def _first_of(text: str) -> str:
    return text.partition(",")[0].strip()


def _last_step(text: str) -> str:
    return _first_of(text).rpartition(">")[2].strip()


_TAKERS: Mapping[str, Callable[[str], str]] = {"first": _first_of, "path": _last_step}
