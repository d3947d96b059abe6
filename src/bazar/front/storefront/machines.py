"""What browsers and search engines ask for beside pages."""

from starlette.responses import Response

from bazar.front.storefront.frame import Frame
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request


class Machines:
    """The handlers of what is no page."""

    def __init__(self, frame: Frame) -> None:
        """Answer for the shop of this frame."""
        self._frame = frame

    @route("GET", "/static/{name}", answers={})
    async def static(self, request: Request) -> Response:
        """Answer a style sheet or a script."""
        return self._frame.static.answer(request, request.path_params["name"])
