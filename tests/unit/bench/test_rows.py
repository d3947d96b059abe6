"""The rows of the benchmark: which are measured together."""

from bench.rows import MANY, PAGE, Group, chosen


def test_pages_of_books_are_asked_for_where_they_are() -> None:
    """The title stands in the address, so no answer only leads to another address."""
    assert "/book/2/rpcs-for-noobs" == PAGE.paths[1]


def test_the_row_of_pages_can_be_measured_alone() -> None:
    """One word chooses it, with as many clients as there are in its group."""
    assert [Group((PAGE,), MANY)] == chosen(["page"])
