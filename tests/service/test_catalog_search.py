"""Reading the books of the catalog page by page, and searching them."""

import unicodedata
from urllib.parse import quote

from support.catalog_calls import BOOK, ISBN, ISBN_10, ids, reserve
from support.engines import on_every_engine
from support.shops import Caller, Shop

pytestmark = on_every_engine


async def pages(catalog: Caller, path: str) -> list[list[int]]:
    """Follow the Link headers from a path on; return the ids of each page."""
    found: list[list[int]] = []
    following: str | None = path
    while following is not None:
        reply = await catalog.get(following)
        assert 200 == reply.status, reply.content
        found.append(ids(reply.json))
        link = reply.headers.get("link")
        assert link is None or link.endswith('>; rel="next"')
        following = link.removeprefix("<").partition(">")[0] if link else None
        assert len(found) < 100
    return found


async def test_pages_by_id_show_every_book_once(shop: Shop) -> None:
    """Following the Link header visits every book in order of id, the last page has no Link."""
    wanted = [await shop.add_book() for _ in range(7)]
    found = await pages(shop.catalog, "/books?limit=3")
    assert [wanted[:3], wanted[3:6], wanted[6:]] == found
    assert [wanted] == await pages(shop.catalog, "/books?limit=7")
    assert [wanted] == await pages(shop.catalog, "/books")


async def test_pages_of_a_topic_show_its_books_only(shop: Shop) -> None:
    """The topic goes along with the Link, in any spelling."""
    wanted = []
    for number in range(9):
        book_id = await shop.add_book(topic="A & B" if number % 2 else "other")
        if number % 2:
            wanted.append(book_id)
    assert [wanted[:3], wanted[3:]] == await pages(shop.catalog, "/books?topic=a-%26-b&limit=3")


async def test_pages_by_id_reach_books_with_the_largest_ids(catalog: Caller) -> None:
    """A cursor that we gave out is one that we take, however large the id."""
    wanted = []
    for given in ({"id": 10**15 - 1}, {"id": 10**15}, {}, {}):
        reply = await catalog.post("/books", BOOK | given)
        assert 201 == reply.status
        wanted.append([reply.json["id"]])
    assert [10**15 - 1, 10**15, 10**15 + 1, 10**15 + 2] == [book_id for (book_id,) in wanted]
    assert wanted == await pages(catalog, "/books?limit=1")


async def test_pages_by_words_show_every_book_once_in_order_of_relevance(shop: Shop) -> None:
    """Pages of any size add up to the list of one page, with ties in order of id."""
    for number in range(23):
        await shop.add_book(
            title=f"Go {'go ' * (number % 4)}{number % 2}",
            author="Go" if number % 3 == 0 else "",
            description="go " * (number % 5),
        )
    (whole,) = await pages(shop.catalog, "/books?q=go&limit=100")
    assert 23 == len(set(whole))
    for limit in (1, 4, 22, 23):
        found = await pages(shop.catalog, f"/books?q=go&limit={limit}")
        assert whole == [book_id for page in found for book_id in page]
        assert limit == len(found[0])


async def test_a_match_in_the_title_comes_first(shop: Shop) -> None:
    """Title weighs more than author, author more than topic, topic more than description."""
    texts = {"title": "x", "author": "x", "topic": "x", "description": "x"}
    found_in = {}
    for field in ("description", "topic", "author", "title"):
        found_in[field] = await shop.add_book(**(texts | {field: "lighthouse"}))
    for _ in range(6):
        await shop.add_book(**texts)
    wanted = [found_in[field] for field in ("title", "author", "topic", "description")]
    assert wanted == ids((await shop.catalog.get("/books?q=lighthouse")).json)


async def test_words_are_prefixes_and_all_of_them_must_match(shop: Shop) -> None:
    """Half a word finds the whole one, in any order and field; a word too many finds nothing."""
    book_id = await shop.add_book(title="The Lighthouse Keeper", author="Ada Quill")
    await shop.add_book(title="Keepers of Bees")
    for query in ("light", "KEEP+light", "quill+lighthouse", "l", "li"):
        assert [book_id] == ids((await shop.catalog.get(f"/books?q={query}")).json), query
    for query in ("house", "lighthouse+bees", "lighthouses"):
        assert [] == (await shop.catalog.get(f"/books?q={query}")).json, query


async def test_diacritics_do_not_matter_in_a_search(shop: Shop) -> None:
    """With accents or without, composed or not, upper case or lower."""
    book_id = await shop.add_book(title="Writing a Résumé")
    for query in ("resume", "RÉSUMÉ", "résu", unicodedata.normalize("NFD", "résumé")):
        reply = await shop.catalog.get(f"/books?q={quote(query)}")
        assert [book_id] == ids(reply.json), ascii(query)


