"""Requests made from the three OpenAPI documents, right ones and wrong ones, and chains of them.

The same requests every time, so that a red test is due to a change. For others:
`FUZZ_SEED=2 FUZZ_EXAMPLES=200 python -m pytest tests/fuzz/test_schemas.py`.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import Case, Response
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks

from support.described import SERVICES, document
from support.running import RunningShop

AnyCase = Case[Any]
Wrapped = Callable[..., None]
SEED = int(os.environ.get("FUZZ_SEED", "1"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
"""Random requests a route, beside those that stand at the limits of its document."""
CHAINS = 5 * EXAMPLES
CHAIN_STEPS = 10
ATTEMPTS = 5
"""Which way a chain goes depends on the answers, so some sets of chains follow no link at all."""
COPIES = 100_000
ENDLESS = "/changes"
"""An answer without an end cannot be checked as a whole."""
REFUSED = frozenset({401, 404})
ORDER_ROUTES = ("GET /orders/{order_id}", "POST /orders/{order_id}/cancel")
BEHIND_LINKS = {
    "front": ORDER_ROUTES,
    "catalog": ("GET /reservations/{order_id}",),
    "order": (*ORDER_ROUTES, "POST /orders/{order_id}/fulfil"),
}
"""What succeeds along links alone: nobody guesses the id of an order."""
load_all_checks()
EXCLUDED = [
    # Some rules JSON Schema cannot say: check digits, decimals of a currency, a key used before.
    checks.positive_data_acceptance,
]
EXCLUDED_AT = {
    # A row that breaks a rule is rejected on its own, within a 200.
    "POST /imports": [checks.negative_data_rejection],
    # So is an order of a batch.
    "POST /placements": [checks.negative_data_rejection],
}


def described(service: str, *, other_methods: bool = True) -> Any:  # noqa: ANN401  it has no name
    """Return a service's document, ready to make requests from.

    Args:
        service: front, catalog or order.
        other_methods: make requests with methods that a path does not have, too.
    """
    generation = {
        "max-examples": EXAMPLES,
        "database": "none",
        "no-shrink": True,
        "with-security-parameters": False,
    }
    coverage: dict[str, Any] = {} if other_methods else {"unexpected-methods": []}
    config = schemathesis.Config.from_dict(
        {"seed": SEED, "generation": generation, "phases": {"coverage": coverage}}
    )
    return schemathesis.openapi.from_dict(document(service), config=config).exclude(path=ENDLESS)


def closed(service: str) -> Any:  # noqa: ANN401  it has no name
    """Return the part of a document that wants the service secret."""
    part = described(service, other_methods=False)
    return part.include(lambda found: "security" in found.operation.definition.raw)


def each_request(schema: Any) -> Callable[[Wrapped], Wrapped]:  # noqa: ANN401  it has no name
    """Return what makes a function one test for each route, called with many requests."""
    return schema.parametrize()  # type: ignore[no-any-return]


DOCUMENTS = {service: described(service) for service in SERVICES}


@pytest.fixture(scope="module")
def selling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run a shop whose front and order service get the requests; its books must stay in order."""
    with RunningShop(tmp_path_factory.mktemp("selling") / "data") as shop:
        book_id = shop.add_book(COPIES)
        shop.remote().front.buy(book_id, 1, "selling")
        yield shop
        assert [] == shop.settled_audit().differences
        assert "event=fault" not in shop.log()


