"""Seeded bugs of what is read: the cache, its feed, and how long an answer holds."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    CACHE_MODEL,
    CHANGE_FEED,
    FRESHNESS,
    FRONT_READS,
    OWN_SALES,
    TRUST,
)

BUGS_OF_READING = (
    Bug(
        "stale-refill",
        "The cache keeps an answer that was read before a change and arrived after it.",
        (
            Edit(
                "front/upstream/cache.py",
                "        current = answer.version >= self._floors.get(book_id, 0)\n",
                "        current = True\n",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "joins-an-ended-call",
        "A reader may get the answer of a call that has ended before the reader came.",
        (
            Edit(
                "front/upstream/cache.py",
                "        if task is None or task.done():",
                "        if task is None:",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "cache-outlives-feed",
        "The cache keeps what it holds when the feed of changes breaks and opens again.",
        (
            Edit(
                "front/upstream/cache.py",
                "        self.generation += 1\n"
                "        self._books.clear()\n"
                "        self._lists.clear()\n",
                "        self.generation += 1\n",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "sale-not-announced",
        "The front waits for the feed to tell it of its own sales.",
        (
            Edit(
                "front/upstream/orders.py",
                "        self._announce(placed.answer.changed)\n",
                "",
            ),
        ),
        (OWN_SALES,),
    ),
    Bug(
        "trusts-late-signs",
        "A sign of life is trusted from when it arrives, however long it was on its way.",
        (
            Edit(
                "front/upstream/trust.py",
                "        self.until_s = sign.at_ms / 1000 + self._apart_s + SILENCE_MS / 1000\n",
                "        self.until_s = self._clock() + SILENCE_MS / 1000\n",
            ),
        ),
        (TRUST,),
    ),
    Bug(
        "open-takes-no-time",
        "The clocks are compared as if the first sign of a feed had been on its way for no time.",
        (
            Edit(
                "front/upstream/trust.py",
                "        self._apart_s = asked_at_s - sign.at_ms / 1000\n",
                "        self._apart_s = self._clock() - sign.at_ms / 1000\n",
            ),
        ),
        (TRUST,),
    ),
    Bug(
        "gap-overlooked",
        "A feed that leaves out a commit is trusted as before.",
        (
            Edit(
                "front/upstream/trust.py",
                "sign.place != Place(self._place.run, number)",
                "sign.place.run != self._place.run",
            ),
        ),
        (TRUST,),
    ),
    Bug(
        "claims-overlooked",
        "An answer that knows more than the feed has told changes nothing.",
        (
            Edit(
                "front/upstream/trust.py",
                "            self._owed.append((place.number, self._clock() + LAG_MS / 1000))\n",
                "            self._owed.append((place.number, self._clock() + 3600))\n",
            ),
        ),
        (TRUST,),
    ),
    Bug(
        "claims-too-much",
        "An answer of the catalog tells of commits that came after it was read.",
        (
            Edit(
                "catalog/api.py",
                "        response.raw_headers.append(place)\n",
                "        response.raw_headers.append((name, str(feed.place).encode()))\n",
            ),
        ),
        (CHANGE_FEED,),
    ),
    Bug(
        "late-follower-drained",
        "A follower of the feed that is late still gets all that waits for it.",
        (
            Edit(
                "catalog/feed.py",
                "        return bool(self.waiting) and now_ms - self.waiting[0].put_ms > LAG_MS\n",
                "        return False and now_ms > LAG_MS\n",
            ),
        ),
        (CHANGE_FEED,),
    ),
    Bug(
        "joins-without-a-feed",
        "Readers wait for calls that are older than they are, even while nothing is announced.",
        (
            Edit(
                "front/upstream/cache.py",
                "        if not self.keeps or not self.live:\n",
                "        if not self.keeps:\n",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "answer-slept-in-a-socket",
        "An answer that waited while the front stood still is shown as if it had just come.",
        (
            Edit(
                "front/upstream/catalog.py",
                "        if self._clock() - asked_at_s > READ_MS / 1000:",
                "        if asked_at_s > self._clock():",
            ),
        ),
        (FRONT_READS,),
    ),
    Bug(
        "readers-take-every-place",
        "As many readers may wait for the catalog as want to, and buyers find no room.",
        (Edit("front/upstream/catalog.py", "        self.waiting += 1\n", ""),),
        (FRONT_READS,),
    ),
    Bug(
        "waits-for-who-is-away",
        "Every reader waits for a catalog that gave no answer to those before.",
        (
            Edit(
                "front/upstream/catalog.py",
                "Deadline(AWAY_MS if away and not tries else READ_MS)",
                "Deadline(READ_MS)",
            ),
        ),
        (FRONT_READS,),
    ),
    Bug(
        "spellings-are-entries",
        "Each spelling of a topic is an entry of its own in the cache.",
        (
            Edit(
                "front/upstream/catalog.py",
                "        key = topic_key(topic)\n",
                "        key = topic_key(topic) and topic\n",
            ),
        ),
        (FRONT_READS,),
    ),
    Bug(
        "entries-have-no-weight",
        "What is taken out of the cache still counts, or what is put in does not.",
        (
            Edit(
                "front/upstream/kept.py",
                "    texts = len(answer.body) + 4 * len(str(key))\n",
                "    texts = 4 * len(str(key))\n",
            ),
        ),
        (CACHE_MODEL,),
    ),
    Bug(
        "orders-may-be-kept",
        "An answer to one person does not say that nobody may keep it.",
        (
            Edit(
                "kit/http/answers.py",
                "        keeping,\n",
                "        *([keeping] if keeping == NO_CACHE else []),\n",
            ),
        ),
        (FRESHNESS,),
    ),
    Bug(
        "not-modified-forever",
        "Whoever holds some version of a book is told that it is the latest.",
        (
            Edit(
                "kit/http/answers.py",
                'tag.decode().removeprefix("W/") in _OPAQUE.findall(held)',
                "_OPAQUE.findall(held)",
            ),
        ),
        (FRESHNESS,),
    ),
)
