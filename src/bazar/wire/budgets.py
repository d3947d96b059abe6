"""How long the parts of one call may take: each budget fits into the one around it.

    client ----> front ----------------> order --------------------> catalog
                 PLACE_MS                DECISION_MS                 RESERVE_BATCH_MS
                 READ_MS ------------------------------------------> a read

A buyer's deadline bounds everything below it. The order service waits DECISION_MS for the
catalog, and keeps ANSWER_MARGIN_MS for the answer to travel back; the reservation itself may go
on for RESERVE_MS, so that the next who asks finds it done.
"""

PLACE_MS = 5000
"""Of a purchase, where the client names no deadline."""
STALE_MS = 2000
"""What a front answers about a book is never further behind the catalog."""
READ_MS = 1900
"""Of a question to the catalog that changes nothing; its answer is no older than the question."""
DECISION_MS = 2000
"""How long a buyer waits for the catalog before the answer is 202."""
AWAY_MS = 100
"""How long when the catalog did not answer the last time either."""
ANSWER_MARGIN_MS = 500
"""Left of the deadline for the answer to travel back; of a short one, a quarter."""
RESERVE_MS = 4000
"""Of a reservation, its wait for the batch before it included."""
RESERVE_BATCH_MS = 2000
"""Of one batch of reservations, or one release."""
BACKUP_MS = 250
"""Of the moment of a backup, for which no order is written meanwhile."""
HEARTBEAT_MS = 500
"""Between two signs of life of a change feed."""
SILENCE_MS = 1800
"""How long a front trusts a sign of life, from the moment at which the catalog gave it."""
LAG_MS = 1000
"""By so much a follower of the feed may be late; and what an answer knows already, the feed."""

assert AWAY_MS < DECISION_MS
assert RESERVE_BATCH_MS < RESERVE_MS < PLACE_MS
assert DECISION_MS + ANSWER_MARGIN_MS < PLACE_MS
assert READ_MS < STALE_MS < PLACE_MS
assert HEARTBEAT_MS < LAG_MS
assert 3 * HEARTBEAT_MS < SILENCE_MS < STALE_MS
