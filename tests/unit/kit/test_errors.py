"""Errors: every one of them says what it is, what to do, and whether anything was done."""

import re

import msgspec
import pytest

import bazar.catalog.domain
import bazar.kit.errors
import bazar.wire.problems
from bazar.kit.errors import (
    BazarError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    Overloaded,
    Problem,
    StartupError,
)
from bazar.kit.http.answers import problem_response
from bazar.wire.problems import PurchaseUnavailable

NEEDED = {MethodNotAllowed: {"allow": "GET, HEAD"}, PurchaseUnavailable: {"key": "k"}}
"""What some errors cannot do without."""


def _all(kind: type[BazarError]) -> list[type[BazarError]]:
    return [kind] + [found for child in kind.__subclasses__() for found in _all(child)]


def _made(kind: type[BazarError]) -> BazarError:
    return kind("what was wrong", **NEEDED.get(kind, {}))


ERRORS = sorted(
    {kind for kind in _all(BazarError) if kind.__module__.startswith("bazar.")} - {BazarError},
    key=lambda kind: kind.__name__,
)


def test_every_error_is_found() -> None:
    """Those of the kit, of the shop and of the catalog are all among them."""
    found = {kind.__name__ for kind in ERRORS}
    assert {"Overloaded", "OutOfStock", "StockTooLow", "BodyTooLarge", "KeyReused"} <= found


def test_every_code_is_used_once() -> None:
    """A code names one error, so that a client can tell them apart.

    An error that takes the code of another is a case of it, which has more to tell; all that its
    documents say by themselves is the same.
    """
    own: list[type[BazarError]] = [BazarError]
    own += [kind for kind in ERRORS if "code" in vars(kind)]
    assert sorted({kind.code for kind in own}) == sorted(kind.code for kind in own)
    by_code = {kind.code: kind for kind in own}
    for kind in ERRORS:
        assert issubclass(kind, by_code[kind.code])
        for name in ("status", "title", "hint", "definite"):
            assert getattr(by_code[kind.code], name) == getattr(kind, name)
    assert [PurchaseUnavailable] == [
        kind for kind in ERRORS if kind not in own and kind is not InternalError
    ]


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_is_described(kind: type[BazarError]) -> None:
    """A kebab-case code, an error status, a title without a full stop, a hint with one."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert 400 <= kind.status <= 599
    assert kind.title
    assert not kind.title.endswith(".")
    assert kind.title[0].isupper()
    assert kind.hint.endswith((".", ":"))
    assert kind.__doc__


@pytest.mark.parametrize("kind", ERRORS)
def test_only_a_fault_on_our_side_may_be_indefinite(kind: type[BazarError]) -> None:
    """A 4xx says for certain that nothing was done; a 5xx may leave that open."""
    if kind.status < 500:
        assert kind.definite
    if not kind.definite:
        assert kind.status >= 500


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_becomes_a_problem_document(kind: type[BazarError]) -> None:
    """With type, title, status, code, detail, hint and definite, and its headers."""
    response = problem_response(_made(kind))
    assert kind.status == response.status_code
    assert "application/problem+json" == response.headers["content-type"]
    wanted = {
        "type": f"urn:bazar:error:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": "what was wrong",
        "hint": kind.hint,
        "definite": kind.definite,
    }
    more = {"idempotency_key": '"k"'} if kind is PurchaseUnavailable else {}
    assert wanted | more == msgspec.json.decode(bytes(response.body))
    for name, value in _made(kind).headers:
        assert value.decode() == response.headers[name.decode()]


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind.status == 503])
def test_who_is_turned_away_is_told_when_to_come_back(kind: type[BazarError]) -> None:
    """Every 503 has a Retry-After of whole seconds."""
    assert dict(_made(kind).headers)[b"retry-after"].isdigit()


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind.status == 401])
def test_who_is_not_known_is_told_how_to_be(kind: type[BazarError]) -> None:
    """Every 401 has a challenge."""
    assert dict(_made(kind).headers)[b"www-authenticate"]


def test_an_error_has_the_headers_of_this_one_time() -> None:
    """When to come back, and which methods there are: another error of the kind tells another."""
    assert ((b"retry-after", b"17"),) == Overloaded("x", retry_after_s=17).headers
    assert ((b"retry-after", b"1"),) == Overloaded("x").headers
    assert ((b"allow", b"POST"),) == MethodNotAllowed("x", allow="POST").headers
    response = problem_response(Overloaded("x", retry_after_s=17))
    assert ["17"] == response.headers.getlist("retry-after")


def test_an_error_names_the_member_that_is_wrong() -> None:
    """In its document, after what every document has; and none where it is none."""
    error = InvalidRequest("x", member="lines[0].quantity")
    assert "lines[0].quantity" == error.member
    assert "lines[0].quantity" == error.problem().member
    assert msgspec.json.encode(error.problem()).endswith(b'"member":"lines[0].quantity"}')
    assert InvalidRequest("x").member is None


def test_only_members_that_are_known_fit_into_a_problem() -> None:
    """An extension member that the description does not have is a fault of ours."""
    with pytest.raises(TypeError):
        InvalidRequest("x", surprise=1).problem()
    with pytest.raises(TypeError):
        InvalidRequest("x", book_id=7).problem()


def test_the_kit_knows_no_books() -> None:
    """The problem that every error has is of no trade."""
    general = ("type", "title", "status", "code", "detail", "hint", "definite", "member")
    assert general == Problem.__struct_fields__


def test_members_that_are_not_given_are_left_out() -> None:
    """No null stands in a problem document."""
    assert b"null" not in msgspec.json.encode(InternalError("x").problem())


def test_an_error_reads_as_its_detail() -> None:
    """In a traceback and in a log it says what was wrong."""
    assert "what was wrong" == str(InvalidRequest("what was wrong"))


def test_a_startup_error_never_becomes_an_answer() -> None:
    """It is for the person who started the service, not for a caller."""
    assert not issubclass(StartupError, BazarError)


def test_the_tree_in_the_module_names_every_error_of_the_kit() -> None:
    """The drawing at the top of the module is complete."""
    drawing = bazar.kit.errors.__doc__ or ""
    for kind in ERRORS:
        if kind.__module__ == "bazar.kit.errors":
            assert re.search(rf"\b{kind.__name__}\s+{kind.status}\b", drawing), kind
