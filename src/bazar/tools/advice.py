"""What the shop refuses, in the words of somebody at a terminal: commands and options.

A problem document speaks to programs, of routes, headers and members. Here each code has what a
person does about it instead.

Source: docs/errors.md
"""

import re

from bazar.kit.errors import Problem

ADVICE: dict[str, str] = {
    "invalid-request": "'-h' after the command shows what it takes.",
    "invalid-idempotency-key": (
        "A key is 1 to 255 letters, digits and signs of a plain keyboard; without --key the "
        "command makes one."
    ),
    "invalid-framing": "Something between this command and the shop changed the request.",
    "invalid-host": "Name the address of the shop as it is, such as http://127.0.0.1:5000.",
    "unauthorized": (
        "Name the data folder of this shop with --data, or the file of its secret with "
        "--secret-file; 'bazar doctor' says whether it is accepted."
    ),
    "call-outdated": "The same command again is signed for the service as it is now.",
    "call-repeated": "Something between this command and the shop sent it twice.",
    "cross-site": "Name the address of the shop itself, with --url.",
    "foreign-form": "Use the shop's own page.",
    "open-api-off": (
        "This shop sells on its pages alone; 'bazar up --open-api on' lets commands buy too."
    ),
    "book-not-found": "'bazar search --text WORDS' finds books, 'bazar books' lists the newest.",
    "order-not-found": (
        "An order is named by its id or its reference; 'bazar orders' lists them, 'bazar orders "
        "--find WORDS' finds them by a name or an e-mail address."
    ),
    "reservation-not-found": "'bazar audit' says whether stock and orders add up.",
    "route-not-found": "Something else answers at this address; 'bazar doctor' looks at all three.",
    "method-not-allowed": (
        "Something else answers at this address; 'bazar doctor' looks at all three."
    ),
    "body-timeout": "The way to the shop is slow; the same command again may get through.",
    "out-of-stock": (
        "Buy fewer with --quantity, or the same again when there are more: 'bazar info' tells how "
        "many there are. Leave --key out then."
    ),
    "price-changed": "'bazar info' shows the price now; buy again without --key.",
    "book-retired": "'bazar search' finds others; 'bazar books --retired' lists what is off sale.",
    "too-many-open-orders": "Hand one over with 'bazar fulfil', or cancel one with 'bazar cancel'.",
    "mixed-currencies": "Buy the books one by one.",
    "order-rejected": "Nothing was bought; to try again, leave --key out.",
    "order-cancelled": "To buy after all, leave --key out.",
    "order-not-cancellable": (
        "Only an order that is pending or confirmed can be; 'bazar order' shows it."
    ),
    "order-not-fulfillable": "Only a confirmed order can be; 'bazar order' shows it.",
    "progress-not-possible": (
        "To collect: to_pick, ready, collected; by post: to_pick, packed, sent. 'bazar order' "
        "shows where it is."
    ),
    "stock-too-low": (
        "Take away at most what is there, or note what you counted: 'bazar stock ID --count N'."
    ),
    "currency-fixed": "'bazar up --data FOLDER --currency CODE' opens another shop for it.",
    "backup-elsewhere": "docs/postgresql.md, 'Backups', says how; it names pg_dump.",
    "backup-not-found": "The same command again makes a new backup.",
    "no-room-for-backup": "Make room on the disk where the database is.",
    "precondition-failed": "'bazar info' shows how the book is now.",
    "book-exists": "'bazar book edit' changes that book, 'bazar book restock' adds copies to it.",
    "too-many-wishes": "'bazar mail forget ADDRESS' forgets those of an address.",
    "mail-off": "Start the shop with BAZAR_SMTP_URL set, and --mail-from.",
    "body-too-large": "Send less at once.",
    "unsupported-media-type": "Something else answers at this address; 'bazar doctor' looks.",
    "wrong-host": (
        "Name it as localhost, or start it with --public-host and the name that you ask for."
    ),
    "idempotency-key-reused": "For something else leave --key out; the command makes a new one.",
    "internal-error": "This is a fault of the shop; what it printed tells more.",
    "coding-not-implemented": "Something between this command and the shop changed the request.",
    "mail-not-sent": "Look at BAZAR_SMTP_URL and --mail-from.",
    "overloaded": "Nothing was done. Try again in a moment.",
    "unavailable": "'bazar doctor' says what is away.",
}
"""What to do, by the code of the error; codes that the catalog makes up are not here."""

_PLACE = re.compile(r"(?:.* is not valid: )?(.*?)(?: - at (?:`key` in )?`\$\.?(.*)`)?", re.DOTALL)
_YEAR_DIGITS = 4
_INDEX = re.compile(r"\[[^\]]*\]")
_BOUND = re.compile(r"Expected `(str|int|float|array|object)`( of length)? (>=|<=) (-?\d+)")
_REASONS = (
    ("Invalid enum value ", "there is no {rest}"),
    ("Invalid decimal string", "it takes an amount such as 19.99"),
    ("Expected `decimal`", "it takes an amount such as 19.99"),
    ("Expected `int`", "it takes a whole number"),
    ("Expected `float`", "it takes a number"),
    ("Expected `str`", "it takes a text"),
    ("Expected `bool`", "it takes yes or no"),
    ("Expected `array`", "it takes a list"),
    ("Expected `object`", "it takes names and values"),
    ("Invalid ", "it is not written as it should be"),
)
"""How the decoder begins, and what a person would say."""
_NAMES = {
    "amount_of_items": "the number of copies",
    "bazar-actor": "--actor",
    "q": "the text",
    "to": "the address",
    "email": "the address",
    "after": "--after",
    "before": "--before",
}
"""What routes call by names that no command has."""


def told(problem: Problem) -> str:
    """Return a refusal as one line for a person: what was wrong, its code, and what to do."""
    detail = problem.detail
    if problem.code == "invalid-request":
        detail = in_words(detail)
    return f"{detail} ({problem.code}). {ADVICE.get(problem.code, '')}".rstrip()


def in_words(detail: str) -> str:
    """Return what is wrong with a value, without the words of its encoding."""
    found = _PLACE.fullmatch(detail)
    assert found is not None
    reason, place = found.groups()
    if place is None:
        name, _, rest = detail.partition(" ")
        return f"{_NAMES[name]} {rest}" if name in _NAMES else detail
    place = _INDEX.sub("", place)
    return f"{_NAMES.get(place, place.replace('_', ' '))}: {reason_in_words(reason)}"


def reason_in_words(reason: str) -> str:
    """Return a reason of the decoder as a person would say it."""
    bound = _BOUND.match(reason)
    if bound:
        kind, length, sign, number = bound.groups()
        if length and (sign, number) == (">=", "1"):
            return "it may not be empty"
        counted = {"str": " characters", "array": " parts", "object": " parts"}.get(kind, "")
        told = f"{int(number):,}" if len(number) > _YEAR_DIGITS else number
        what = f"{told}{counted}"
        return f"it takes at {'least' if sign == '>=' else 'most'} {what}"
    if "matching regex" in reason:
        return "it is not written as it should be"
    for begin, said in _REASONS:
        if reason.startswith(begin):
            return said.format(rest=reason.removeprefix(begin))
    return f"{reason[:1].lower()}{reason[1:]}".replace("`", "")
