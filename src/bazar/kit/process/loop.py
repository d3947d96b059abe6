"""The event loop of a process that lives to be fast: uvloop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run_fast(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a new uvloop, and return the result."""
    return uvloop.run(main)
