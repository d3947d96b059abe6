"""The public address of a site: what links to it, and which forms are its own.

A page's post changes something, so it must come from a page of ours. Browsers say where it comes
from: in `Sec-Fetch-Site`, or, older ones, in `Origin`. What says neither is no browser that we
know, or it hides it; a person can always open the form anew.

Source: Fetch Metadata Request Headers; RFC 6454
"""

from urllib.parse import urlsplit

from bazar.kit.errors import BazarError
from bazar.kit.http.request import Request


class ForeignForm(BazarError):
    """A form was sent from somewhere else than a page of this site."""

    code = "foreign-form"
    status = 403
    title = "This form came from another page"
    hint = "Open the form again on this site, and send it from there."
    definite = True


class Site:
    """Where a site is reached."""

    def __init__(self, public_url: str = "") -> None:
        """Take its address as people type it; empty: whatever host is asked for, over http."""
        self.url = public_url.rstrip("/")
        parts = urlsplit(self.url)
        self._origin = f"{parts.scheme}://{parts.netloc}" if self.url else ""
        self.secure = parts.scheme == "https"
        """Whether everything travels encrypted."""

    def seen_by(self, request: Request) -> str:
        """Return the address of the site, as the public knows it or as this request does."""
        return self.url or f"http://{request.header(b'host')}"

    def check_post(self, request: Request) -> None:
        """Let a post of one of our own pages in.

        Raises:
            ForeignForm: definite; it came from elsewhere, or does not say from where.
        """
        headers = request.raw_headers
        if b"sec-fetch-site" in headers:
            own = request.header(b"sec-fetch-site") == "same-origin"
        else:
            own = bool(given := request.header(b"origin")) and given == self._expected(request)
        if not own:
            message = "the form was not sent from a page of this site"
            raise ForeignForm(message)

    def _expected(self, request: Request) -> str:
        return self._origin or f"http://{request.header(b'host')}"
