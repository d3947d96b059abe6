"""The order service: orders, idempotency keys, and the driving of each order to its end."""
