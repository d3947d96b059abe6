"""How far the shop is with an order: which step may follow which."""

from itertools import product
from typing import get_args

import pytest

from bazar.order.progress import FIRST, STEPS, can_progress, last_step
from bazar.wire.orders import Delivery, Progress


@pytest.mark.parametrize("delivery", get_args(Delivery))
def test_the_steps_are_those_of_the_diagram(delivery: Delivery) -> None:
    """On and back until the last, after which there is none; no step of the other way."""
    first, middle, last = STEPS[delivery]
    legal = {(first, middle), (middle, first), (first, last), (middle, last)}
    steps: tuple[Progress, ...] = get_args(Progress)
    walked = {(a, b) for a, b in product(steps, steps) if can_progress(delivery, a, b)}
    reached = {(a, b) for a, b in walked if a in STEPS[delivery]}
    assert legal == reached
    assert (FIRST, last) == (first, last_step(delivery))
    assert {b for _a, b in walked} == {first, middle, last}
