"""Writes that a key makes count once: the same key and request get the first answer again.

The answer is kept in the transaction that does the work, refusals too: a delayed duplicate of what
was refused must not do it later. The last 10,000 keys are known; an older one is as good as new.

Source: docs/decisions/0022-a-count-belongs-to-a-moment.md
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from bazar.catalog.domain import BookExists, StockTooLow
from bazar.catalog.shop import CurrencyFixed
from bazar.catalog.store import Store
from bazar.kit.data.database import Database, Transaction, Work
from bazar.kit.errors import BazarError, InvalidRequest
from bazar.wire.books import Book
from bazar.wire.problems import BookNotFound, KeyReused
from bazar.wire.shop import Shop

KEYS_MAX = 10_000
_REFUSALS: dict[str, type[BazarError]] = {
    kind.code: kind
    for kind in (BookExists, BookNotFound, CurrencyFixed, InvalidRequest, StockTooLow)
}
A = TypeVar("A", Book, Shop)


class Asked(NamedTuple):
    """What is asked with a key."""

    key: str
    what: str
    """The same for each spelling of one request, and in each release."""


class _Refused(msgspec.Struct, frozen=True, tag="refused"):
    code: str
    detail: str
    member: str | None
    members: dict[str, int | str | None]


class _Done(msgspec.Struct, frozen=True, tag="done"):
    book: Book


class _Settled(msgspec.Struct, frozen=True, tag="settled"):
    shop: Shop


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(_Done | _Settled | _Refused).decode


def asked(key: str | None, use_case: str, *said: object, **members: object) -> Asked | None:
    """Return what is asked with a key, or None where there is none.

    Args:
        key: of the request.
        use_case: what is to be done.
        said: its arguments.
        members: those that are None or empty, as those that were left out, do not count: a member
            that a later release brings must not make another request of it.
    """
    if key is None:
        return None
    given = {name: value for name, value in members.items() if value not in {None, ""}}
    return Asked(key, _encode([use_case, *said, dict(sorted(given.items()))]).decode())


async def once(database: Database, store: Store, work: Work[A], request: Asked | None) -> A:
    """Run a unit of work that writes, once for a key.

    Raises:
        KeyReused: definite; the key was used for another request.
        BazarError: as the work does, or did the first time.
    """
    if request is None:
        return await database.write(work)

    async def keyed(transaction: Transaction) -> Any:  # noqa: ANN401  what the work gives, or an error
        # Else a repetition sees no answer yet, waits behind the first for the row, and is then told
        # that the row has changed.
        await transaction.lock(f"key {request.key}")
        kept = await store.kept_write(transaction, request.key)
        if kept is not None:
            if kept.request != request.what:
                return KeyReused("this key was used before, for something else")
            return _again(_decode(kept.answer))
        answer: _Done | _Settled | _Refused
        try:
            done = await work(transaction)
        except BazarError as error:  # before anything was written: use cases check first
            if error.code not in _REFUSALS:
                raise
            answer = _Refused(error.code, error.detail, error.member, dict(error.members))
        else:
            answer = _Done(done) if isinstance(done, Book) else _Settled(done)
        await store.keep_write(
            transaction, request.key, request.what, _encode(answer).decode(), KEYS_MAX
        )
        return _again(answer)

    result = await database.write(keyed, idempotent=True)
    if isinstance(result, BazarError):
        raise result
    answered: A = result
    return answered


def _again(answer: _Done | _Settled | _Refused) -> Book | Shop | BazarError:
    match answer:
        case _Done():
            return answer.book
        case _Settled():
            return answer.shop
    members: Mapping[str, Any] = answer.members
    return _REFUSALS[answer.code](answer.detail, member=answer.member, **members)
