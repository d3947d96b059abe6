"""The routes of the services as they describe them, without a service that runs."""

import re
from typing import Any, cast

from bazar import __version__
from bazar.catalog.api import CatalogApi
from bazar.catalog.shop_api import ShopApi
from bazar.front.api import FrontApi
from bazar.front.storefront.routes import Storefront
from bazar.front.upstream.cache import Cache
from bazar.front.upstream.catalog import Catalog
from bazar.kit.http import openapi
from bazar.kit.http.backups import BackupApi
from bazar.kit.http.endpoint import Endpoint, endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.order.api import OrderApi
from bazar.order.wish_api import WishApi
from bazar.wire.teaching.catalog import CATALOG
from bazar.wire.teaching.front import FRONT
from bazar.wire.teaching.order import ORDER

SERVICES = ("front", "catalog", "order")
TEACHING = {"front": FRONT, "catalog": CATALOG, "order": ORDER}
UNDESCRIBED = frozenset({"/openapi.json", "/docs", "/docs/{name}"})
"""The routes that describe; they stand in no document."""


async def _nothing() -> None:
    """Stand in for a check that no test makes here."""


def endpoints(service: str) -> list[Endpoint]:
    """Return a service's routes, made around a service that is not there."""
    absent = cast("Any", None)
    apis: dict[str, list[object]] = {
        "front": [FrontApi(absent, absent)],
        "catalog": [
            CatalogApi(absent, absent, absent, absent, absent),
            ShopApi(absent, absent),
            BackupApi(absent),
        ],
        "order": [OrderApi(absent, absent), WishApi(absent), BackupApi(absent)],
    }
    own = [endpoint for api in apis[service] for endpoint in endpoints_of(api)]
    return operations(service, Metrics(service), _nothing, own)


def pages() -> list[Endpoint]:
    """Return the routes of the storefront, those in Arabic left out."""
    absent = cast("Any", None)
    shop = Storefront(Catalog(absent, Cache()), absent, absent, "secret of nobody", "")
    return [one for one in shop.endpoints() if not f"{one.route.path}/".startswith("/ar/")]


def documented(endpoint: Endpoint) -> tuple[str, str]:
    """Return method and path as the documentation writes them: `{topic}` for `{topic:path}`."""
    return endpoint.route.method, re.sub(r":(path|number)}", "}", endpoint.route.path)


def document(service: str) -> dict[str, Any]:
    """Return what `/openapi.json` of a service answers."""
    described = [one for one in endpoints(service) if one.route.path not in UNDESCRIBED]
    return openapi.document(f"Bazar {service}", __version__, described, TEACHING[service])
