"""Wire the front together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pyreqwest.client import Client

from bazar.front.api import FrontApi
from bazar.front.upstream.cache import Cache
from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.feed import Feed
from bazar.front.upstream.orders import Orders
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.peers.client import Upstream
from bazar.kit.process.watchdog import watched_loop


@asynccontextmanager
async def front_app(
    catalog_url: str, order_url: str, secret: str, client: Client
) -> AsyncIterator[HttpApp]:
    """Open the front. It is ready even while the others are away: purchases may still be kept."""
    metrics = Metrics("front")
    cache = Cache()
    to_catalog = Upstream("catalog", catalog_url, client)
    orders = Orders(Upstream("order", order_url, client, secret), cache)
    feed = Feed(to_catalog, cache)

    async def check() -> None:
        """Nothing can be missing: the front holds nothing."""

    metrics.watch("bazar_cache_hits", "Answers from the cache.", lambda: cache.hits)
    metrics.watch("bazar_cache_misses", "Answers fetched.", lambda: cache.misses)
    metrics.watch("bazar_placements_waiting", "Purchases that wait to be sent.", orders.waiting)
    own = endpoints_of(FrontApi(Catalog(to_catalog, cache), orders))
    endpoints = operations("front", metrics, check, own)
    feed.start()
    try:
        with watched_loop(metrics):
            yield HttpApp("front", endpoints, metrics)
    finally:
        await feed.stop()
        await orders.stop()
