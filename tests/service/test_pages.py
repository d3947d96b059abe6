"""The pages for browsing, over a whole shop: what they show, where they lead, what they cost."""

import gzip
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bazar.front.app import front_app
from bazar.front.storefront import home
from support.shops import (
    CATALOG_URL,
    ORDER_URL,
    SECRET,
    Caller,
    Reply,
    Shop,
)

HTML = {"accept": "text/html,application/xhtml+xml"}
DRACULA = {"title": "Dracula; or, The Undead", "author": "Bram Stoker", "topic": "horror"}
BOOK_BYTES_MAX, BOOK_GZIP_BYTES_MAX = 12_000, 4_000
HOME_BYTES_MAX, HOME_GZIP_BYTES_MAX = 20_000, 5_000


async def page(shop: Shop, path: str, **headers: str) -> Reply:
    """Return a page as a browser gets it."""
    return await shop.front.get(path, HTML | {n.replace("_", "-"): v for n, v in headers.items()})


def text_of(reply: Reply) -> str:
    """Return the HTML of a page."""
    return reply.content.decode()


def links_of(reply: Reply) -> set[str]:
    """Return the addresses of this shop that a page leads to, pages and parts."""
    found = re.findall(r'(?:href|src|action)="(/[^"]*)"', text_of(reply))
    return {address.replace("&amp;", "&") for address in found}


@pytest.fixture
async def books(shop: Shop) -> list[int]:
    """Put a dozen books on the shelf."""
    authors = ["Jane Austen", "H. G. Wells", "Émile Zola"]
    return [
        await shop.add_book(
            title=f"Book {number}",
            author=authors[number % 3],
            topic=["novel", "science fiction"][number % 2],
            quantity=number,
            price=5 + number,
        )
        for number in range(12)
    ]


async def test_the_first_page_shows_claim_topics_and_shelves(shop: Shop, books: list[int]) -> None:
    """In both languages, each in its direction, and each leads to the other."""
    english, arabic = await page(shop, "/"), await page(shop, "/ar")
    assert 200 == english.status == arabic.status
    assert '<html lang="en" dir="ltr">' in text_of(english)
    assert '<html lang="ar" dir="rtl">' in text_of(arabic)
    assert "If it is on this page, it is on our shelf." in text_of(english)
    assert "ما تراه هنا موجود على رفوفنا." in text_of(arabic)
    assert "كتب بازار" in text_of(arabic)
    assert {"/ar", "/browse", "/browse/novel", f"/book/{books[1]}/book-1"} <= links_of(english)
    assert {"/", "/ar/browse/novel", f"/ar/book/{books[1]}/book-1"} <= links_of(arabic)


async def test_an_empty_shop_says_so(shop: Shop) -> None:
    """Without shelves, topics or covers."""
    assert "The shelves are being filled. Come back soon." in text_of(await page(shop, "/"))
    assert "The shelves are being filled." in text_of(await page(shop, "/browse"))


async def test_every_link_of_the_pages_for_browsing_leads_somewhere(
    shop: Shop, books: list[int]
) -> None:
    """From the first page on; nothing leads to another host."""
    seen: set[str] = set()
    todo = ["/", f"/book/{books[3]}/book-3", "/find?q=book", "/browse"]
    outside = {"/basket", "/find"}
    while todo and len(seen) < 90:
        path = todo.pop()
        if path in seen or path.partition("?")[0].removeprefix("/ar") in outside:
            continue
        seen.add(path)
        reply = await page(shop, path)
        assert 200 == reply.status, path
        if "text/html" in reply.headers["content-type"]:
            assert not re.search(r'(?:src|action)="(?!/)', text_of(reply)), path
            todo += links_of(reply) - seen
    assert len(seen) > 40


async def test_no_page_holds_a_style_or_a_script_of_its_own(shop: Shop, books: list[int]) -> None:
    """The policy would stop them; data for search engines is neither."""
    for path in ("/", f"/book/{books[3]}/book-3", "/find?q=book", "/nix", "/browse/novel"):
        text = text_of(await page(shop, path))
        assert "style=" not in text
        assert "<style" not in text
        assert not re.search(r"\son\w+=", text)
        assert all("src=" in one or "ld+json" in one for one in re.findall(r"<script[^>]*>", text))


