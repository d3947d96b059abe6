"""What an experiment says follows from its figures, also where they are not the expected ones."""

from collections.abc import Mapping

import pytest

from bazar.chart.lines import LineChart
from bazar.experiment import cache, clients, consistency, crash, replicas
from bazar.experiment.clients import Step, doublings, full_at
from bazar.experiment.consistency import OFF, ON, Among, Cycles
from bazar.experiment.crash import WINDOW_S
from bazar.experiment.figures import spread
from bazar.experiment.pressing import Row, limits, noise
from bazar.experiment.replicas import Kind
from bazar.experiment.result import Outcome, shown
from bazar.experiment.settings import Settings
from bazar.load.check import Checked
from support.turns import CLEAN, came, crashed, rates, steps, turn, waits

USUAL = Settings()


def said(outcome: Outcome) -> str:
    """Return all sentences of an outcome."""
    return "\n".join(outcome.meaning)


def cached(query: Row, past: Row, off: Row, buy: Row, buy_off: Row) -> Outcome:
    """Return what the experiment with the cache says of these rows."""
    rows = dict(zip(cache.KINDS, (query, past, off, buy, buy_off), strict=True))
    return cache.outcome(rows, USUAL)


def test_a_cache_that_helps_is_praised() -> None:
    """With how many times, round by round."""
    told = said(cached(waits(1, 2), waits(4, 8), waits(4, 8), waits(9, 9), waits(9, 9)))
    assert "the cache made it 4.0 times as fast" in told
    assert "as long as where there is none" in told
    assert "the cache neither helps nor hinders it" in told


def test_a_cache_that_does_not_help_is_not_praised() -> None:
    """It says so, and not the contrary."""
    told = said(cached(waits(4, 4), waits(2, 2), waits(2, 2), waits(9, 9), waits(3, 3)))
    assert "the cache did not help, it was 2.0 times as slow with it" in told
    assert "the cache made it 3.0 times as slow, since its change has to be announced" in told
    assert "times as fast" not in told.split("\n")[0]


def test_rounds_that_disagree_tell_no_difference() -> None:
    """However far apart the medians are."""
    told = said(cached(waits(1, 9), waits(1, 1), waits(5, 5), waits(1, 1), waits(1, 1)))
    assert "the cache made no difference that these rounds can tell" in told


def test_a_purchase_shows_no_share_of_the_cache() -> None:
    """No purchase comes from there; a query of a shop without cache has none either."""
    row = Row([turn(hits=3, misses=1)])
    (table,) = cached(row, row, Row([turn()]), row, row).tables
    assert [75.0, 75.0, None, None, None] == [cells[4] for cells in table.rows]


def consistent(cycles: Mapping[str, Cycles], rows: Mapping[Among, Row], rounds: int = 2) -> Outcome:
    """Return what the experiment with updates says of these figures, the same in each round."""
    figures = consistency.Figures(
        {how: [one] * rounds for how, one in cycles.items()}, rows, {one: [1.0] for one in rows}
    )
    return consistency.outcome(figures, USUAL)


def updated(held: float, update: float, first: float, behind: int = 0) -> Cycles:
    """Return one update after the other, all alike."""
    return Cycles([held] * 3, [update] * 3, [first] * 3, [first] * 3, [held] * 3, behind)


def test_the_price_of_a_true_cache_is_told() -> None:
    """The miss, the update, what showed late, and when it is worth it."""
    rows = {Among(0, ON): waits(1, 1), Among(0, OFF): waits(4, 4)}
    rows |= {Among(9, ON): waits(2, 2), Among(9, OFF): waits(4, 4)}
    told = said(consistent({ON: updated(1, 8, 5, 2), OFF: updated(4, 8, 4)}, rows))
    assert "that miss took 5.0 times as long" in told
    assert "so the cache costs it nothing that these rounds can tell" in told
    assert "Of 6 updates 4 did not show in the very next query" in told
    assert "half of them took 2.0 times as long" in told
    assert "At 9 updates a second: the cache is worth it" in told


