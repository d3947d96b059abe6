"""By which server the shop sends mail, and in whose name."""

from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from bazar.kit.errors import StartupError
from bazar.kit.secret import is_loopback
from bazar.kit.text import control_in

_PORTS = {"smtp": 25, "smtps": 465}


class MailSettings(Struct, frozen=True):
    """What is needed to send mail."""

    host: str
    port: int
    user: str
    """Empty: nobody signs in."""
    password: str
    encrypted: bool
    """From the first byte on."""
    upgraded: bool | None
    """Whether the connection has to be encrypted before anything is said; None: where it can be."""
    sender: Address
    public_url: str
    """Of the shop's pages, without a slash at its end; empty: letters have no link."""


def mail_settings(smtp_url: str, sender: str, public_url: str) -> MailSettings | None:
    """Return how the shop sends mail; None where it sends none.

    Args:
        smtp_url: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://`; empty: no mail.
        sender: an address, or `Name <address>`.
        public_url: where people reach the shop's pages, or empty.

    Raises:
        StartupError: one of them cannot be understood. The password is not in the message.
    """
    if not smtp_url:
        return None
    try:
        parts = urlsplit(smtp_url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        more = parts.path.rstrip("/") + parts.query + parts.fragment
    except (ValueError, KeyError):
        host, port, more = "", 0, ""
    if not host or more:
        message = "BAZAR_SMTP_URL must be such as smtp://user:password@mail.example.org:587"
        raise StartupError(message)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    exposed = bool(user) and not is_loopback(host)
    return MailSettings(
        host=host,
        port=port,
        user=user,
        password=password,
        encrypted=parts.scheme == "smtps",
        upgraded=False if parts.scheme == "smtps" else True if exposed else None,
        sender=_sender(sender),
        public_url=public_url.rstrip("/"),
    )


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    user, _at, domain = address.rpartition("@")
    try:
        if user and domain and control_in(text) is None:
            return Address(name, user, domain)
    except (MessageError, ValueError, IndexError):
        pass
    message = f"BAZAR_MAIL_FROM must be an address such as shop@example.org, not {text[:100]!r}"
    raise StartupError(message)
