"""The command that shows the settings of the shop, and changes them."""

from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer

from bazar.cli.naming import book_name, find_book
from bazar.cli.shop import Answer, Key, asks, with_key
from bazar.cli.show import show_settings
from bazar.cli.terminal import (
    fail,
    misused,
)
from bazar.tools.advice import reason_in_words
from bazar.tools.shop import Shop
from bazar.wire.orders import Delivery, Language, Payment
from bazar.wire.shop import Shop as Settings
from bazar.wire.shop import ShopEdit

_SET = "set"
_PICKS = "picks"
_TEXTS = "texts."
"""Before the name of a page."""
_LISTS = {"languages", "deliveries", "countries", "payments", "picks"}
_PAGE = "the name of a page"
_TAKES = {
    "languages": f"some of {', '.join(get_args(Language))}",
    "deliveries": f"some of {', '.join(get_args(Delivery))}",
    "payments": f"some of {', '.join(get_args(Payment))}",
    "countries": "codes of countries, two capital letters each, such as DE,AT",
    "post_price": "an amount such as 4.50, or nothing",
    "picks": "at most 3 books, with commas between them",
    _PAGE: "small letters from a to z and hyphens, at most 40, such as returns",
}
"""What is said of a setting whose value cannot be; of the others, what the decoder says."""
_KEYS = [name for name in ShopEdit.__struct_fields__ if name != "texts"]


@asks("catalog")
def shop(
    shop: Shop,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[set KEY=VALUE ...]", help="What to change; without it, show all."),
    ] = None,
    *,
    key: Key = None,
) -> Answer[Settings]:
    r"""Show the settings of the shop, or change some of them.

    A VALUE that begins with @ is the name of a file that holds it. A list has commas between its
    parts, and in other values \n begins a new line. A page's text is texts.NAME.

    Examples:
      bazar shop
      bazar shop set name='Sea Books' 'hours=Mon-Fri 9-18'
      bazar shop set texts.imprint=@imprint.txt
    """
    if not words:
        return Answer(shop.catalog.settings(), show_settings)
    if words[0] != _SET or len(words) == 1:
        misused("to change settings: bazar shop set KEY=VALUE ...")
    edit = parse_edit([_with_ids(shop, pair) for pair in words[1:]])
    changed = with_key(key, partial(shop.catalog.edit_settings, edit))
    return Answer(changed, show_settings)


def _with_ids(shop: Shop, pair: str) -> str:
    """Return KEY=VALUE with the ids of books that are named by their ISBNs."""
    name, _, text = pair.partition("=")
    if name != _PICKS or text.startswith("@"):
        return pair
    try:
        named = [book_name(part) for part in text.split(",") if part.strip()]
    except typer.BadParameter as error:
        misused(f"{pair[:80]!r} cannot be: {error.message}")
    return f"{name}={','.join(str(find_book(shop, one, 'catalog')) for one in named)}"


def parse_edit(pairs: list[str]) -> ShopEdit:
    """Return what `KEY=VALUE` words change, or end with a clear message."""
    given: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            misused(f"a setting is changed with KEY=VALUE, not {pair!r}")
        page = name.removeprefix(_TEXTS) if name.startswith(_TEXTS) else None
        if page is None and name not in _KEYS:
            misused(f"there is no setting {name!r}; there are {', '.join(_KEYS)} and {_TEXTS}PAGE")
        value = _value(name, _text(name, text))
        change = {name: value} if page is None else {"texts": {page: value}}
        _check(pair, name if page is None else _PAGE, change)
        if page is None:
            given[name] = value
        else:
            given.setdefault("texts", {})[page] = value
    return msgspec.convert(given, ShopEdit, strict=False)


def _text(name: str, text: str) -> str:
    """Return a value as it was typed, or what the file holds that it names."""
    if not text.startswith("@"):
        return text.replace("\\n", "\n")
    try:
        return Path(text[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        fail(f"cannot read {text[1:]} for {name}: {reason}")


def _value(name: str, text: str) -> Any:  # noqa: ANN401  of that setting
    if name in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if name == "post_price":
        return text.strip() or None
    return text


def _check(pair: str, name: str, change: dict[str, Any]) -> None:
    """Make sure that the shop will understand a change, or end with a clear message."""
    try:
        price = msgspec.convert(change, ShopEdit, strict=False).post_price
        proper = not isinstance(price, Decimal) or (price.is_finite() and price >= 0)
        reason = ""
    except msgspec.ValidationError as error:
        proper = False
        reason = str(error).partition(" - at ")[0]
    if not proper:
        takes = "" if name == _PAGE and "matching regex" not in reason else _TAKES.get(name)
        said = f"{name} takes {takes}" if takes else reason_in_words(reason)
        misused(f"{pair[:80]!r} cannot be: {said}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(shop)
