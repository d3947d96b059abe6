CREATE TABLE books (
    book_id INTEGER PRIMARY KEY AUTOINCREMENT,
    isbn TEXT CONSTRAINT books_isbn_unique UNIQUE
        CONSTRAINT books_isbn_length CHECK (length(isbn) = 13),
    title TEXT NOT NULL CONSTRAINT books_title_length CHECK (length(title) BETWEEN 1 AND 500),
    author TEXT NOT NULL,
    year INTEGER,
    topic TEXT NOT NULL,
    topic_key TEXT NOT NULL,
    description TEXT NOT NULL,
    price_minor INTEGER NOT NULL CONSTRAINT books_price_not_negative CHECK (price_minor >= 0),
    currency TEXT NOT NULL CONSTRAINT books_currency_length CHECK (length(currency) = 3),
    stock INTEGER NOT NULL DEFAULT 0 CONSTRAINT books_stock_not_negative CHECK (stock >= 0),
    version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE INDEX books_by_topic ON books (topic_key, book_id);
CREATE INDEX books_by_title ON books (title, author);

-- The stock ledger: every change of stock is a row, and a row never changes.
CREATE TABLE movements (
    movement_id INTEGER PRIMARY KEY AUTOINCREMENT,
    book_id INTEGER NOT NULL CONSTRAINT movements_book REFERENCES books (book_id),
    kind TEXT NOT NULL CONSTRAINT movements_kind
        CHECK (kind IN ('received', 'sold', 'released', 'adjusted')),
    copies INTEGER NOT NULL CONSTRAINT movements_sign CHECK (
        CASE kind
            WHEN 'sold' THEN copies < 0
            WHEN 'adjusted' THEN copies <> 0
            ELSE copies > 0
        END
    ),
    order_id TEXT CONSTRAINT movements_order CHECK (
        (order_id IS NOT NULL) = (kind IN ('sold', 'released'))
    ),
    moved_at_ms INTEGER NOT NULL
) STRICT;

CREATE TRIGGER movements_never_change BEFORE UPDATE ON movements
BEGIN
    SELECT raise(ABORT, 'the stock ledger is append-only');
END;

CREATE TRIGGER movements_never_go BEFORE DELETE ON movements
BEGIN
    SELECT raise(ABORT, 'the stock ledger is append-only');
END;

-- One decision for each order, rejections too.
CREATE TABLE reservations (
    order_id TEXT PRIMARY KEY,
    status TEXT NOT NULL CONSTRAINT reservations_status
        CHECK (status IN ('reserved', 'rejected', 'released')),
    outcome TEXT NOT NULL,
    decided_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE books_text USING fts5 (
    title, author, topic, description,
    content = 'books',
    content_rowid = 'book_id',
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);

CREATE TRIGGER books_text_insert AFTER INSERT ON books
BEGIN
    INSERT INTO books_text (rowid, title, author, topic, description)
    VALUES (new.book_id, new.title, new.author, new.topic, new.description);
END;

CREATE TRIGGER books_text_update AFTER UPDATE OF title, author, topic, description ON books
BEGIN
    INSERT INTO books_text (books_text, rowid, title, author, topic, description)
    VALUES ('delete', old.book_id, old.title, old.author, old.topic, old.description);
    INSERT INTO books_text (rowid, title, author, topic, description)
    VALUES (new.book_id, new.title, new.author, new.topic, new.description);
END;
