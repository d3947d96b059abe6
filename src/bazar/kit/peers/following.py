"""The lines of a stream of events as they are proved: none is told before it is.

Each part of the stream ends with a line that signs it, and the part before it with it, back to the
head. So nothing can be altered, left out, repeated or put in; only the end can come too early.
"""

from bazar.kit.peers.answers import Stranger
from bazar.kit.peers.signer import Signer
from bazar.kit.signing import proof_in, same

LINE_BYTES_MAX = 4096
PART_BYTES_MAX = 8 * 1024 * 1024
"""Of what waits for its proof; a commit of many books is one part."""


class ProvedLines:
    """The lines of one stream."""

    def __init__(self, signer: Signer, before: str) -> None:
        """Begin behind the head, whose proof is given."""
        self._signer = signer
        self._before = before
        self._rest = b""
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def lines(self, chunk: bytes) -> list[bytes]:
        """Take in some bytes; return the lines that they prove, blank ones too.

        Raises:
            Stranger: a proof is wrong, or too much waits for one.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            message = "it sends lines without an end"
            raise Stranger(message)
        proved: list[bytes] = []
        for line in lines:
            mac = proof_in(line)
            if mac is None:
                self._wait(line)
            else:
                proved += self._proved(mac)
        return proved

    def _wait(self, line: bytes) -> None:
        self._waiting.append(line)
        self._waiting_bytes += len(line) + 1
        if self._waiting_bytes > PART_BYTES_MAX:
            message = "it sends lines without a proof"
            raise Stranger(message)

    def _proved(self, mac: str) -> list[bytes]:
        part = b"".join([line + b"\n" for line in self._waiting])
        if not same(mac, self._signer.next_part(self._before, part)):
            message = "a part of what it sends is not proved"
            raise Stranger(message)
        proved, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._before = mac
        return proved
