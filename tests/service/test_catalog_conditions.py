"""Changes with If-Match: made on what their asker has seen, or not at all."""

import asyncio

from support.catalog_calls import ISBN
from support.engines import on_every_engine
from support.problem_documents import check_problem
from support.shops import Reply, Shop

pytestmark = on_every_engine


async def edit(shop: Shop, path: str, edit: object, tag: str, **headers: str) -> Reply:
    """Send a change of what has a tag."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await shop.catalog.call("PATCH", path, edit, sent | {"if-match": tag})


async def test_a_change_is_made_on_what_was_seen(shop: Shop) -> None:
    """The tag of front or catalog goes along; the answer has the next one, and so on."""
    book_id = await shop.add_book()
    for reader, price in ((shop.catalog, 5), (shop.front, 6)):
        tag = (await reader.get(f"/info/{book_id}", {"cache-control": "no-cache"})).headers["etag"]
        first = await edit(shop, f"/books/{book_id}", {"price": price}, f'"x", {tag}')
        assert 200 == first.status
        again = await edit(shop, f"/books/{book_id}", {"year": price}, first.headers["etag"])
        assert (price, price) == (again.json["price"], again.json["year"])
        assert "no-store" == again.headers["cache-control"]
        shown = await shop.catalog.get(f"/info/{book_id}")
        assert again.headers["etag"] == shown.headers["etag"]


async def test_what_has_changed_since_is_left_alone(shop: Shop) -> None:
    """An edit of another, or a sale: 412, which says what to do, and the version stays."""
    book_id = await shop.add_book(quantity=5)
    path = f"/books/{book_id}"
    for change in ({"title": "Other"}, None):
        tag = (await shop.catalog.get(f"/info/{book_id}")).headers["etag"]
        if change:
            assert 200 == (await shop.catalog.call("PATCH", path, change)).status
        else:
            assert 201 == (await shop.front.post(f"/purchase/{book_id}")).status
        before = (await shop.catalog.get(f"/info/{book_id}")).content
        for given in (tag, f"W/{tag}", '"x"'):
            problem = check_problem(
                await edit(shop, path, {"price": 1}, given), 412, "precondition-failed"
            )
            assert "ETag" in problem.hint
        assert before == (await shop.catalog.get(f"/info/{book_id}")).content


async def test_a_condition_comes_after_what_is_wrong_with_the_request(shop: Shop) -> None:
    """No such book, a broken body, a broken header, no secret: those are told first."""
    book_id = await shop.add_book()
    path = f"/books/{book_id}"
    check_problem(await edit(shop, "/books/99", {"year": 1}, "*"), 404, "book-not-found")
    check_problem(await edit(shop, "/books/99", {"year": 1}, '"x"'), 404, "book-not-found")
    check_problem(await edit(shop, path, {"year": "x"}, '"x"'), 400, "invalid-request")
    check_problem(await edit(shop, path, {"year": 1}, "x"), 400, "invalid-request")
    stranger = await shop.catalog.client.patch(f"{shop.catalog.url}{path}").build().send()
    assert 401 == stranger.status
    assert 200 == (await edit(shop, path, {"year": 1}, "*")).status


async def test_one_of_many_who_saw_the_same_changes_it(shop: Shop) -> None:
    """The condition holds in the transaction of the change: nobody undoes what another did."""
    book_id = await shop.add_book()
    book_tag = (await shop.catalog.get(f"/info/{book_id}")).headers["etag"]
    shop_tag = (await shop.catalog.get("/shop")).headers["etag"]
    for path, tag, member in (
        (f"/books/{book_id}", book_tag, "description"),
        ("/shop", shop_tag, "claim"),
    ):
        changes = [edit(shop, path, {member: f"From buyer {one}"}, tag) for one in range(8)]
        replies = await asyncio.gather(*changes)
        assert [200, *[412] * 7] == sorted(reply.status for reply in replies), path


async def test_with_a_key_a_repetition_gets_the_first_answer(shop: Shop) -> None:
    """Though the tag holds no more by then: it was this very request that changed the book."""
    book_id = await shop.add_book()
    path, key = f"/books/{book_id}", '"k"'
    tag = (await shop.catalog.get(f"/info/{book_id}")).headers["etag"]
    first = await edit(shop, path, {"price": 5}, tag, idempotency_key=key)
    await shop.catalog.call("PATCH", path, {"price": 7})
    again = await edit(shop, path, {"price": 5}, tag, idempotency_key=key)
    assert (200, first.content) == (again.status, again.content)
    assert first.headers["etag"] == again.headers["etag"]
    assert 7 == (await shop.catalog.get(f"/info/{book_id}")).json["price"]


async def test_a_key_whose_condition_failed_has_done_nothing_yet(shop: Shop) -> None:
    """Who looks again may use it with the new tag; with the old one it fails for ever."""
    book_id = await shop.add_book()
    path, key = f"/books/{book_id}", '"k"'
    old = (await shop.catalog.get(f"/info/{book_id}")).headers["etag"]
    new = (await shop.catalog.call("PATCH", path, {"year": 1999})).headers["etag"]
    for tag, status in ((old, 412), (old, 412), (new, 200)):
        reply = await edit(shop, path, {"price": 5}, tag, idempotency_key=key)
        assert status == reply.status


async def test_the_condition_comes_before_what_the_change_would_meet(shop: Shop) -> None:
    """An ISBN that is taken by now is no news to who has not seen the book as it is."""
    await shop.add_book(isbn=ISBN)
    book_id = await shop.add_book()
    reply = await edit(shop, f"/books/{book_id}", {"isbn": ISBN}, '"x"')
    check_problem(reply, 412, "precondition-failed")
