-- What the steps for SQLite lead to, in one. Ids and keys are compared byte by byte.

-- The place of a row in its list: above all others of earlier transactions, by the number that the
-- server gives to each transaction. A list that ends before the oldest transaction that is still
-- under way has seen all that will ever come before its end.

-- How far the numbers of this server lie behind the places that another one gave.
CREATE FUNCTION places_behind() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT 0::bigint $$;

-- Before the first of this transaction, which has 65,535.
CREATE FUNCTION places_begin() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT (pg_current_xact_id()::text::bigint << 16) + places_behind() $$;

-- What is below is seen, or will never be.
CREATE FUNCTION places_end() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 16) + places_behind() $$;

-- What is seen is below.
CREATE FUNCTION places_next() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::bigint << 16) + places_behind() $$;

CREATE TABLE orders (
    -- its place
    sequence bigint PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL CONSTRAINT orders_one_row_an_order UNIQUE,
    idempotency_key text COLLATE "C" NOT NULL CONSTRAINT orders_one_order_a_key UNIQUE
        CONSTRAINT orders_key_length CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    kind text NOT NULL CONSTRAINT orders_kind CHECK (kind IN ('purchase', 'order')),
    status text NOT NULL CONSTRAINT orders_status
        CHECK (status IN ('pending', 'confirmed', 'rejected', 'cancelled', 'fulfilled')),
    -- 0 while the catalog may not know of the status: pending, or cancelled and not yet released
    settled integer NOT NULL CONSTRAINT orders_settled CHECK (settled IN (0, 1)),
    rejection text CONSTRAINT orders_rejection
        CHECK ((rejection IS NOT NULL) = (status = 'rejected')),
    placed_at_ms bigint NOT NULL,
    -- NULL: through the open interface
    channel text CONSTRAINT orders_channel CHECK (channel IN ('web', 'counter')),
    -- NULL: to be picked, as soon as it is confirmed
    progress text CONSTRAINT orders_progress
        CHECK (progress IN ('ready', 'collected', 'packed', 'sent')),
    progress_at_ms bigint,
    -- when it was cancelled or fulfilled
    ended_at_ms bigint,
    tracking text CONSTRAINT orders_tracking_length CHECK (length(tracking) BETWEEN 1 AND 200),
    CONSTRAINT orders_pending_is_unsettled CHECK (status <> 'pending' OR settled = 0)
) WITH (fillfactor = 70);

CREATE INDEX orders_unsettled ON orders (sequence) WHERE settled = 0;

-- Pages of one status; pending orders have the index of the unsettled ones.
CREATE INDEX orders_by_status ON orders (status, sequence) WHERE status <> 'pending';

CREATE INDEX orders_by_progress ON orders (progress, sequence) WHERE progress IS NOT NULL;

CREATE TABLE order_lines (
    order_id text COLLATE "C" NOT NULL CONSTRAINT order_lines_order REFERENCES orders (order_id),
    line_number integer NOT NULL,
    book_id bigint NOT NULL,
    quantity integer NOT NULL CONSTRAINT order_lines_quantity CHECK (quantity BETWEEN 1 AND 1000),
    -- what the catalog sold it as; NULL until it was sold
    title text,
    price_minor bigint,
    currency text,
    -- of one copy, as the buyer saw it: the one text that there is for its amount
    price_seen text CONSTRAINT order_lines_price_seen_length CHECK (length(price_seen) <= 40),
    PRIMARY KEY (order_id, line_number)
) WITH (fillfactor = 70);

CREATE TABLE buyers (
    sequence bigint PRIMARY KEY CONSTRAINT buyers_order REFERENCES orders (sequence),
    name text NOT NULL CONSTRAINT buyers_name_length CHECK (length(name) BETWEEN 1 AND 100),
    email text NOT NULL CONSTRAINT buyers_email_length CHECK (length(email) BETWEEN 3 AND 254),
    tel text NOT NULL,
    delivery text NOT NULL CONSTRAINT buyers_delivery CHECK (delivery IN ('collect', 'post')),
    street text NOT NULL,
    street2 text NOT NULL,
    postcode text NOT NULL,
    city text NOT NULL,
    country text NOT NULL,
    payment text NOT NULL CONSTRAINT buyers_payment CHECK (payment IN ('shop', 'invoice')),
    note text NOT NULL,
    language text NOT NULL CONSTRAINT buyers_language_length CHECK (length(language) >= 2),
    delivery_minor bigint NOT NULL CONSTRAINT buyers_delivery_minor CHECK (delivery_minor >= 0),
    -- name and address as they are compared, in one case
    name_key text COLLATE "C" NOT NULL,
    email_key text COLLATE "C" NOT NULL,
    -- 0 once the order is rejected, cancelled or fulfilled
    open integer NOT NULL CONSTRAINT buyers_open CHECK (open IN (0, 1))
);

