"""Errors as a client of any service sees them."""

import msgspec

from bazar.catalog import domain
from bazar.kit.errors import BazarError
from bazar.wire import problems
from bazar.wire.problems import PlacingProblem
from support.shops import Reply

DEFINITE = frozenset({"overloaded", "coding-not-implemented"})
"""From 500 on nobody knows what was done, but for these."""


def known_members() -> dict[str, set[str]]:
    """Return the code of every error that there is, each with the members of its documents."""
    assert problems
    assert domain
    found: dict[str, set[str]] = {}
    waiting: list[type[BazarError]] = [BazarError]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.code, set()).update(kind.problem_type.__struct_fields__)
        waiting += kind.__subclasses__()
    return found


def check_problem(reply: Reply, status: int, code: str) -> PlacingProblem:
    """Make sure that a reply is a problem document of the one shape, and return it."""
    assert status == reply.status, reply.content
    assert "application/problem+json" == reply.headers["content-type"]
    problem = msgspec.json.decode(reply.content, type=PlacingProblem)
    assert (status, code) == (problem.status, problem.code)
    assert f"urn:bazar:error:{code}" == problem.type
    assert all((problem.title, problem.detail, problem.hint))
    assert (status < 500 or code in DEFINITE) == problem.definite
    assert set(reply.json) <= known_members()[code], "a member that its description does not have"
    return problem
