"""The short form of `make chaos`: a storm over real processes, small enough for every test run."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from chaos import plan
from chaos.plan import Errand
from chaos.setting import Setting
from chaos.short import assert_kept

PURCHASES = 800
FAULTS = 40
"""A few more than there are kinds and kinds of targets, so that each strikes once at least."""


@pytest.mark.timeout(400)
def test_a_storm_of_every_fault_leaves_every_promise_kept(tmp_path: Path) -> None:
    """Services die and stop, the network fails, and no client is told anything untrue."""
    assert_kept(tmp_path, Setting(), PURCHASES, FAULTS)


def test_a_plan_is_drawn_from_its_seed_alone() -> None:
    """The same seed gives the same errands and faults, in any order; another gives others."""
    errands = [plan.errand(7, number) for number in range(500)]
    assert errands == [plan.errand(7, number) for number in reversed(range(500))][::-1]
    assert errands != [plan.errand(8, number) for number in range(500)]
    kinds = Setting().kinds()
    assert plan.faults(7, 40, kinds) == plan.faults(7, 300, kinds)[:40]
    assert plan.faults(7, 40, kinds) != plan.faults(8, 40, kinds)


def test_a_plan_has_clients_of_every_kind() -> None:
    """The shares are those that `make chaos` promises."""
    errands = [plan.errand(1, number) for number in range(5_000)]
    buyers = [errand for errand in errands if errand.act == "buy"]
    assert 0.10 == pytest.approx(_share(buyers, lambda one: one.gives_up_after_s), abs=0.02)
    stay = [errand for errand in buyers if errand.gives_up_after_s is None]
    assert 0.25 == pytest.approx(_share(stay, lambda one: one.duplicates_s), abs=0.02)
    assert 0.05 == pytest.approx(_share(stay, lambda one: one.other_lines), abs=0.02)
    assert 0.15 == pytest.approx(_share(stay, lambda one: one.hurries_s), abs=0.02)
    assert {"buy", "restock", "read"} == {errand.act for errand in errands}
    assert any(errand.cancels for errand in stay)
    assert any(len(errand.lines) > 1 for errand in stay)


@pytest.mark.parametrize("setting", [Setting(), Setting("postgresql", 4, 2)], ids=str)
def test_every_fault_strikes_every_kind_of_target(setting: Setting) -> None:
    """Within a round of the plan nothing is left out; in the long run each replica is struck."""
    kinds = setting.kinds()
    planned = plan.faults(3, len(kinds), kinds)
    struck = Counter((fault.kind, fault.target) for fault in planned)
    for kind, targets, _ in kinds:
        assert any(struck[kind, target] for target in targets), kind
    often = {(fault.kind, fault.target) for fault in plan.faults(3, 200 * len(kinds), kinds)}
    assert {(kind, target) for kind, targets, _ in kinds for target in targets} == often


def test_a_plan_of_many_replicas_strikes_them_all_and_their_database() -> None:
    """Each process is a target, and so is each way from one to another."""
    struck = {
        target
        for _kind, targets, _lasts in Setting("postgresql", 2, 2).kinds()
        for target in targets
    }
    assert {"front", "front-2", "order-2", "catalog-2", "database"} <= struck
    assert {"client to front-2", "front-2 to order-2", "order-2 to catalog-2"} <= struck
    assert {"catalog-2 to database", "order-2 to database"} <= struck


def _share(errands: Sequence[Errand], has: Callable[[Errand], object]) -> float:
    return sum(bool(has(errand)) for errand in errands) / len(errands)
