"""Wire the front together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pyreqwest.client import Client

from bazar.front.api import FrontApi
from bazar.front.upstream.shop import Shop
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.peers.client import Upstream


@asynccontextmanager
async def front_app(
    catalog_url: str, order_url: str, secret: str, client: Client
) -> AsyncIterator[HttpApp]:
    """Open the front. It is ready even while the others are away: purchases may still be kept."""
    metrics = Metrics("front")
    shop = Shop(
        Upstream("catalog", catalog_url, client), Upstream("order", order_url, client, secret)
    )

    async def check() -> None:
        """Nothing can be missing: the front holds nothing."""

    metrics.watch("bazar_cache_hits", "Answers from the cache.", lambda: shop.cache.hits)
    metrics.watch("bazar_cache_misses", "Answers fetched.", lambda: shop.cache.misses)
    metrics.watch("bazar_placements_waiting", "Purchases that wait to be sent.", shop.waiting)
    endpoints = operations("front", metrics, check, endpoints_of(FrontApi(shop)))
    shop.start()
    try:
        yield HttpApp("front", endpoints, metrics)
    finally:
        await shop.stop()