def test_a_cache_that_costs_more_than_it_saves_is_told() -> None:
    """The contrary of what is hoped for, where that was measured."""
    rows = {Among(5, ON): waits(9, 9), Among(5, OFF): waits(3, 3)}
    told = said(consistent({ON: updated(4, 8, 2), OFF: updated(4, 2, 4)}, rows))
    assert "the miss was 2.0 times as fast as the hit, so the cache saves nothing here" in told
    assert "the cache makes it 4.0 times as slow" in told
    assert "the cache is not worth it, queries are 3.0 times as slow with it" in told
    assert "From" not in told


def pressed(found: Mapping[int, Row]) -> Outcome:
    """Return what the experiment with clients says, of queries and purchases alike."""
    return clients.outcome({Step(act, n): row for act in clients.ACTS for n, row in found.items()})


def test_the_point_where_a_shop_is_full_is_found() -> None:
    """The fewest clients with nine tenths of the highest rate."""
    found = {1: rates(100, 100), 2: rates(190, 190), 4: rates(200, 200), 8: rates(200, 200)}
    assert 2 == full_at({n: spread(row.values("rate_s")) for n, row in found.items()})
    told = said(pressed(found))
    assert "Query: the highest rate was 200 a second, and 2 clients reached nine tenths" in told
    assert "the rate went from 100 to 200 a second: 2.0 times as much" in told


def test_clients_that_only_hinder_each_other_are_told() -> None:
    """A rate that falls is no rate that rises."""
    found = {
        1: Row([turn(1, 400), turn(1, 400)]),
        4: Row([turn(20, 100), turn(20, 100)]),
    }
    told = said(pressed(found))
    assert "1 client reached nine tenths of it" in told
    assert "4.0 times less: too many at once are slower than one" in told
    assert "4 times the clients, 20.0 times the wait" in told


@pytest.mark.parametrize(
    ("most", "expected"),
    [(1, [1]), (2, [1, 2]), (8, [1, 2, 4, 8]), (100, [1, 2, 4, 8, 16, 32, 64, 100])],
)
def test_clients_double_up_to_the_most(most: int, expected: list[int]) -> None:
    """Which is one of the steps, doubling or not."""
    assert expected == doublings(most)


BEFORE = came("buy", steps(0, 0.9), 10) + came("browse", steps(0, 0.9), 2)
AFTER = came("buy", steps(2.05, 3.9), 9)


def test_a_fault_that_is_masked_is_told_with_its_price() -> None:
    """Nobody failed; who came meanwhile waited."""
    meanwhile = came("buy", [1.2, 1.6], 700) + came("browse", [1.3], 2)
    outcome = crash.outcome([crashed([*BEFORE, *meanwhile, *AFTER])], CLEAN, USUAL)
    told = said(outcome)
    assert "Detection: the supervisor noted it 10 ms after the fault" in told
    assert "all 2 purchases meanwhile were answered as if nothing had happened" in told
    assert "took 700 ms, and 10 ms before the fault" in told
    assert "Recovery: the order service was ready again after 1,000 ms" in told
    assert "no order is lost, none was made twice, and the stock fits" in told
    moments = {row[0]: row[1] for row in outcome.tables[0].rows}
    assert 0.7 == moments["3 masked: longest wait of a buyer"]
    assert 1.05 == pytest.approx(moments["5 buyers served as fast as before"])


def test_a_fault_that_is_not_masked_is_told() -> None:
    """With how many failed; and what was kept to be decided later is no failure."""
    failed = came("buy", [1.2], 30, "no-answer") + came("buy", [1.3], 30)
    kept = came("browse", [1.4], 20) + came("buy", [1.5], 2000, "accepted")
    told = said(crash.outcome([crashed([*BEFORE, *failed, *kept])], CLEAN, USUAL))
    assert (
        "of 3 purchases meanwhile 1 got no good answer, so for them the fault was not masked"
        in told
    )
    kept_only = crash.outcome([crashed([*BEFORE, *kept])], CLEAN, USUAL)
    assert "none of 1 purchases meanwhile failed; 1 were kept, to be decided" in said(kept_only)


