"""Every route of the storefront."""

from collections.abc import Sequence

from starlette.responses import Response

from bazar.front.storefront.basket_pages import BasketPages
from bazar.front.storefront.browsing import Browsing
from bazar.front.storefront.checkout import Checkout
from bazar.front.storefront.checkout_pages import CheckoutPages
from bazar.front.storefront.frame import Frame
from bazar.front.storefront.goods import Goods
from bazar.front.storefront.machines import Machines
from bazar.front.storefront.order_pages import OrderPages
from bazar.front.storefront.pace import Network, Pace, Repeats
from bazar.front.storefront.problems import error_page
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import PREFIXES
from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.orders import Orders
from bazar.kit.errors import BazarError
from bazar.kit.http.endpoint import Endpoint
from bazar.kit.http.request import Request
from bazar.kit.web.pages import page_endpoints
from bazar.kit.web.site import Site


class Storefront:
    """The shop that people see."""

    def __init__(
        self,
        catalog: Catalog,
        orders: Orders,
        secret: str,
        public_url: str,
        proxies: Sequence[Network] = (),
    ) -> None:
        """Show and sell what these two have.

        Args:
            catalog: of the books.
            orders: takes them.
            secret: of the service; the cookies' keys are derived from it.
            public_url: where people reach the shop; empty: whatever host they ask for, over http.
            proxies: whose word on who asks counts.
        """
        self._site = Site(public_url)
        self._frame = Frame(secret, self._site)
        stockroom = Stockroom(catalog)
        goods = Goods(catalog)
        checkout = Checkout(orders, Pace(), Repeats())
        self._order_pages = OrderPages(self._frame, goods, orders)
        self._apis = (
            Browsing(self._frame, stockroom),
            BasketPages(self._frame, goods),
            CheckoutPages(self._frame, goods, checkout, proxies),
            self._order_pages,
            Machines(self._frame),
        )

    def stop(self) -> None:
        """End what would go on for ever."""
        self._order_pages.stop()

    def endpoints(self) -> list[Endpoint]:
        """Return the routes, those of pages in each language."""
        prefixes = tuple(PREFIXES.values())
        return [one for api in self._apis for one in page_endpoints(api, self._site, prefixes)]

    async def error_page(self, request: Request, error: BazarError) -> Response:
        """Tell a browser what went wrong where no route is."""
        return error_page(self._frame, request, error)
