"""The order service's wishes as the front sees them: whether any are kept, kept and ended."""

from collections.abc import Callable
from typing import Literal, NoReturn

import msgspec

from bazar.kit.clock import passing_s
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Problem, Unavailable
from bazar.kit.peers.answers import Answer
from bazar.kit.peers.client import Upstream
from bazar.wire.problems import MailOff, TooManyWishes
from bazar.wire.wishes import MailState, StopWishes, WishRequest

OFFERED_S = 60.0
"""For so long it is known whether the shop sends mail, which only a restart changes."""
UNKNOWN_S = 5.0
"""For so long nobody is asked again after nobody answered."""
OFFERED_MS = 300
"""For the question; a page waits for it, once in a while."""

Kept = Literal["kept", "off", "too-many"]
"""What became of a wish: kept; nobody could be told, since no mail is sent; or too many."""
_OK = 200
_REFUSED: dict[str, Kept] = {MailOff.code: "off", TooManyWishes.code: "too-many"}
_state = msgspec.json.Decoder(MailState).decode
_problem = msgspec.json.Decoder(Problem).decode


class Wishes:
    """What can be done with wishes."""

    def __init__(self, upstream: Upstream, time: Callable[[], float] = passing_s) -> None:
        """Ask this service; the clock counts seconds, and only passes."""
        self._upstream = upstream
        self._time = time
        self._on = False
        self._until_s = 0.0

    async def offered(self, request_id: str) -> bool:
        """Tell whether anybody can be told when a book is back, as it was known last."""
        now_s = self._time()
        if now_s >= self._until_s:
            self._until_s = now_s + UNKNOWN_S  # others who come meanwhile do not ask too
            try:
                answer = await self._upstream.call(
                    "GET", "/mail", deadline=Deadline(OFFERED_MS), request_id=request_id
                )
                self._on = _state(_good(answer).body).on
                self._until_s = self._time() + OFFERED_S
            except (Unavailable, msgspec.DecodeError):
                pass
        return self._on

    async def keep(self, wish: WishRequest, *, deadline: Deadline, request_id: str) -> Kept:
        """Keep a wish; asked twice, it is one.

        Raises:
            Unavailable: indefinite; the order service did not answer in time. Ask again.
        """
        answer = await self._upstream.call(
            "POST",
            "/wishes",
            deadline=deadline,
            request_id=request_id,
            body=msgspec.json.encode(wish),
        )
        if answer.status == _OK:
            return "kept"
        refused = _REFUSED.get(_code(answer))
        if refused == "off":
            self._on = False
        return refused or _unhelpful(answer)

    async def end(self, stop_key: str, *, deadline: Deadline, request_id: str) -> None:
        """Forget every wish of the address for which a key stands.

        Raises:
            Unavailable: indefinite; the order service did not answer in time. Ask again.
        """
        _good(
            await self._upstream.call(
                "POST",
                "/wishes/end",
                deadline=deadline,
                request_id=request_id,
                body=msgspec.json.encode(StopWishes(stop_key)),
            )
        )


def _good(answer: Answer) -> Answer:
    return answer if answer.status == _OK else _unhelpful(answer)


def _unhelpful(answer: Answer) -> NoReturn:
    message = f"the order service answered with status {answer.status}; its log says why"
    raise Unavailable(message)


def _code(answer: Answer) -> str:
    try:
        return _problem(answer.body).code
    except msgspec.DecodeError:
        return ""
