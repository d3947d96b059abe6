"""The basket's page: prices and stock of today, and what changed is said once."""

from bazar.front.storefront.basket import BASKET_LINES_MAX
from support.browsers import Browser, Page, put_in
from support.shops import CATALOG_URL, Shop
from support.wires import Wire


async def put(browser: Browser, book_id: int, copies: str) -> Page:
    """Set how many copies of a book are in the basket, and look at it."""
    fields = {"book": str(book_id), "copies": copies}
    return await browser.follow(await browser.post("/basket", fields))


async def test_a_basket_is_empty_at_first(shop: Shop, browser: Browser) -> None:
    """It says so, and there is no checkout without books."""
    page = await browser.get("/basket")
    assert (200, "Your basket is empty.") == (page.status, page.h1)
    assert {} == browser.cookies
    checkout = await browser.get("/checkout")
    assert (303, "/basket") == (checkout.status, checkout.location)
    assert 404 == (await shop.front.get("/checkouts", {"accept": "text/html"})).status


async def test_books_are_put_in_changed_and_taken_out(shop: Shop, browser: Browser) -> None:
    """One more of the same raises its copies; the notice is said once; every page has the count."""
    one, two = await shop.add_book(quantity=9), await shop.add_book(title="Emma", quantity=9)
    await put_in(browser, one)
    page = await put_in(browser, one, "\u0662")
    assert "Added: RPCs for Noobs" in page.text
    assert "3 books $59.97" in page.text
    assert "Books in it: 3" in page.text
    assert "Added" not in (await browser.get("/basket")).text
    await put_in(browser, two)
    assert "3 books" in (await put(browser, one, "2")).text
    assert "Write how many copies as a number." in (await put(browser, one, "two")).text
    left = await put(browser, one, "0")
    assert "1 book " in left.text
    assert "RPCs" not in left.text
    assert "1 book " in (await put(browser, 999, "5")).text
    assert "Your basket is empty." == (await put(browser, two, "0")).h1


async def test_no_more_than_there_is_can_be_put_in(shop: Shop, browser: Browser) -> None:
    """Over the stock or the limit the copies are set to it, and it is said."""
    few, none = await shop.add_book(quantity=3), await shop.add_book(title="Emma", quantity=0)
    page = await put_in(browser, few, "7")
    assert "Only 3 copies of RPCs for Noobs are left. They are in your basket." in page.text
    assert "3 books" in page.text
    assert "Emma has sold out." in (await put_in(browser, none)).text
    assert "This book is not sold any more." in (await put_in(browser, 999)).text
    assert 400 == (await browser.post("/basket", {"add": "x"})).status
    assert "3 books" in (await browser.get("/basket")).text
    page = await put(browser, few, "9")
    assert "One thing changed since you last looked." in page.text
    assert "Only 3 copies of RPCs for Noobs are left, so we changed 9 to 3." in page.text


async def test_what_changed_is_said_once(shop: Shop, browser: Browser) -> None:
    """Fewer copies, another price, a book that is gone: the basket then holds what is true."""
    one, two = (
        await shop.add_book(title="Records", quantity=3),
        await shop.add_book(title="Dracula", price=15.95, quantity=9),
    )
    three = await shop.add_book(title="Judge Dee", quantity=9)
    for book_id in (one, two, three):
        await put_in(browser, book_id, "3")
    await shop.front.post(f"/purchase/{one}")
    await shop.catalog.call("PATCH", f"/books/{two}", {"price": 16.75})
    await shop.catalog.call("PATCH", f"/books/{three}", {"retired": True})
    checkout = await browser.get("/checkout")
    assert (303, "/basket") == (checkout.status, checkout.location)
    page = await browser.get("/basket")
    assert "3 things changed since you last looked." in page.text
    assert "Only 2 copies of Records are left, so we changed 3 to 2." in page.text
    assert "Dracula is now $16.75; it was $15.95." in page.text
    assert "Judge Dee is not sold any more, so we took it out." in page.text
    again = await browser.get("/basket")
    assert "changed since" not in again.text
    assert "5 books $90.23" in again.text
    assert 200 == (await browser.get("/checkout")).status


