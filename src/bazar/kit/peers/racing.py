"""One call and several targets: who fails or is slow gets a rival, and the first answer counts."""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic

from bazar.kit.peers.answers import FAILURES, Answer, Failure, Stranger, is_away, is_slow, reason
from bazar.kit.peers.balancing import (
    HEDGES_SHARE,
    RETRIES_LEAST,
    RETRIES_SHARE,
    Budget,
    Patience,
    Target,
    Targets,
)

ATTEMPT_S = 0.4
"""Without an answer after that a target is out until it answers a probe, and another is asked. A
buyer who meets a host that died without a word waits for as long, and for the other's answer."""
ON_THE_WAY = 0.6
"""Of that, the share for whoever is asked by a service that is asked itself. So it has found
another one before its own caller takes it for the one that does not answer."""

Attempt = Callable[[Target], Coroutine[None, None, Answer]]


class Rules:
    """How much may be asked twice, and when."""

    def __init__(self, share: float = 1.0) -> None:
        """Start with no call counted.

        Args:
            share: of the time after which a target that has not answered is out.
        """
        self._share = share
        self.retries = Budget(RETRIES_SHARE, RETRIES_LEAST)
        self.hedges = Budget(HEDGES_SHARE, 0)
        self.patience = Patience(ATTEMPT_S)

    @property
    def attempt_s(self) -> float:
        """How long a target may take to answer."""
        return ATTEMPT_S * self._share


class Race:
    """One call, until it is answered or nobody is left to be asked now."""

    def __init__(self, targets: Targets, rules: Rules, attempt: Attempt, *, hedge: bool) -> None:
        """Ask these targets.

        Args:
            targets: of the service.
            rules: for all calls of it.
            attempt: asks one target.
            hedge: ask another one too as soon as this call is slower than most.
        """
        self._targets = targets
        self._rules = rules
        self._attempt = attempt
        self._may_hedge = self._learns = hedge
        self._started_s = monotonic()
        self._late_at_s = 0.0
        """When the attempt that was started last is slow."""
        self._under_way: dict[asyncio.Task[Answer], Target] = {}
        self._failure: Failure = Stranger("no address of it is known")
        self._failed: set[Target] = set()
        self._refused: Answer | None = None

    async def run(self) -> Answer:
        """Return the first answer; one that says that its target cannot work is the last resort.

        An attempt that is slow goes on beside the others: to end it could mean that what takes
        long by its nature is never answered.

        Raises:
            RequestError, Stranger: of the last one that failed.
        """
        try:
            self._start(self._targets.choose())
            if self._may_hedge:
                self._rules.hedges.count()
                self._late_at_s = self._started_s + self._rules.patience.slow_s
            while self._under_way:
                done, _ = await asyncio.wait(
                    self._under_way,
                    timeout=max(0.0, self._late_at_s - monotonic()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    self._rival()
                for task in done:
                    answer = self._ended(task)
                    if answer is not None:
                        return answer
        finally:
            for task in self._under_way:
                task.cancel()
        if self._refused is not None:
            return self._refused
        raise self._failure

    def _start(self, target: Target | None) -> None:
        self._late_at_s = monotonic() + self._rules.attempt_s
        if target is not None:
            task = asyncio.create_task(self._attempt(target))
            task.add_done_callback(_end)
            self._under_way[task] = target

    def _rival(self) -> None:
        """Ask another one beside those that are slow."""
        budget = self._rules.retries
        if self._may_hedge:
            self._may_hedge = False
            budget = self._rules.hedges
        else:
            for target in self._under_way.values():
                self._targets.eject(target, f"no answer for {self._rules.attempt_s:g} s")
        self._ask_another(budget)

    def _ask_another(self, budget: Budget | None) -> None:
        asked = [*self._under_way.values()]
        if self._targets.only in self._failed:  # whoever calls waits a moment before that
            asked += self._failed
        another = self._targets.another(asked)
        allowed = another is not None and (budget is None or budget.take())
        self._start(another if allowed else None)

    def _ended(self, task: asyncio.Task[Answer]) -> Answer | None:
        """Return the answer of an attempt that ended, or ask another target."""
        target = self._under_way.pop(task)
        try:
            answer = task.result()
        except FAILURES as error:
            self._failure = error
            self._targets.eject(target, reason(error))
            # Who reached nobody asks no more than its share, however many meet one dead target.
            free = not is_slow(error) and target not in self._failed
            self._failed.add(target)
            self._ask_another(None if free else self._rules.retries)
            return None
        else:
            if not is_away(answer):
                if self._learns:
                    self._rules.patience.note(monotonic() - self._started_s)
                return answer
            self._refused = answer
            self._failed.add(target)
            self._targets.eject(target, "it says that it cannot work now")
        self._ask_another(self._rules.retries)
        return None


def _end(task: asyncio.Task[Answer]) -> None:
    """Hear of the end of an attempt, for which nobody may wait any more."""
    if not task.cancelled():
        task.exception()
