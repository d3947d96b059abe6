"""Schema steps for SQLite."""
