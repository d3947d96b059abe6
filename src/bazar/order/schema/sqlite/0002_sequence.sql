-- Each order gets a number, in the order in which orders are committed: the cursor of their list.
-- What was asked for is compared as it is stored, so its hash goes.

-- A damaged row comes along as it is: it must not keep the shop shut.
PRAGMA ignore_check_constraints = ON;

CREATE TABLE orders_numbered (
    -- one writer at a time, and no order is ever deleted: the next is always the highest
    sequence INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL CONSTRAINT orders_one_row_an_order UNIQUE,
    idempotency_key TEXT NOT NULL CONSTRAINT orders_one_order_a_key UNIQUE
        CONSTRAINT orders_key_length CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    kind TEXT NOT NULL CONSTRAINT orders_kind CHECK (kind IN ('purchase', 'order')),
    status TEXT NOT NULL CONSTRAINT orders_status
        CHECK (status IN ('pending', 'confirmed', 'rejected', 'cancelled', 'fulfilled')),
    -- 0 while the catalog may not know of the status: pending, or cancelled and not yet released
    settled INTEGER NOT NULL CONSTRAINT orders_settled CHECK (settled IN (0, 1)),
    rejection TEXT CONSTRAINT orders_rejection
        CHECK ((rejection IS NOT NULL) = (status = 'rejected')),
    placed_at_ms INTEGER NOT NULL,
    CONSTRAINT orders_pending_is_unsettled CHECK (status <> 'pending' OR settled = 0)
) STRICT;

INSERT INTO orders_numbered
    (order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms)
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms
FROM orders ORDER BY order_id;

CREATE TABLE order_lines_numbered (
    order_id TEXT NOT NULL CONSTRAINT order_lines_order REFERENCES orders_numbered (order_id),
    line_number INTEGER NOT NULL,
    book_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL CONSTRAINT order_lines_quantity CHECK (quantity BETWEEN 1 AND 1000),
    -- what the catalog sold it as; NULL until it was sold
    title TEXT,
    price_minor INTEGER,
    currency TEXT,
    PRIMARY KEY (order_id, line_number)
) STRICT, WITHOUT ROWID;

INSERT INTO order_lines_numbered
SELECT order_id, line_number, book_id, quantity, title, price_minor, currency
FROM order_lines WHERE order_id IN (SELECT order_id FROM orders)
ORDER BY order_id, line_number;

DROP TABLE order_lines;
DROP TABLE orders;
ALTER TABLE orders_numbered RENAME TO orders;
ALTER TABLE order_lines_numbered RENAME TO order_lines;

CREATE INDEX orders_unsettled ON orders (sequence) WHERE settled = 0;

-- Pages of one status; pending orders have the index of the unsettled ones.
CREATE INDEX orders_by_status ON orders (status, sequence) WHERE status <> 'pending';

PRAGMA ignore_check_constraints = OFF;
