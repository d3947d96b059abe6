"""How a soak judges its samples."""

import pytest

from chaos.soak import judged

SAMPLES = 90


def flat(name: str, values: list[float]) -> bool:
    """Tell whether a name's values count as flat."""
    ((_name, _before, _after, is_flat),) = judged({name: values})
    return is_flat


def test_what_rises_only_while_it_warms_up_is_flat() -> None:
    """The first third does not count."""
    values = [40.0 + number for number in range(30)] + [70.0] * 60
    assert flat("order memory", values)


def test_a_leak_is_not_flat() -> None:
    """Memory that grows by a tenth, descriptors by one a minute, a log that is never cut."""
    assert not flat("order memory", [70.0 + 0.2 * number for number in range(SAMPLES)])
    assert not flat("front file descriptors", [30.0 + number / 3 for number in range(SAMPLES)])
    assert not flat("catalog log size", [0.1 * number for number in range(SAMPLES)])


def test_a_single_slow_moment_is_flat_and_getting_slower_is_not() -> None:
    """A percentile is noisy: what counts is the median of many."""
    values = [12.0 + number % 7 for number in range(SAMPLES)]
    assert flat("p99 of a purchase", [*values[:-5], 900.0, *values[-4:]])
    assert not flat("p99 of a purchase", [5.0 + 3 * number for number in range(SAMPLES)])


def test_too_few_samples_are_refused() -> None:
    """A soak of half a minute tells nothing."""
    with pytest.raises(ValueError, match="6 are needed"):
        list(judged({"order memory": [70.0] * 5}))
