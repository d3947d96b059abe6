"""Seeded bugs of the pages to buy with: what a browser sends twice is bought twice, or wrongly."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    ASK_AGAIN,
    BASKET,
    DOUBLE_CLICK,
    OWN_LINES,
    REFUSED_AND_BACK,
)

SHOP_BUGS = (
    Bug(
        "key-each-post",
        "Each post of the checkout's form gets a key of its own.",
        (
            Edit(
                "front/storefront/checkout.py",
                "                form.key,\n                deadline=deadline,\n",
                '                __import__("secrets").token_urlsafe(16),\n'
                "                deadline=deadline,\n",
            ),
        ),
        (DOUBLE_CLICK,),
    ),
    Bug(
        "buys-the-cookie",
        "What is in the basket by now is bought, not what the page showed.",
        (
            Edit(
                "front/storefront/checkout_pages.py",
                "        form = form_of(posted(request), seen.language)\n",
                "        form = form_of(posted(request), seen.language)\n"
                "        if seen.basket is not None and seen.basket.lines:\n"
                "            form = replace(form, lines=seen.basket.lines)\n",
            ),
        ),
        (OWN_LINES,),
    ),
    Bug(
        "revision-stays",
        "After a refusal the page and the basket go on under the refused key.",
        (
            Edit(
                "front/storefront/basket.py",
                'return f"{basket_id}.{revision + 1}"',
                'return f"{basket_id}.{max(revision, 1)}"',
            ),
        ),
        (BASKET, REFUSED_AND_BACK),
    ),
    Bug(
        "asks-under-another-key",
        "Where nobody knows what became of an order, its buyer is offered another one.",
        (
            Edit(
                "front/storefront/checkout_pages.py",
                "            form=form,\n        )\n\n    def _question",
                "            form=self._under_next_key(seen, form)[0],\n        )\n\n"
                "    def _question",
            ),
        ),
        (ASK_AGAIN,),
    ),
    Bug(
        "answer-takes-twice",
        "Each answer to an order takes its books out of the basket, the repeated one too.",
        (
            Edit(
                "front/storefront/basket.py",
                "    if not _is_of(basket, key):\n        return basket\n    taken",
                "    taken",
            ),
        ),
        (BASKET,),
    ),
)
