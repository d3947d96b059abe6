"""How far the shop is with a confirmed order: pure rules, no I/O.

    collect: to_pick <-> ready ----> collected
    post:    to_pick <-> packed ---> sent

The last step fulfils the order, from wherever it is; before it, any step may follow any other.
"""

from bazar.wire.orders import Delivery, Progress

STEPS: dict[Delivery, tuple[Progress, ...]] = {
    "collect": ("to_pick", "ready", "collected"),
    "post": ("to_pick", "packed", "sent"),
}
"""By how the books are delivered; the first holds from the moment at which an order is confirmed,
the last fulfils it."""
FIRST: Progress = "to_pick"


def last_step(delivery: Delivery) -> Progress:
    """Return the step that fulfils an order."""
    return STEPS[delivery][-1]


def can_progress(delivery: Delivery, step: Progress, following: Progress) -> bool:
    """Tell whether a step may follow another; none follows the last."""
    steps = STEPS[delivery]
    return following in steps and step != steps[-1] and step != following
