"""Who may see what a service counts."""

from pathlib import Path
from typing import Literal

import pytest
from pyreqwest.client import ClientBuilder

from bazar.kit.http.app import HttpApp
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.services import ServiceSettings, running
from support.problem_documents import check_problem
from support.shops import SECRET, Caller, InProcess


async def test_the_counters_are_for_who_has_the_secret_unless_they_were_opened() -> None:
    """They tell what is sold; `--metrics open` lets everybody see that."""
    metrics = Metrics("odd")

    async def check() -> None:
        """Find nothing wrong."""

    app = HttpApp("odd", operations("odd", metrics, check, []), metrics, SECRET)
    network = InProcess()
    network.host("http://odd.test", app)
    async with ClientBuilder().with_middleware(network).build() as client:
        stranger, keeper = (Caller("http://odd.test", client, secret) for secret in (None, SECRET))
        check_problem(await stranger.get("/metrics"), 401, "unauthorized")
        assert 200 == (await keeper.get("/metrics")).status
        app.open_to_strangers("/metrics")
        assert 200 == (await stranger.get("/metrics")).status


@pytest.mark.parametrize(("opened", "status"), [("secret", 401), ("open", 200)])
async def test_the_setting_opens_the_counters(
    opened: Literal["secret", "open"], status: int
) -> None:
    """As the process is started with it."""
    settings = ServiceSettings(
        service="front",
        host="127.0.0.1",
        database=Path("nowhere"),
        catalog_url="http://127.0.0.1:1",
        order_url="http://127.0.0.1:1",
        secret=SECRET,
        currency="USD",
        name=None,
        metrics=opened,
    )
    network = InProcess()
    async with running(settings) as app, ClientBuilder().with_middleware(network).build() as client:
        network.host("http://odd.test", app)
        assert status == (await Caller("http://odd.test", client).get("/metrics")).status
