# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Keys and certificates: the only file that imports cryptography."""

from __future__ import annotations

import datetime
import ipaddress
import re
import typing as t

from ansible.module_utils.basic import missing_required_lib

from .._cluster.errors import ClusterError

if t.TYPE_CHECKING:
    from cryptography import x509

LIBRARY = "cryptography (42.0.0 or newer)"
RSA_BITS = 3072
# What X.509 gives a common name; the other names may be longer.
COMMON_NAME_BYTES = 64
_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME = re.compile(r"(\*\.)?%s(\.%s)*" % (_LABEL, _LABEL))
# Clocks of other machines may be behind ours.
BACKDATE = datetime.timedelta(minutes=10)


def load_library() -> t.Any:
    try:
        import cryptography.exceptions
        import cryptography.x509
        import cryptography.x509.oid
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
    except ImportError as exc:
        raise ClusterError(missing_required_lib(LIBRARY), reason="MissingLibrary", hint=str(exc)) from exc
    return _Modules(cryptography.x509, cryptography.exceptions, hashes, serialization, ec, rsa)


class _Modules(t.NamedTuple):
    x509: t.Any
    exceptions: t.Any
    hashes: t.Any
    serialization: t.Any
    ec: t.Any
    rsa: t.Any


class Parsed(t.NamedTuple):
    """What of a certificate matters here."""

    certificate: t.Any
    common_name: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    not_before: datetime.datetime
    not_after: datetime.datetime
    is_ca: bool
    key_type: str
    fingerprint: str
    pem: str

    @property
    def self_signed(self) -> bool:
        return bool(self.certificate.subject == self.certificate.issuer)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def parse_all(pem: str, what: str) -> list[Parsed]:
    """All certificates of a PEM text."""
    lib = load_library()
    try:
        found = lib.x509.load_pem_x509_certificates(pem.encode("utf-8"))
    except ValueError as exc:
        raise ClusterError(
            "%s holds no readable certificate (PEM): %s." % (what, exc), reason="BadCertificate"
        ) from exc
    return [_parsed(lib, one) for one in found]


def parse(pem: str, what: str) -> Parsed:
    """The first certificate of a PEM text: of a chain that is the leaf."""
    return parse_all(pem, what)[0]


def _parsed(lib: t.Any, cert: t.Any) -> Parsed:
    names = cert.subject.get_attributes_for_oid(lib.x509.oid.NameOID.COMMON_NAME)
    dns: list[str] = []
    ips: list[str] = []
    is_ca = False
    try:
        alt = cert.extensions.get_extension_for_class(lib.x509.SubjectAlternativeName).value
        dns = alt.get_values_for_type(lib.x509.DNSName)
        ips = [str(item) for item in alt.get_values_for_type(lib.x509.IPAddress)]
    except lib.x509.ExtensionNotFound:
        pass
    try:
        is_ca = bool(cert.extensions.get_extension_for_class(lib.x509.BasicConstraints).value.ca)
    except lib.x509.ExtensionNotFound:
        pass
    return Parsed(
        cert,
        str(names[0].value) if names else "",
        tuple(dns),
        tuple(ips),
        cert.not_valid_before_utc,
        cert.not_valid_after_utc,
        is_ca,
        _type_of(lib, cert.public_key()),
        cert.fingerprint(lib.hashes.SHA256()).hex(),
        cert.public_bytes(lib.serialization.Encoding.PEM).decode("ascii"),
    )


def _type_of(lib: t.Any, key: t.Any) -> str:
    if isinstance(key, (lib.rsa.RSAPublicKey, lib.rsa.RSAPrivateKey)):
        return "rsa"
    if isinstance(key, (lib.ec.EllipticCurvePublicKey, lib.ec.EllipticCurvePrivateKey)):
        return "ec"
    return "other"


def key_matches(pem_key: str, cert: Parsed) -> bool:
    """Whether a private key (PEM, no passphrase) belongs to a certificate."""
    lib = load_library()
    try:
        key = lib.serialization.load_pem_private_key(pem_key.encode("utf-8"), password=None)
    except (ValueError, TypeError, lib.exceptions.UnsupportedAlgorithm):
        return False
    form = (lib.serialization.Encoding.DER, lib.serialization.PublicFormat.SubjectPublicKeyInfo)
    return bool(key.public_key().public_bytes(*form) == cert.certificate.public_key().public_bytes(*form))


def signed_by(cert: Parsed, issuer: Parsed) -> bool:
    """Whether the issuer's key made the certificate's signature."""
    lib = load_library()
    try:
        cert.certificate.verify_directly_issued_by(issuer.certificate)
    except (ValueError, TypeError, lib.exceptions.InvalidSignature):
        return False
    return True


def chains_to(chain: t.Sequence[Parsed], anchors: t.Sequence[Parsed]) -> bool:
    """Whether a chain (leaf first) ends at one of the anchors, each link signed by the next."""
    at, rest = chain[0], list(chain[1:])
    for _step in range(len(chain) + 1):
        if any(signed_by(at, anchor) or at.fingerprint == anchor.fingerprint for anchor in anchors):
            return True
        following = [cert for cert in rest if cert.is_ca and signed_by(at, cert)]
        if not following:
            return False
        at = following[0]
        rest.remove(at)
    return False


