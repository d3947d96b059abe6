"""A port for those who only ask whether a service is well, beside one that wants certificates.

What watches over processes from outside, such as a balancer or a cluster, has no certificate of
the shop. It gets two routes in the clear, which tell nothing but that.

Source: docs/decisions/0044-certificates-name-roles.md
"""

from starlette.types import Receive, Scope, Send

from bazar.kit.http.app import HttpApp

PROBES = frozenset({"/healthz", "/readyz"})
PROBERS_MAX = 256
"""Connections of that port at once; where they get scarce, those that say nothing are closed."""
_METHODS = frozenset({"GET", "HEAD"})
_NOT_FOUND = 404


class Probes:
    """The two routes of an application, and none of its others."""

    def __init__(self, app: HttpApp) -> None:
        """Ask this application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] in PROBES and scope["method"] in _METHODS:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": _NOT_FOUND, "headers": []})
        await send({"type": "http.response.body", "body": b""})
