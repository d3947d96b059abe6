-- Who wants to be told when a book is back. A wish goes with its letter, or when it is too old.
CREATE TABLE wishes (
    -- never given twice: the letter of a wish is known by it, and stays when the wish is gone
    wish_id INTEGER PRIMARY KEY AUTOINCREMENT,
    book_id INTEGER NOT NULL,
    email TEXT NOT NULL CONSTRAINT wishes_email_length CHECK (length(email) BETWEEN 3 AND 254),
    -- the address as it is compared, in one case
    email_key TEXT NOT NULL,
    -- stands for the address in links of letters
    stop_key TEXT NOT NULL CONSTRAINT wishes_stop_key_length CHECK (length(stop_key) = 32),
    language TEXT NOT NULL CONSTRAINT wishes_language_length CHECK (length(language) >= 2),
    asked_at_ms INTEGER NOT NULL,
    -- 1 while its letter waits in the outbox
    noted INTEGER NOT NULL CONSTRAINT wishes_noted CHECK (noted IN (0, 1)),
    CONSTRAINT wishes_one_of_a_book UNIQUE (email_key, book_id)
) STRICT;

CREATE INDEX wishes_open ON wishes (book_id, wish_id) WHERE noted = 0;
CREATE INDEX wishes_by_stop_key ON wishes (stop_key);
CREATE INDEX wishes_by_age ON wishes (asked_at_ms);

-- A letter is about an order, or about a wish.
CREATE TABLE outbox_of_both (
    -- never given twice, though a dropped letter is deleted when it is called for again
    letter_id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT CONSTRAINT outbox_order REFERENCES orders (order_id),
    kind TEXT NOT NULL CONSTRAINT outbox_kind CHECK (
        kind IN ('confirmed', 'not-available', 'ready', 'sent', 'cancelled', 'back-in-stock')
    ),
    -- dropped: it was not true any more before it could be sent; dead: tried too often
    state TEXT NOT NULL CONSTRAINT outbox_state
        CHECK (state IN ('waiting', 'sent', 'dropped', 'dead')),
    tries INTEGER NOT NULL CONSTRAINT outbox_tries CHECK (tries >= 0),
    noted_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    -- why the last try failed
    failure TEXT,
    wish_id INTEGER,
    CONSTRAINT outbox_one_of_a_kind UNIQUE (order_id, kind),
    CONSTRAINT outbox_one_of_a_wish UNIQUE (wish_id),
    CONSTRAINT outbox_about_one CHECK (
        (order_id IS NULL) = (kind = 'back-in-stock') AND (wish_id IS NULL) = (order_id IS NOT NULL)
    )
) STRICT;

INSERT INTO outbox_of_both
    (letter_id, order_id, kind, state, tries, noted_at_ms, ended_at_ms, failure)
SELECT letter_id, order_id, kind, state, tries, noted_at_ms, ended_at_ms, failure FROM outbox;

-- The numbers that dropped letters had are not given again either.
UPDATE sqlite_sequence
SET seq = max(seq, (SELECT max(seq) FROM sqlite_sequence WHERE name = 'outbox'))
WHERE name = 'outbox_of_both' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox');

DROP TABLE outbox;
ALTER TABLE outbox_of_both RENAME TO outbox;
CREATE INDEX outbox_left ON outbox (state, letter_id) WHERE state IN ('waiting', 'dead');
