CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL CONSTRAINT orders_one_order_a_key UNIQUE
        CONSTRAINT orders_key_length CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash BLOB NOT NULL,
    kind TEXT NOT NULL CONSTRAINT orders_kind CHECK (kind IN ('purchase', 'order')),
    status TEXT NOT NULL CONSTRAINT orders_status
        CHECK (status IN ('pending', 'confirmed', 'rejected', 'cancelled', 'fulfilled')),
    -- 0 while the catalog may not know of the status: pending, or cancelled and not yet released
    settled INTEGER NOT NULL CONSTRAINT orders_settled CHECK (settled IN (0, 1)),
    rejection TEXT CONSTRAINT orders_rejection
        CHECK ((rejection IS NOT NULL) = (status = 'rejected')),
    placed_at_ms INTEGER NOT NULL,
    CONSTRAINT orders_pending_is_unsettled CHECK (status <> 'pending' OR settled = 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_unsettled ON orders (order_id) WHERE settled = 0;

CREATE TABLE order_lines (
    order_id TEXT NOT NULL CONSTRAINT order_lines_order REFERENCES orders (order_id),
    line_number INTEGER NOT NULL,
    book_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL CONSTRAINT order_lines_quantity CHECK (quantity BETWEEN 1 AND 1000),
    -- what the catalog sold it as; NULL until it was sold
    title TEXT,
    price_minor INTEGER,
    currency TEXT,
    PRIMARY KEY (order_id, line_number)
) STRICT, WITHOUT ROWID;
