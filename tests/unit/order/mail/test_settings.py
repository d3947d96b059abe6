"""By which server mail is sent, as people write it down."""

import pytest

from bazar.kit.errors import StartupError
from bazar.order.mail.settings import mail_settings

FROM = "Bazar Books <shop@example.org>"


def test_a_server_is_read_from_its_address() -> None:
    """With the ports of both protocols, and a password of any letters."""
    given = mail_settings(
        "smtp://me%40example.org:p%3A%2Fw@mail.example.org:587", FROM, "http://x/"
    )
    assert given is not None
    assert ("mail.example.org", 587, "me@example.org", "p:/w") == (
        given.host,
        given.port,
        given.user,
        given.password,
    )
    assert ("Bazar Books", "shop@example.org", "http://x") == (
        given.sender.display_name,
        given.sender.addr_spec,
        given.public_url,
    )
    ports = [mail_settings(f"{scheme}://h", FROM, "") for scheme in ("smtp", "smtps")]
    assert [25, 465] == [one.port for one in ports if one]
    assert None is mail_settings("", "", "")


def test_a_password_is_sent_to_no_other_machine_in_the_clear() -> None:
    """Without TLS from the start the connection has to be upgraded, but on this machine."""
    plain, near, tls, open_ = (
        mail_settings(url, FROM, "")
        for url in ("smtp://u:p@h", "smtp://u:p@127.0.0.1", "smtps://u:p@h", "smtp://h")
    )
    assert plain is not None
    assert near is not None
    assert tls is not None
    assert open_ is not None
    assert [(False, True), (False, None), (True, False), (False, None)] == [
        (one.encrypted, one.upgraded) for one in (plain, near, tls, open_)
    ]


@pytest.mark.parametrize(
    "url",
    ["mail.example.org", "http://u:secret@h", "smtp://", "smtp://u:secret@h:x", "smtp://h/a?b"],
)
def test_what_is_no_server_is_refused_without_its_password(url: str) -> None:
    """The message ends in logs and on screens."""
    with pytest.raises(StartupError) as refused:
        mail_settings(url, FROM, "")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("sender", ["", "shop", "shop@", "@example.org", "a\r\nBcc: b@c <a@b>"])
def test_what_is_no_sender_is_refused(sender: str) -> None:
    """Every letter needs somebody who wrote it."""
    with pytest.raises(StartupError, match="BAZAR_MAIL_FROM"):
        mail_settings("smtp://h", sender, "")