@pytest.fixture(scope="module")
def stocking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run a shop whose catalog gets the requests, reservations of no order among them."""
    with RunningShop(tmp_path_factory.mktemp("stocking") / "data") as shop:
        shop.add_book(COPIES)
        yield shop
        for part in shop.remote().catalog.stock_report():
            assert [] == part.differences
        assert "event=fault" not in shop.log()


@pytest.fixture(scope="module")
def shops(selling: RunningShop, stocking: RunningShop) -> dict[str, RunningShop]:
    """Return the shop in which each service is asked."""
    return {"front": selling, "catalog": stocking, "order": selling}


def secret_for(shop: RunningShop, service: str) -> dict[str, str]:
    """Return the headers that open every route of a service."""
    return {} if service == "front" else {"Authorization": f"Bearer {shop.secret}"}


def excluded(case: AnyCase) -> list[schemathesis.CheckFunction]:
    """Return the checks that do not hold for a request, for the reasons above."""
    return [*EXCLUDED, *EXCLUDED_AT.get(case.operation.label, [])]


def hold(case: AnyCase, shop: RunningShop, service: str) -> None:
    """Send a request: the answer is one of those in the document, and no 5xx."""
    case.call_and_validate(
        getattr(shop.addresses, service),
        headers=secret_for(shop, service),
        excluded_checks=excluded(case),
    )


@each_request(DOCUMENTS["front"])
def test_the_front_answers_as_its_document_says(case: AnyCase, selling: RunningShop) -> None:
    """Whatever comes: a status, a type and a body that the document names, and never a 5xx."""
    hold(case, selling, "front")


@each_request(DOCUMENTS["catalog"])
def test_the_catalog_answers_as_its_document_says(case: AnyCase, stocking: RunningShop) -> None:
    """Whatever comes: a status, a type and a body that the document names, and never a 5xx."""
    hold(case, stocking, "catalog")


@each_request(DOCUMENTS["order"])
def test_the_order_service_answers_as_its_document_says(
    case: AnyCase, selling: RunningShop
) -> None:
    """Whatever comes: a status, a type and a body that the document names, and never a 5xx."""
    hold(case, selling, "order")


@each_request(closed("catalog"))
def test_the_catalog_refuses_strangers_whatever_they_send(
    case: AnyCase, stocking: RunningShop
) -> None:
    """Without the secret nothing that a body or a path holds opens a closed route."""
    assert case.call(stocking.addresses.catalog).status_code in REFUSED


@each_request(closed("order"))
def test_the_order_service_refuses_strangers_whatever_they_send(
    case: AnyCase, selling: RunningShop
) -> None:
    """Without the secret nothing that a body or a path holds opens a closed route."""
    assert case.call(selling.addresses.order).status_code in REFUSED


@pytest.mark.parametrize("service", SERVICES)
def test_chains_of_requests_along_the_links_hold_too(
    service: str, shops: dict[str, RunningShop]
) -> None:
    """Buy, look, cancel, cancel again: every answer is one that the document names."""
    shop = shops[service]
    base: Any = DOCUMENTS[service].as_state_machine()

    class Chain(base):  # type: ignore[misc]
        """Requests that go on from each other's answers."""

        def get_call_kwargs(self, _case: AnyCase) -> dict[str, Any]:
            """Call the running shop."""
            address = getattr(shop.addresses, service)
            return {"base_url": address, "headers": secret_for(shop, service)}

        def validate_response(self, response: Response, case: AnyCase, **_more: Any) -> None:  # noqa: ANN401
            """Hold an answer against the document."""
            followed.update([case.operation.label] if response.status_code < 300 else [])
            try:
                case.validate_response(response, excluded_checks=excluded(case))
            except Exception as error:
                broken.append(error)
                raise

    followed: Counter[str] = Counter()
    broken: list[Exception] = []
    chains = settings(
        max_examples=CHAINS,
        stateful_step_count=CHAIN_STEPS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for attempt in range(ATTEMPTS):
        # What there is to draw from depends on the shop, which goes on between two chains.
        with suppress(FlakyStrategyDefinition):
            seed(SEED + attempt)(Chain).run(settings=chains)
        assert [] == broken
        if any(followed[route] for route in BEHIND_LINKS[service]):
            return
    pytest.fail(f"no chain went along a link to its end: {followed}")


@pytest.mark.parametrize("service", SERVICES)
def test_a_running_service_answers_the_document_that_is_held_here(
    service: str, shops: dict[str, RunningShop]
) -> None:
    """The requests above are made from what `/openapi.json` says."""
    assert document(service) == shops[service].remote().call(service, "GET", "/openapi.json", dict)
