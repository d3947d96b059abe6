"""Pages as routes: in each language at a path of its own, with posts from our own pages alone."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from bazar.kit.http.endpoint import Endpoint, Handler, endpoints_of
from bazar.kit.http.request import Request
from bazar.kit.signing import SAFE_METHODS
from bazar.kit.web.answers import TRANSPORT
from bazar.kit.web.site import Site


def page_endpoints(api: object, site: Site, prefixes: Sequence[str] = ("",)) -> list[Endpoint]:
    """Return the routes of an object, each page once for every prefix; they are of this site alone.

    Args:
        api: its methods are handlers; those of pages may be posted to from pages of the site.
        site: whose pages they are.
        prefixes: of the languages, such as `/ar`; the first language has none.
    """
    endpoints = []
    for endpoint in endpoints_of(api):
        answer = _encrypted(endpoint.answer) if site.secure else endpoint.answer
        if not endpoint.route.page:
            endpoints.append(replace(endpoint, answer=answer, own_site=True))
            continue
        if endpoint.route.method not in SAFE_METHODS:
            answer = _from_own_pages(answer, site)
        for prefix in prefixes:
            path = (prefix + endpoint.route.path).rstrip("/") or "/"
            route = replace(endpoint.route, path=path)
            endpoints.append(replace(endpoint, route=route, answer=answer, own_site=True))
    return endpoints


def _encrypted(answer: Handler) -> Handler:
    """Have each answer say that the site is to be asked over https alone."""

    async def told(request: Request) -> Response:
        response = await answer(request)
        if TRANSPORT not in response.raw_headers:
            response.raw_headers.append(TRANSPORT)
        return response

    return told


def _from_own_pages(answer: Handler, site: Site) -> Handler:
    async def checked(request: Request) -> Response:
        site.check_post(request)
        return await answer(request)

    return checked
