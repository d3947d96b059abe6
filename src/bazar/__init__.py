"""Bazar: an online book store of three small REST services that sells each copy exactly once."""

__version__ = "0.1.0"
