"""The table and the verdict, as a person reads them."""

import pytest

from bazar.cli.show_load import DIFFERENCES_SHOWN, kind_row, remarks, verdict
from bazar.load.check import Checked
from bazar.load.measure import OK, REFUSED, SOLD_OUT, Measurements
from bazar.load.report import LoadReport, report

CHECKED = "checked 1,234 purchases (1,200 sold)"


def measured() -> Measurements:
    """Return what two browsers, and buyers with four outcomes, would have measured."""
    found = Measurements(10)
    found.record("browse", OK, 2_000, 0.1)
    found.record("browse", OK, 1_234_567, 1.5)
    for outcome in (OK, SOLD_OUT, REFUSED, "timeout"):
        found.record("buy", outcome, 10_000, 0.5)
    found.elapsed_s, found.busy_s = 2.0, 1.0
    return found


def checked(*differences: str, asked_again: int = 0, audited: bool = True) -> Checked:
    """Return the result of a check of 1,234 purchases."""
    return Checked(
        purchases=1234,
        sold=1200,
        asked_again=asked_again,
        audited=audited,
        differences=list(differences),
    )


def one_kind(**fields: object) -> LoadReport:
    """Return the report of two browsers, changed."""
    found = Measurements(10)
    found.record("browse", OK, 2_000, 0.1)
    found.elapsed_s = 2.0
    for name, figure in fields.items():
        setattr(found, name, figure)
    return report(found, seed=1)


def test_a_row_for_each_kind_that_was_asked_and_one_for_all() -> None:
    """Good answers, a sold-out book among them; refusals and failures apart."""
    done = report(measured(), seed=5)
    assert [
        ("browse", "2", "1.0", "2.0", "1,234.6", "1,234.6", "1,234.6", "0", "0"),
        ("buy", "2", "1.0", "10.0", "10.0", "10.0", "10.0", "1", "1"),
        ("all", "4", "2.0", "10.0", "1,234.6", "1,234.6", "1,234.6", "1", "1"),
    ] == [tuple(kind_row(one)) for one in done.kinds]
    assert (5, 2.0, 0.5) == (done.seed, done.elapsed_s, done.generator_cores)


def test_one_kind_needs_no_row_for_all() -> None:
    """It would say the same twice."""
    assert ["browse"] == [one.kind for one in one_kind().kinds]


def test_a_load_without_an_answer_has_a_row_of_zeros() -> None:
    """It can be printed like any other."""
    silent = Measurements(10)
    silent.elapsed_s = 10.0
    done = report(silent, seed=1)
    assert [("all", "0", "0.0", "0.0", "0.0", "0.0", "0.0", "0", "0")] == [
        kind_row(one) for one in done.kinds
    ]


def test_outcomes_beside_ok_are_named() -> None:
    """By their codes, as docs/errors.md has them."""
    assert ["outcomes beside ok: 1 out-of-stock, 1 overloaded, 1 timeout"] == list(
        remarks(report(measured(), seed=1))
    )


def test_who_was_not_served_and_a_busy_generator_are_remarks() -> None:
    """Both say that the table is not the whole truth about the shop."""
    assert [] == list(remarks(one_kind()))
    assert ["1,500 customers arrived and were not served before the end"] == list(
        remarks(one_kind(unsent=1500))
    )
    (remark,) = remarks(one_kind(busy_s=1.9))
    assert "the limit, not the shop" in remark


@pytest.mark.parametrize(
    ("check", "lines"),
    [
        (None, ["nothing was bought, so there is nothing to check"]),
        (checked(), [f"{CHECKED}: stock and orders add up"]),
        (
            checked(asked_again=3),
            ["checked 1,234 purchases (1,200 sold, 3 asked again): stock and orders add up"],
        ),
        (
            checked(audited=False),
            [f"{CHECKED}: all is as the buyers were told; the stock needs the secret"],
        ),
        (checked("a lie"), ["  a lie", f"{CHECKED}: 1 difference"]),
    ],
)
def test_the_verdict_is_one_line(check: Checked | None, lines: list[str]) -> None:
    """With each difference above it."""
    assert lines == list(verdict(check))


def test_very_many_differences_are_counted_not_listed() -> None:
    """The verdict must not scroll away."""
    lines = list(verdict(checked(*(f"lie {number}" for number in range(1000)))))
    assert DIFFERENCES_SHOWN + 2 == len(lines)
    assert ("  and 980 more", f"{CHECKED}: 1000 differences") == (
        lines[-2],
        lines[-1],
    )