async def test_a_book_is_at_the_address_of_its_title(shop: Shop) -> None:
    """Any other leads there for good; what a newsletter adds changes nothing."""
    book_id = await shop.add_book(**DRACULA)
    for path in (f"/book/{book_id}", f"/book/{book_id}/dracula-2"):
        moved = await page(shop, path)
        assert (301, f"/book/{book_id}/dracula") == (moved.status, moved.headers["location"])
    moved = await page(shop, f"/ar/book/{book_id}")
    assert f"/ar/book/{book_id}/dracula" == moved.headers["location"]
    assert 200 == (await page(shop, f"/book/{book_id}/dracula?fbclid=abc&fbclid=d")).status
    assert 404 == (await page(shop, "/book/999/dracula")).status
    assert 400 == (await page(shop, f"/book/{10**30}/dracula")).status


async def test_a_book_in_another_script_keeps_its_address(shop: Shop) -> None:
    """The address is quoted, and read back."""
    book_id = await shop.add_book(title="ألف ليلة وليلة")
    moved = await page(shop, f"/book/{book_id}")
    assert 200 == (await page(shop, moved.headers["location"])).status


async def test_a_book_says_what_is_known_of_it(shop: Shop) -> None:
    """And nothing of what is not."""
    book_id = await shop.add_book(
        title="Iliad", author="Homer", year=-750, isbn="9780060809249", quantity=3, price=12.99
    )
    text = text_of(await page(shop, f"/book/{book_id}/iliad"))
    for words in ("$12.99", "Last 3 copies", "750 BC", "978-0-06-080924-9", 'max="3"'):
        assert words in text
    for words in ("Publisher", "Condition", "Format"):
        assert f">{words}<" not in text


async def test_a_book_tells_search_engines_what_it_costs(shop: Shop) -> None:
    """As data that is valid JSON whatever the title is."""
    book_id = await shop.add_book(title="</script><b>&", author="A", quantity=0, price=5)
    moved = await page(shop, f"/book/{book_id}")
    text = text_of(await page(shop, moved.headers["location"]))
    assert "</script><b>&" not in text
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text)
    assert found is not None
    data = msgspec.json.decode(found[1])
    assert "</script><b>&" == data["name"]
    offer = data["offers"]
    assert ("5.00", "USD") == (offer["price"], offer["priceCurrency"])
    assert "https://schema.org/OutOfStock" == offer["availability"]


async def test_a_sold_out_book_offers_no_button(shop: Shop) -> None:
    """But says so, with a shape beside the colour."""
    book_id = await shop.add_book(title="Emma", quantity=0)
    text = text_of(await page(shop, f"/book/{book_id}/emma"))
    assert "Sold out" in text
    assert "stock-out" in text
    assert "data-buy" not in text


async def test_what_a_page_weighs_is_bounded(shop: Shop, books: list[int]) -> None:
    """Plain and packed; both are the same page."""
    for path, most, packed_most in (
        ("/", HOME_BYTES_MAX, HOME_GZIP_BYTES_MAX),
        (f"/book/{books[3]}/book-3", BOOK_BYTES_MAX, BOOK_GZIP_BYTES_MAX),
    ):
        plain = await page(shop, path)
        packed = await page(shop, path, accept_encoding="gzip")
        assert plain.content == gzip.decompress(packed.content)
        assert len(plain.content) <= most
        assert len(packed.content) <= packed_most


async def test_a_page_that_is_held_is_not_sent_again(shop: Shop, books: list[int]) -> None:
    """Until something on it changes, such as the stock of one of its cards."""
    path = f"/book/{books[3]}/book-3"
    first = await page(shop, path)
    assert "private, no-cache" == first.headers["cache-control"]
    held = await page(shop, path, if_none_match=first.headers["etag"])
    assert (304, b"") == (held.status, held.content)
    other = books[5]
    assert 200 == (await shop.catalog.call("PUT", f"/update/{other}/amount_of_items/-4")).status
    await shop.front.get(f"/info/{other}", {"cache-control": "no-cache"})
    changed = await page(shop, path, if_none_match=first.headers["etag"])
    assert 200 == changed.status
    assert first.headers["etag"] != changed.headers["etag"]
    assert "Last copy" in text_of(changed)


async def test_head_is_answered_as_get_without_the_page(shop: Shop, books: list[int]) -> None:
    """With the same tag, length and coding."""
    path = f"/book/{books[3]}/book-3"
    headers = HTML | {"accept-encoding": "gzip"}
    got = await shop.front.get(path, headers)
    head = await shop.front.call("HEAD", path, None, headers)
    assert b"" == head.content
    for name in ("etag", "content-encoding", "content-length", "content-type"):
        assert got.headers[name] == head.headers[name]


