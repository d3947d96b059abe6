"""What happens to the hosts of a database that has a primary, and standbys that may take over."""

from collections.abc import Callable
from typing import cast

from hosts.cluster import Cluster
from hosts.lab import Fault, Faults, Lab, Struck
from hosts.network import Host, Way

DATABASE_BOUND_S = 25.0
"""For a host that is lost."""
ONE_WAY_BOUND_S = 30.0
"""A primary that still says what nobody may acknowledge gives the third node more of its log than
the next primary has. That node is rewound before it can be waited for."""
HOLDS_S = 4.0
"""After which somebody has to be served again, before it is healed."""
LOST_S = 30.0
"""Longer than until another node is the primary, so that the old one comes back too late."""

Which = Callable[[Cluster], str]
Act = Callable[[Lab, Cluster, Host], Callable[[], None]]


def _primary(cluster: Cluster) -> str:
    return cluster.leader()


def _standby(cluster: Cluster) -> str:
    return cluster.standby()


def _struck(which: Which, act: Act) -> Callable[[Lab], Struck]:
    """Return what does something to a node of the cluster."""

    def strike(lab: Lab) -> Struck:
        cluster = cast("Cluster", lab.database)
        name = which(cluster)
        return Struck(name, act(lab, cluster, cluster.hosts[name]))

    return strike


def _is_killed(*names: str) -> Act:
    """Return what kills programs of a node; what it does not start again itself is healed."""

    def act(_lab: Lab, _cluster: Cluster, host: Host) -> Callable[[], None]:
        host.kill_all(*names)
        return lambda: host.restart(*(name for name in names if name in host.programs))

    return act


def _loses_power(_lab: Lab, _cluster: Cluster, host: Host) -> Callable[[], None]:
    host.lose_power()
    return host.get_power


def _stands_still(_lab: Lab, _cluster: Cluster, host: Host) -> Callable[[], None]:
    host.stand_still()
    return host.go_on


def _is_cut_off_nodes(way: Way) -> Act:
    """Return what cuts a node off the other nodes; catalogs and order services still reach it."""

    def act(_lab: Lab, cluster: Cluster, host: Host) -> Callable[[], None]:
        host.cut([other.address for other in cluster.hosts.values() if other is not host], way)
        return host.mend

    return act


def _is_cut_off(lab: Lab, _cluster: Cluster, host: Host) -> Callable[[], None]:
    host.cut([other.address for other in lab.network.hosts.values() if other is not host])
    return host.mend


def _switches(_lab: Lab, cluster: Cluster, _host: Host) -> Callable[[], None]:
    cluster.switch()
    return lambda: None


def _fault(
    which: Which, act: Act, holds_s: float = HOLDS_S, bound_s: float = DATABASE_BOUND_S
) -> Fault:
    return Fault(_struck(which, act), bound_s, holds_s, until_served=True)


def _any(cluster: Cluster) -> str:
    return next(name for name in cluster.hosts if name != _primary(cluster))


DATABASE: Faults = {
    "the primary's PostgreSQL is killed": _fault(_primary, _is_killed("postgres")),
    "the primary's PostgreSQL and Patroni are killed": _fault(
        _primary, _is_killed("postgres", "patroni")
    ),
    "the primary loses its power": _fault(_primary, _loses_power),
    "the primary stands still": _fault(_primary, _stands_still, LOST_S),
    "the primary is cut off the other nodes": _fault(
        _primary, _is_cut_off_nodes("both ways"), LOST_S
    ),
    "the primary does not hear the other nodes": _fault(
        _primary, _is_cut_off_nodes("what it hears"), LOST_S, ONE_WAY_BOUND_S
    ),
    "the primary is not heard by the other nodes": _fault(
        _primary, _is_cut_off_nodes("what it says"), LOST_S, ONE_WAY_BOUND_S
    ),
    "the primary is cut off everybody": _fault(_primary, _is_cut_off, LOST_S),
    "the primary loses its etcd": _fault(_primary, _is_killed("etcd")),
    "another node loses its etcd": _fault(_any, _is_killed("etcd")),
    "the standby that is waited for loses its power": _fault(_standby, _loses_power),
    "the standby that is waited for stands still": _fault(_standby, _stands_still),
    "another node becomes the primary, as planned": _fault(_primary, _switches),
}
"""Each by a sentence."""
