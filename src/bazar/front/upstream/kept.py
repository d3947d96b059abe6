"""Answers kept by key, within so many bytes: the oldest makes room."""

from collections.abc import Callable
from typing import Generic, TypeVar

from bazar.front.upstream.passing import Passed

ENTRY_BYTES = 512
"""What Python needs for an entry without its texts, rounded up."""
HEADER_BYTES = 160
"""The same for one header."""

K = TypeVar("K", bound=int | str)


class Kept(Generic[K]):
    """Answers, counted by what they take in memory."""

    __slots__ = ("_bytes_max", "bytes", "get", "held")

    def __init__(self, bytes_max: int) -> None:
        """Start empty."""
        self._bytes_max = bytes_max
        self.held: dict[K, Passed] = {}
        self.get: Callable[[K], Passed | None] = self.held.get
        self.bytes = 0

    def keep(self, key: K, answer: Passed) -> None:
        """Keep an answer in place of an older one; one that is larger than all room is not."""
        self.drop(key)
        weight = weight_of(key, answer)
        if weight > self._bytes_max:
            return
        while self.bytes + weight > self._bytes_max:
            self.drop(next(iter(self.held)))
        self.held[key] = answer
        self.bytes += weight

    def drop(self, key: K) -> None:
        """Forget an answer, where there is one."""
        answer = self.held.pop(key, None)
        if answer is not None:
            self.bytes -= weight_of(key, answer)

    def clear(self) -> None:
        """Forget all."""
        self.held.clear()
        self.bytes = 0


def weight_of(key: int | str, answer: Passed) -> int:
    """Return the bytes that an answer takes in memory, about, with its key and its headers."""
    texts = len(answer.body) + 4 * len(str(key))
    for name, value in answer.raw_headers:
        texts += len(name) + len(value) + HEADER_BYTES
    return ENTRY_BYTES + texts