async def test_results_say_how_many_first_and_mark_the_words(shop: Shop, books: list[int]) -> None:
    """Each with what it costs, how many are left, and a way into the basket."""
    assert books
    await shop.add_book(title="The Sea Wolf", description="Out at sea.", quantity=3)
    text = text_of(await page(shop, "/find?q=sea"))
    assert "1 book for “sea”" in text
    assert "<mark>sea</mark>" in text
    assert "Last 3 copies" in text
    assert 'name="add"' in text
    assert 'content="noindex"' in text


async def test_nothing_found_shows_ways_on(shop: Shop, books: list[int]) -> None:
    """The nearest spelling, and the topics."""
    assert books
    reply = await page(shop, "/find?q=boook")
    assert "No book has “boook”." in text_of(reply)
    assert "/find?q=book" in links_of(reply)
    assert "/browse/novel" in links_of(reply)


async def test_an_isbn_leads_to_its_book(shop: Shop) -> None:
    """However it is written."""
    book_id = await shop.add_book(title="Emma", isbn="9780060809249")
    for isbn in ("9780060809249", "978-0-06-080924-9", "0060809248"):
        reply = await page(shop, f"/find?q={isbn}")
        assert (303, f"/book/{book_id}/emma") == (reply.status, reply.headers["location"])


async def test_a_query_of_nothing_is_all_topics(shop: Shop) -> None:
    """So is one of what nobody reads."""
    for path in ("/find", "/find?q=", "/find?q=+&utm_source=x"):
        assert "/browse" == (await page(shop, path)).headers["location"]


@pytest.mark.parametrize(
    "query", ["q=" + "x" * 3000, "q=%00", "q=%22*(", "q=a&after=nonsense", "min=x&q=a", "q=a&q=b"]
)
async def test_no_query_breaks_the_results(shop: Shop, query: str) -> None:
    """Whatever stands in the address is read kindly."""
    assert (await page(shop, f"/find?{query}")).status in {200, 303}


async def test_topics_and_authors_have_pages(shop: Shop, books: list[int]) -> None:
    """An author is found by the words of the name."""
    assert books
    topic = await page(shop, "/browse/science%20fiction")
    assert "6 books" in text_of(topic)
    author = await page(shop, "/by/h-g-wells")
    assert "4 books" in text_of(author)
    assert "Book 1<" in text_of(author)
    assert "Book 2<" not in text_of(author)
    assert 200 == (await page(shop, "/by/emile-zola")).status
    assert 404 == (await page(shop, "/by/nobody")).status
    edited = await shop.catalog.call("PATCH", f"/books/{books[1]}", {"author": "H G Wells"})
    assert 200 == edited.status
    assert "H G Wells</bdi></h1>" in text_of(await page(shop, "/by/h-g-wells"))
    assert 404 == (await page(shop, "/browse/nothing")).status


async def test_a_long_list_goes_on(shop: Shop) -> None:
    """Page by page, with a way back to the first."""
    for number in range(30):
        await shop.add_book(title=f"Book {number}", topic="novel")
    first = await page(shop, "/browse/novel")
    assert 24 == text_of(first).count('class="card"') + text_of(first).count('class="card ')
    following = next(path for path in links_of(first) if "after=" in path)
    second = await page(shop, following)
    assert 6 == text_of(second).count('class="card"') + text_of(second).count('class="card ')
    assert "Back to the first page" in text_of(second)


async def test_a_cover_is_kept_for_ever_under_its_digest(shop: Shop) -> None:
    """Under another one it is today's, to be asked for again; it can run nothing."""
    book_id = await shop.add_book(**DRACULA)
    text = text_of(await page(shop, f"/book/{book_id}/dracula"))
    found = re.search(r'/cover/[^"]+', text)
    assert found is not None
    cover, other = await page(shop, found[0]), await page(shop, f"/cover/{book_id}-0000000000.svg")
    assert cover.content == other.content
    assert "public, max-age=31536000, immutable" == cover.headers["cache-control"]
    assert "no-cache" == other.headers["cache-control"]
    assert "default-src 'none'; sandbox" == cover.headers["content-security-policy"]
    assert "image/svg+xml" == cover.headers["content-type"]
    for path in ("/cover/999-0.svg", "/cover/x.svg", "/cover/1-0.png"):
        assert 404 == (await page(shop, path)).status


