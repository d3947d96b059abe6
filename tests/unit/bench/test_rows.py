"""The rows of the benchmark: which are measured together, and of whom."""

from pathlib import Path

from bench.nginx import Nginx, plain_samples
from bench.rows import MANY, PAGE, Group, chosen
from bench.systems import Bazar, Floor, Lab


def test_pages_of_books_are_asked_for_where_they_are() -> None:
    """The title stands in the address, so no answer only leads to another address."""
    assert "/book/2/rpcs-for-noobs" == PAGE.paths[1]


def test_the_row_of_pages_can_be_measured_alone() -> None:
    """One word chooses it, with as many clients as there are in its group."""
    assert [Group((PAGE,), MANY)] == chosen(["page"])


def test_only_the_shop_and_nginx_have_pages(tmp_path: Path) -> None:
    """The lab had none, and the floor is of JSON."""
    group, samples = Group((PAGE,), MANY), plain_samples()
    systems = (
        Bazar(tmp_path / "bazar"),
        Nginx(tmp_path / "nginx", samples),
        Lab(tmp_path / "lab"),
        Floor(tmp_path / "floor", samples),
    )
    rows = [[target.row for target in system.targets(group)] for system in systems]
    assert [["bazar"], ["nginx alone"], [], []] == rows
