"""Calling other services: in batches, with deadlines, again where that is safe."""
