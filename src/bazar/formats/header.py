"""What the header of a file says: which of its columns are ours, and which program wrote it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bazar.formats import numbers
from bazar.formats.columns import COLUMNS, NEEDED, BadCell, Reading, parse_cell
from bazar.formats.exports import QUANTITY_EXPORTED
from bazar.formats.meanings import FAMILY_NAMES, FIRST_NAMES, meaning, sign_behind
from bazar.formats.names import BARCODES, SEVERAL, STOCK_NUMBERS, normal
from bazar.formats.presets import PRESETS

CURRENCY = "currency"
"""A column that is only looked at: whether a price is in the currency of the shop."""
REJECT_COLUMNS = ("bazar_row", "bazar_column", "bazar_value", "bazar_reason")
"""What an import puts behind the columns of rows that it did not take, and one for its mark."""
REJECT_MARK = "bazar_written_"
"""Begins the name of the last column of a file of rejected rows."""


class Wanted(NamedTuple):
    """What a person says about the columns of a file."""

    mapping: Mapping[str, str] = {}
    """Our columns to those of the file; to nothing where one is not to be read."""
    defaults: Mapping[str, str] = {}
    """Our columns to the values of empty cells and missing columns."""
    updates: bool = False
    """Whether books that are there are changed."""


class Layout:
    """Where a file has our columns."""

    def __init__(self, header: Sequence[str], wanted: Wanted) -> None:
        """Look for our columns under the names of the file's, trimmed."""
        self.header = [name.strip() for name in header]
        self.wanted = wanted
        self.own = len(self.header) - _rejects_columns(self.header)
        """How many columns are the file's own; behind them are those of an import before."""
        self._normal = [normal(name) for name in self.header[: self.own]]
        self.preset = next((one for one in PRESETS if self._has(one.signature)), None)
        self.places: dict[str, list[int]] = {}
        self.missing: list[tuple[str, str]] = []
        self.doubled: set[str] = set()
        self._map()
        self._apply_preset()
        self._find_the_others()
        self.people = self._find_people()
        """Where the two columns are that name an author together, the first name first."""
        taken = self._taken()
        self.stock_numbers = [
            at for at, one in enumerate(self._normal) if one in STOCK_NUMBERS and at not in taken
        ]
        """Columns that hold an ISBN where a bookseller has chosen so."""
        self.barcodes = any(self.is_barcode(at) for at in self.places.get("isbn", []))

    def is_barcode(self, at: int) -> bool:
        """Tell whether a column holds the numbers of other things than books too."""
        return self._normal[at] in BARCODES

    @property
    def used(self) -> dict[str, list[str]]:
        """Our columns that were found, each with the names of the file's, the best first."""
        found = {
            column: [self.header[at] for at in self.places[column]]
            for column in [*COLUMNS, CURRENCY, QUANTITY_EXPORTED]
            if self.places.get(column)
        }
        if self.people:
            found["author"] = [" + ".join(self.header[at] for at in self.people)]
        return found

    @property
    def unused(self) -> list[str]:
        """The names of the columns that nothing was taken from."""
        used = {at for places in self.places.values() for at in places}
        product = self.preset.product if self.preset else None
        looked_at = {normal(product.key)} if product else set()
        if self.preset:
            looked_at |= set(map(normal, [*self.preset.passed_over, *self.preset.off_sale]))
        return [
            name
            for at, name in enumerate(self.header[: self.own])
            if name and at not in used and self._normal[at] not in looked_at
        ]

    @property
    def defaults(self) -> dict[str, str]:
        """The values of empty cells: what a person says, else what is known of the program."""
        return {**(self.preset.defaults if self.preset else {}), **self.wanted.defaults}

    @property
    def is_feed(self) -> bool:
        """Tell whether the file only tells stock and prices of books that are there."""
        found = {*self.places, *self.wanted.defaults}
        return (
            self.wanted.updates
            and "title" not in found
            and bool(found & {"isbn", "bazar_id"})
            and bool(found & {"quantity", "price"})
        )

    def place(self, name: str) -> int | None:
        """Return where the file has a column of this name."""
        name = normal(name)
        return self._normal.index(name) if name in self._normal else None

    def problems(self, currency: str) -> Iterator[str]:
        """Yield why books cannot be read under this header, each with a way out.

        Args:
            currency: of the shop; empty where nobody knows it.
        """
        for name in sorted(self.doubled):
            yield f"has the column {name!r} more than once"
        for column, name in self.missing:
            yield f"has no column {name!r} for --map {column}={name}"
        yield from self._missing_needed()
        yield from self._other_currencies(currency)
        for column, value in self.wanted.defaults.items():
            try:
                parse_cell(column, value, Reading(currency))
            except BadCell as error:
                yield f"cannot have --default {column}={value}: {error}"

    def _missing_needed(self) -> Iterator[str]:
        if self.is_feed:
            return
        if not self.wanted.updates and self._as_update().is_feed:
            yield "only tells of books that are there: add --update stock, or --update all"
        for column in NEEDED:
            if column not in {*self.places, *self.defaults}:
                yield f"has no column {column!r}: use --map {column}=... or --default {column}=..."

    def _as_update(self) -> "Layout":
        return Layout(self.header, self.wanted._replace(updates=True))

    def _other_currencies(self, currency: str) -> Iterator[str]:
        for at in self.places.get("price", []):
            try:
                numbers.check_currency(sign_behind(self.header[at]), currency)
            except numbers.WrongCurrency as error:
                yield f"has the column {self.header[at]!r}, which {error}"

    def _has(self, names: Sequence[str]) -> bool:
        return set(map(normal, names)) <= set(self._normal)

    def _map(self) -> None:
        """Take the columns that a person names."""
        for column, name in self.wanted.mapping.items():
            self.places[column] = []
            if not name:
                continue
            found = [at for at, own in enumerate(self.header[: self.own]) if own == name]
            found = found or [at for at, own in enumerate(self._normal) if own == normal(name)]
            if not found:
                self.missing.append((column, name))
            elif len(found) > 1:
                self.doubled.add(name)
            self.places[column] = found[:1]
        for column, name in self.wanted.mapping.items():
            if name:  # where its cell is empty, the column of our own name serves
                own = sorted(self._named(normal(column)), key=lambda at: self.header[at] != column)
                self.places[column] += [at for at in own if not self._is_taken(at)][:1]

    def _apply_preset(self) -> None:
        """Take the columns that a known program means."""
        for column, names in (self.preset.columns if self.preset else {}).items():
            if column in self.wanted.mapping:
                continue
            found = [at for name in names for at in self._named(normal(name))[:1]]
            found = [at for at in found if not self._is_taken(at)]
            if found or not names:
                self.places[column] = found

    def _find_the_others(self) -> None:
        """Take the columns whose names mean ours, the best first."""
        meant: dict[str, list[tuple[int, bool, bool, int]]] = {}
        for at, name in enumerate(self.header[: self.own]):
            if at in self._taken():
                continue
            found = meaning(name)
            if found and found.column not in self.places:
                column, rank, loose = found
                meant.setdefault(column, []).append((rank, loose, name != column, at))
        for column, ranked in meant.items():
            places = [at for *_rank, at in sorted(ranked)]
            if column not in SEVERAL:
                self._note_doubles(places)
                places = places[:1]
            self.places[column] = places

    def _find_people(self) -> tuple[int, int] | None:
        """Take two columns for the author where there is none, or one for the family name alone."""
        if "author" in self.wanted.mapping:
            return None
        authors = self.places.get("author", [])
        first = self._free(FIRST_NAMES)
        family = self._free(FAMILY_NAMES)
        if family == first:
            family = None
        if authors:
            family = authors[0] if len(authors) == 1 and family is None else None
        if first is None or family is None:
            return None
        self.places["author"] = [first, family]
        return first, family

    def _free(self, names: Sequence[str]) -> int | None:
        """Return the column of the first of some names that is there, and nothing else of ours."""
        found = [at for name in names for at in self._named(name) if not self._is_taken(at)]
        return found[0] if found else None

    def _note_doubles(self, found: Sequence[int]) -> None:
        first = self.header[found[0]]
        if [self.header[at] for at in found].count(first) > 1:
            self.doubled.add(first)

    def _named(self, name: str) -> list[int]:
        """Return the places of a name in its normal form."""
        return [at for at, own in enumerate(self._normal) if own == name]

    def _taken(self) -> set[int]:
        return {at for places in self.places.values() for at in places}

    def _is_taken(self, at: int) -> bool:
        return at in self._taken()


def _rejects_columns(header: Sequence[str]) -> int:
    """Return how many columns at the end are those of a file of rejected rows."""
    count = len(REJECT_COLUMNS)
    for marks in (1, 0):
        behind = [normal(name) for name in header[len(header) - count - marks :]]
        marked = not marks or (behind and behind[-1].startswith(normal(REJECT_MARK)))
        if behind[:count] == list(map(normal, REJECT_COLUMNS)) and marked:
            return count + marks
    return 0
