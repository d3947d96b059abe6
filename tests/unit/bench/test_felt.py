"""What buyers felt of a fault."""

from bench.felt import Bought, Felt


def test_the_worst_of_all_rounds_counts() -> None:
    """The longest silence within a round, and the slowest purchase; never the time between two."""
    felt = Felt()
    felt.take([Bought(0.0, 0.1, 0), Bought(0.05, 0.6, 2), Bought(0.1, 0.2, 0)])
    felt.take([Bought(9.0, 9.3, 1), Bought(9.1, 9.2, 0)])
    assert Felt(bought=5, gap_s=0.4, slowest_s=0.55, others=3) == Felt(
        felt.bought, round(felt.gap_s, 3), round(felt.slowest_s, 3), felt.others
    )


def test_a_round_without_purchases_tells_nothing() -> None:
    """It is no silence: nobody asked."""
    felt = Felt()
    felt.take([])
    assert Felt() == felt
