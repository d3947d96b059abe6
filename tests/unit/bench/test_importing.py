"""How imports are compared with bulk inserts."""

from bench.importing import Importing, p99


def test_each_turn_is_compared_with_its_own_insert() -> None:
    """So is the growth, in which a machine that got busier does not count."""
    found = Importing(10, import_s=[2.0, 6.0], insert_s=[1.0, 2.0], read_ms=[1.0] * 200)
    assert found.times is not None
    assert (2.0, 2.5, 3.0) == (found.times.least, found.times.median, found.times.most)
    assert found.growth is not None
    assert 1.5 == found.growth.median
    assert 4 == len(list(found.lines()))
    assert (1.0, 0.0) == (p99(found.read_ms), p99(found.purchase_ms))


def test_one_turn_tells_of_no_growth() -> None:
    """There is nothing to compare it with."""
    assert None is Importing(10, import_s=[2.0], insert_s=[1.0]).growth
    assert None is Importing(10).times
