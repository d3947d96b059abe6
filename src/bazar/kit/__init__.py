"""Technical parts that know no books: HTTP, databases, processes, logs, errors."""
