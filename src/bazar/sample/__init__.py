"""The sample catalogue: the lab's seven books, then books of the public domain."""
