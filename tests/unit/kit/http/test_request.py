"""Requests: typed, limited, and with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.kit.deadline import DEADLINE_MS_MAX
from bazar.kit.errors import BodyTimeout, BodyTooLarge, InvalidRequest
from bazar.kit.http import request as request_module
from bazar.kit.http.request import BODY_BYTES_MAX, Request
from bazar.kit.identity import ID_MAX

Message = MutableMapping[str, Any]


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    """A body."""

    name: Annotated[str, msgspec.Meta(max_length=5)] = "none"
    inner: list[Any] | None = None


THING = msgspec.json.Decoder(Thing)


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """A query string."""

    word: Annotated[str, msgspec.Meta(max_length=5)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    flag: bool = False
    most: Annotated[int, msgspec.Meta(ge=1)] | None = None
    order: Literal["up", "down"] | None = None


def made(
    headers: dict[str, bytes] | None = None,
    query: bytes = b"",
    chunks: Sequence[bytes] | None = (),
    path: dict[str, str] | None = None,
    **options: int,
) -> Request:
    """Return a request whose body comes in chunks; None is a connection that is lost."""
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks or ()
    ]
    messages.append(
        {"type": "http.disconnect"}
        if chunks is None
        else {"type": "http.request", "body": b"", "more_body": False}
    )
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    return with_receive(receive, headers, query, path, **options)


def with_receive(
    receive: Callable[[], Awaitable[Message]],
    headers: dict[str, bytes] | None = None,
    query: bytes = b"",
    path: dict[str, str] | None = None,
    **options: int,
) -> Request:
    """Return a request."""

    async def send(_message: Message) -> None:
        raise NotImplementedError

    given = headers or {}
    if "content-length" not in given:
        given = {"transfer-encoding": b"chunked"} | given
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": query,
        "path_params": path or {},
        "headers": [(name.encode(), value) for name, value in given.items()],
    }
    return Request(scope, receive, send, **options)


# ------------------------------------------------------------------- deadlines and ids


@pytest.mark.parametrize(
    ("header", "left_s"),
    [
        (b"1500", 1.5),
        (b"0", 0),
        (b"99999", DEADLINE_MS_MAX / 1000),
        (b"999999", 4),
        (b"", 4),
        (b"-1", 4),
        (b"1.5", 4),
        (b"soon", 4),
        (b"\xb2", 4),
    ],
)
def test_the_callers_deadline_counts_within_limits(header: bytes, left_s: float) -> None:
    """At most 30 seconds; what is no number of milliseconds is as if it were not there."""
    found = made({"bazar-deadline-ms": header}).deadline(4000).left_s()
    assert left_s - 1 < found <= left_s


def test_without_a_deadline_the_default_counts() -> None:
    """The one that the handler names."""
    assert 3 < made().deadline(4000).left_s() <= 4


@pytest.mark.parametrize("given_id", [b"a", b"A.b_c-9", b"x" * 64])
def test_a_proper_request_id_is_kept(given_id: bytes) -> None:
    """1 to 64 letters, digits, dots, underscores or hyphens."""
    assert given_id.decode() == made({"x-request-id": given_id}).id


@pytest.mark.parametrize("given_id", [b"", b"x" * 65, b"a b", b"a\nb", b"a\n", b"\xe9", b'"'])
def test_an_improper_request_id_is_replaced(given_id: bytes) -> None:
    """By one of ours, which is proper."""
    found = made({"x-request-id": given_id}).id
    assert given_id.decode("latin-1") != found
    assert found == made({"x-request-id": found.encode()}).id


# ------------------------------------------------------------------- numbers and arguments


@given(st.integers(1, ID_MAX))
@settings(max_examples=50, deadline=None)
def test_a_positive_number_is_read(number: int) -> None:
    """From 1 to 2^53-1."""
    assert number == made(path={"book_id": str(number)}).number("book_id")


@given(st.one_of(st.text(), st.integers(max_value=0).map(str), st.integers(2**53).map(str)))
@settings(max_examples=100, deadline=None)
def test_any_other_number_is_refused_or_plain_digits(text: str) -> None:
    """No sign, no space, no other script, no exponent."""
    try:
        number = made(path={"book_id": text}).number("book_id")
    except InvalidRequest:
        return
    assert text.lstrip("0") == str(number)


def test_a_huge_number_is_not_repeated_in_full() -> None:
    """The message stays short."""
    with pytest.raises(InvalidRequest, match="book_id must be a whole number") as caught:
        made(path={"book_id": "9" * 10_000}).number("book_id")
    assert len(caught.value.detail) < 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", Query()),
        (b"word=a+b&limit=5", Query("a b", 5)),
        (b"word=%C3%A9", Query("é")),
        (b"word=null", Query("null")),
        (b"word=", Query("")),
        (b"flag=true", Query(flag=True)),
    ],
)
def test_arguments_are_read(query: bytes, expected: Query) -> None:
    """Decoded, converted, and with their defaults."""
    assert expected == made(query=query).arguments(Query)


@pytest.mark.parametrize(
    "query",
    [
        b"surprise=1",
        b"limit=0",
        b"limit=101",
        b"limit=x",
        b"limit=",
        b"limit=1&limit=2",
        b"word=abcdef",
        b"flag=perhaps",
        b"Word=a",
    ],
)
def test_arguments_that_break_a_rule_are_refused(query: bytes) -> None:
    """Unknown, doubled, out of range, or not of the kind."""
    with pytest.raises(InvalidRequest, match="query string"):
        made(query=query).arguments(Query)


def member_of_query(query: bytes) -> str | None:
    """Return which argument a query string is refused for."""
    with pytest.raises(InvalidRequest) as refused:
        made(query=query).arguments(Query)
    return refused.value.member


@pytest.mark.parametrize("query", [b"most=null", b"order=null", b"order=NULL"])
def test_the_text_null_stands_for_nothing_in_no_argument(query: bytes) -> None:
    """Whoever wants none leaves it out; where any text may stand it is one."""
    with pytest.raises(InvalidRequest, match="cannot be null") as refused:
        made(query=query).arguments(Query)
    assert query.partition(b"=")[0].decode() == refused.value.member
    assert Query("null") == made(query=b"word=null").arguments(Query)


def test_the_argument_that_is_wrong_is_named() -> None:
    """Unknown, out of range, or given twice."""
    assert "surprise" == member_of_query(b"surprise=1")
    assert "limit" == member_of_query(b"limit=0")
    assert "word" == member_of_query(b"flag=true&word=a&limit=1&word=b")
    assert 100 == len(member_of_query(b"x" * 1000 + b"=1") or "")
    with pytest.raises(InvalidRequest) as refused:
        made(path={"book_id": "x"}).number("book_id")
    assert "book_id" == refused.value.member


# ------------------------------------------------------------------- bodies


async def received(request: Request) -> Thing:
    """Return the body of a request, as its endpoint would."""
    await request.receive_body()
    return request.struct(THING)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], Thing()),
        ([b"{}"], Thing()),
        ([b'{"na', b'me":"a"', b"}"], Thing("a")),
        ([b' {"name" : "\xc3\xa9"}\n'], Thing("é")),
        ([b'{"name":"a","name":"b"}'], Thing("b")),
    ],
)
async def test_a_body_is_read(chunks: list[bytes], expected: Thing) -> None:
    """In any number of chunks; none at all counts as an empty object."""
    assert expected == await received(made(chunks=chunks))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"1",
        b"{} {}",
        b'{"name":1}',
        b'{"name":null}',
        b'{"name":"abcdef"}',
        b'{"surprise":1}',
        b'{"name":"\xff"}',
        b'{"name":"\\ud800"}',
        b"\xff\xfe{}",
        b"\x00",
        b"{'name':'a'}",
        b'{"name":"a",}',
        b'{"inner":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"inner":[NaN]}',
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_a_body_that_breaks_a_rule_is_refused(body: bytes) -> None:
    """Not JSON, not UTF-8, too deep, of another shape, or with something unknown."""
    with pytest.raises(InvalidRequest, match="the body is not valid") as caught:
        await received(made(chunks=[body]))
    assert type(caught.value) is InvalidRequest
    assert len(caught.value.detail) < 300


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """A part of a body."""

    size: Annotated[int, msgspec.Meta(ge=1)]
    names: dict[str, int] = {}


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """A body with parts."""

    rows: Annotated[list[Row], msgspec.Meta(min_length=1)]
    first: Row | None = None


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b'{"rows":[{"size":1},{"size":0}]}', "rows[1].size"),
        (b'{"rows":[{"size":1}],"first":{"size":"x"}}', "first.size"),
        (b'{"rows":[{"size":1}],"first":{}}', "first.size"),
        (b'{"rows":[{"size":1}],"first":{"size":1,"x y":1}}', "first.x y"),
        (b'{"rows":[{"size":1}],"first":3}', "first"),
        (b'{"rows":[]}', "rows"),
        (b'{"rows":[{"size":1,"names":{"a":"b"}}]}', "rows[0].names[...]"),
        (b'{"surprise":1}', "surprise"),
        (b'{"a\\nb`":1}', "a\nb`"),
        (b"{}", "rows"),
        (b"[]", None),
        (b"{", None),
        (b"\xff", None),
    ],
)
async def test_the_member_of_the_body_that_is_wrong_is_named(
    body: bytes, member: str | None
) -> None:
    """By its way there; a body that is no object, or no JSON at all, has none."""
    request = made(chunks=[body])
    await request.receive_body()
    with pytest.raises(InvalidRequest) as refused:
        request.struct(msgspec.json.Decoder(Table))
    assert member == refused.value.member


async def test_a_body_at_the_limit_is_read() -> None:
    """64 KiB are, by header and without one."""
    body = b" " * (BODY_BYTES_MAX - 2) + b"{}"
    assert body == await made(chunks=[body]).limited_body()
    header = {"content-length": str(BODY_BYTES_MAX).encode()}
    assert body == await made(header, chunks=[body]).limited_body()


async def test_a_body_that_is_too_large_by_its_header_is_not_read() -> None:
    """It is refused before the first byte of it is asked for."""

    async def receive() -> Message:
        raise NotImplementedError

    header = {"content-length": str(BODY_BYTES_MAX + 1).encode()}
    with pytest.raises(BodyTooLarge, match=str(BODY_BYTES_MAX)):
        await with_receive(receive, header).limited_body()


async def test_a_body_that_is_too_large_by_its_stream_is_cut_off() -> None:
    """Reading stops at the limit, whatever the header says and however much would come."""
    count = 0

    async def receive() -> Message:
        nonlocal count
        count += 1
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    for header in ({}, {"content-length": b"10"}):
        count = 0
        with pytest.raises(BodyTooLarge):
            await with_receive(receive, header).limited_body()
        assert BODY_BYTES_MAX // 1000 + 1 == count


@pytest.mark.parametrize("length", [b"-1", b"x", b"1.5", b"\xb2", b"9" * 5000, b" ", b"0x10"])
async def test_an_improper_length_is_refused(length: bytes) -> None:
    """With an error of ours, never a fault."""
    with pytest.raises(InvalidRequest):
        await made({"content-length": length}, chunks=[b"{}"]).limited_body()


async def test_a_route_may_take_larger_bodies() -> None:
    """The limit is the route's own."""
    body = b"x" * (BODY_BYTES_MAX + 1)
    assert body == await made(chunks=[body], body_bytes_max=len(body)).limited_body()
    with pytest.raises(BodyTooLarge, match="longer than 5 bytes"):
        await made(chunks=[b"123456"], body_bytes_max=5).limited_body()


async def test_a_connection_that_is_lost_is_no_fault_of_ours() -> None:
    """Nothing is done with half a body."""
    with pytest.raises(InvalidRequest, match="connection closed"):
        await made(chunks=None).limited_body()


async def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the request is refused as such."""
    monkeypatch.setattr(request_module, "BODY_TIMEOUT_S", 0.02)

    async def receive() -> Message:
        message: Message = await asyncio.Future()
        return message

    with pytest.raises(BodyTimeout, match=r"not complete after 0\.02 seconds"):
        await with_receive(receive).limited_body()


async def test_a_body_is_complete_at_its_length() -> None:
    """Nothing more is asked for: the end, which would be told now, is known."""
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": True} for part in (b'{"name"', b":1}")
    ]

    async def receive() -> Message:
        return messages.pop(0)

    header = {"content-length": b"10"}
    assert b'{"name":1}' == await with_receive(receive, header).limited_body()


async def test_a_body_of_length_zero_is_not_waited_for() -> None:
    """Content-Length: 0 is answered without a read."""

    async def receive() -> Message:
        raise NotImplementedError

    assert Thing() == await received(with_receive(receive, {"content-length": b"0"}))
