-- Letters to buyers, each noted in the transaction of the change that calls for it.

CREATE TABLE outbox (
    -- never given twice, though a dropped letter is deleted when it is called for again
    letter_id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL CONSTRAINT outbox_order REFERENCES orders (order_id),
    kind TEXT NOT NULL CONSTRAINT outbox_kind
        CHECK (kind IN ('confirmed', 'not-available', 'ready', 'sent', 'cancelled')),
    -- dropped: the order was another before the letter could be sent; dead: tried too often
    state TEXT NOT NULL CONSTRAINT outbox_state
        CHECK (state IN ('waiting', 'sent', 'dropped', 'dead')),
    tries INTEGER NOT NULL CONSTRAINT outbox_tries CHECK (tries >= 0),
    noted_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    -- why the last try failed
    failure TEXT,
    CONSTRAINT outbox_one_of_a_kind UNIQUE (order_id, kind)
) STRICT;

CREATE INDEX outbox_left ON outbox (state, letter_id) WHERE state IN ('waiting', 'dead');
