"""Both services' copies are kept while either is made or fetched."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bazar.kit.backup import BackupState
from bazar.tools import backup
from bazar.tools.backup import fetch
from bazar.tools.remote import Addresses
from bazar.tools.shop import Shop

CONTENT = b"0123456789"
POLLS = 5


@dataclass
class Copying:
    """A service whose copy is made after so many questions, and fetched a byte at a time."""

    polls: int
    asked: int = 0

    def state(self) -> BackupState:
        """Tell how far the copy is."""
        self.asked += 1
        made = self.asked >= self.polls
        return BackupState(
            id="b", made=made, size_bytes=len(CONTENT), sha256=sha256(CONTENT).hexdigest()
        )


@dataclass
class CopyingShop(Shop):
    """A shop whose services make copies."""

    addresses: Addresses = field(default_factory=Addresses)
    services: dict[str, Copying] = field(
        default_factory=lambda: {"catalog": Copying(POLLS), "order": Copying(1)}
    )

    def call(self, service: str, method: str, *_path: Any, **_more: Any) -> Any:  # noqa: ANN401
        """Answer about copies."""
        if method == "GET":
            return self.services[service].state()
        return BackupState(id="b", made=False, size_bytes=0, sha256="")

    def piece(self, service: str, path: str) -> bytes:
        """Return a byte."""
        assert self.services[service].asked >= self.services[service].polls
        after = int(path.rpartition("=")[2])
        return CONTENT[after : after + 1]


def test_both_copies_are_asked_for_while_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service forgets a copy that nobody asks for, however long the other one takes."""
    monkeypatch.setattr(backup, "POLL_S", 0.0)
    shop = CopyingShop()
    fetch(shop, tmp_path, lambda _bytes: None)
    assert {"catalog": POLLS, "order": POLLS} == {
        name: service.asked for name, service in shop.services.items()
    }
    assert [CONTENT, CONTENT] == [
        (tmp_path / f"{name}.db").read_bytes() for name in ("catalog", "order")
    ]


def test_the_copy_that_waits_is_asked_for_while_the_other_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now and then, not with every piece."""
    monkeypatch.setattr(backup, "POLL_S", 0.0)
    monkeypatch.setattr(backup, "KEEP_S", 0.0)
    shop = CopyingShop()
    fetch(shop, tmp_path, lambda _bytes: None)
    assert POLLS + 2 * len(CONTENT) == shop.services["order"].asked
