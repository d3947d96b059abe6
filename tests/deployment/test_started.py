"""What the files of `deploy/` start is what the code has: options, ports, paths, ends."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bazar.kit.data.postgres import CLOSE_S_MAX
from bazar.kit.data.postgres_pool import CLOSE_TIMEOUT_S
from bazar.kit.peers.discovery import LOOK_AGAIN_S
from bazar.kit.process import postgres_server, server, supervisor
from bazar.kit.process.connections import CONNECTIONS_MAX, FILES_KEPT
from bazar.tools.remote import DEFAULT_PORTS
from deployment.files import (
    BACKUP,
    COMPOSE,
    CONTAINERFILE,
    FILES,
    MANIFESTS,
    PATRONI,
    PROGRAM,
    ROOT,
    SERVICES,
    STARTED,
    UNITS,
    Started,
    documents,
    unit,
)
from hosts.cluster import DYNAMIC
from support.described import documented, endpoints

STOP_S_MAX = server.STOP_TIMEOUT_S + CLOSE_S_MAX + CLOSE_TIMEOUT_S
"""Of one service: its answers, then what it writes to PostgreSQL."""
SHOP_STOP_S_MAX = 3 * supervisor.STOP_TIMEOUT_S + postgres_server.STOP_TIMEOUT_S
"""Of `bazar up`: one kind of service after the other, then a PostgreSQL of its own."""
FILES_WANTED = 2 * CONNECTIONS_MAX + FILES_KEPT
NAME_AGE_S_MAX = 5.0
"""How old an answer about a name may be in Kubernetes. Source: coredns.io/plugins/kubernetes"""
KEPT_SECRET = re.compile(
    r"(?i)(?:password|secret|token)\w*[\"']?\s*[:=]\s*[\"']?(?!CHANGE-ME)\S{9,}"
)
FILE_OF_SECRET = re.compile(r"(?i)_SECRET_FILE\b|LoadCredential=secret:|secretName|--from-file")

PORTS: Mapping[str, int] = {str(name): port for name, port in DEFAULT_PORTS.items()}

HARDENING = re.compile("Ambient|Capab|Lock|Memory|NoNew|Private|Proc|Protect|Restrict|System")
"""How the settings begin that take something from a unit."""

each_started = pytest.mark.parametrize("one", STARTED, ids=lambda one: one.where)


def _deployments() -> dict[str, Any]:
    kinds = [one for path in MANIFESTS for one in documents(path)]
    return {one["metadata"]["name"]: one["spec"] for one in kinds if one["kind"] == "Deployment"}


def _pod(name: str) -> tuple[Any, Any]:
    """Return the pod of a service and its container."""
    pod = _deployments()[name]["template"]["spec"]
    [container] = pod["containers"]
    return pod, container


def _kind(name: str) -> dict[str, Any]:
    """Return the manifests of a kind, by their names."""
    kinds = [one for path in MANIFESTS for one in documents(path)]
    return {one["metadata"]["name"]: one["spec"] for one in kinds if one["kind"] == name}


def test_every_way_starts_every_service() -> None:
    """Units with each of their settings, two compose files, and Kubernetes."""
    ways: dict[str, set[str]] = {}
    for one in STARTED:
        ways.setdefault(one.where.replace(one.service, ""), set()).add(one.service)
    assert {frozenset({""}), frozenset(SERVICES)} == {frozenset(one) for one in ways.values()}
    assert len(STARTED) == 1 + 3 * 2 + 3 * len(COMPOSE) + 3


@each_started
def test_the_command_line_takes_it(one: Started) -> None:
    """Its words and its variables, each with its value."""
    assert one.words[0] in {"serve", "up"}
    assert one.options()


@each_started
def test_every_variable_is_read_by_what_is_started(one: Started) -> None:
    """By that command; another one would be set in vain."""
    image = {"BAZAR_PORT", "BAZAR_HOST", "BAZAR_DATA", "BAZAR_LOG_FORMAT"}
    assert set() == set(one.variables) - one.known() - image
    assert image <= one.known()


@each_started
def test_services_are_asked_where_they_listen(one: Started) -> None:
    """Each address of a service has the port of that service, which it listens on."""
    options = one.options()
    if one.service:
        assert PORTS[one.service] == options["port"] or options["port"] is None
        for name in ("catalog", "order"):
            ports = {urlsplit(url).port for url in (options[name] or "").split(",")}
            assert ports in ({PORTS[name]}, {None})


@each_started
def test_one_that_others_reach_is_given_the_secret_in_a_file(one: Started) -> None:
    """A variable would be shown to whoever lists processes and containers."""
    assert "BAZAR_SECRET" not in one.variables
    if one.service:
        assert one.options()["secret_file"]


def test_what_is_looked_at_is_a_route_of_every_service() -> None:
    """Alive and ready are asked by paths that each of them answers, without a secret."""
    common = set.intersection(
        *({documented(one) for one in endpoints(service)} for service in SERVICES)
    )
    open_to_all = {
        documented(one)[1]
        for one in endpoints("front")
        if documented(one) in common and not one.route.secret
    }
    texts = [path.read_text("utf-8") for path in (CONTAINERFILE, *MANIFESTS)]
    asked = {path for text in texts for path in re.findall(r"/\w+z\b", text)}
    assert {"/healthz", "/readyz"} == asked
    assert asked <= open_to_all


def test_nobody_is_killed_before_its_end() -> None:
    """Units, containers and pods leave the time that the code may take to stop."""
    patience: dict[str, float] = {
        path.name: float(unit(path)["TimeoutStopSec"][0]) for path in UNITS
    }
    assert SHOP_STOP_S_MAX < patience.pop("bazar.service")
    for path in COMPOSE:
        [document] = documents(path)
        for name, one in document["services"].items():
            patience[f"{path.name} {name}"] = float(one["stop_grace_period"].removesuffix("s"))
    for name in SERVICES:
        pod, container = _pod(name)
        hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
        waited = float(hook[1]) if hook else 0.0
        patience[f"pod {name}"] = pod["terminationGracePeriodSeconds"] - waited
    assert [] == [where for where, left_s in patience.items() if left_s <= STOP_S_MAX]


def test_whoever_stops_a_shop_tells_its_first_process_alone() -> None:
    """It stops the others in order; SIGTERM would have PostgreSQL wait for its clients."""
    for path in UNITS:
        found = unit(path)
        assert ["mixed"] == found["KillMode"]
        assert {"SIGTERM"} == set(found.get("KillSignal", ["SIGTERM"]))
    assert "STOPSIGNAL SIGTERM" in CONTAINERFILE.read_text("utf-8").splitlines()


def test_whatever_ends_is_started_again() -> None:
    """By whom it was started, for ever; only a command line that makes no sense is left."""
    for path in UNITS:
        found = unit(path)
        told = [found[name] for name in ("Restart", "StartLimitIntervalSec")]
        assert [["always"], ["0"]] == told
        assert ["2"] == found["RestartPreventExitStatus"]
    for path in COMPOSE:
        [document] = documents(path)
        assert {"always"} == {one["restart"] for one in document["services"].values()}


def test_units_of_one_user_leave_its_memory_alone() -> None:
    """Systemd would take away what a PostgreSQL of its own shares, with the end of any of them."""
    units = [unit(path) for path in (*UNITS, BACKUP)]
    assert [["bazar"]] * len(units) == [one["User"] for one in units]
    assert [] == [one for one in units if "RemoveIPC" in one]


def test_units_may_do_the_same() -> None:
    """What protects one protects all; only the whole shop may make one call more."""
    shop, service, backup = (
        {name: value for name, value in unit(path).items() if HARDENING.match(name)}
        for path in (*UNITS, BACKUP)
    )
    assert service == backup
    assert len(service) > len(HARDENING.pattern.split("|"))
    assert [*service["SystemCallFilter"], "capset"] == shop["SystemCallFilter"]
    assert service == shop | {"SystemCallFilter": service["SystemCallFilter"]}


def test_a_backup_is_made_of_the_shop_of_its_unit() -> None:
    """By a command that there is, of the folder in which that unit keeps the shop."""
    [make, _sweep] = unit(BACKUP)["ExecStart"]
    words = shlex.split(shlex.split(make)[-1])
    options = Started("backup", words[words.index(PROGRAM) + 1 :], {}).options()
    assert [options["data"]] == [
        Path("/var/lib") / name for name in unit(UNITS[0])["StateDirectory"]
    ]


def test_there_are_files_enough() -> None:
    """So many connections as the code takes at most; then it does not complain at its start."""
    assert {str(FILES_WANTED)} == {unit(path)["LimitNOFILE"][0] for path in UNITS}
    for path in COMPOSE:
        [document] = documents(path)
        limits = {one["ulimits"]["nofile"] for one in document["services"].values()}
        assert {FILES_WANTED} == limits


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_is_in_a_file(path: Path) -> None:
    """What looks like one is a word that says so, or names the file of one."""
    lines = path.read_text("utf-8").splitlines()
    found = [line for line in lines if KEPT_SECRET.search(line) and not FILE_OF_SECRET.search(line)]
    assert [] == found


def test_an_image_holds_nothing_but_the_program() -> None:
    """What is not named is not even shown to whoever makes it."""
    ignored, *named = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert "*" == ignored
    shown = {line[1:] for line in named if line.startswith("!")}
    copied = {
        word
        for line in CONTAINERFILE.read_text("utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert copied == shown
    assert all((ROOT / name).exists() for name in shown)


def test_a_pod_is_found_before_the_one_that_it_replaces_goes() -> None:
    """Names are looked up now and then; two at once must not go unseen."""
    for name in ("catalog", "order"):
        assert 2 * LOOK_AGAIN_S + NAME_AGE_S_MAX <= _deployments()[name]["minReadySeconds"]
        assert "None" == _kind("Service")[name]["clusterIP"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_is_told_nothing_that_its_cluster_makes_up(name: str) -> None:
    """A service called bazar would set BAZAR_PORT; and no pod asks the cluster anything."""
    pod, _container = _pod(name)
    assert (False, False) == (pod["enableServiceLinks"], pod["automountServiceAccountToken"])


@pytest.mark.parametrize("name", SERVICES)
def test_one_of_a_service_stays_whatever_is_cleared(name: str) -> None:
    """There are two at least, of which a cluster may take one away, and a budget says so."""
    spec, budget = _deployments()[name], _kind("PodDisruptionBudget")[name]
    assert spec["replicas"] - budget["maxUnavailable"] >= 1
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["selector"]["matchLabels"] == budget["selector"]["matchLabels"]
    assert spec["selector"]["matchLabels"] == _kind("Service")[name]["selector"]


def test_each_service_may_reach_those_that_it_asks_and_no_others() -> None:
    """The policies of the network have the ports on which services are asked."""
    policies = _kind("NetworkPolicy")
    into = {
        name: {port["port"] for rule in policies[name]["ingress"] for port in rule["ports"]}
        for name in SERVICES
    }
    assert {name: {PORTS[name]} for name in SERVICES} == into
    out_of = {
        name: {port["port"] for rule in policies[name]["egress"] for port in rule["ports"]}
        & set(PORTS.values())
        for name in SERVICES
    }
    asked: dict[str, set[int]] = {"catalog": set(), "order": {5001}, "front": {5001, 5002}}
    assert asked == out_of
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} == policies["nothing"]


def test_the_databases_are_set_as_those_that_are_tried() -> None:
    """What the hosts of `make hosts` agree on stands in the example, with the same values."""
    [example] = documents(PATRONI)
    tried: dict[str, Any] = {**DYNAMIC}
    server = tried.pop("postgresql")
    parameters = server.pop("parameters")
    shown = example["bootstrap"]["dcs"]
    assert tried == {name: shown[name] for name in tried}
    assert server == {name: shown["postgresql"][name] for name in server}
    assert parameters == {name: shown["postgresql"]["parameters"][name] for name in parameters}


def test_the_databases_take_all_connections_of_three_machines() -> None:
    """Three catalogs and three order services, each with all that its page says."""
    page = (ROOT / "docs/postgresql.md").read_text("utf-8")
    [told] = re.findall(r"holds up to (\d+) connections", page)
    [example] = documents(PATRONI)
    connections = example["bootstrap"]["dcs"]["postgresql"]["parameters"]["max_connections"]
    assert 2 * 3 * int(told) < connections
