"""Every engine in turn, for the suites that all engines must pass."""

import pytest

from support.engines import ENGINES, Opener


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Opener:
    """Name each engine in turn."""
    return ENGINES[request.param]
