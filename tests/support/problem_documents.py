"""Errors as a client of any service sees them."""

import msgspec

from bazar.catalog import domain
from bazar.kit.errors import BazarError, Problem
from bazar.wire import problems
from support.shops import Reply


def known_codes() -> set[str]:
    """Return the code of every error that there is."""
    assert problems
    assert domain
    found: set[str] = set()
    waiting: list[type[BazarError]] = [BazarError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.code)
        waiting += kind.__subclasses__()
    return found


def check_problem(reply: Reply, status: int, code: str) -> Problem:
    """Make sure that a reply is a problem document of the one shape, and return it."""
    assert status == reply.status, reply.content
    assert "application/problem+json" == reply.headers["content-type"]
    problem = msgspec.json.decode(reply.content, type=Problem)
    assert (status, code) == (problem.status, problem.code)
    assert code in known_codes()
    assert f"urn:bazar:error:{code}" == problem.type
    assert all((problem.title, problem.detail, problem.hint))
    assert (status < 500 or code == "overloaded") == problem.definite
    known = set(Problem.__struct_fields__)
    assert set(reply.json) <= known, "a member that the description does not have"
    return problem
