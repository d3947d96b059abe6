"""What is kept of a write with a key is the same in each release."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bazar.wire.books import NewBook
from support.catalogs import open_catalog

COMMON = '"currency":"USD",'
END = '"title":"T","topic":"t","version":1}]'


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, f'["add",{{{COMMON}"price_minor":1999,{END}'),
        (
            {"price": Decimal(0), "quantity": 4, "low_at": 5},
            f'["add",{{{COMMON}"low_at":5,"stock":4,{END}',
        ),
    ],
)
async def test_a_key_of_an_older_release_is_known(
    tmp_path: Path, given: dict[str, Any], kept: str
) -> None:
    """What was left out or is usual stands nowhere: so a repetition is one after an upgrade."""
    catalog = await open_catalog(tmp_path / "catalog.db")
    try:
        new = NewBook(**{"title": "T", "topic": "t", "price": Decimal("19.99"), **given})
        await catalog.shelf.add(new, "key")
        rows = await catalog.database.read(lambda t: t.all("SELECT request FROM keyed_writes"))
        assert [(kept,)] == rows
    finally:
        await catalog.database.close()