def test_a_service_that_does_not_come_back_is_told() -> None:
    """Nothing is claimed that was not seen."""
    lost = crashed(BEFORE, detected_s=None, ready_s=None)
    told = said(crash.outcome([lost], CLEAN, USUAL))
    assert "Nobody noted the fault." in told
    assert "after 1 of 1 faults the order service was not seen to be ready again" in told
    assert "no purchases came while the service was away" in told
    assert "After 1 of 1 faults they were not" in told


def test_what_does_not_add_up_is_shouted() -> None:
    """A difference is the one thing that nobody may overlook."""
    wrong = Checked(purchases=2, sold=2, asked_again=1, audited=True, differences=["book 1: lost"])
    assert "1 DIFFERENCES: book 1: lost" in said(crash.outcome([crashed(BEFORE)], wrong, USUAL))


def test_the_timeline_in_the_middle_is_drawn() -> None:
    """Neither the best nor the worst, with its moments and all that failed."""
    heard = [*BEFORE, *came("buy", [1.2], 30, "timeout"), *AFTER]
    many = [crashed(heard, ready_s=ready_s) for ready_s in (1.5, 3.0, 2.0)]
    waited, answered = crash.outcome(many, CLEAN, USUAL).charts
    assert isinstance(waited, LineChart)
    assert isinstance(answered, LineChart)
    assert [1.0, 1.01, 2.0] == [moment.at for moment in waited.moments][:3]
    assert ["query", "buy", "not answered well"] == [dots.name for dots in waited.dots]
    answers = sum(value or 0 for line in answered.lines for value in line.values) * WINDOW_S
    assert len(heard) - 1 == pytest.approx(answers)


def replicated(one: Row, two: Row, alone_ms: float, many_ms: float) -> Outcome:
    """Return what the experiment with replicas says of these figures."""
    rows = {Kind(act, n): row for act in replicas.ACTS for n, row in ((1, one), (2, two))}
    struck = {
        n: (crashed([*BEFORE, *came("buy", [1.2], ms)]), CLEAN)
        for n, ms in ((1, alone_ms), (2, many_ms))
    }
    return replicas.outcome(rows, struck, USUAL, 2)


def test_replicas_that_help_are_told() -> None:
    """In speed, and when one of them dies."""
    told = said(replicated(rates(100, 100), rates(180, 180), 900, 100))
    assert "Buy, 2 replicas against 1: 1.8 times as many answers a second" in told
    assert "share the 2 processors" not in told
    assert "With 2 replicas the slowest purchase waited 800 ms less than with 1 replica" in told


def test_replicas_that_do_not_help_are_told() -> None:
    """With what they share, and that nothing was gained."""
    told = said(replicated(rates(100, 100), rates(80, 80), 100, 100))
    assert "1.2 times fewer answers a second, so more processes made it slower" in told
    assert "share the 2 processors of this machine" in told
    assert "these figures show no gain in availability" in told


def test_a_busy_machine_is_told() -> None:
    """And rounds that differ, and a single one; a quiet machine needs no word."""
    assert [] == noise([[1.0, 1.1]], 0.05)
    assert [] == noise([[1.0, 1.1]], None)
    busy, far = noise([[1.0, 2.0]], 0.4)
    assert "took 40% of its processors" in busy
    assert "differ by up to 2.0 times" in far
    (single,) = noise([[1.0]], None)
    assert "One round only" in single


def test_the_customers_limit_and_failures_are_told() -> None:
    """Where the one process of the customers was full, the shop was not measured."""
    assert [] == limits([waits(1, 1)])
    full, failed = limits([Row([turn(cores=0.95, not_ok=3)])])
    assert "it was the limit, not the shop" in full
    assert "3 answers were refusals or failures" in failed


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(None, ""), (0.5931, "0.593"), (1234.5, "1,234"), (12, "12"), ("a", "a"), (9.994, "9.99")],
)
def test_a_cell_has_three_digits(cell: float | str | None, expected: str) -> None:
    """More were not measured."""
    assert expected == shown(cell)
