"""Certificates of a shop: one authority, and a pair of certificate and key for each role.

A certificate names a role, such as `catalog.bazar.internal`, and no address: whoever holds the key
is the catalog, wherever it runs. It also says what the role may do, so that the handshake itself
refuses the rest: who only asks cannot answer, and who only answers cannot ask.

Everything here is pure: bytes in, bytes out. Who reads and writes files is elsewhere.

Source: RFC 5280, sections 4.2.1.3 to 4.2.1.12; docs/decisions/0044-certificates-name-roles.md
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bazar.kit.peers.roles import DOMAIN, Role, role_name

PAIR_DAYS = 365
AUTHORITY_DAYS = 3650
RENEW_DAYS = 60
"""Before its end a certificate is made anew."""
_EARLIER = timedelta(days=1)
"""A certificate holds from so long before it was made: clocks differ."""
_NAMED_BY = 8
"""Hexadecimal digits of its key that tell one authority's name from another's."""
_ASKS, _ANSWERS = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
_MAY = MappingProxyType(
    {
        "front": frozenset({_ASKS}),
        "catalog": frozenset({_ANSWERS}),
        "order": frozenset({_ASKS, _ANSWERS}),
        "keeper": frozenset({_ASKS}),
    }
)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class NotProper(Exception):
    """What should be a certificate or a key is none, or another one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def ends_at(self) -> datetime:
        """When the certificate ends."""
        return self.certificate.not_valid_after_utc

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate as it stands in a file."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Return the key as it stands in a file."""
        return key_pem(self.key)


def new_key() -> Key:
    """Return a new key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    """Return a key as it stands in a file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def authority(key: Key, now: datetime) -> Pair:
    """Return an authority with this key. It can name nobody but roles.

    Its name comes from the key, so a certificate of it that was made again takes the place of the
    first one.
    """
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    common = f"Bazar authority {identifier.digest.hex()[:_NAMED_BY]}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    builder = (
        _begun(name, name, key, now, now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(DOMAIN)], None), critical=True)
        .add_extension(identifier, critical=False)
    )
    return Pair(builder.sign(key, SHA256()), key)


def certificate(by: Pair, role: Role, key: Key, now: datetime) -> Pair:
    """Return a certificate of a role for a year, or to the end of the authority if that is sooner.

    Args:
        by: the authority.
        role: whose.
        key: of the role; one that had a certificate before keeps its key with a new one.
        now: the time.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Bazar {role}")])
    until = min(now + timedelta(days=PAIR_DAYS), by.ends_at)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    builder = (
        _begun(name, by.certificate.subject, key, now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(sorted(_MAY[role], key=str)), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(role_name(role))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer, critical=False)
    )
    return Pair(builder.sign(by.key, SHA256()), key)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: Key, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(until)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def read_key(pem: bytes) -> Key:
    """Return the key that a file holds.

    Raises:
        NotProper: it holds none, or one that cannot be used.
    """
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        message = "is locked with a password, which nobody types at a start"
        raise NotProper(message) from None
    except (ValueError, UnsupportedAlgorithm):
        message = "holds no key in PEM"
        raise NotProper(message) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        message = "holds a key that is neither of an elliptic curve nor RSA"
        raise NotProper(message)
    return key


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates that a file holds, at least one.

    Raises:
        NotProper: it holds none.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        message = "holds no certificate in PEM"
        raise NotProper(message) from None


def belongs(key: Key, to: x509.Certificate) -> bool:
    """Tell whether a key is that of a certificate."""
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form) == to.public_key().public_bytes(*form)


def is_authority(one: x509.Certificate) -> bool:
    """Tell whether a certificate may sign others."""
    try:
        return one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def is_signed(one: x509.Certificate, by: x509.Certificate) -> bool:
    """Tell whether an authority signed a certificate."""
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_of_role(one: x509.Certificate, role: Role) -> bool:
    """Tell whether a certificate names this role alone, and allows what the role does."""
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uses = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return [*names] == [x509.DNSName(role_name(role))] and frozenset(uses) == _MAY[role]
