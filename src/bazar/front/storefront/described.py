"""What pages say to search engines about their subjects, as JSON-LD.

Source: https://schema.org/Book, https://schema.org/Offer, https://schema.org/BookStore
"""

from collections.abc import Sequence
from typing import Any

from bazar.front.storefront.showing import Shown, State
from bazar.wire.books import Book
from bazar.wire.shop import Shop

_CONTEXT = "https://schema.org"
_AVAILABILITY: dict[State, str] = {
    "plenty": "InStock",
    "low": "LimitedAvailability",
    "out": "OutOfStock",
    "gone": "Discontinued",
}
_FORMATS = {"paperback": "Paperback", "hardback": "Hardcover", "audio": "AudiobookFormat"}


def book_data(shown: Shown, shop: Shop, url: str, image: str) -> dict[str, Any]:
    """Describe a book and how it is sold.

    Args:
        shown: the book.
        shop: that sells it.
        url: of its page.
        image: the address of its cover.
    """
    book = shown.book
    data = {
        "@context": _CONTEXT,
        "@type": ["Book", "Product"],
        "@id": f"{url}#book",
        "name": book.title,
        "author": {"@type": "Person", "name": book.author} if book.author else None,
        "isbn": book.isbn,
        "gtin13": book.isbn,
        "inLanguage": book.language,
        "bookFormat": _format(book),
        "numberOfPages": book.pages,
        "publisher": {"@type": "Organization", "name": book.publisher} if book.publisher else None,
        "image": image,
        "description": book.description,
        "offers": {
            "@type": "Offer",
            "url": url,
            "price": str(book.price),
            "priceCurrency": book.currency,
            "availability": f"{_CONTEXT}/{_AVAILABILITY[shown.stock.state]}",
            "itemCondition": f"{_CONTEXT}/{'New' if book.condition == 'new' else 'Used'}Condition",
            "seller": {"@type": "BookStore", "name": shop.name},
        },
    }
    return {name: value for name, value in data.items() if value}


def shop_data(shop: Shop, url: str, search: str) -> dict[str, Any]:
    """Describe the shop, and how to search it.

    Args:
        shop: its settings.
        url: of its first page.
        search: of its results, without the query.
    """
    data = {
        "@context": _CONTEXT,
        "@type": "BookStore",
        "name": shop.name,
        "url": url,
        "address": ", ".join(shop.address.split("\n")),
        "telephone": shop.tel,
        "email": shop.email,
        "openingHours": ", ".join(shop.hours.split("\n")),
        "potentialAction": {
            "@type": "SearchAction",
            "target": f"{search}?q={{words}}",
            "query-input": "required name=words",
        },
    }
    return {name: value for name, value in data.items() if value}


def trail_data(steps: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Describe where a page stands: the name and the address of each page above it, and its own."""
    return {
        "@context": _CONTEXT,
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": number, "name": name, "item": url}
            for number, (name, url) in enumerate(steps, 1)
        ],
    }


def _format(book: Book) -> str:
    name = _FORMATS.get(book.format)
    return f"{_CONTEXT}/{name}" if name else ""
