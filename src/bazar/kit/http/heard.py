"""A signed call as its handler's side sees it: whether it is done, and what its body has to be."""

import asyncio
from dataclasses import dataclass

from bazar.kit.errors import BazarError, Unauthorized
from bazar.kit.signing import digest, same

AT_ONCE_BYTES_MAX = 128 * 1024
"""So much is digested on the event loop, in a tenth of a millisecond; more in a thread."""


@dataclass(slots=True)
class Heard:
    """A signed call, as far as its head is known."""

    refusal: BazarError | None = None
    """Why it is not done."""
    mac: str = ""
    """To which its answer is bound; empty: its answer is not proved."""
    body: str = ""
    """The digest that its body has to have."""

    def check(self) -> None:
        """Raise the reason why it is not done, if there is one."""
        if self.refusal is not None:
            raise self.refusal

    async def check_body(self, content: bytes) -> None:
        """Make sure that the body is the one that was signed.

        Raises:
            Unauthorized: definite; it is another one.
        """
        if not same(await digest_of(content), self.body):
            message = "the body is not the one that was signed"
            raise Unauthorized(message)


async def digest_of(content: bytes) -> str:
    """Return the digest of a body."""
    if len(content) <= AT_ONCE_BYTES_MAX:
        return digest(content)
    return await asyncio.to_thread(digest, content)
