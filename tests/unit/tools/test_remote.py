"""Calls of a shop: pages, patience, and answers that make no sense."""

from datetime import timedelta
from typing import Any, TypeVar

import pytest

from bazar.tools import remote
from bazar.tools.remote import TIMEOUT, Addresses, Remote, RemoteError
from bazar.wire.books import BookTitle
from support.one_answer import answering
from support.processes import free_ports

T = TypeVar("T")

PROBLEM = (
    b'{"type":"t","title":"t","status":503,"code":"overloaded","detail":"full","hint":"wait",'
    b'"definite":true}'
)


class Listed(Remote):
    """Answers reads from a list of pages."""

    def __init__(self, *pages: list[BookTitle] | RemoteError) -> None:
        """Answer with these, one after the other."""
        super().__init__(Addresses())
        self.left = list(pages)
        self.asked: list[str] = []

    def call(
        self,
        service: str,  # noqa: ARG002  whichever
        method: str,  # noqa: ARG002
        path: str,
        kind: type[T],  # noqa: ARG002
        *,
        body: Any = None,  # noqa: ANN401, ARG002
        key: str | None = None,  # noqa: ARG002
        timeout: timedelta = TIMEOUT,  # noqa: ARG002
    ) -> T:
        """Answer with the next page."""
        self.asked.append(path)
        page = self.left.pop(0)
        if isinstance(page, RemoteError):
            raise page
        return page  # type: ignore[return-value]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the pauses instead of making them; the clock runs on by them."""
    noted: list[float] = []
    monkeypatch.setattr(remote, "sleep", noted.append)
    monkeypatch.setattr(remote, "monotonic", lambda: sum(noted))
    return noted


def test_only_an_empty_page_is_the_end() -> None:
    """A short one is not: what it leaves out may be on the next one."""
    titles = [BookTitle(n, "T") for n in range(5)]
    shop = Listed(titles[:1], titles[1:4], titles[4:], [])
    assert titles == list(shop.pages("front", "/x", BookTitle, "id"))
    assert ["/x?limit=100", *(f"/x?limit=100&after={n}" for n in (0, 3, 4))] == shop.asked


def busy(retry_after_s: float | None) -> RemoteError:
    """Return the refusal of a service that has no place."""
    return RemoteError("full", None, retry_after_s)


def test_a_read_waits_for_its_turn(pauses: list[float]) -> None:
    """As long as the service says, and asks again."""
    shop = Listed(busy(1), busy(7), [BookTitle(1, "T")])
    assert [BookTitle(1, "T")] == shop.read("catalog", "/x", list[BookTitle])
    assert [1, 7] == pauses


def test_a_read_does_not_wait_for_ever(pauses: list[float]) -> None:
    """After a minute, or where no turn was promised, it says what the service said."""
    with pytest.raises(RemoteError, match="full"):
        Listed(*[busy(25)] * 9).read("catalog", "/x", list[BookTitle])
    assert [25, 25] == pauses
    with pytest.raises(RemoteError, match="full"):
        Listed(busy(None), []).read("catalog", "/x", list[BookTitle])
    assert [25, 25] == pauses


@pytest.mark.parametrize("body", [b"[", b'{"id": 1}', b'[{"id": "x", "title": 1}]', b"\xff"])
def test_an_answer_that_makes_no_sense_is_no_answer(body: bytes) -> None:
    """Such as that of another release: one line, as for a service that is away."""
    with answering(200, body) as shop, pytest.raises(RemoteError, match="makes no sense"):
        shop.call("catalog", "GET", "/x", list[BookTitle])


@pytest.mark.parametrize(
    ("told", "understood"), [("3", 3.0), ("", None), ("-1", None), ("x", None)]
)
def test_a_refusal_tells_when_to_come_back(told: str, understood: float | None) -> None:
    """In whole seconds, as the header has it; anything else is no turn."""
    with answering(503, PROBLEM, retry_after=told) as shop, pytest.raises(RemoteError) as caught:
        shop.call("catalog", "GET", "/x", list[BookTitle])
    assert understood == caught.value.retry_after_s
    assert "full (overloaded). Nothing was done. Try again in a moment." == str(caught.value)


def test_of_several_replicas_one_that_is_there_is_asked() -> None:
    """One that takes no connection has been told nothing; which are there is told all the same."""
    (port,) = free_ports(1)
    nobody = f"http://127.0.0.1:{port}"
    with answering(200, b"[]") as shop:
        there = shop.url("catalog")
        shop.addresses = Addresses(catalog=f"{nobody},{there}")
        assert [] == shop.call("catalog", "GET", "/x", list[BookTitle])
        assert [nobody, there] == shop.urls("catalog")
    with pytest.raises(RemoteError, match=f"at {nobody},{nobody} does not answer"):
        Remote(Addresses(catalog=f"{nobody},{nobody}")).call(
            "catalog", "GET", "/x", list[BookTitle]
        )


def test_a_page_tells_where_the_next_one_begins() -> None:
    """As its Link header says; the last one has none."""
    link = '</books?list=new&limit=1&after=abc%3D>; rel="next"'
    with answering(200, b'[{"id":1,"title":"T"}]', link=link) as shop:
        found = shop.page("catalog", "/books", list[BookTitle])
        assert ([BookTitle(1, "T")], "abc=") == found
    with answering(200, b"[]") as shop:
        assert ([], None) == shop.page("catalog", "/books", list[BookTitle])
