"""Every page in every state that it has: how to get there, and what it is answered with.

This one table is what the accessibility of the pages is checked by, and what `make screenshots`
goes through.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from browser.stage import COPIES, FEW, LAST, OTHER, OUT, PLENTY, RETIRED, Stage
from browser.visitor import (
    CANCEL,
    EMAIL,
    END,
    ORDER,
    TELL_ME,
    TO_CANCEL,
    TO_CHECKOUT,
    WISH,
    Visitor,
)
from support.processes import wait_for

OK, MISSING, CONFLICT, UNPROCESSABLE, AWAY = 200, 404, 409, 422, 503
END_OF_WAITING = f"/tell-me/end/{'0' * 32}"
"""Of nobody's address: whoever has such a link is not told whether it is somebody's."""
_BY_POST = {
    "street": "7 Rainbow Street",
    "postcode": "11181",
    "city": "Amman",
}
_buyers = count(1)


class Scene(NamedTuple):
    """A shop, and who looks at it."""

    stage: Stage
    visitor: Visitor


@dataclass(frozen=True)
class State:
    """A page in one of its states."""

    name: str
    reach: Callable[[Scene], None]
    status: int = OK
    pauses: str = ""
    """The service that stands still while the page is shown."""
    then: Callable[[Scene], None] | None = None
    """The last step, while it does."""

    @contextmanager
    def shown(self, scene: Scene) -> Iterator[None]:
        """Show the page, and hold it in that state."""
        self.reach(scene)
        if self.then is None:
            yield
            return
        with scene.stage.paused(self.pauses):
            self.then(scene)
            yield


def at(path: str) -> Callable[[Scene], None]:
    """Return how to get to a page that has an address."""
    return lambda scene: scene.visitor.go(path)


def once_away(path: str) -> Callable[[Scene], None]:
    """Return how to ask for a page until what is known of the books is too old to be shown."""

    def ask(scene: Scene) -> None:
        def is_away() -> bool:
            scene.visitor.go(path)
            return scene.visitor.status == AWAY

        wait_for("the page says so", is_away)

    return ask


def email() -> str:
    """Return the address of a buyer who has not ordered yet."""
    return f"lina.{next(_buyers)}@example.org"


def _press_order(scene: Scene) -> None:
    scene.visitor.press(ORDER)


def _basket(scene: Scene) -> None:
    scene.visitor.add(OTHER, FEW, PLENTY)
    scene.visitor.go("/basket")


def _basket_added(scene: Scene) -> None:
    scene.visitor.add(OTHER)


def _basket_changed(scene: Scene) -> None:
    scene.stage.leave(FEW, COPIES[FEW])
    scene.stage.reprice(OTHER, "9.99")
    scene.visitor.add(OTHER, FEW, FEW)
    scene.stage.leave(FEW, 1)
    scene.stage.reprice(OTHER, "10.99")
    scene.visitor.go("/basket")


def _basket_too_many(scene: Scene) -> None:
    visitor = scene.visitor
    for book_id in (PLENTY, OTHER, 12):
        visitor.go(f"/book/{book_id}")
        visitor.find("[name=copies]").fill("10")
        visitor.press(f'form:has([name=add][value="{book_id}"]) button')


def _checkout(scene: Scene) -> None:
    _basket(scene)
    scene.visitor.press(TO_CHECKOUT)


def _by_post(scene: Scene) -> None:
    visitor = scene.visitor
    visitor.to_checkout(email(), OTHER)
    visitor.find("[name=delivery][value=post]").check()
    for name, text in _BY_POST.items():
        visitor.find(f"[name={name}]").fill(text)
    visitor.find("[name=payment][value=invoice]").check()


def _checkout_wrong(scene: Scene) -> None:
    _by_post(scene)
    scene.visitor.fill_in("lina@example")
    scene.visitor.find("[name=postcode]").fill("")
    _press_order(scene)


def _tell_me(scene: Scene) -> None:
    scene.visitor.go(f"/book/{OUT}")
    scene.visitor.press(TELL_ME)


def _tell_me_wrong(scene: Scene) -> None:
    _tell_me(scene)
    scene.visitor.write(EMAIL, "lina@example")
    scene.visitor.press(WISH)


def _tell_me_noted(scene: Scene) -> None:
    _tell_me(scene)
    scene.visitor.write(EMAIL, email())
    scene.visitor.press(WISH)


def _tell_me_unknown(scene: Scene) -> None:
    _tell_me(scene)
    scene.visitor.write(EMAIL, email())


def _press_wish(scene: Scene) -> None:
    scene.visitor.press(WISH)


def _waiting_ended(scene: Scene) -> None:
    scene.visitor.go(END_OF_WAITING)
    scene.visitor.press(END)


def _before_order(scene: Scene) -> None:
    scene.visitor.to_checkout(email(), OTHER, PLENTY)


def _sold_out(scene: Scene) -> None:
    scene.visitor.to_checkout(email(), OTHER, LAST)
    scene.stage.leave(LAST, 0)
    _press_order(scene)
    scene.stage.leave(LAST, 1)


def _all_sold_out(scene: Scene) -> None:
    scene.visitor.to_checkout(email(), LAST)
    scene.stage.leave(LAST, 0)
    _press_order(scene)
    scene.stage.leave(LAST, 1)


def _price_changed(scene: Scene) -> None:
    scene.stage.reprice(OTHER, "9.99")
    scene.visitor.to_checkout(email(), OTHER)
    scene.stage.reprice(OTHER, "11.99")
    _press_order(scene)


def _order(scene: Scene) -> None:
    scene.visitor.order(email(), OTHER, PLENTY)


def _order_by_post(scene: Scene) -> None:
    _by_post(scene)
    _press_order(scene)


def _already(scene: Scene) -> None:
    buyer = email()
    scene.visitor.order(buyer, OTHER)
    scene.visitor.back()
    scene.visitor.fill_in(buyer, "Lina M.")
    _press_order(scene)


def _again(scene: Scene) -> None:
    buyer = email()
    scene.visitor.order(buyer, OTHER)
    scene.visitor.to_checkout(buyer, OTHER)
    _press_order(scene)


def _cancel(scene: Scene) -> None:
    _order(scene)
    scene.visitor.press(TO_CANCEL)


def _cancelled(scene: Scene) -> None:
    _cancel(scene)
    scene.visitor.press(CANCEL)


def _fulfilled(scene: Scene) -> None:
    _order(scene)
    scene.stage.remote().order.fulfil(scene.visitor.order_id)
    scene.visitor.page.reload()


def _too_late(scene: Scene) -> None:
    _cancel(scene)
    scene.stage.remote().order.fulfil(scene.visitor.order_id)
    scene.visitor.press(CANCEL)


def _press_cancel(scene: Scene) -> None:
    scene.visitor.press(CANCEL)


STATES = (
    State("home", at("/")),
    State("found", at("/find?q=sea&in_stock=1")),
    State("found-nothing", at("/find?q=xyzzy")),
    State("topics", at("/browse")),
    State("topic", at("/browse/novel")),
    State("author", at("/by/william-shakespeare")),
    State("book", at(f"/book/{PLENTY}")),
    State("book-last", at(f"/book/{LAST}")),
    State("book-out", at(f"/book/{OUT}")),
    State("tell-me", _tell_me),
    State("tell-me-wrong", _tell_me_wrong, UNPROCESSABLE),
    State("tell-me-noted", _tell_me_noted),
    State("tell-me-unknown", _tell_me_unknown, AWAY, "order", _press_wish),
    State("end-of-waiting", at(END_OF_WAITING)),
    State("waiting-ended", _waiting_ended),
    State("book-retired", at(f"/book/{RETIRED}")),
    State("book-long", at("/book/60")),
    State("delivery", at("/page/delivery")),
    State("find-order", at("/page/order")),
    State("basket-empty", at("/basket")),
    State("basket", _basket),
    State("basket-added", _basket_added),
    State("basket-changed", _basket_changed),
    State("basket-too-many", _basket_too_many),
    State("basket-away", _basket, AWAY, "catalog", once_away("/basket")),
    State("checkout", _checkout),
    State("checkout-post", _by_post),
    State("checkout-wrong", _checkout_wrong, UNPROCESSABLE),
    State("sold-out", _sold_out, CONFLICT),
    State("all-sold-out", _all_sold_out, CONFLICT),
    State("price-changed", _price_changed, CONFLICT),
    State("already", _already, CONFLICT),
    State("again", _again, CONFLICT),
    State("unknown", _before_order, AWAY, "order", _press_order),
    State("undecided", _before_order, OK, "catalog", _press_order),
    State("order", _order),
    State("order-post", _order_by_post),
    State("order-collected", _fulfilled),
    State("cancel", _cancel),
    State("cancelled", _cancelled),
    State("cancel-unknown", _cancel, AWAY, "order", _press_cancel),
    State("too-late", _too_late, CONFLICT),
    State("missing", at("/nothing-here"), MISSING),
    State("order-missing", at("/order/00000000000000000000000000"), MISSING),
    State("away", at("/browse/poetry"), AWAY, "catalog", once_away("/browse/drama?sort=title")),
)
