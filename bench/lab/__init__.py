"""The book store as a university lab builds it: the reference that the benchmarks compare with."""
