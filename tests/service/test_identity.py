"""Every answer between services says who gives it; the front, whom strangers ask, says nothing."""

import pytest

from bazar.kit.http.refusals import PLACES
from bazar.kit.secret import SERVICE_HEADER, service_identity
from support.shops import CATALOG_URL, SECRET, Shop

PATHS = ("/healthz", "/readyz", "/nowhere", "/metrics", "/openapi.json", "/docs/swagger-ui.css")


@pytest.mark.parametrize("path", [*PATHS, "/info/1", "/orders", "/info/x?y=z"])
@pytest.mark.parametrize("secret", [None, SECRET])
async def test_every_answer_says_of_which_service_and_shop_it_is(
    shop: Shop, path: str, secret: str | None
) -> None:
    """Answers, refusals, errors and files alike, to whoever asks."""
    for caller, name in ((shop.catalog, "catalog"), (shop.order, "order")):
        reply = await type(caller)(caller.url, caller.client, secret).get(path)
        assert service_identity(name, SECRET) == reply.headers[SERVICE_HEADER]
    assert SERVICE_HEADER not in (await shop.front.get(path)).headers


async def test_the_feed_says_whose_it_is(shop: Shop) -> None:
    """With the head of the stream."""
    reply = await shop.catalog.call("HEAD", "/changes")
    assert (200, "text/event-stream") == (reply.status, reply.headers["content-type"].split(";")[0])
    assert service_identity("catalog", SECRET) == reply.headers[SERVICE_HEADER]


async def test_a_refusal_of_what_is_too_much_says_it_too(shop: Shop) -> None:
    """It is made beforehand, and another service must know that it is one of ours."""
    shop.network.bare[CATALOG_URL].rooms["reading"].in_flight.taken = PLACES["reading"]
    reply = await shop.catalog.get("/info/1")
    assert (503, "overloaded") == (reply.status, reply.code)
    assert service_identity("catalog", SECRET) == reply.headers[SERVICE_HEADER]


def test_a_fingerprint_tells_shops_apart_and_not_their_secrets() -> None:
    """Sixteen digits, other ones for each secret."""
    one, other = (service_identity("order", secret) for secret in (SECRET, SECRET + "!"))
    name, _, sign = one.partition("/")
    assert ("order", 16, True) == (name, len(sign), one != other)
    assert service_identity("catalog", SECRET) == f"catalog/{sign}"
    assert SECRET not in one
