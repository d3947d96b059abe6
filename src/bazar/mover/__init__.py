"""Move a shop from SQLite to PostgreSQL, once, whole, and proven.

The only room that knows both engines and the tables of both services. It runs while no service
does: it holds the locks of the old files, and the new databases are refused until it is done.

Source: docs/decisions/0034-moving-to-postgresql.md
"""
