"""What the shop said about each purchase, so that it can be held to it at the end."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from bazar.kit.errors import Problem
from bazar.load.measure import ACCEPTED, OK, REFUSED

CREATED, TAKEN = 201, 202
UNREADABLE = "bad-answer"


class Bought(msgspec.Struct):
    """What matters in the answer to a purchase."""

    order_id: str
    id: int | None = None
    quantity: int | None = None


@dataclass(slots=True)
class Purchases:
    """Every purchase of a load but those that were definitely refused; each is of one copy."""

    asked: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Order ids that were confirmed, with their books."""
    accepted: dict[str, int] = field(default_factory=dict)
    """Order ids that were taken but not decided yet, with their books."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Idempotency keys without a definite answer, with their books."""
    differences: list[str] = field(default_factory=list)
    """What was wrong with an answer."""

    def heard(self, key: str, book_id: int, status: int, body: bytes) -> str:
        """Keep what was said about the purchase with this key, and return the outcome.

        Args:
            key: the purchase's own.
            book_id: what was asked for.
            status: of the answer; 0 where there was none, for which the outcome is empty.
            body: of the answer.
        """
        self.asked += 1
        outcome, definite = self._understood(book_id, status, body)
        if not definite:
            self.unknown[key] = book_id
        return outcome

    def heard_again(self, key: str, status: int, body: bytes) -> bool:
        """Hear the answer to an unknown purchase, asked for again; tell whether it is known now.

        A refusal for overload is definite about this request, but says nothing about the first one.
        """
        outcome, definite = self._understood(self.unknown[key], status, body)
        known = definite and outcome != REFUSED
        if known:
            del self.unknown[key]
        return known

    def sold(self) -> Counter[int]:
        """Return how many copies of each book were sold."""
        return Counter(self.acknowledged.values())

    def _understood(self, book_id: int, status: int, body: bytes) -> tuple[str, bool]:
        if not status:
            return "", False
        if status not in {CREATED, TAKEN}:
            problem = problem_of(status, body)
            return problem.code, problem.definite
        try:
            bought = msgspec.json.decode(body, type=Bought)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return UNREADABLE, False
        if bought.order_id in self.acknowledged or bought.order_id in self.accepted:
            self.differences.append(f"order {bought.order_id} was the answer to two purchases")
        if status == TAKEN:
            self.accepted[bought.order_id] = book_id
            return ACCEPTED, True
        if (bought.id, bought.quantity) != (book_id, 1):
            self.differences.append(
                f"order {bought.order_id}: asked for 1 copy of book {book_id}, "
                f"told of {bought.quantity} of book {bought.id}"
            )
        self.acknowledged[bought.order_id] = book_id
        return OK, True


def problem_of(status: int, body: bytes) -> Problem:
    """Return the problem document of an answer; of one that is none, an indefinite one."""
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text, code = "no problem document", f"status-{status}"
        return Problem(
            type=code, title=text, status=status, code=code, detail=text, hint="", definite=False
        )
