"""Somebody else at the address of a service."""

from collections.abc import Callable

from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response, ResponseBuilder

from bazar.kit.secret import SERVICE_HEADER, service_identity
from support.shops import SECRET


class Impostor(ASGITestMiddleware):
    """Says that it is a service, and answers as that would; or passes on, and alters the answer."""

    def __init__(self, name: str, behind: ASGITestMiddleware | None = None) -> None:
        """Be this service, with the true one behind, where there is one."""
        self._name = name
        self._behind = behind
        self.heard: list[str] = []
        self.body: Callable[[bytes], bytes] = lambda body: body

    async def __call__(self, request: Request, following: Next) -> Response:
        """Answer one call."""
        content = None if request.body is None else request.body.copy_bytes()
        body = b"" if content is None else content.to_bytes()
        self.heard.append(repr((str(request.url), dict(request.headers), body)))
        if self._behind is None:
            said = {SERVICE_HEADER: service_identity(self._name, SECRET)}
            return await ResponseBuilder().headers(said).body_bytes(self.body(body)).build()
        true = await self._behind(request, following)
        told = self.body((await true.bytes()).to_bytes())
        builder = ResponseBuilder().status(true.status).headers([*true.headers.items()])
        return await builder.body_bytes(told).build()
