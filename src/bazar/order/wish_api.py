"""The routes of wishes: HTTP in, use cases behind, HTTP out."""

from starlette.responses import Response

from bazar.kit.http.answers import json_response
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.order.wishing import Wishing
from bazar.wire.problems import MailOff, TooManyWishes
from bazar.wire.wishes import ForgetWishes, MailState, StopWishes, WishesEnded, WishRequest


class WishApi:
    """The handlers of wishes."""

    def __init__(self, wishing: Wishing) -> None:
        """Serve these use cases."""
        self._wishing = wishing

    @route("GET", "/mail", answers={200: MailState}, secret=True, places="looking")
    async def mail(self, _request: Request) -> Response:
        """Tell whether the shop sends mail."""
        return json_response(MailState(self._wishing.on))

    @route(
        "POST",
        "/wishes",
        answers={200: WishRequest},
        errors=(MailOff, TooManyWishes),
        secret=True,
        places="looking",
    )
    async def wish(self, _request: Request, body: WishRequest) -> Response:
        """Keep that an address is to be told when a book is back; asked twice, it is one."""
        await self._wishing.keep(body)
        return json_response(body)

    @route("POST", "/wishes/end", answers={200: WishesEnded}, secret=True, places="looking")
    async def end(self, _request: Request, body: StopWishes) -> Response:
        """Forget every wish of an address, as a link in a letter names it."""
        return json_response(WishesEnded(await self._wishing.end(body.stop_key)))

    @route("POST", "/wishes/forget", answers={200: WishesEnded}, secret=True)
    async def forget(self, _request: Request, body: ForgetWishes) -> Response:
        """Forget every wish of an address."""
        return json_response(WishesEnded(await self._wishing.forget(body.email)))