CREATE INDEX buyers_by_email ON buyers (email_key);
CREATE INDEX buyers_by_name ON buyers (name_key);

-- How many orders of one address are open is counted before the next is stored.
CREATE INDEX buyers_with_open ON buyers (email_key) WHERE open = 1;

-- Who wants to be told when a book is back. A wish goes with its letter, or when it is too old.
CREATE TABLE wishes (
    -- never given twice: the letter of a wish is known by it, and stays when the wish is gone
    wish_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    book_id bigint NOT NULL,
    email text NOT NULL CONSTRAINT wishes_email_length CHECK (length(email) BETWEEN 3 AND 254),
    -- the address as it is compared, in one case
    email_key text COLLATE "C" NOT NULL,
    -- stands for the address in links of letters
    stop_key text COLLATE "C" NOT NULL
        CONSTRAINT wishes_stop_key_length CHECK (length(stop_key) = 32),
    language text NOT NULL CONSTRAINT wishes_language_length CHECK (length(language) >= 2),
    asked_at_ms bigint NOT NULL,
    -- 1 while its letter waits in the outbox
    noted integer NOT NULL CONSTRAINT wishes_noted CHECK (noted IN (0, 1)),
    CONSTRAINT wishes_one_of_a_book UNIQUE (email_key, book_id)
);

CREATE INDEX wishes_open ON wishes (book_id, wish_id) WHERE noted = 0;
CREATE INDEX wishes_by_stop_key ON wishes (stop_key);
CREATE INDEX wishes_by_age ON wishes (asked_at_ms);

-- Tell the letters of one transaction apart.
CREATE SEQUENCE outbox_numbers MAXVALUE 65535 CYCLE;

-- Letters to buyers, each noted in the transaction of the change that calls for it; and to those
-- who wait for a book.
CREATE TABLE outbox (
    -- its place: never given twice, though a dropped letter is deleted when it is called for again
    letter_id bigint PRIMARY KEY DEFAULT places_begin() + nextval('outbox_numbers'),
    order_id text COLLATE "C" CONSTRAINT outbox_order REFERENCES orders (order_id),
    kind text NOT NULL CONSTRAINT outbox_kind CHECK (
        kind IN ('confirmed', 'not-available', 'ready', 'sent', 'cancelled', 'back-in-stock')
    ),
    -- dropped: it was not true any more before it could be sent; dead: tried too often
    state text NOT NULL CONSTRAINT outbox_state
        CHECK (state IN ('waiting', 'sent', 'dropped', 'dead')),
    tries integer NOT NULL CONSTRAINT outbox_tries CHECK (tries >= 0),
    noted_at_ms bigint NOT NULL,
    ended_at_ms bigint,
    -- why the last try failed
    failure text,
    wish_id bigint,
    CONSTRAINT outbox_one_of_a_kind UNIQUE (order_id, kind),
    CONSTRAINT outbox_one_of_a_wish UNIQUE (wish_id),
    CONSTRAINT outbox_about_one CHECK (
        (order_id IS NULL) = (kind = 'back-in-stock') AND (wish_id IS NULL) = (order_id IS NOT NULL)
    )
);

CREATE INDEX outbox_left ON outbox (state, letter_id) WHERE state IN ('waiting', 'dead');

-- What people did to orders: the place for what a row forgets with its next change.
CREATE TABLE order_events (
    event_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL CONSTRAINT order_events_order REFERENCES orders (order_id),
    at_ms bigint NOT NULL,
    -- a step of the shop, or the status that the order got
    what text NOT NULL,
    -- who did it, as they were named; empty: nobody said
    "by" text NOT NULL,
    detail text NOT NULL
);

CREATE INDEX order_events_by_order ON order_events (order_id);

CREATE FUNCTION order_events_only_grow() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'order_events is only added to'; END $$;
CREATE TRIGGER order_events_are_not_changed BEFORE UPDATE ON order_events
FOR EACH ROW EXECUTE FUNCTION order_events_only_grow();
CREATE TRIGGER order_events_are_not_deleted BEFORE DELETE ON order_events
FOR EACH ROW EXECUTE FUNCTION order_events_only_grow();
CREATE TRIGGER order_events_are_not_emptied BEFORE TRUNCATE ON order_events
FOR EACH STATEMENT EXECUTE FUNCTION order_events_only_grow();
