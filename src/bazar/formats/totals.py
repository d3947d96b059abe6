"""Rows at the end of a list that only add it up: they are no books."""

import re
from collections.abc import Sequence

from bazar.formats.header import Layout
from bazar.formats.names import normal

_WORDS = """
    total | totals | subtotal | sub total | grand total | sum | sum total | overall | total books
    | total titles | total copies | total value | total stock | total items | total inventory
    | books total | stock value
    | Summe | Summen | Zwischensumme | Gesamt | Gesamtsumme | Gesamtwert | Gesamtbestand | Insgesamt
    | Endsumme | Total Bücher | Summe Bücher | Anzahl Bücher | Anzahl Titel | Lagerwert
    | Somme | Total général | Sous-total | Totaux | Total HT | Total TTC | Total livres
    | Suma | Total general | Subtotal general | Totales | Suma total | Total libros
    | المجموع | الإجمالي | إجمالي | مجموع | المجموع الكلي | الإجمالي العام | المجموع العام
    | المجموع الفرعي
"""
_TOTALS = frozenset(map(normal, _WORDS.split("|")))
_FIRST_LETTERS = frozenset(word.strip()[:2].casefold() for word in _WORDS.split("|"))
"""So that most rows are told apart without a closer look."""
_NUMBER = re.compile(r"[\d.,:()]+")


def is_total(layout: Layout, cells: Sequence[str]) -> bool:
    """Tell whether a row may only add up those above it.

    It begins with a word that says so, and names neither a book nor an author nor an ISBN. Where
    books follow it is one: a book may be called `Total`.
    """
    for cell in cells:
        if cell and not cell.isspace():
            break
    else:
        return False
    if cell.lstrip()[:2].casefold() not in _FIRST_LETTERS:
        return False
    if len(cell) > 60 or normal(_NUMBER.sub(" ", cell)) not in _TOTALS:  # noqa: PLR2004  no word is so long
        return False
    told = (at for column in ("title", "author", "isbn") for at in layout.places.get(column, ()))
    return not any(at < len(cells) and cells[at].strip() and cells[at] is not cell for at in told)
