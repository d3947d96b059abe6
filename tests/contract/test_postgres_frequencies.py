"""How often terms are on PostgreSQL: as the server found when it last looked, and soon after."""

from pathlib import Path

import pytest

from bazar.catalog.app import POSTGRES_SCHEMA
from bazar.catalog.expressions import Term
from bazar.catalog.store import postgres_frequencies
from bazar.catalog.store.postgres import PostgresStore
from bazar.catalog.store.postgres_frequencies import Frequencies, Statistics
from bazar.kit.data.database import Database
from support.engines import POSTGRES, with_tables
from support.stored_books import added, book

MORE = """
INSERT INTO books (title, author, topic, topic_key, description, price_minor, currency)
SELECT 'Sea', '', '', '', '', 0, 'USD' FROM generate_series(1, 900);
INSERT INTO books_text (book_id, words)
SELECT book_id, array_to_tsvector(array['asea', 'tsea']) FROM books
WHERE author = ''"""


@pytest.mark.parametrize("version", sorted(POSTGRES))
async def test_what_the_server_has_found_anew_is_known_soon(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing where it has never looked; how many books there are goes by the table itself."""
    monkeypatch.setattr(postgres_frequencies, "NEWS_AGE_S_MAX", -1.0)
    async with with_tables(version, tmp_path / "catalog", POSTGRES_SCHEMA) as database:
        statistics = Statistics()
        await added(database, PostgresStore(), book("Sea"), book("Land"))
        assert 0 == (await _known(database, statistics)).books
        await database.write(lambda t: t.script("ANALYZE books_text"))
        first = await _known(database, statistics)
        assert (2, 0.5) == (first.books, first.share(Term("tsea")))
        await database.write(lambda t: t.script(MORE))
        grown = await _known(database, statistics)
        assert 2 < grown.books
        assert 0.5 == grown.share(Term("tsea"))
        await database.write(lambda t: t.script("ANALYZE books_text"))
        last = await _known(database, statistics)
        assert 902 == last.books
        assert last.share(Term("tsea")) > 0.9
        monkeypatch.setattr(postgres_frequencies, "NEWS_AGE_S_MAX", 60.0)
        kept = await _known(database, statistics)
        await database.write(lambda t: t.script("ANALYZE books_text"))
        assert kept is await _known(database, statistics)


async def _known(database: Database, statistics: Statistics) -> Frequencies:
    return await database.scan(statistics.known)
