"""Errors: every one of them says what it is, what to do, and whether anything was done."""

import re

import msgspec
import pytest

import bazar.catalog.domain
import bazar.kit.errors
import bazar.wire.problems
from bazar.kit.errors import BazarError, InternalError, InvalidRequest, Problem, StartupError
from bazar.kit.http.answers import problem_response


def _all(kind: type[BazarError]) -> list[type[BazarError]]:
    return [kind] + [found for child in kind.__subclasses__() for found in _all(child)]


ERRORS = sorted(
    {kind for kind in _all(BazarError) if kind.__module__.startswith("bazar.")} - {BazarError},
    key=lambda kind: kind.__name__,
)


def test_every_error_is_found() -> None:
    """Those of the kit, of the shop and of the catalog are all among them."""
    found = {kind.__name__ for kind in ERRORS}
    assert {"Overloaded", "OutOfStock", "StockTooLow", "BodyTooLarge", "KeyReused"} <= found


def test_every_code_is_used_once() -> None:
    """A code names one error, so that a client can tell them apart."""
    codes = [kind.code for kind in ERRORS]
    assert sorted(set(codes)) == sorted(codes)


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
    response = problem_response(kind("what was wrong", book_id=7))
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
        "book_id": 7,
    }
    assert wanted == msgspec.json.decode(bytes(response.body))
    for name, value in kind.headers:
        assert value == response.headers[name]


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind.status == 503])
def test_who_is_turned_away_is_told_when_to_come_back(kind: type[BazarError]) -> None:
    """Every 503 has a Retry-After of whole seconds."""
    assert dict(kind.headers)["retry-after"].isdigit()


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind.status == 401])
def test_who_is_not_known_is_told_how_to_be(kind: type[BazarError]) -> None:
    """Every 401 has a challenge."""
    assert dict(kind.headers)["www-authenticate"]


def test_only_members_that_are_known_fit_into_a_problem() -> None:
    """An extension member that the description does not have is a fault of ours."""
    with pytest.raises(TypeError):
        InvalidRequest("x", surprise=1).problem()


def test_members_that_are_not_given_are_left_out() -> None:
    """No null stands in a problem document."""
    assert b"null" not in msgspec.json.encode(InternalError("x").problem())
    assert "book_id" in Problem.__struct_fields__


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
