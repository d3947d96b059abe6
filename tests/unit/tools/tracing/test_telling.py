"""What is told of a purchase: each line in words, who fell silent, and what became of it."""

from pathlib import Path

import pytest

from bazar.tools.tracing import Sources, Story, find, folded, tell
from bazar.wire.steps import STEPS
from support.logs import CATALOG, FRONT, ORDER, ORDER_ID, ORDERS, Logs

AGAIN = CATALOG.replace("#c1", "#c2")


def story(logs: Logs, asked: str = ORDER_ID) -> Story:
    """Tell what the logs of a test say."""
    with Sources((), logs.folder) as sources:
        return tell(find(sources, asked))


def verdict(logs: Logs, asked: str = ORDER_ID) -> str:
    """Return what became of the one order."""
    (one,) = story(logs, asked).verdicts
    return one.status


def gap(told: Story) -> str:
    """Return the one line that is missing, and which step is before it."""
    (number,) = [number for number, row in enumerate(told.rows) if row.gap]
    return f"{told.rows[number - 1].step}: {told.rows[number].what}"


def refuses(logs: Logs, status: int, code: str) -> None:
    """Have the front tell its client that there is nothing."""
    logs.step(FRONT, "told", f"request_id=r-100001 key=key-1 status={status} code={code}")
    logs.request(FRONT, "r-100001", "/purchase/2", status)


def test_a_purchase_is_told_step_by_step(logs: Logs) -> None:
    """In the order of cause, with the time since it began, and nobody fell silent."""
    logs.purchase()
    told = story(logs)
    assert [float(number) for number in range(19)] == [row.after_ms for row in told.rows]
    assert ("front 127.0.0.1:5000", "took the purchase of 1x2") == (
        told.rows[0].who,
        told.rows[0].what,
    )
    assert {"request_id": "r-100001"} == told.rows[0].facts
    assert "decided: reserved" in [row.what for row in told.rows]
    assert [] == [row for row in told.rows if row.gap]
    assert [] == told.notes
    (one,) = told.verdicts
    assert (ORDER, "NXFDSX", "confirmed", "") == (one.order, one.reference, one.status, one.why)


def test_a_catalog_that_died_on_the_way_is_told(logs: Logs) -> None:
    """After its last line, with when another one started there; the others go on."""
    logs.taken()
    logs.stored()
    logs.asks_catalog()
    logs.step(CATALOG, "decided", f"order={ORDER} outcome=reserved")
    logs.step(ORDERS, "no-answer", "call=call-2 upstream=catalog target=http://127.0.0.1:5001")
    logs.write(AGAIN, "listening", "url=http://127.0.0.1:5001 pid=7", after_ms=500)
    logs.asks_catalog(AGAIN, "call-3")
    logs.step(AGAIN, "decided", f"order={ORDER} outcome=reserved")
    logs.step(AGAIN, "committed", f"order={ORDER} batch=1")
    logs.answers(AGAIN, "call-3")
    logs.step(ORDERS, "kept", f"order={ORDER} status=confirmed")
    logs.told()
    told = story(logs)
    assert gap(told) == (
        "decided: nothing more from catalog 127.0.0.1:5001 after this: it died; another one "
        "started there 501 ms after its last line"
    )
    assert "started" in [row.what for row in told.rows]
    assert "confirmed" == told.verdicts[0].status


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("nothing", "its log ends here"),
        ("more", "it did not finish that, though its log goes on"),
        ("stopped", "it was stopped, in good order"),
    ],
)
def test_who_did_not_finish_is_told_as_far_as_it_is_known(logs: Logs, then: str, said: str) -> None:
    """Its log may end, go on, or say that it was stopped."""
    logs.taken()
    logs.stored()
    logs.asks_catalog()
    if then == "more":
        logs.request(CATALOG, "other-1", "/info/2")
    elif then == "stopped":
        logs.write(CATALOG, "stopped", "pid=7")
    logs.step(ORDERS, "undecided", f"order={ORDER}")
    logs.told(status=202)
    assert gap(story(logs)).endswith(f"after this: {said}")
    assert "pending" == verdict(logs)


def test_the_supervisor_says_that_somebody_died(logs: Logs) -> None:
    """Also where nobody started there again."""
    logs.taken()
    logs.stored()
    logs.asks_catalog()
    (logs.folder / "bazar.log").write_text(
        "bazar   | at=2026-11-27T12:00:00.009500Z level=warning event=restarting service=catalog "
        "port=5001 pid=7 status=-9 pause_s=0.0 process=bazar#b1\n"
    )
    logs.told(status=202)
    told = story(logs)
    assert gap(told).endswith("it died")
    assert "saw the catalog service die (status -9), and starts it again" in [
        row.what for row in told.rows
    ]


def test_clocks_that_differ_are_told(logs: Logs) -> None:
    """With whose they are; the order and the times are those of the first."""
    logs.ahead_ms = {CATALOG: 30_000.0}
    logs.purchase()
    told = story(logs)
    assert sorted(row.after_ms for row in told.rows) == [row.after_ms for row in told.rows]
    (note,) = told.notes
    assert note.startswith("the clock of catalog 127.0.0.1:5001 is 30.00")
    assert "ahead of that of front 127.0.0.1:5000; its times are corrected" in note


