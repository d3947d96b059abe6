"""What became of an order, from its lines in the order of cause. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bazar.tools.tracing.lines import Line
from bazar.wire.orders import REFERENCE_LENGTH

_TOLD: Mapping[int, str] = {201: "confirmed", 202: "pending"}
_REFUSED = range(400, 500)
_PLACING = ("/purchase", "/orders", "/placements", "/checkout")
_OF_PURCHASES = frozenset({"taken", "received"})
_STORING = frozenset({"kept", "changed", "replayed"})


class Verdict(Struct, frozen=True):
    """What became of an order, as far as the logs tell."""

    order: str
    reference: str
    status: str
    """confirmed, rejected, cancelled, fulfilled, pending, refused or unknown; `answered` where it
    is no purchase."""
    why: str


def verdicts(orders: Sequence[str], lines: Sequence[Line]) -> list[Verdict]:
    """Return what became of each order; without one, of a request that may have placed one.

    Args:
        orders: their names.
        lines: of all of them, in the order of cause.
    """
    if orders:
        return [_verdict(order, lines, alone=len(orders) == 1) for order in orders]
    return [_verdict("", lines, alone=True)]


def _verdict(order: str, lines: Sequence[Line], *, alone: bool) -> Verdict:
    """Return what became of an order: what is stored of it, else what its buyer was told."""
    mine = [line for line in lines if line["order"] == order or (alone and not line["order"])]
    status, code, decided, committed = "", "", "", False
    for line in mine:
        step = line.step
        if step in _STORING:
            status = line["status"]
        elif step == "stored":
            status = "pending"
        elif step in {"decided", "decided-before", "heard"}:
            decided = line["outcome"]
        elif step == "committed":
            committed = True
        code = line["code"] or code
    reference = order[-REFERENCE_LENGTH:].upper() if "-" in order else ""
    if status:
        status, why = _judged(status, code, decided if committed else "")
    else:
        status, why = _told(mine, code)
    return Verdict(order, reference, status, why)


def _status(line: Line) -> int:
    return int(line["status"]) if line["status"].isdecimal() else 0


def _judged(status: str, code: str, decided: str) -> tuple[str, str]:
    """Return what is stored of an order, and why that is so."""
    if status == "pending" and decided:
        return status, f"the catalog has {decided} it; that the order service knows is not here"
    if status == "pending":
        return status, "it is stored, and no decision of the catalog is in these logs"
    return status, code if status == "rejected" else ""


def _told(lines: Sequence[Line], code: str) -> tuple[str, str]:
    """Return what the buyer was told of an order of which nothing is stored here."""
    requests = [line for line in lines if line.event == "request"]
    placing = [line for line in requests if line["path"].startswith(_PLACING)]
    told = [line for line in lines if line.step == "told"] or placing[-1:]
    last = _status(told[-1]) if told else 0
    if last in _TOLD:
        return _TOLD[last], "its buyer was told so"
    if last in _REFUSED:
        return "refused", code
    if requests and not placing and not any(line.step in _OF_PURCHASES for line in lines):
        return "answered", f"with {requests[-1]['status']}; it is no purchase"
    return "unknown", "no line of these logs says that it was stored, or refused"
