"""Seeded bugs at the edge: who is let in, and who takes whose place."""

from mutants.bug import Bug, Edit
from mutants.parts import (
    CANCELLING,
    CONDITIONS,
    CROWDS,
    FOREIGN_PAGES,
    HOSTS,
    INVITED_PAGES,
    PACKED,
    TWO_ENDS,
)

EDGE_BUGS = (
    Bug(
        "chunks-hide-a-length",
        "A body in chunks is taken, and with it the length that the server hides.",
        (
            Edit(
                "kit/http/admission.py",
                '        if b"transfer-encoding" in headers:\n',
                '        if b"transfer-encoding" in headers and b"content-length" in headers:\n',
            ),
        ),
        (TWO_ENDS,),
    ),
    Bug(
        "any-name-is-ours",
        "A service on the loopback address answers to a name that a page bound to it.",
        (Edit("services.py", "loopback=is_loopback(settings.host)", "loopback=False"),),
        (HOSTS,),
    ),
    Bug(
        "foreign-pages-order",
        "A page of another site may post an order, as it could post a form.",
        (
            Edit(
                "kit/http/admission.py",
                'request.scope["method"] not in SAFE_METHODS:\n',
                'request.scope["method"] not in {*SAFE_METHODS, "POST"}:\n',
            ),
        ),
        (FOREIGN_PAGES,),
    ),
    Bug(
        "any-page-is-invited",
        "Where one page is invited, every page of every site may read and order.",
        (
            Edit(
                "kit/http/cors.py",
                "        return origin in self._said\n",
                "        return origin is not None\n",
            ),
        ),
        (INVITED_PAGES,),
    ),
    Bug(
        "invited-into-the-pages",
        "A page that is invited to the JSON routes reads the shop's own pages, too.",
        (
            Edit(
                "kit/http/app.py",
                "        if self.cors is not None and not told.own_site:\n",
                "        if self.cors is not None:\n",
            ),
        ),
        (INVITED_PAGES,),
    ),
    Bug(
        "edit-of-what-was",
        "A change with If-Match is made on a book that another has changed since.",
        (
            Edit(
                "catalog/shelf.py",
                "            if check is not None:\n                check(book.public())\n",
                "",
            ),
        ),
        (CONDITIONS,),
    ),
    Bug(
        "basket-packed",
        "A page for one reader is packed, so its length tells what is in it.",
        (
            Edit(
                "front/storefront/frame.py",
                "self._drawn(answers.bare_piece, ",
                "self._drawn(piece, ",
            ),
        ),
        (PACKED,),
    ),
    Bug(
        "one-room-for-all",
        "Readers who wait take the places of buyers.",
        (
            Edit(
                "kit/http/app.py",
                "{kind: Room(kind, self._said) for kind in PLACES}",
                'dict.fromkeys(PLACES, Room("reading", self._said))',
            ),
        ),
        (CROWDS,),
    ),
    Bug(
        "cancels-take-buyers-places",
        "Who cancels takes the place of somebody who wants to buy.",
        (
            Edit(
                "kit/http/endpoint.py",
                "        if self.places is not None:\n",
                '        if self.places not in {None, "cancelling"}:\n',
            ),
        ),
        (CANCELLING,),
    ),
)
