"""The gate of a process: what it remembers, and by which clock."""

import time

import pytest

from bazar.kit.errors import Overloaded, Unauthorized
from bazar.kit.http.gate import WINDOW_S, Gate, Nonces
from bazar.kit.signing import Claims, Signing, digest

SECRET = "a secret that only the tests know"
KEEP_S = 60.0


class Clock:
    """A clock that only passes when it is told to."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def nonce(number: int) -> str:
    """Return one of many nonces."""
    return f"{number:032x}"


def test_a_nonce_is_new_once_for_as_long_as_it_is_kept() -> None:
    """At least, however long nothing came, and wherever in a turn it came."""
    for came_s in (0.0, 0.5, 30.0, 59.9, 60.0, 61.0, 119.9, 1000.0):
        nonces = Nonces(KEEP_S, 100)
        assert nonces.is_new(nonce(0), 0.0)
        assert nonces.is_new(nonce(1), came_s)
        for later_s in (0.0, 1.0, 29.0, 59.9, KEEP_S):
            assert nonces.is_new(nonce(1000 + int(later_s)), came_s + later_s)
            assert not nonces.is_new(nonce(1), came_s + later_s), (came_s, later_s)


def test_a_nonce_is_forgotten_after_two_turns() -> None:
    """What is remembered does not grow for ever."""
    nonces = Nonces(KEEP_S, 100)
    assert nonces.is_new(nonce(1), 0.0)
    assert nonces.is_new(nonce(2), KEEP_S)
    assert nonces.is_new(nonce(1), 2 * KEEP_S)
    assert nonces.is_new(nonce(2), 4 * KEEP_S)


def test_so_many_are_remembered_and_no_more() -> None:
    """One more is refused for certain, and none is forgotten for it; those of before still hold."""
    nonces = Nonces(KEEP_S, 3)
    for number in range(3):
        assert nonces.is_new(nonce(number), 1.0)
    with pytest.raises(Overloaded, match="3 calls"):
        nonces.is_new(nonce(3), 2.0)
    assert not nonces.is_new(nonce(0), 3.0)
    assert nonces.is_new(nonce(3), 1.0 + 3 * KEEP_S)


def _scope(gate: Gate, time_ms: int, method: str = "POST", number: int = 1) -> dict[str, object]:
    claims = Claims(gate.process, time_ms, nonce(number), digest(b""))
    claims = claims._replace(mac=Signing("catalog", SECRET).call(method, "/x", claims, b""))
    headers = [(b"authorization", claims.header().encode())]
    return {"method": method, "raw_path": b"/x", "query_string": b"", "headers": headers}


def test_a_clock_that_is_set_opens_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has a time of its own: old calls stay old, and new ones stay timely."""
    clock = Clock()
    gate = Gate("catalog", SECRET, clock)
    began_ms = int(time.time() * 1000)
    first = gate.heard(_scope(gate, began_ms))
    assert first is not None
    assert first.refusal is None
    for jump_s in (-3600.0, 3600.0):
        monkeypatch.setattr(time, "time", lambda: began_ms / 1000 + jump_s)  # noqa: B023
        clock.now_s += 200
        old = gate.heard(_scope(gate, began_ms))
        assert old is not None
        assert "call-outdated" == getattr(old.refusal, "code", "")
        now_ms = began_ms + int((clock.now_s - 1000) * 1000)
        timely = gate.heard(_scope(gate, now_ms, number=int(clock.now_s)))
        assert timely is not None
        assert timely.refusal is None


@pytest.mark.parametrize("side", [-1, 1])
def test_the_window_has_two_ends(side: int) -> None:
    """What is inside is heard; what is outside is told the time, and not remembered."""
    gate = Gate("catalog", SECRET, Clock())
    now_ms = int(time.time() * 1000)
    for off_s, code in ((WINDOW_S - 2, None), (WINDOW_S + 2, "call-outdated")):
        heard = gate.heard(_scope(gate, now_ms + side * int(off_s * 1000), number=int(off_s)))
        assert heard is not None
        assert code == getattr(heard.refusal, "code", None)
        assert heard.mac


def test_a_call_that_comes_again_is_answered_without_a_proof() -> None:
    """Else its caller could be shown the refusal in the place of the answer, and ask again."""
    gate = Gate("catalog", SECRET, Clock())
    scope = _scope(gate, int(time.time() * 1000))
    first, again = gate.heard(scope), gate.heard(scope)
    assert first is not None
    assert again is not None
    assert (True, False) == (bool(first.mac), bool(again.mac))
    assert "call-repeated" == getattr(again.refusal, "code", "")
    assert [] == gate.proofs(again, 401, [], digest(b""))


async def test_what_is_not_signed_is_not_heard() -> None:
    """No header, a bearer token, another scheme: others look at it."""
    gate = Gate("catalog", SECRET)
    for given in (None, b"Bearer x", b"Basic eDp5", b"Bazar-HMAC-SHA512 x"):
        headers = [] if given is None else [(b"authorization", given)]
        assert gate.heard({"method": "GET", "headers": headers}) is None
    heard = gate.heard({"method": "GET", "headers": [(b"authorization", b"Bazar-HMAC-SHA256 x")]})
    assert heard is not None
    assert ("", True) == (heard.mac, isinstance(heard.refusal, Unauthorized))
