"""What happens to the hosts of services: power, stand-still, cut links, other addresses."""

from collections.abc import Callable

from hosts.lab import Fault, Faults, Lab, Struck
from hosts.network import OURS, Way

REPLICA_BOUND_S = 0.5
HOLDS_S = 3.0
BRIEF_S = 1.5
LOOKED_UP_S = 6.0
"""A name is looked up again every 5 seconds."""

Strike = Callable[[Lab], Struck]


def loses_power(role: str) -> Strike:
    """Return what takes the power from a host with this service."""

    def strike(lab: Lab) -> Struck:
        name = lab.pick(role)
        lab.shop.lose_power(name)
        return Struck(name, lambda: lab.shop.get_power(name))

    return strike


def stands_still(role: str) -> Strike:
    """Return what stops a host with this service; it still takes connections."""

    def strike(lab: Lab) -> Struck:
        name = lab.pick(role)
        host = lab.shop.hosts[name]
        host.stand_still()
        return Struck(name, host.go_on)

    return strike


def is_cut_off(role: str, far: str, way: Way = "both ways") -> Strike:
    """Return what cuts the link from a host with this service to one that it asks."""

    def strike(lab: Lab) -> Struck:
        name, other = lab.pick(role), lab.pick(far)
        host = lab.shop.hosts[name]
        host.cut([lab.shop.hosts[other].address], way)
        return Struck(f"{name} and {other}", host.mend)

    return strike


def is_cut_off_all(role: str, way: Way = "both ways") -> Strike:
    """Return what cuts a host with this service off all the others, but not off its clients."""

    def strike(lab: Lab) -> Struck:
        name = lab.pick(role)
        host = lab.shop.hosts[name]
        others = [one.address for one in lab.network.hosts.values() if one is not host]
        host.cut(others, way)
        return Struck(name, host.mend)

    return strike


def is_cut_off_clients(role: str, way: Way) -> Strike:
    """Return what cuts the link between a host with this service and all clients."""

    def strike(lab: Lab) -> Struck:
        name = lab.pick(role)
        host = lab.shop.hosts[name]
        host.cut([OURS], way)
        return Struck(name, host.mend)

    return strike


def moves(role: str) -> Strike:
    """Return what gives a host with this service another address, for good."""

    def strike(lab: Lab) -> Struck:
        name = lab.pick(role)
        lab.network.move(name)
        lab.shop.find()
        lab.moved.add(name)
        return Struck(f"{name}, now {lab.shop.hosts[name].address}", lambda: None)

    return strike


def leaves_those_that_moved(role: str) -> Strike:
    """Return what takes the power from every host with this service that is where it was."""

    def strike(lab: Lab) -> Struck:
        names = [name for name in lab.shop.replicas.names(role) if name not in lab.moved]
        for name in names:
            lab.shop.lose_power(name)

        def heal() -> None:
            for name in names:
                lab.shop.get_power(name)

        return Struck(" and ".join(names), heal)

    return strike


def _of_a_replica(strike: Strike, holds_s: float = HOLDS_S) -> Fault:
    return Fault(strike, REPLICA_BOUND_S, holds_s)


def _of_a_front(strike: Strike, holds_s: float = HOLDS_S) -> Fault:
    return Fault(strike, REPLICA_BOUND_S, holds_s, before_the_fronts=True)


SERVICES: Faults = {
    "a catalog loses its power": _of_a_replica(loses_power("catalog")),
    "an order service loses its power": _of_a_replica(loses_power("order")),
    "a front loses its power": _of_a_front(loses_power("front")),
    "a catalog stands still": _of_a_replica(stands_still("catalog")),
    "an order service stands still": _of_a_replica(stands_still("order")),
    "a front stands still": _of_a_front(stands_still("front")),
    "a front and a catalog are cut apart": _of_a_replica(is_cut_off("front", "catalog")),
    "an order service and a catalog are cut apart": _of_a_replica(is_cut_off("order", "catalog")),
    "a front does not hear an order service": _of_a_replica(
        is_cut_off("front", "order", "what it hears")
    ),
    "an order service does not hear a catalog": _of_a_replica(
        is_cut_off("order", "catalog", "what it hears")
    ),
    "a catalog does not hear a front": _of_a_replica(
        is_cut_off("catalog", "front", "what it hears")
    ),
    "an order service is not heard by anybody": _of_a_replica(
        is_cut_off_all("order", "what it says")
    ),
    "a catalog is cut off all others": _of_a_replica(is_cut_off_all("catalog")),
    "a front is not heard by its clients": _of_a_front(is_cut_off_clients("front", "what it says")),
    "a catalog gets another address": _of_a_replica(moves("catalog"), LOOKED_UP_S),
    "an order service gets another address": _of_a_replica(moves("order"), LOOKED_UP_S),
}
"""Each by a sentence; a host of a service is only one of two."""
BRIEFLY: Faults = {
    "an order service does not hear a catalog": Fault(
        is_cut_off("order", "catalog", "what it hears"), REPLICA_BOUND_S, BRIEF_S
    ),
    "a catalog loses its power": Fault(loses_power("catalog"), REPLICA_BOUND_S, BRIEF_S),
    "an order service gets another address": Fault(moves("order"), REPLICA_BOUND_S, LOOKED_UP_S),
    "only the order service that moved is left": Fault(
        leaves_those_that_moved("order"), REPLICA_BOUND_S, BRIEF_S, until_served=True
    ),
}
"""What is seen in every test run, in this order."""
