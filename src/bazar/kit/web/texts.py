"""What pages say, in each language: gettext catalogues, read once.

The texts in code and templates are English, and are their own names. A language more is one `.po`
file; it is compiled in memory, so there is no build step and no binary file.

Source: https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html; Babel
"""

from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from markupsafe import Markup

ENGLISH = "en"


def noted(text: str) -> str:
    """Mark a text of a table as one to be translated where it is shown."""
    return text


class Texts:
    """What one language says."""

    def __init__(self, language: str, translations: NullTranslations) -> None:
        """Speak a language through its translations."""
        self.language = language
        self.locale = Locale.parse(language)
        self.direction = self.locale.text_direction
        """`ltr` or `rtl`."""
        self._translations: Any = translations

    def gettext(self, text: str, /, **values: object) -> str:
        """Return a text, with values for its `%(names)s`."""
        return _filled(self._translations.ugettext(text), values)

    def ngettext(self, one: str, many: str, n: int, /, **values: object) -> str:
        """Return the form of a text for so many; it may show `%(n)s`."""
        return _filled(self._translations.ungettext(one, many, n), {"n": n, **values})

    def pgettext(self, context: str, text: str, /, **values: object) -> str:
        """Return a text whose words mean something else elsewhere."""
        return _filled(self._translations.upgettext(context, text), values)

    def npgettext(self, context: str, one: str, many: str, n: int, /, **values: object) -> str:
        """Return the form for so many of a text that means something else elsewhere."""
        filled = {"n": n, **values}
        return _filled(self._translations.unpgettext(context, one, many, n), filled)


def _filled(text: str, values: dict[str, Any]) -> str:
    """Fill in the values; where one is markup, so is the whole, with the others escaped."""
    if not values:
        return text
    if any(isinstance(value, Markup) for value in values.values()):
        return Markup(text) % values  # noqa: S704  our own text; the operator escapes the values
    return text % values


@cache
def texts(package: str, language: str) -> Texts:
    """Return what a language says.

    Args:
        package: holds `LANGUAGE.po`.
        language: `en`, or one that has a file.
    """
    if language == ENGLISH:
        return Texts(language, NullTranslations())
    with files(package).joinpath(f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Texts(language, Translations(compiled))
