"""A mail server in this process, which can be away, refuse, or hang."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8

from aiosmtpd.smtp import SMTP, Envelope, Session

from bazar.order.mail.settings import MailSettings, mail_settings

FROM = "Bazar Books <shop@shop.example>"
URL = "https://shop.example"


class Mailbox:
    """What arrived, and how the server behaves."""

    def __init__(self) -> None:
        """Take every mail."""
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refused: set[str] = set()
        self.slow: set[str] = set()
        """Recipients about whom it never says anything."""
        self.on_arrival: Callable[[], None] = lambda: None
        self.open = asyncio.Event()
        self.open.set()

    async def handle_RCPT(  # noqa: N802  the names and places of the library
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take a recipient, or refuse it."""
        if address in self.slow:
            await asyncio.Event().wait()
        if address in self.refused:
            return "550 nobody lives here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  the name of the library
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a mail."""
        await self.open.wait()
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=SMTPUTF8)
        self.mails.append(mail)
        self.recipients += envelope.rcpt_tos
        self.on_arrival()
        return "250 OK"

    def subjects(self) -> list[str]:
        """Return the subjects of what arrived, in order."""
        return [str(mail["Subject"]) for mail in self.mails]


@asynccontextmanager
async def mail_server(mailbox: Mailbox, port: int = 0) -> AsyncIterator[MailSettings]:
    """Run a mail server over a mailbox; give what is needed to send by it."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="mail.test", enable_SMTPUTF8=True, loop=loop),
        "127.0.0.1",
        port,
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = mail_settings(f"smtp://127.0.0.1:{port}", FROM, URL)
        assert settings is not None
        yield settings