async def test_the_keeper_writes_pages_of_text(shop: Shop) -> None:
    """As paragraphs; what nobody wrote is not there."""
    assert 404 == (await page(shop, "/page/imprint")).status
    texts = {"imprint": "First <b>.\n\nSecond."}
    assert 200 == (await shop.catalog.call("PATCH", "/shop", {"texts": texts})).status
    for _try in range(50):
        reply = await page(shop, "/page/imprint")
        if reply.status == 200:
            break
    assert "<p>First &lt;b&gt;.</p>\n<p>Second.</p>" in text_of(reply)
    assert 200 == (await page(shop, "/page/delivery")).status


async def test_a_browser_that_is_lost_sees_a_page_and_others_a_document(shop: Shop) -> None:
    """By what they accept; the routes of the interface answer as they always did."""
    lost = await page(shop, "/nix")
    assert (404, "text/html; charset=utf-8") == (lost.status, lost.headers["content-type"])
    assert "This shelf is empty" in text_of(lost)
    assert "هذا الرف فارغ" in text_of(await page(shop, "/ar/nix"))
    document = await shop.front.get("/nix", {"accept": "*/*"})
    assert "route-not-found" == document.code
    assert "book-not-found" == (await page(shop, "/info/999")).code
    assert 404 == (await shop.front.call("DELETE", "/", None, HTML)).status
    assert "method-not-allowed" == (await shop.front.call("DELETE", "/topics", None, HTML)).code


async def test_without_the_catalog_the_last_first_page_is_shown(
    shop: Shop, books: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says of when it is; after ten minutes it is too old."""
    assert books
    await page(shop, "/")
    shop.network.apps.pop(CATALOG_URL)
    for _try in range(100):
        reply = await page(shop, "/")
        if "as of" in text_of(reply):
            break
    now = datetime.now(UTC).strftime("%H:")
    assert re.search(rf"as of {now}\d\d", text_of(reply))
    assert "no-store" == reply.headers["cache-control"]
    assert "Book 5" in text_of(reply)
    monkeypatch.setattr(home, "LAST_AGE_S_MAX", -1)
    away = await page(shop, "/")
    assert 503 == away.status
    assert "The shop takes a breath" in text_of(away)
    assert away.headers["retry-after"] == away.headers["refresh"]


async def test_search_engines_find_every_book(shop: Shop, books: list[int]) -> None:
    """In both languages; they are told what to leave alone."""
    index = text_of(await shop.front.get("/sitemap.xml"))
    assert 1 == index.count("<sitemap>")
    part = text_of(await shop.front.get("/sitemap.xml?part=1", {"host": "shop.test"}))
    assert 2 * len(books) == part.count("<url>")
    assert f"http://shop.test/ar/book/{books[3]}/book-3" in part
    days = re.findall(r"<lastmod>(\S+)</lastmod>", part)
    assert 2 * len(books) == len(days)
    for day in days:
        assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(day) < timedelta(days=1)
    assert 404 == (await shop.front.get("/sitemap.xml?part=2")).status
    robots = text_of(await shop.front.get("/robots.txt", {"host": "shop.test"}))
    assert "Disallow: /order\n" in robots
    assert "Disallow: /ar/basket\n" in robots
    assert "Sitemap: http://shop.test/sitemap.xml" in robots


@pytest.fixture
async def at_home(shop: Shop) -> AsyncIterator[Caller]:
    """Open another front of the shop, which people reach over https."""
    public = "https://shop.example"
    async with front_app(CATALOG_URL, ORDER_URL, SECRET, shop.client, public) as front:
        shop.network.host("http://home.test", front)
        yield Caller("http://home.test", shop.client)


async def test_a_public_address_makes_links_whole(shop: Shop, at_home: Caller) -> None:
    """Over https browsers are told to stay there."""
    book_id = await shop.add_book(**DRACULA)
    reply = await at_home.get(f"/book/{book_id}/dracula", HTML)
    text = text_of(reply)
    for name, prefix in (("en", ""), ("ar", "/ar"), ("x-default", "")):
        address = f"https://shop.example{prefix}/book/{book_id}/dracula"
        assert f'hreflang="{name}" href="{address}"' in text
    assert f'rel="canonical" href="https://shop.example/book/{book_id}/dracula"' in text
    own = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    added = b"add=%d" % book_id
    for answer in (
        reply,
        await at_home.get(f"/book/{book_id}", HTML),
        await at_home.call("POST", "/basket", None, own, content=added),
        await at_home.get("/book/999", HTML),
        await at_home.get("/robots.txt"),
    ):
        assert "max-age=31536000" == answer.headers["strict-transport-security"], answer.status
    assert "strict-transport-security" not in (await page(shop, "/")).headers
