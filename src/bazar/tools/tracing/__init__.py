"""What became of an order or a request, from the logs of all services: `find`, then `tell`."""

from bazar.tools.tracing.finding import Found, TooMany, find
from bazar.tools.tracing.sources import NoLogs, Sources
from bazar.tools.tracing.telling import Row, Story, folded, tell

__all__ = ["Found", "NoLogs", "Row", "Sources", "Story", "TooMany", "find", "folded", "tell"]
