"""The row of the shop's settings; the same on every engine."""

import msgspec

from bazar.kit.data.database import Transaction, made
from bazar.wire.shop import Shop

_SHOP = """
SELECT version, currency, settings FROM shop
WHERE shop_id = 1"""

_SAVE_SHOP = """
INSERT INTO shop (shop_id, version, currency, settings)
VALUES (1, ?1, ?2, ?3)
ON CONFLICT (shop_id) DO UPDATE
SET version = excluded.version, currency = excluded.currency, settings = excluded.settings"""

_COLUMNS = ("version", "currency")
"""Members that are no settings of the keeper's, and have columns of their own."""


class ShopRows:
    """Reads and writes the settings."""

    async def shop(self, transaction: Transaction) -> Shop | None:
        """Return the settings of the shop, or None before its first start."""
        row = await transaction.one(_SHOP)
        return made(_shop, row) if row else None

    async def save_shop(self, transaction: Transaction, shop: Shop) -> None:
        """Store the settings of the shop in place of those that were there."""
        members = msgspec.to_builtins(shop)
        settings = {name: value for name, value in members.items() if name not in _COLUMNS}
        encoded = msgspec.json.encode(settings).decode()
        await transaction.run(_SAVE_SHOP, shop.version, shop.currency, encoded)


def _shop(version: int, currency: str, settings: str) -> Shop:
    members = msgspec.json.decode(settings)
    return msgspec.convert({**members, "version": version, "currency": currency}, Shop)
