"""What a cell of a file shows: without what spreadsheets, databases and web pages put around it."""

import html
import re

from bazar.formats.exports import unguarded
from bazar.formats.names import normal

_UNSEEN = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\u202a\u202b\u202c"
_AS_TEXT = re.compile(r'=\s*"((?:[^"]|"")*)"')
"""How a spreadsheet is told to keep the digits of a text."""
_NOTHING_IN_TEXTS = frozenset(
    {"null", "(null)", "<null>", "\\n", "n/a", "#n/a", "#ref!", "#name?", "#value!", "#div/0!"}
    | {"#num!", "#null!", "(none)", "undefined", "-", "--", "---", "–", "—", "_", "."}  # noqa: RUF001
)
_NOTHING_LENGTH_MAX = max(map(len, _NOTHING_IN_TEXTS))
_WORDS_FOR_NOTHING = """
    na | nan | nat | none | nil | null | empty | unknown | undefined | missing | not available
    | no isbn | default title | unbekannt | keine | kein | ohne | leer | k.A. | o.J. | ohne ISBN
    | keine ISBN | inconnu | inconnue | aucun | aucune | sans | sans ISBN | néant | n.d. | s.d.
    | s.o. | n.c. | desconocido | ninguno | ninguna | sin | sin ISBN | no aplica | لا يوجد
    | غير معروف | بدون
    | does not apply | tbd | tba | not applicable | nicht zutreffend | trifft nicht zu
    | ne s'applique pas | no corresponde
"""
_NOTHING_IN_FACTS = frozenset(map(normal, _WORDS_FOR_NOTHING.split("|")))
"""What nobody means as a number, a format or a language."""
_NO_DATE = re.compile(r"0(?:000|001|100|101)-0[01]-0[01](?![0-9]).*")
"""What programs keep where they know no date."""
_TAG = re.compile(
    r"(?i)</?(?:a|abbr|b|big|blockquote|br|center|cite|code|dd|div|dl|dt|em|figure|font|h[1-6]|hr|i"
    r"|img|li|meta|ol|p|pre|s|script|section|small|span|strong|style|sub|sup|table|tbody|td|th|tr|u"
    r"|ul)(?:\s[^<>]*)?/?>"
)
_UNSHOWN = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->")
_BREAKS = re.compile(r"(?i)<br\s*/?>|</(?:p|div|li|tr|h[1-6]|ul|ol|blockquote|section|table)\s*>")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


class Typed(str):
    """A number as a workbook keeps it: its point is a decimal point, whatever texts are beside."""

    __slots__ = ()


def shown(cell: str) -> str:
    """Return what a cell shows: trimmed, and without the formula that only keeps its digits."""
    if isinstance(cell, Typed):
        return cell
    text = cell.strip()
    if not text or text.isalnum():
        return text
    if text[:1] in _UNSEEN or text[-1:] in _UNSEEN:
        text = text.strip(_UNSEEN).strip()
    if text.startswith("=") and (kept := _AS_TEXT.fullmatch(text)):
        return kept[1].replace('""', '"').strip()
    return text


def fact(text: str) -> str:
    """Return a number, or another short fact, without the apostrophe that marks it as text."""
    if isinstance(text, Typed):
        return text
    return text.lstrip("'\N{RIGHT SINGLE QUOTATION MARK}`") if text[:1] in "'\u2019`" else text


def is_nothing(text: str, *, is_text: bool) -> bool:
    """Tell whether a cell only says that it says nothing.

    Args:
        text: as shown.
        is_text: whether its column holds texts, where `None` may be somebody's name.
    """
    if len(text) <= _NOTHING_LENGTH_MAX and text.casefold() in _NOTHING_IN_TEXTS:
        return True
    if is_text or isinstance(text, Typed) or text.isdecimal():
        return False
    name = normal(text)
    return name in _NOTHING_IN_FACTS or not name or bool(_NO_DATE.fullmatch(text))


def is_no_title(text: str) -> bool:
    """Tell whether nobody can have meant a cell as a title: `NULL`, `-`, `...`."""
    return is_nothing(text, is_text=True) or not text.strip("-\u2010\u2013\u2014_./\\\u2026 \xa0")


def plain(text: str) -> str:
    """Return a text as a page shows it: without tags, its entities resolved; formulas unguarded."""
    if "'" in text:
        text = unguarded(text)
    if "<" in text and _TAG.search(text):
        text = _UNSHOWN.sub("", text)
        text = _TAG.sub("", _BREAKS.sub("\n", re.sub(r"\s*\n\s*", " ", text)))
        text = re.sub(r"[ \t\xa0]*\n\s*", "\n", text).strip()
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text).strip()
    return text
