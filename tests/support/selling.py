"""What a shop has sold, and how it sells, for tests of its pages."""

from support.browsers import Browser
from support.shops import Shop
from support.wires import until


async def orders(shop: Shop) -> list[str]:
    """Return the status of every order."""
    return [order["status"] for order in (await shop.order.get("/orders?limit=100")).json]


async def set_shop(shop: Shop, browser: Browser, **settings: object) -> None:
    """Change the settings, and wait until the front has them."""
    edited = await shop.catalog.call("PATCH", "/shop", settings)
    assert 200 == edited.status, edited.content
    await until(lambda: _knows(browser, settings))


async def _knows(browser: Browser, settings: dict[str, object]) -> bool:
    reply = await browser.get("/basket")
    return str(settings.get("name", "")) in reply.text
