"""The catalog's schema for PostgreSQL."""
