"""Wire the front together."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from pyreqwest.client import Client

from bazar.front.api import FrontApi
from bazar.front.storefront.pace import Network
from bazar.front.storefront.routes import Storefront
from bazar.front.upstream.cache import Cache
from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.feed import Feed
from bazar.front.upstream.orders import Orders
from bazar.front.upstream.wishes import Wishes
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.peers.client import Upstream
from bazar.kit.peers.credentials import Credentials
from bazar.kit.process.watchdog import watched_loop
from bazar.wire.teaching.front import FRONT


@asynccontextmanager
async def front_app(  # noqa: PLR0913  one parameter a setting
    catalog_url: str,
    order_url: str,
    secret: str,
    client: Client,
    public_url: str = "",
    *,
    open_api: bool = True,
    proxies: Sequence[Network] = (),
    cached: bool = True,
    tls: Credentials | None = None,
) -> AsyncIterator[HttpApp]:
    """Open the front. It is ready even while the others are away: purchases may still be kept.

    Args:
        catalog_url: of the catalog; of its replicas, with commas between them.
        order_url: of the order service, in the same way.
        secret: of all services.
        client: asks them.
        public_url: where people reach the shop; empty: whatever host they ask for, over http.
        open_api: whether orders may be placed over the JSON routes without the secret.
        proxies: whose word on who asks counts.
        cached: whether answers of the catalog are kept; else each question is asked of it.
        tls: what it shows of itself to the others; None: they are asked in the clear.
    """
    metrics = Metrics("front")
    cache = Cache(keeps=cached)
    to_catalog = Upstream("catalog", catalog_url, client, secret, tls=tls)
    to_order = Upstream("order", order_url, client, secret, tls=tls)
    orders = Orders(to_order, cache)
    feed = Feed(to_catalog, cache)

    async def check() -> None:
        """Nothing can be missing: the front holds nothing."""

    catalog = Catalog(to_catalog, cache)
    api = FrontApi(catalog, orders, only_with=None if open_api else secret)
    own = endpoints_of(api)
    wishes = Wishes(to_order)
    storefront = Storefront(catalog, orders, wishes, secret, public_url, proxies)
    _watch(metrics, cache, catalog, orders, storefront)
    endpoints = [*operations("front", metrics, check, own, FRONT), *storefront.endpoints()]
    for upstream in (to_catalog, to_order):
        upstream.start()
    feed.start()
    try:
        with watched_loop(metrics):
            app = HttpApp("front", endpoints, metrics, secret, storefront.stop, internal=False)
            app.lost = storefront.error_page
            yield app
    finally:
        await feed.stop()
        await orders.stop()
        for upstream in (to_catalog, to_order):
            await upstream.stop()


def _watch(
    metrics: Metrics, cache: Cache, catalog: Catalog, orders: Orders, storefront: Storefront
) -> None:
    """Show what the parts of the front count."""
    watched: dict[str, tuple[str, Callable[[], float]]] = {
        "bazar_cache_hits": ("Answers from the cache.", lambda: cache.hits),
        "bazar_cache_misses": ("Answers that were not there.", lambda: cache.misses),
        "bazar_cache_coalesced": (
            "Of the misses, those who shared a call that was under way.",
            lambda: cache.coalesced,
        ),
        "bazar_cache_stale": (
            "Answers that were older than what was announced, and so were not kept.",
            lambda: cache.stale,
        ),
        "bazar_placements_waiting": ("Purchases that wait to be sent.", orders.waiting),
        "bazar_reads_waiting": ("Readers who wait for the catalog.", lambda: catalog.waiting),
        "bazar_pages_kept": (
            "Pages that were answered as they were kept.",
            lambda: storefront.keeping.hits,
        ),
        "bazar_pages_drawn": ("Pages that were drawn.", lambda: storefront.keeping.misses),
        "bazar_live_streams": ("Pages that follow the stock.", lambda: storefront.live.streams),
    }
    for name, (text, count) in watched.items():
        metrics.watch(name, text, count)
