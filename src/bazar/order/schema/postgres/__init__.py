"""Schema steps for PostgreSQL."""
