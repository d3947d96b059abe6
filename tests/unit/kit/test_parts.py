"""Parts of what is too much for one go."""

import pytest

from bazar.kit.parts import parts


@pytest.mark.parametrize(
    ("expected", "weights"),
    [
        ([], []),
        ([[1]], [1]),
        ([[9]], [9]),
        ([[1, 2]], [1, 2]),
        ([[1, 2], [1]], [1, 2, 1]),
        ([[9], [1, 2], [9], [9], [0]], [9, 1, 2, 9, 9, 0]),
    ],
)
def test_parts_weigh_little_or_are_a_single_item(
    expected: list[list[int]], weights: list[int]
) -> None:
    """Nothing is left out, and all stays in order."""
    assert expected == [list(part) for part in parts(weights, int, 3)]
