"""Why there is no connection to a PostgreSQL, in the same words whoever asked."""

from errno import ECONNREFUSED
from socket import EAI_NONAME, gaierror

import pytest

from bazar.kit.data.postgres_connecting import Away, connect, system_reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(ECONNREFUSED, "Connect call failed ('::1', 1)"), "refused"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), "
                "[Errno 111] Connect call failed ('127.0.0.1', 1)"
            ),
            "refused",
        ),
        (gaierror(EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (OSError("something else"), "something else"),
    ],
)
def test_the_system_says_why(error: OSError, reason: str) -> None:
    """And not the event loop, of which there are two."""
    said = "Connection refused" if reason == "refused" else reason
    assert said == system_reason(error)


async def test_nobody_at_an_address_is_a_refused_connection() -> None:
    """As for a service, so for the move of a shop."""
    with pytest.raises(Away) as caught:
        await connect("postgresql://u@127.0.0.1:1/books")
    assert "Connection refused" == str(caught.value)
