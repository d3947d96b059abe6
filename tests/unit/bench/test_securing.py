"""What TLS costs is told round by round, so that a busy moment meets both ways."""

from bench.securing import PLAIN, SECURED, Securing


def test_rounds_are_compared_with_each_other() -> None:
    """The median of their ratios, and never a ratio of medians."""
    found = Securing({PLAIN: [100.0, 200.0, 400.0], SECURED: [110.0, 240.0, 400.0]})
    assert found.spread is not None
    assert (1.1, 1.0, 1.2) == (found.spread.median, found.spread.least, found.spread.most)
    assert ["a call in the clear: 200", "a call under TLS: 240"] == [
        line.partition(" µs")[0] for line in found.lines()
    ]
