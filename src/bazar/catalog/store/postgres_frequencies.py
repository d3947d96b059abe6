"""How often terms are on PostgreSQL, as the server's own statistics of the table have it.

The server looks at a table again once a tenth of it has changed, a minute later at most. So it is
asked often whether it has, which is cheap, and for the figures only where that is so. How many
books there are goes by how large the table is now, as in the server's own plans.

Source: postgresql.org/docs/current/view-pg-stats.html,
postgresql.org/docs/current/row-estimation-examples.html
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import expm1, log1p
from time import monotonic

from bazar.catalog.expressions import All, But, Either, Expression, Term
from bazar.catalog.words import ANYWHERE, TITLE
from bazar.kit.data.database import Transaction, made

NEWS_AGE_S_MAX = 10.0
"""After which the server is asked whether it has looked at the table again."""
_SHARE_MAX = 0.999
_UNWANTED_SHARE_MAX = 0.5
_LEFT_SHARE_MIN = 0.02
_RARER = 0.25
"""As often as the rarest term that is listed, others are."""
_TITLE_RARER = 0.01
"""The same of whole titles, which few books share."""
_TERM_BYTES = 4
"""Of each term in a row, beside its letters."""

NEWS = """
SELECT analyze_count + autoanalyze_count,
    CAST(reltuples / greatest(relpages, 1) * pg_relation_size(relid)
        / current_setting('block_size')::int AS bigint),
    coalesce((SELECT min(book_id) FROM books_text), 1),
    coalesce((SELECT max(book_id) FROM books_text), 1)
FROM pg_stat_user_tables JOIN pg_class ON oid = relid
WHERE relid = 'books_text'::regclass"""

STATISTICS = """
SELECT coalesce(most_common_elems::text::text[], '{}'),
    coalesce(most_common_elem_freqs, '{}')::float8[],
    avg_width
FROM pg_stats
WHERE schemaname = current_schema() AND tablename = 'books_text' AND attname = 'words'"""


class Shares:
    """Which share of the books has each term."""

    def __init__(self, terms: Sequence[str], shares: Sequence[float], width: int) -> None:
        """Take the most common terms, the share of the books that have each, and bytes of a row."""
        pairs = sorted(zip(terms, shares, strict=False))
        self.terms = [term for term, _share in pairs]
        self.shares = [share for _term, share in pairs]
        masses = [-log1p(-min(share, _SHARE_MAX)) for share in self.shares]
        self._until = [0.0, *accumulate(masses)]
        self.rarest = min(self.shares, default=0.0)
        self._unlisted = _unlisted(self.terms, self.shares, width)
        self._places = self._like_anywhere()

    def of_term(self, text: str) -> float:
        """Return the share that has a term; one that is not listed is rarer than all that are."""
        at = bisect_left(self.terms, text)
        if self.terms[at : at + 1] == [text]:
            return self.shares[at]
        return self.rarest * (_TITLE_RARER if text[:1] == TITLE else _RARER)

    def of_beginning(self, text: str) -> float:
        """Return the share that has any term that begins so.

        Words in titles are fewer, and so more of them are in no statistics: those begin like the
        words that books have anywhere.
        """
        where, begin = text[:1], text[1:]
        anywhere = self._mass(ANYWHERE + begin) * self._places.get(where, 0.0)
        mass = max(self._mass(text), anywhere) * self._unlisted
        return max(-expm1(-mass), self.rarest)

    def _mass(self, text: str) -> float:
        first, last = bisect_left(self.terms, text), bisect_left(self.terms, f"{text}\U0010ffff")
        return self._until[last] - self._until[first]

    def _like_anywhere(self) -> dict[str, float]:
        """Return how often a word stands in each place, as often as it stands anywhere."""
        known = dict(zip(self.terms, self.shares, strict=True))
        here: dict[str, float] = {}
        all_in_all: dict[str, float] = {}
        for term, share in known.items():
            where, anywhere = term[:1], known.get(ANYWHERE + term[1:])
            if where != ANYWHERE and anywhere is not None:
                here[where] = here.get(where, 0.0) + share
                all_in_all[where] = all_in_all.get(where, 0.0) + anywhere
        return {where: here[where] / all_in_all[where] for where in here}


def _unlisted(terms: Sequence[str], shares: Sequence[float], width: int) -> float:
    """Return how many terms a book has for each that is in the statistics."""
    if not terms:
        return 1.0
    letters = sum(len(term.encode()) for term in terms) / len(terms)
    return max(1.0, width / (letters + _TERM_BYTES) / sum(shares))


class Frequencies:
    """How many books have each term, how many there are, and between which ids."""

    def __init__(self, shares: Shares, books: int, first_id: int = 1, last_id: int = 1) -> None:
        """Take what the statistics say."""
        self._shares = shares
        self.books = books if shares.terms else 0
        """0 where nothing is known."""
        self._first_id = first_id
        self._ids_a_book = max(1.0, (last_id - first_id + 1) / max(books, 1))

    def id_after(self, after: int, books: int) -> int:
        """Return up to which id there are about so many books after another."""
        return max(after, self._first_id - 1) + int(books * self._ids_a_book)

    def ids(self, books: float) -> float:
        """Return how many ids there are for so many books."""
        return books * self._ids_a_book

    def share(self, asked: Expression) -> float:
        """Return which share of the books is expected to fit; terms are taken as independent."""
        match asked:
            case Term(text, more, spelt):
                if not more:
                    return min(self._shares.of_term(text), _SHARE_MAX)
                share = self._shares.of_beginning(text)
                return min(share, sum(map(self._shares.of_term, spelt))) if spelt else share
            case All(parts):
                share = 1.0
                for part in parts:
                    share *= self.share(part)
                return share
            case Either(parts):
                return min(1.0, sum(map(self.share, parts)))
            case But(wanted, unwanted):
                share = self.share(wanted)
                less = min(self.share(unwanted), _UNWANTED_SHARE_MAX * share)
                whole = _whole(wanted)
                if whole != wanted:  # who asks for words that only begin so has had whole ones
                    less = max(less, self.share(whole))
                return max(share - less, _LEFT_SHARE_MIN * share)

    def count(self, asked: Expression) -> float:
        """Return how many books are expected to fit."""
        return self.share(asked) * self.books


class Statistics:
    """What is known of one database, and for how long."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known = Frequencies(Shares([], [], 0), 0)
        self._shares = Shares([], [], 0)
        self._looks: object = None
        self._until_s = 0.0

    async def known(self, transaction: Transaction) -> Frequencies:
        """Return how often terms are, as the server found when it last looked."""
        if monotonic() > self._until_s:
            row = await transaction.one(NEWS)
            looks, *size = row or (None, 0)
            if looks != self._looks or not self._shares.terms:
                found = await transaction.one(STATISTICS)
                self._shares = Shares([], [], 0) if found is None else made(Shares, found)
                self._looks = looks
            self._known = Frequencies(self._shares, *map(int, size))  # type: ignore[arg-type]
            self._until_s = monotonic() + NEWS_AGE_S_MAX
        return self._known


def _whole(asked: Expression) -> Expression:
    """Return what asks for whole words, and for none that only begin so."""
    match asked:
        case Term(text):
            return Term(text)
        case All(parts):
            return All(tuple(map(_whole, parts)))
        case Either(parts):
            return Either(tuple(map(_whole, parts)))
        case But(wanted, unwanted):
            return But(_whole(wanted), unwanted)
