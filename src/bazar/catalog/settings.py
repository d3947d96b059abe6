"""The settings of the shop: one row, which its keeper changes and whose changes are announced.

Source: docs/decisions/0024-settings-on-the-feed.md
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from bazar.catalog.once import asked, once
from bazar.catalog.shop import edited_shop, shop_name
from bazar.catalog.store import Store
from bazar.kit.data.database import Database, Transaction
from bazar.kit.errors import InvalidRequest, StartupError
from bazar.wire.shop import CURRENCY_DEFAULT, NAME_DEFAULT, Shop, ShopChanged, ShopEdit

_UNOPENED = 0
"""The version of settings that only know the currency of older books."""
_LOCK = "shop"
"""What whoever changes the settings holds, so that no two change the same ones."""


class Settings:
    """What is done with the settings. Each use case is one transaction."""

    def __init__(self, database: Database, store: Store) -> None:
        """Work on an opened, migrated database; `open` comes first."""
        self._database = database
        self._store = store

    async def open(self, currency: str | None, name: str | None) -> Shop:
        """Return the settings; at the first start, make them.

        Args:
            currency: of all prices, or None: the one that the shop has, else US dollars.
            name: of the shop at its first start; later its keeper changes it.

        Raises:
            StartupError: the shop has another currency, or the name cannot be one.
        """
        kept = await self._database.read(self._store.shop)
        if kept is None or kept.version == _UNOPENED:
            first = Shop(version=1, currency=currency or CURRENCY_DEFAULT, name=_first_name(name))
            kept = await self._save_first(first)
        if currency not in {None, kept.currency}:
            message = (
                f"this shop keeps its prices in {kept.currency}; start it without --currency, "
                f"or another shop, with a data folder of its own, with --currency {currency}"
            )
            raise StartupError(message)
        return kept

    async def _save_first(self, first: Shop) -> Shop:
        """Store the first settings, unless another that starts just now was quicker."""

        async def work(transaction: Transaction) -> Shop:
            await transaction.lock(_LOCK)
            kept = await self._store.shop(transaction)
            if kept is not None and kept.version != _UNOPENED:
                return kept
            shop = replace(first, currency=kept.currency) if kept else first
            await self._store.save_shop(transaction, shop)
            return shop

        return await self._database.write(work, idempotent=True)

    async def shop(self) -> Shop:
        """Return the settings."""
        return _there(await self._database.read(self._store.shop))

    async def edit(
        self,
        edit: ShopEdit,
        key: str | None = None,
        check: Callable[[Shop], None] | None = None,
    ) -> Shop:
        """Change settings; with a key once.

        Args:
            edit: what to change.
            key: of the request.
            check: raises where the settings are not those that their asker knows; they are held
                as they are until the change is made.

        Raises:
            CurrencyFixed, KeyReused: definite.
            InvalidRequest: a value is not valid, or a pick is no book.
        """

        async def work(transaction: Transaction) -> Shop:
            await transaction.lock(_LOCK)
            shop = _there(await self._store.shop(transaction))
            if check is not None:
                check(shop)
            changed = edited_shop(shop, edit)
            if changed == shop:
                return shop
            await self._check_picks(transaction, changed)
            changed = replace(changed, version=shop.version + 1)
            await self._store.save_shop(transaction, changed)
            transaction.announce(ShopChanged(changed.version))
            return changed

        request = asked(key, "edit-shop", msgspec.to_builtins(edit))
        return await once(self._database, self._store, work, request)

    async def _check_picks(self, transaction: Transaction, shop: Shop) -> None:
        books = await self._store.books(transaction, shop.picks)
        for book_id in shop.picks:
            if book_id not in books:
                message = f"picks names {book_id}, and no book has this id"
                raise InvalidRequest(message, member="picks")


def _first_name(given: str | None) -> str:
    try:
        return shop_name(NAME_DEFAULT if given is None else given)
    except InvalidRequest as error:
        message = f"--name: the {error.detail}"
        raise StartupError(message) from error


def _there(shop: Shop | None) -> Shop:
    """Return the settings, which are there from the first start on."""
    assert shop is not None
    return shop
