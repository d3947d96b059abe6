"""The catalog service: books, prices, stock and the stock ledger."""
