"""How a call to another service goes out: in the clear, or under TLS to a name that is a role's.

How it works under TLS: whatever the address, the name that is asked for is the role's, such as
`catalog.bazar.internal`, and the client is told where that is. So the certificate is held against
the role, and an address may change as it likes. A client knows one place for a name, so each
target has a client of its own, and its own connections.

Source: docs/decisions/0044-certificates-name-roles.md
"""

import socket
import ssl
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

from pyreqwest.client import ClientBuilder, SyncClientBuilder

from bazar.kit.clock import as_datetime
from bazar.kit.peers.credentials import Credentials
from bazar.kit.peers.roles import role_name

PATIENCE_S = 5.0
B = TypeVar("B", ClientBuilder, SyncClientBuilder)
PORT = 443
"""Of an address that names none."""


def secured(builder: B, credentials: Credentials, role: str, ip: str, port: int) -> B:
    """Have a client show who we are, and ask one place alone, where it believes nobody but a role.

    Args:
        builder: of the client.
        credentials: ours.
        role: that is asked.
        ip: where it is; no name, since a certificate names none.
        port: the same.
    """
    return (
        builder.https_only(enable=True)
        .min_tls_version("TLSv1.3")
        .add_root_certificate_pem(credentials.authority_pem)
        .identity_pem(credentials.identity_pem)
        .resolve(role_name(role), ip, port)
    )


def secured_url(role: str, url: str) -> tuple[str, str, int]:
    """Return what to ask for instead of an address under TLS, and where that is: host and port."""
    parts = urlsplit(url)
    port = parts.port or PORT
    return f"https://{role_name(role)}:{port}{parts.path}", parts.hostname or "", port


def shown_until(credentials: Credentials, role: str, host: str, port: int) -> datetime:
    """Return when the certificate ends that a role shows at a place.

    Raises:
        OSError: nobody answers there, or nobody whom we believe.
    """
    authority, certificate, key = credentials.files
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(certificate, key)
    with (
        socket.create_connection((host, port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=role_name(role)) as secure,
    ):
        shown = secure.getpeercert() or {}
    return as_datetime(ssl.cert_time_to_seconds(str(shown["notAfter"])) * 1000)
