"""The routes of the services as they describe them, without a service that runs."""

from typing import Any, cast

from bazar import __version__
from bazar.catalog.api import catalog_endpoints
from bazar.front.api import front_endpoints
from bazar.kit.http import openapi
from bazar.kit.http.endpoint import Endpoint
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.order.api import order_endpoints

SERVICES = ("front", "catalog", "order")
UNDESCRIBED = frozenset({"/openapi.json", "/docs", "/docs/{name}"})
"""The routes that describe; they stand in no document."""


async def _nothing() -> None:
    """Stand in for a check that no test makes here."""


def endpoints(service: str) -> list[Endpoint]:
    """Return a service's routes, made around a service that is not there."""
    uncalled = cast("Any", None)
    own = {
        "front": lambda: front_endpoints(uncalled),
        "catalog": lambda: catalog_endpoints(uncalled, uncalled, uncalled, uncalled),
        "order": lambda: order_endpoints(uncalled),
    }
    return operations(service, Metrics(service), _nothing, own[service]())


def document(service: str) -> dict[str, Any]:
    """Return what `/openapi.json` of a service answers."""
    described = [one for one in endpoints(service) if one.path not in UNDESCRIBED]
    return openapi.document(f"Bazar {service}", __version__, described)
