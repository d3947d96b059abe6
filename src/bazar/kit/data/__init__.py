"""Databases: what every engine offers, and the engines; the only room that knows a driver."""
