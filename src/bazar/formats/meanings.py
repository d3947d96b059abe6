"""Which of our columns the name of a column means, in whatever words it says so.

A name that is in no table still means one of ours where it differs from one there only by what is
in brackets, by small words such as `de`, or by words that say nothing new, such as `current`.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from bazar.formats import numbers
from bazar.formats.names import SYNONYMS, WRITTEN, normal, without_brackets

_MEANINGS = {
    name: (column, rank) for column, names in SYNONYMS.items() for rank, name in enumerate(names)
}
"""Normal forms of names to our columns, with how good each is among the names of its column."""
_BEHIND = re.compile(r"[\s_(\[/-]+(?:in[\s_]+)?(?P<sign>[^\s_()\[\]/-]{1,5})[)\]]?\s*$")
"""A currency behind a name, such as in `Price (EUR)`, `price_usd` or `Preis in \u20ac`."""
_SMALL_WORDS = "a al an au d da das de del der des die du el en in l la las le les los of s the"
_SMALL = frozenset(_SMALL_WORDS.split())
"""Words that only hold others together."""
_SHORT = {"qte": "quantite", "qty": "quantity", "cant": "cantidad", "anz": "anzahl"}
_OF_NOW = """
    actual actuel actuelle aktuell aktueller available current disponible gesamt heute ist now total
    totale verfugbar verfugbarer
"""
_SAY_NOTHING = {"quantity": frozenset(_OF_NOW.split()), "price": frozenset({"current", "unit"})}
"""Words beside a name of ours that leave it what it is."""
_BEGINNINGS = {"current quantity ": "quantity"}
"""How names begin behind which a place is named."""
_ISBN_PARTS = re.compile(
    r"isbn|ean|upc|uid|gtin|barcode|code|number|nummer|no|nr|product|p|book|primary|main|1[03]"
)
_FAMILY = """
    Author last name | Author surname | Last name | Surname | Family name | Nachname | Familienname
    | Autor Nachname | Nom de famille | Apellido | Apellidos | اسم العائلة | اللقب | Name | Nom
"""
_FIRST = """
    Author first name | First name | Given name | Forename | Vorname | Vornamen | Autor Vorname
    | Prénom | Prénoms | Nombre de pila | الاسم الأول | Nombre
"""
FAMILY_NAMES = tuple(map(normal, _FAMILY.split("|")))
FIRST_NAMES = tuple(map(normal, _FIRST.split("|")))
"""Of two columns that together name an author; the last of them are titles where they are alone."""


class Meaning(NamedTuple):
    """What the name of a column means."""

    column: str
    """One of ours."""
    rank: int
    """How good it is among the names of that column; less is better."""
    loose: bool
    """Whether it is in no table as it stands."""


def meaning(name: str) -> Meaning | None:
    """Return which of our columns a name means, if any."""
    if found := _MEANINGS.get(normal(name)):
        return Meaning(*found, loose=False)
    if found := _MEANINGS.get(normal(without_brackets(name))):
        return Meaning(*found, loose=True)
    if sign_behind(name):
        found = _MEANINGS.get(normal(_BEHIND.sub("", name)))
        return Meaning(*found, loose=True) if found and found[0] == "price" else None
    return _loosely(name)


def sign_behind(name: str) -> str:
    """Return the currency that stands behind the name of a column, or nothing."""
    found = _BEHIND.search(name)
    return found["sign"] if found and numbers.is_currency(found["sign"]) else ""


def _loosely(name: str) -> Meaning | None:
    words = _words(name)
    if found := _LOOSE.get("".join(words)):
        return Meaning(*found, loose=True)
    for column, idle in _SAY_NOTHING.items():
        left = [word for word in words if word not in idle]
        found = _LOOSE.get("".join(left)) if left else None
        if found and found[0] == column:
            return Meaning(*found, loose=True)
    spaced = " ".join(words)
    for beginning, column in _BEGINNINGS.items():
        if spaced.startswith(beginning):
            return Meaning(column, len(_MEANINGS), loose=True)
    if "isbn" in normal(name) and not _ISBN_PARTS.sub("", normal(name)):
        return Meaning("isbn", len(_MEANINGS), loose=True)
    return None


def _words(name: str) -> Sequence[str]:
    """Return the words of a name that say something, each in its normal form."""
    parted = unicodedata.normalize("NFC", without_brackets(name).casefold())
    words = [normal(word) for word in re.findall(r"[^\W_]+", parted)]
    return [_SHORT.get(word, word) for word in words if word not in _SMALL]


def _loose_names() -> dict[str, tuple[str, int]]:
    """Return names of ours without small words, unless two columns are called so."""
    found: dict[str, tuple[str, int]] = {}
    columns: dict[str, set[str]] = {}
    for column, written in WRITTEN.items():
        for rank, name in enumerate(written.split("|")):
            key = "".join(_words(name))
            columns.setdefault(key, set()).add(column)
            found.setdefault(key, (column, rank))
    return {key: one for key, one in found.items() if key and len(columns[key]) == 1}


_LOOSE = _loose_names()
