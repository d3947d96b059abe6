-- Orders carry their buyer, and how far the shop is with them. All of it is added at the end: an
-- order without a buyer has the rows that it had, with a NULL for each of these.

-- A damaged row comes along as it is: it must not keep the shop shut.
PRAGMA ignore_check_constraints = ON;

ALTER TABLE orders ADD COLUMN
    -- NULL: through the open interface
    channel TEXT CONSTRAINT orders_channel CHECK (channel IN ('web', 'counter'));
ALTER TABLE orders ADD COLUMN
    -- NULL: to be picked, as soon as it is confirmed
    progress TEXT CONSTRAINT orders_progress
        CHECK (progress IN ('ready', 'collected', 'packed', 'sent'));
ALTER TABLE orders ADD COLUMN progress_at_ms INTEGER;
-- when it was cancelled or fulfilled
ALTER TABLE orders ADD COLUMN ended_at_ms INTEGER;
ALTER TABLE orders ADD COLUMN
    tracking TEXT CONSTRAINT orders_tracking_length CHECK (length(tracking) BETWEEN 1 AND 200);

CREATE INDEX orders_by_progress ON orders (progress, sequence) WHERE progress IS NOT NULL;

ALTER TABLE order_lines ADD COLUMN
    -- of one copy, as the buyer saw it: the one text that there is for its amount
    price_seen TEXT CONSTRAINT order_lines_price_seen_length CHECK (length(price_seen) <= 40);

CREATE TABLE buyers (
    sequence INTEGER PRIMARY KEY CONSTRAINT buyers_order REFERENCES orders (sequence),
    name TEXT NOT NULL CONSTRAINT buyers_name_length CHECK (length(name) BETWEEN 1 AND 100),
    email TEXT NOT NULL CONSTRAINT buyers_email_length CHECK (length(email) BETWEEN 3 AND 254),
    tel TEXT NOT NULL,
    delivery TEXT NOT NULL CONSTRAINT buyers_delivery CHECK (delivery IN ('collect', 'post')),
    street TEXT NOT NULL,
    street2 TEXT NOT NULL,
    postcode TEXT NOT NULL,
    city TEXT NOT NULL,
    country TEXT NOT NULL,
    payment TEXT NOT NULL CONSTRAINT buyers_payment CHECK (payment IN ('shop', 'invoice')),
    note TEXT NOT NULL,
    language TEXT NOT NULL CONSTRAINT buyers_language_length CHECK (length(language) >= 2),
    delivery_minor INTEGER NOT NULL CONSTRAINT buyers_delivery_minor CHECK (delivery_minor >= 0),
    -- name and address as they are compared, in one case
    name_key TEXT NOT NULL,
    email_key TEXT NOT NULL,
    -- 0 once the order is rejected, cancelled or fulfilled
    open INTEGER NOT NULL CONSTRAINT buyers_open CHECK (open IN (0, 1))
) STRICT;

CREATE INDEX buyers_by_email ON buyers (email_key);
CREATE INDEX buyers_by_name ON buyers (name_key);

-- How many orders of one address are open is counted before the next is stored.
CREATE INDEX buyers_with_open ON buyers (email_key) WHERE open = 1;

-- What was handed over until now had no other way.
UPDATE orders SET progress = 'collected' WHERE status = 'fulfilled';

PRAGMA ignore_check_constraints = OFF;
