-- The pending ones stand in orders_unsettled; a new order is so written into one index less.
CREATE INDEX orders_by_status ON orders (status, order_id) WHERE status <> 'pending';