def test_what_is_stored_is_what_became_of_it(logs: Logs) -> None:
    """From step to step, whatever anybody was told."""
    said = []
    logs.taken()
    said.append(verdict(logs, "r-100001"))
    logs.stored()
    said.append(verdict(logs))
    logs.asks_catalog()
    logs.decides()
    logs.answers()
    said.append(verdict(logs))
    logs.step(ORDERS, "kept", f"order={ORDER} status=confirmed")
    said.append(verdict(logs))
    logs.told()
    said.append(verdict(logs))
    logs.step(ORDERS, "changed", f"order={ORDER} status=cancelled")
    said.append(verdict(logs))
    assert ["unknown", "pending", "pending", "confirmed", "confirmed", "cancelled"] == said


def test_a_pending_order_that_the_catalog_sold_says_so(logs: Logs) -> None:
    """That is what the recovery loop then finds."""
    logs.taken()
    logs.stored()
    logs.asks_catalog()
    logs.decides()
    assert "the catalog has reserved it" in story(logs).verdicts[0].why


def test_a_decision_that_was_not_committed_counts_for_nothing(logs: Logs) -> None:
    """Its transaction may never have been."""
    logs.taken()
    logs.stored()
    logs.asks_catalog()
    logs.step(CATALOG, "decided", f"order={ORDER} outcome=reserved")
    assert "no decision of the catalog" in story(logs).verdicts[0].why


def test_a_rejected_order_says_why(logs: Logs) -> None:
    """By the code of the error."""
    logs.taken()
    logs.stored()
    logs.asks_catalog()
    logs.step(CATALOG, "decided", f"order={ORDER} outcome=rejected code=out-of-stock")
    logs.step(ORDERS, "kept", f"order={ORDER} status=rejected")
    refuses(logs, 409, "out-of-stock")
    (one,) = story(logs).verdicts
    assert ("rejected", "out-of-stock") == (one.status, one.why)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (400, "invalid-request", "refused"),
        (422, "key-reused", "refused"),
        (503, "unavailable", "unknown"),
        (500, "internal", "unknown"),
    ],
)
def test_a_purchase_that_was_not_stored_is_what_its_buyer_was_told(
    logs: Logs, status: int, code: str, said: str
) -> None:
    """A refusal is definite; where nobody answered nobody knows."""
    logs.taken()
    refuses(logs, status, code)
    assert said == verdict(logs, "r-100001")


def test_a_question_is_no_purchase(logs: Logs) -> None:
    """It is answered, and that is all."""
    logs.step(FRONT, "asked", "call=q-100001 upstream=catalog target=http://127.0.0.1:5001")
    logs.request(CATALOG, "q-100001", "/books", 200)
    logs.step(
        FRONT, "answered", "call=q-100001 upstream=catalog target=http://127.0.0.1:5001 status=200"
    )
    logs.request(FRONT, "q-100001", "/books", 200)
    (one,) = story(logs, "q-100001").verdicts
    assert ("answered", "with 200; it is no purchase") == (one.status, one.why)


def test_logs_without_steps_say_how_to_get_them(logs: Logs) -> None:
    """What they have is told all the same."""
    path = logs.folder / "front.log"
    path.write_text(
        "front   | at=2026-11-27T12:00:00.000000Z level=info event=request method=POST "
        "path=/purchase/2 status=201 ms=7.63 request_id=r-100001 reference=NXFDSX\n"
    )
    told = story(logs, "r-100001")
    assert "confirmed" == told.verdicts[0].status
    assert any("--log-level debug" in note for note in told.notes)


def test_tries_that_came_to_nothing_are_counted(logs: Logs) -> None:
    """Where there are three or more of one kind; the first stands there as it is."""
    logs.taken()
    logs.stored()
    for number in range(5):
        of = "call=call-2 upstream=catalog target=http://127.0.0.1:5001"
        if number == 0:
            logs.step(ORDERS, "sent", f"order={ORDER} call=call-2 batch=1 upstream=catalog")
        logs.step(ORDERS, "asked", of)
        logs.step(ORDERS, "no-answer", f"{of} reason=refused")
    rows = folded(story(logs).rows)
    assert ["sent", "asked", "no-answer", "asked"] == [row.step for row in rows[-5:-1]]
    assert rows[-2].what.startswith("the same 4 times more, until")
    assert rows[-1].gap


def test_every_step_can_be_told(logs: Logs, tmp_path: Path) -> None:
    """Whatever facts its line has, and one of a newer release too."""
    assert tmp_path == logs.folder.parent
    for step in (*STEPS, "of-a-newer-release"):
        logs.step(ORDERS, step, f"order={ORDER}")
    told = story(logs)
    assert len(STEPS) + 1 == len([row for row in told.rows if not row.gap])
    assert "of-a-newer-release" in [row.what for row in told.rows]
