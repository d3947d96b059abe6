"""The words of a text as SQLite's full text takes it apart, for engines that find the same ones.

Source: sqlite.org/fts5.html, section 4.3.1; rogerbinns.github.io/apsw/fts.html
"""

from typing import cast

import apsw

_KIND = ["remove_diacritics", "2"]


class Tokenizer:
    """Takes texts apart into words of letters and digits, without case and diacritics."""

    def __init__(self) -> None:
        """Ask SQLite for it."""
        self._connection = apsw.Connection(":memory:")
        self._tokens = self._connection.fts5_tokenizer("unicode61", _KIND)

    def __call__(self, text: str) -> list[str]:
        """Return the words of a text, in order."""
        found = self._tokens(
            text.encode(),
            apsw.FTS5_TOKENIZE_DOCUMENT,
            None,
            include_offsets=False,
            include_colocated=False,
        )
        return cast("list[str]", list(found))