async def test_an_arabic_word_is_found_in_every_spelling(shop: Shop) -> None:
    """With marks of vowels, hamza and final letters or without, in the index and in the search."""
    book_id = await shop.add_book(title="مُقَدِّمَة ابن خلدون", author="أحمد", publisher="مكتبة")
    for query in ("مقدمة", "مقدمه", "مُقَدِّمَة", "احمد", "أحمد", "مكتبه", "كـ", "مكت"):
        found = ids((await shop.catalog.get(f"/books?q={quote(query)}")).json)
        assert ([] if query == "كـ" else [book_id]) == found, query


async def test_a_retired_book_is_in_no_list(shop: Shop) -> None:
    """Neither of a topic nor of words nor of all; once it comes back it is in each of them."""
    book_id = await shop.add_book(title="Aardvark", topic="law", quantity=1)
    other = await shop.add_book(title="Zebra", topic="law", quantity=1)

    async def lists() -> list[object]:
        return [
            ids((await shop.catalog.get(path)).json)
            for path in ("/books", "/books?topic=law", "/search/law", "/query?topic=law")
        ] + [
            (await shop.catalog.get("/topics")).json[0]["books"],
            ids((await shop.catalog.get("/books?q=aardvark")).json),
            ids((await shop.catalog.get("/books?q=aardvark&topic=law")).json),
        ]

    both = [book_id, other]
    assert [both, both, both, both, 2, [book_id], [book_id]] == await lists()
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"retired": True})
    assert [[other], [other], [other], [other], 1, [], []] == await lists()
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"retired": False, "title": "Aardvarks"})
    assert [both, both, both, both, 2, [book_id], [book_id]] == await lists()
    await shop.catalog.call("PATCH", f"/books/{other}", {"retired": True})
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"retired": True, "topic": "arts"})
    assert [] == (await shop.catalog.get("/topics")).json


async def test_an_isbn_in_any_form_finds_its_book(shop: Shop) -> None:
    """As words and as an argument of its own, with or without hyphens."""
    book_id = await shop.add_book(isbn=ISBN)
    await shop.add_book(title=f"About {ISBN_10}")
    for isbn in (ISBN, ISBN_10, "0131103628", "978-0-13-110362-7", "978%200131103627"):
        assert [book_id] == ids((await shop.catalog.get(f"/books?q={isbn}")).json), isbn
        assert [book_id] == ids((await shop.catalog.get(f"/books?isbn={isbn}")).json), isbn


async def test_an_isbn_argument_must_be_one(catalog: Caller) -> None:
    """A wrong check digit is an error there; an unknown ISBN finds nothing."""
    reply = await catalog.get("/books?isbn=0-13-110362-9")
    assert (400, "invalid-request") == (reply.status, reply.code)
    assert [] == (await catalog.get(f"/books?isbn={ISBN}")).json
    assert [] == (await catalog.get("/books?q=0-13-110362-9")).json


async def test_a_search_follows_edits(shop: Shop) -> None:
    """The old words find the book no more, the new ones do; stock changes do not matter."""
    book_id = await shop.add_book(title="Aardvark", quantity=1)
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"title": "Zebra"})
    await reserve(shop.catalog, "o", (book_id, 1))
    assert [] == (await shop.catalog.get("/books?q=aardvark")).json
    assert [book_id] == ids((await shop.catalog.get("/books?q=zebra")).json)


async def test_search_words_are_never_syntax(shop: Shop) -> None:
    """Quotes, operators and odd bytes are words, or nothing."""
    await shop.add_book(title="a and or near b title")
    for query in ('"', "AND", "a OR", "NEAR(a b)", "title:a", "a*", "^a", "-a", "(", "\0", "💥"):
        assert 200 == (await shop.catalog.get(f"/books?q={quote(query)}")).status, query


WRONG_QUERIES = [
    "after=x",
    "after=-1",
    "after=%D9%A3",
    f"after={'9' * 30}",
    "limit=0",
    "limit=101",
    "limit=x",
    "limit=",
    "surprise=1",
    "q=a&q=b",
    "q=" + "x" * 201,
    "q=a&after=x",
    "q=a&after=%20",
    "q=a&after=bmFuOjE",  # nan:1
    "q=a&after=MS4wOjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk",  # 1.0: and a number beyond 64 bits
    "q=a&after=" + "x" * 201,
]


async def test_an_improper_argument_of_a_page_is_refused(catalog: Caller) -> None:
    """Cursors that are not ours, limits beyond the limits, unknown and doubled arguments."""
    found = {query: (await catalog.get(f"/books?{query}")).status for query in WRONG_QUERIES}
    assert dict.fromkeys(WRONG_QUERIES, 400) == found
