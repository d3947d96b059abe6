"""A process from start to end: settings, server, supervisor; the only room that knows a server."""