async def test_the_basket_is_safe_while_the_catalog_is_away(shop: Shop, browser: Browser) -> None:
    """It says so with 503, asks again by itself, and loses nothing."""
    book_id = await shop.add_book(quantity=9)
    await put_in(browser, book_id)
    kept = dict(browser.cookies)
    wire = Wire(shop.network, CATALOG_URL)
    wire.away = True
    page = await browser.get("/basket")
    assert (503, kept) == (page.status, browser.cookies)
    assert "We can't reach our stock room. Your basket is safe." == page.h1
    assert page.headers["retry-after"] == page.headers["refresh"]
    assert "5" == page.headers["retry-after"]
    assert 503 == (await browser.post("/basket", {"add": str(book_id)})).status
    wire.away = False
    assert "1 book " in (await browser.get("/basket")).text


async def test_a_basket_holds_fifty_books(shop: Shop, browser: Browser) -> None:
    """One more is refused in words, and the cookie stays small."""
    books = [await shop.add_book(title=f"B{place}") for place in range(BASKET_LINES_MAX + 1)]
    for book_id in books:
        await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/5")
    for book_id in books[:-1]:
        await browser.post("/basket", {"add": str(book_id)})
    page = await put_in(browser, books[-1])
    assert "A basket holds 50 different books. Order these first." in page.text
    assert "We sell at most 20 copies in one order here. For more, ring us." in page.text
    assert "/checkout" not in page.links
    assert (await browser.get("/checkout")).location == "/basket"
    assert len(browser.cookies["basket"]) < 3000


async def test_the_cookie_is_signed(shop: Shop, browser: Browser) -> None:
    """A basket that somebody made up is none."""
    await put_in(browser, await shop.add_book(quantity=9))
    name, value = "basket", browser.cookies["basket"]
    browser.cookies[name] = value[:-1] + ("a" if value[-1] != "a" else "b")
    assert "Your basket is empty." == (await browser.get("/basket")).h1


async def test_everything_is_there_in_arabic(shop: Shop, browser: Browser) -> None:
    """From right to left, at addresses of its own, and the order speaks it too."""
    page = await put_in(browser, await shop.add_book(quantity=9), prefix="/ar")
    assert '<html lang="ar" dir="rtl">' in page.html
    assert "أُضيف: RPCs for Noobs" in page.text
    form = (await browser.get("/ar/checkout")).form("/ar/checkout").fields
    placed = await browser.post("/ar/checkout", form | {"name": "لينا", "email": "l@example.org"})
    assert placed.location.startswith("/ar/order/")
    assert "شكرًا لك يا لينا. الكتب لك." in (await browser.get(placed.location)).text
    stored = (await shop.order.get(placed.location.replace("/ar/order/", "/orders/"))).json
    assert "ar" == stored["buyer"]["language"]


async def test_no_page_has_a_style_of_its_own(shop: Shop, browser: Browser) -> None:
    """The content policy would stop it: sizes and colours are in the style sheets alone."""
    book_id = await shop.add_book(quantity=9)
    pages = [await browser.get("/basket"), await put_in(browser, book_id)]
    pages.append(checkout := await browser.get("/checkout"))
    form = checkout.form("/checkout").fields
    pages.append(await browser.post("/checkout", form))
    form |= {"name": "Lina", "email": "lina@example.org"}
    placed = await browser.post("/checkout", form)
    pages.append(await browser.post("/checkout", form | {"name": "Omar"}))
    pages += [await browser.get(f"{placed.location}{end}") for end in ("", "/cancel")]
    assert [200, 200, 200, 422, 409, 200, 200] == [page.status for page in pages]
    for page in pages:
        assert " style=" not in page.html
        assert " onclick" not in page.html
