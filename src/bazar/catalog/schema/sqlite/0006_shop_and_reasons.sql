-- What the keeper decides for the whole shop: one row. A version of 0 is one that nobody has opened
-- yet: a shop that is older than this table keeps the currency of its books.
CREATE TABLE shop (
    shop_id INTEGER PRIMARY KEY CONSTRAINT shop_one_row CHECK (shop_id = 1),
    version INTEGER NOT NULL,
    currency TEXT NOT NULL CONSTRAINT shop_currency_length CHECK (length(currency) = 3),
    settings TEXT NOT NULL
) STRICT;

CREATE TRIGGER shop_currency_never_changes BEFORE UPDATE OF currency ON shop
WHEN old.currency <> new.currency
BEGIN
    SELECT raise(ABORT, 'the currency of a shop never changes');
END;

INSERT INTO shop (shop_id, version, currency, settings)
SELECT 1, 0, min(currency), '{}' FROM books
HAVING count(DISTINCT currency) = 1;

-- Why a keeper corrected a stock, and who did. What came or was sold needs no reason.
ALTER TABLE movements ADD COLUMN reason TEXT CONSTRAINT movements_reason CHECK (
    reason IS NULL OR (kind = 'adjusted' AND reason IN (
        'counted', 'damaged', 'lost', 'found', 'returned-to-supplier', 'gift', 'other'
    ))
);
ALTER TABLE movements ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE movements ADD COLUMN actor TEXT NOT NULL DEFAULT '';

-- The ledger of one book, the newest first, and what it sums to.
CREATE INDEX movements_by_book ON movements (book_id, movement_id, copies);
