"""Numbered schema steps, a folder for each database engine."""
