"""Searches in a store, as the shelf asks for them."""

from bazar.catalog.searching import Searching, search
from bazar.catalog.store import Store
from bazar.kit.data.database import Database, Transaction


async def search_pages(
    database: Database, store: Store, text: str, topic: str | None = None, limit: int = 100
) -> list[list[int]]:
    """Return the ids of the books that a text finds, page by page.

    Args:
        database: to search in.
        store: of its engine.
        text: as somebody wrote it.
        topic: to look in, as somebody wrote it, or None for all.
        limit: of a page.
    """
    pages: list[list[int]] = []
    cursor: str | None = None

    async def work(transaction: Transaction) -> str | None:
        key = None if topic is None else await store.known_topic(transaction, topic)
        asked = search(text, key)
        if asked is None:
            return None
        books, following = await Searching(store).page(transaction, asked, cursor, limit)
        pages.append([book.book_id for book in books])
        return following

    while cursor := await database.scan(work):
        pass
    return pages


async def searched(
    database: Database, store: Store, text: str, topic: str | None = None
) -> list[int]:
    """Return the ids of all books that a text finds, in their order."""
    pages = await search_pages(database, store, text, topic)
    return [book_id for page in pages for book_id in page]
