"""Answering requests: routes, limits, errors, documents; it knows no books and no database."""
