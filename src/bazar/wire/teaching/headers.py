"""Headers of answers, parameters of paths, and arguments of query strings."""

from bazar.kit.http.teaching import Header, Sample

_NUMBER = {"type": "integer", "minimum": 0}

HEADERS = {
    "X-Request-Id": Header("Of this request, in the log of every service.", "b00d334b-2"),
    "Server-Timing": Header(
        "How long each service took, in milliseconds; each includes those after it.",
        "front;dur=6.66, order;dur=4.86, catalog;dur=1.75",
    ),
    "Cache-Control": Header("Whether a cache on the way may keep the answer.", "no-cache"),
    "ETag": Header(
        "Names these bytes: send it back as If-None-Match, or as If-Match with a change.",
        '"a4a3888620e08b5aa8c83daa"',
    ),
    "Cache-Status": Header("Where the front has the answer from.", "bazar; hit"),
    "Location": Header("Where to find what was made.", "/orders/01m8dp777cyqt48dqjm8vvv3sy"),
    "Link": Header(
        "The next page, as long as there is one. Follow it, and do not build it yourself.",
        '</books?limit=20&after=20>; rel="next"',
    ),
    "Idempotency-Key": Header(
        "The key of this purchase: yours, or the one that was made for you.",
        '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
    ),
    "Retry-After": Header("After so many seconds ask again.", 1, _NUMBER),
    "Www-Authenticate": Header("How to say the service secret.", 'Bearer realm="bazar"'),
    "Connection": Header("The connection is closed after this answer.", "close"),
    "Accept": Header("What a body has to be.", "application/json"),
    "Accept-Encoding": Header("Bodies are not packed.", "identity"),
    "Vary": Header("By which headers of the request the answer differs.", "Accept-Encoding"),
    "Bazar-Changed": Header("Books that changed, with their new versions.", "4=4"),
    "Bazar-Version": Header("Of the book or the settings.", "17"),
}
_BACKUP_ID = "8e03978e-40d5"
PARAMETERS = {
    "book_id": Sample("Of the book.", 2),
    "order_id": Sample("Of the order: the secret of its buyer.", "01m8dp777cyqt48dqjm8vvv3sy"),
    "topic": Sample("In any case, with spaces or hyphens.", "distributed-systems"),
    "backup_id": Sample("Of the backup, as who began it chose it.", _BACKUP_ID),
    "field": Sample("`amount_of_items`, `price` or `cost`.", "amount_of_items"),
    "value": Sample("By how many copies the stock changes, or the new price.", "5"),
}
_ORDER_ID = "01m8dp777cyqt48dqjm8vvv3sy"
ARGUMENTS = {
    "topic": "distributed systems",
    "q": "noobs",
    "OrderQuery.q": "ida@example.org",
    "isbn": "9780141439600",
    "author": "Charles Dickens",
    "min": 5,
    "max": 20,
    "in_stock": "1",
    "list": "new",
    "sort": "price",
    "OrderQuery.sort": "-placed_at",
    "limit": 20,
    "after": _ORDER_ID,
    "BookQuery.after": "20",
    "EditsQuery.after": 100,
    "MovementsQuery.after": 100,
    "AllBooksQuery.after": 100,
    "PieceQuery.after": 1048576,
    "StockReportQuery.after": "books:1000",
    "before": _ORDER_ID,
    "LedgerQuery.before": 57,
    "status": "confirmed",
    "by": "placed",
    "unsettled": True,
    "from": "2026-11-23T00:00:00Z",
    "to": "2026-11-24T00:00:00Z",
    "progress": "to_pick",
    "channel": "web",
}
