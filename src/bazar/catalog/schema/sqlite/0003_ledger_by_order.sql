-- What the ledger says of an order, for the audit. Order ids rise, so that new rows land at its end.
CREATE INDEX movements_by_order ON movements (order_id, book_id, copies)
    WHERE order_id IS NOT NULL;
