"""Every route of the storefront."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from starlette.responses import Response

from bazar.front.storefront.basket_pages import BasketPages
from bazar.front.storefront.book_page import BookPage
from bazar.front.storefront.cards import Cards
from bazar.front.storefront.checkout import Checkout
from bazar.front.storefront.checkout_pages import CheckoutPages
from bazar.front.storefront.finding import Finding
from bazar.front.storefront.frame import Frame
from bazar.front.storefront.home import Home
from bazar.front.storefront.keeping import Keeping
from bazar.front.storefront.live import Live
from bazar.front.storefront.looking import Lookout
from bazar.front.storefront.machines import Machines
from bazar.front.storefront.order_pages import OrderPages
from bazar.front.storefront.pace import Network, Pace, Repeats
from bazar.front.storefront.problems import crowded_page, error_page
from bazar.front.storefront.sitemap import Sitemap
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.telling import Telling
from bazar.front.storefront.visit import PREFIXES, language_of
from bazar.front.storefront.wish_pages import WishPages
from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.orders import Orders
from bazar.front.upstream.wishes import Wishes
from bazar.kit.errors import BazarError, Overloaded, Unavailable
from bazar.kit.http.answers import Ready
from bazar.kit.http.endpoint import Endpoint
from bazar.kit.http.request import Request
from bazar.kit.web.pages import page_endpoints
from bazar.kit.web.site import Site


class Storefront:
    """The shop that people see."""

    def __init__(  # noqa: PLR0913, PLR0917  what is sold, and where
        self,
        catalog: Catalog,
        orders: Orders,
        wishes: Wishes,
        secret: str,
        public_url: str,
        proxies: Sequence[Network] = (),
    ) -> None:
        """Show and sell what these have.

        Args:
            catalog: of the books.
            orders: takes them.
            wishes: for books that are sold out.
            secret: of the service; the cookies' keys are derived from it.
            public_url: where people reach the shop; empty: whatever host they ask for, over http.
            proxies: whose word on who asks counts.
        """
        self._site = Site(public_url)
        self._catalog = catalog
        self._orders = orders
        self._frame = frame = Frame(secret, self._site, lambda: catalog.last_shop)
        stockroom = Stockroom(catalog)
        self.keeping = keeping = Keeping(Lookout(catalog))
        self.live = Live(frame, stockroom, catalog.following)
        cards = Cards(frame)
        self._crowded_pages: dict[str, Ready] = {}
        self._order_pages = OrderPages(frame, stockroom, orders)
        self._apis = (
            BookPage(frame, keeping, cards, stockroom, wishes),
            Home(frame, keeping, cards),
            Finding(frame, keeping, cards),
            BasketPages(frame, stockroom),
            CheckoutPages(frame, stockroom, Checkout(orders, Pace(), Repeats()), wishes, proxies),
            self._order_pages,
            WishPages(frame, stockroom, wishes, Pace(), proxies),
            Telling(frame, keeping),
            Machines(frame, stockroom),
            Sitemap(frame, stockroom),
            self.live,
        )

    def stop(self) -> None:
        """End what would go on for ever."""
        self.live.stop()
        self._order_pages.stop()

    def endpoints(self) -> list[Endpoint]:
        """Return the routes, those of pages in each language."""
        prefixes = tuple(PREFIXES.values())
        routes = [one for api in self._apis for one in page_endpoints(api, self._site, prefixes)]
        return [self._with_shop(one) if one.route.page else one for one in routes]

    def _with_shop(self, endpoint: Endpoint) -> Endpoint:
        """Have the settings looked at before a page is made; without the catalog the last hold."""
        answer = endpoint.answer

        async def answered(request: Request) -> Response:
            with suppress(Unavailable, Overloaded):
                await self._catalog.shop(request_id=request.id)
            return await answer(request)

        language, _path = language_of(endpoint.route.path)
        return replace(endpoint, answer=answered, crowded=lambda: self._crowded(language))

    def _crowded(self, language: str) -> Ready:
        page = self._crowded_pages.get(language)
        if page is None:
            page = self._crowded_pages[language] = crowded_page(self._frame, language)
        return page

    async def error_page(self, request: Request, error: BazarError) -> Response:
        """Tell a browser what went wrong where no route is."""
        return error_page(self._frame, request, error)
