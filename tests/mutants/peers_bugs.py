"""Seeded bugs of calls between services: whom they ask, and whom they believe."""

from mutants.bug import Bug, Edit
from mutants.parts import BALANCING, CACHE_MODEL, CACHE_OFF, FRONT_ORDERS, SEVERAL_TARGETS

PEERS_BUGS = (
    Bug(
        "out-for-good",
        "A target that is out is not probed, and never comes back.",
        (
            Edit(
                "kit/peers/balancing.py",
                "            await asyncio.sleep(pause_s)\n",
                "            await asyncio.sleep(3600 + pause_s)\n",
            ),
        ),
        (BALANCING,),
    ),
    Bug(
        "nobody-is-out",
        "A target that does not answer is asked as often as the others.",
        (Edit("kit/peers/balancing.py", "        target.out = True\n", ""),),
        (BALANCING,),
    ),
    Bug(
        "believes-who-says-nothing",
        "An answer that does not say whose it is counts as one of the service.",
        (
            Edit(
                "kit/peers/signer.py",
                "        if said != self._identity:\n",
                "        if said is None:\n            return dict(headers)\n"
                "        if said != self._identity:\n",
            ),
        ),
        (SEVERAL_TARGETS,),
    ),
    Bug(
        "probe-believes-anybody",
        "Whoever answers a probe with 200 is back in.",
        (
            Edit(
                "kit/peers/client.py",
                "            return False\n        if target.shop:\n",
                "            return True\n        if target.shop:\n",
            ),
        ),
        (SEVERAL_TARGETS,),
    ),
    Bug(
        "asks-again-without-end",
        "Calls are sent again at once, however many of them there are.",
        (
            Edit(
                "kit/peers/racing.py",
                "(budget is None or budget.take())",
                "(budget is None or budget.take() or True)",
            ),
        ),
        (SEVERAL_TARGETS,),
    ),
    Bug(
        "a-crowd-needs-a-budget",
        "Of a crowd that meets a dead target only as many are served as may ask twice.",
        (
            Edit(
                "kit/peers/racing.py",
                "self._ask_another(None if free else self._rules.retries)",
                "self._ask_another(self._rules.retries)",
            ),
            Edit("kit/peers/client.py", "bound = slow and ", "bound = "),
        ),
        (SEVERAL_TARGETS,),
    ),
    Bug(
        "slow-is-given-up",
        "An attempt that is slow is ended, so what takes long is never answered.",
        (
            Edit(
                "kit/peers/racing.py",
                "            for target in self._under_way.values():\n",
                "            for task, target in self._under_way.items():\n"
                "                task.cancel()\n",
            ),
        ),
        (SEVERAL_TARGETS,),
    ),
    Bug(
        "definite-though-sent-twice",
        "A purchase whose first try may be under way is refused as if nothing had been done.",
        (
            Edit(
                "front/upstream/orders.py",
                "        if placed.again and not _holds(placed.answer):\n",
                "        if placed.again and not placed.answer.status:\n",
            ),
        ),
        (FRONT_ORDERS,),
    ),
    Bug(
        "cache-moves-with-the-feed",
        "The front keeps its cache when the feed goes on at another catalog.",
        (
            Edit(
                "front/upstream/cache.py",
                "        self.broken()\n        self._floors.clear()\n        self._open = True\n",
                "        self._open = True\n",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "off-keeps-all-the-same",
        "A front that is to keep nothing answers from its cache.",
        (
            Edit(
                "front/upstream/cache.py",
                "        elif self.keeps and self.live",
                "        elif self.live",
            ),
        ),
        (CACHE_OFF,),
    ),
)
