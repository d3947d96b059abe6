"""The service secret: one bearer token that the services share."""

import ipaddress
import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from hmac import compare_digest, digest
from pathlib import Path

from bazar.kit.errors import StartupError, Unauthorized

SECRET_LENGTH_MIN = 16
SECRET_LENGTH_MAX = 256
SERVICE_HEADER = "bazar-service"
"""Who answers, on every answer between services."""
_FINGERPRINT_LENGTH = 16
_PROPER = re.compile(rf"(?! )[ -~]{{{SECRET_LENGTH_MIN},{SECRET_LENGTH_MAX}}}(?<! )")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_bearer(authorization: str, secret: str) -> None:
    """Accept `Bearer SECRET` alone.

    Raises:
        Unauthorized: definite.
    """
    scheme, _, token = authorization.partition(" ")
    if (
        not secret
        or scheme.lower() != "bearer"
        or not compare_digest(token.encode(), secret.encode())
    ):
        what = "wrong" if authorization else "missing"
        message = f"the bearer token is {what}"
        raise Unauthorized(message)


def service_identity(name: str, secret: str) -> str:
    """Return who a service is, for its answers: its name, and a sign of the shop's secret.

    It tells apart what was mixed up, such as a port that belongs to another shop by now. It is no
    proof against somebody who means harm: whoever reads one answer can say the same.
    """
    sign = digest(secret.encode(), b"bazar-shop", "sha256").hex()[:_FINGERPRINT_LENGTH]
    return f"{name}/{sign}"


def check_secret(secret: str) -> str:
    """Return a secret that a header can carry, and that is long enough to be one.

    Raises:
        StartupError: shorter than 16 or longer than 256 characters, or not visible ASCII, or with
            a space at an end.
    """
    if not _PROPER.fullmatch(secret):
        message = (
            f"the service secret needs {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} visible ASCII "
            "characters; spaces may stand between them, line breaks may not"
        )
        raise StartupError(message)
    return secret


def check_own(path: Path) -> None:
    """Make sure that nobody but this user could have put something here.

    Raises:
        StartupError: it is another user's, or others may write to it.
    """
    try:
        status = path.stat()
    except OSError as error:
        message = f"cannot look at {path}: {error.strerror}"
        raise StartupError(message) from error
    if status.st_uid != os.geteuid():
        message = f"{path} belongs to another user, so what is in it is not taken for yours"
        raise StartupError(message)
    if status.st_mode & _OTHERS_WRITE:
        message = (
            f"others may write to {path}, so what is in it is not taken for yours; "
            f"if it is: chmod go-w {path}"
        )
        raise StartupError(message)


def read_or_make_secret(path: Path) -> str:
    """Return the secret in a file; make one where the file is missing, readable by its owner only.

    Raises:
        StartupError: the file cannot be read or written, or holds no proper secret.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            with suppress(FileExistsError):
                path.hardlink_to(file.name)
    except OSError as error:
        message = f"cannot write to the data folder {path.parent}: {error.strerror}"
        raise StartupError(message) from error
    return read_secret(path)


def read_secret(path: Path) -> str:
    """Return the secret that a file holds.

    Raises:
        StartupError: it cannot be read, or holds no proper secret.
    """
    try:
        return check_secret(path.read_text("utf-8").strip())
    except UnicodeDecodeError as error:
        message = f"the secret file {path} holds no text"
        raise StartupError(message) from error
    except OSError as error:
        message = f"cannot read the secret file {path}: {error.strerror}"
        raise StartupError(message) from error


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