class Order(t.NamedTuple):
    """The certificate to make."""

    role: str
    common_name: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    valid_days: int
    key_type: str


def fitted(order: Order) -> Order:
    """The order as a certificate can hold it, names and addresses in their one spelling; refuses what none can hold."""
    dns = tuple(_dns_name(name) for name in order.dns_names)
    addresses = tuple(_address(ip) for ip in order.ip_addresses)
    common_name = order.common_name
    if order.role == "server":
        if not dns and not addresses:
            raise ClusterError("The certificate would be valid for no name: give dns_names.", reason="BadOptions")
        # Nobody reads it: clients look at the other names.
        common_name = common_name if len(common_name.encode("utf-8")) <= COMMON_NAME_BYTES else ""
    elif not common_name:
        raise ClusterError("common_name is empty.", reason="BadOptions")
    cut = common_name.encode("utf-8")[:COMMON_NAME_BYTES].decode("utf-8", "ignore")
    return order._replace(common_name=cut, dns_names=dns, ip_addresses=addresses)


def _dns_name(name: str) -> str:
    out = name.lower()
    if not out.isascii():
        wild, rest = ("*.", out[2:]) if out.startswith("*.") else ("", out)
        try:
            text = rest.encode("idna").decode("ascii")
            # Python's encoder is of the older standard, which turns some letters (the German sharp s) into others.
            out = wild + text if text.encode("ascii").decode("idna") == rest else ""
        except UnicodeError:
            out = ""
        if not out:
            raise ClusterError("dns_names: %r has to be given in its ASCII form (xn--...)." % name, reason="BadOptions")
    if len(out) > 253 or not _DNS_NAME.fullmatch(out):
        raise ClusterError("dns_names: %r is not a DNS name." % name, reason="BadOptions")
    return out


def _address(text: str) -> str:
    try:
        if "%" in text:
            raise ValueError("a certificate holds no zone")
        return str(ipaddress.ip_address(text))
    except ValueError as exc:
        raise ClusterError("ip_addresses: %r is not an IP address." % text, reason="BadOptions") from exc


def issue(order: Order, issuer: Parsed | None = None, issuer_key: str = "") -> tuple[str, str]:
    """A new key and its certificate, (certificate PEM, key PEM); self-signed when there is no issuer."""
    lib = load_library()
    key: t.Any
    if order.key_type == "rsa":
        key = lib.rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    else:
        key = lib.ec.generate_private_key(lib.ec.SECP256R1())
    parts = [order.common_name] if order.common_name else []
    subject = lib.x509.Name([lib.x509.NameAttribute(lib.x509.oid.NameOID.COMMON_NAME, part) for part in parts])
    start = now()
    end = start + datetime.timedelta(days=order.valid_days)
    if issuer is not None:
        # A certificate that outlives its issuer fails in a way that nobody looks for.
        end = min(end, issuer.not_after)
    signer = lib.serialization.load_pem_private_key(issuer_key.encode(), None) if issuer is not None else key
    builder = (
        lib.x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .public_key(key.public_key())
        .serial_number(lib.x509.random_serial_number())
        .not_valid_before(start - BACKDATE)
        .not_valid_after(end)
    )
    builder = _extensions(lib, builder, order, key.public_key(), issuer)
    cert = builder.sign(signer, lib.hashes.SHA256())
    pem_key = key.private_bytes(
        lib.serialization.Encoding.PEM, lib.serialization.PrivateFormat.PKCS8, lib.serialization.NoEncryption()
    )
    return cert.public_bytes(lib.serialization.Encoding.PEM).decode("ascii"), pem_key.decode("ascii")


def _extensions(
    lib: t.Any, builder: x509.CertificateBuilder, order: Order, public: t.Any, issuer: Parsed | None
) -> t.Any:
    x509_ = lib.x509
    ca = order.role == "ca"
    usage = x509_.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=order.key_type == "rsa" and not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509_.BasicConstraints(ca=ca, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509_.SubjectKeyIdentifier.from_public_key(public), critical=False)
    if issuer is not None:
        signer = issuer.certificate.public_key()
        builder = builder.add_extension(x509_.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    names = [x509_.DNSName(name) for name in order.dns_names]
    names += [x509_.IPAddress(ipaddress.ip_address(ip)) for ip in order.ip_addresses]
    if names:
        builder = builder.add_extension(x509_.SubjectAlternativeName(names), critical=not order.common_name)
    purposes = {
        "server": [x509_.oid.ExtendedKeyUsageOID.SERVER_AUTH],
        "client_key": [x509_.oid.ExtendedKeyUsageOID.CLIENT_AUTH],
    }
    if order.role in purposes:
        builder = builder.add_extension(x509_.ExtendedKeyUsage(purposes[order.role]), critical=False)
    return builder
