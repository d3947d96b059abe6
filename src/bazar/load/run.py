"""One load from its first customer to its verdict."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bazar.kit.process.loop import run_fast
from bazar.kit.process.stopping import stop_signals
from bazar.load.check import check
from bazar.load.clients import Load, Pace, new_load_client
from bazar.load.plan import Plan, Tastes
from bazar.load.plot import draw
from bazar.load.progress import LiveProgress
from bazar.load.report import LoadReport, report
from bazar.load.stock import StockOptions, prepared_stock
from bazar.tools.shop import Shop


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the options ask for."""

    pace: Pace
    tastes: Tastes
    stock: StockOptions
    plot: Path | None = None


def run_load(shop: Shop, options: LoadOptions, show: Callable[[LoadReport], None]) -> LoadReport:
    """Press the shop, then check it.

    Args:
        shop: whose front is pressed.
        options: how.
        show: is given what was measured, before the check.

    Raises:
        StockError: there is nothing to look at, or nothing to buy.
        RemoteError: a service refused, or did not answer.
        OSError: the plot cannot be written.
    """
    tastes = options.tastes
    buying = "buy" in tastes.mix
    with prepared_stock(shop, options.stock, buying=buying, seed=tastes.seed) as stock:
        plan = Plan(tastes, stock.shelf, stock.for_sale)
        with LiveProgress() as progress:
            load = run_fast(_press(shop.addresses.front, plan, options.pace, progress))
        done = report(load.measured, tastes.seed)
        show(done)
        if load.purchases.asked:
            with LiveProgress() as progress:
                done.check = check(shop, stock, load.purchases, progress.checking)
    moments = load.measured.moments()
    if options.plot is not None and moments:
        title = f"bazar load: {done.kinds[-1].rate_s:,.0f} answers a second"
        draw(options.plot, title, _described(options), moments)
    return done


def _described(options: LoadOptions) -> str:
    pace, tastes = options.pace, options.tastes
    pressed = f"{pace.rate:g} arrivals a second" if pace.rate else f"{pace.clients} clients"
    mix = ", ".join(f"{act} {share * 100:.3g} %" for act, share in tastes.mix.items())
    past = "; past the cache" if pace.no_cache else ""
    return f"{pressed}; {mix}; Zipf {tastes.zipf:g}; seed {tastes.seed}{past}"


async def _press(url: str, plan: Plan, pace: Pace, progress: LiveProgress) -> Load:
    """Run the customers; Ctrl-C ends them early, and what they bought is checked all the same."""
    loop = asyncio.get_running_loop()
    async with new_load_client() as client:
        load = Load(url, client, plan, pace)
        for number in stop_signals():
            loop.add_signal_handler(number, load.stop)
        try:
            await load.run(progress.loading)
        finally:
            for number in stop_signals():
                loop.remove_signal_handler(number)
    return load
