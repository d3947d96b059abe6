"""The database engines on which the contract suites run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from bazar.kit.data.database import Database
from bazar.kit.data.sqlite import SqliteDatabase


class Opener(Protocol):
    """Opens a database of one engine."""

    __module__: str
    __name__: str

    def __call__(
        self,
        path: Path,
        on_batch: Callable[[int], None] = ...,
        deliver: Callable[[Sequence[Any]], None] = ...,
    ) -> Database:
        """Open it; who opened it closes it."""
        ...


ENGINES: dict[str, Opener] = {"sqlite": SqliteDatabase}
