-- What people did to orders: the place for what a row forgets with its next change.

CREATE TABLE order_events (
    event_id INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL CONSTRAINT order_events_order REFERENCES orders (order_id),
    at_ms INTEGER NOT NULL,
    -- a step of the shop, or the status that the order got
    what TEXT NOT NULL,
    -- who did it, as they were named; empty: nobody said
    "by" TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX order_events_by_order ON order_events (order_id);

CREATE TRIGGER order_events_are_not_changed BEFORE UPDATE ON order_events
BEGIN SELECT raise(ABORT, 'order_events is only added to'); END;
CREATE TRIGGER order_events_are_not_deleted BEFORE DELETE ON order_events
BEGIN SELECT raise(ABORT, 'order_events is only added to'); END;
