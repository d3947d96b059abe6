"""How books are written outside: lines of text in, rows out.

Pure: it may use the limits and types of the wire and the kit's errors, and does no I/O.
"""
